"""A socket for ICMP echo on Linux: the kind that needs no privilege, else a raw one, and what comes in by it."""

import errno
import secrets
import select
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

RANGE = Path("/proc/sys/net/ipv4/ping_group_range")  # IPv6's sockets heed it, too
LARGEST = 65507

# <linux/in.h>, <linux/in6.h>, <linux/errqueue.h>, <asm-generic/socket.h>: Python's socket module lacks them.
_IP_MTU_DISCOVER, _IP_RECVERR, _IP_RECVTTL = 10, 11, 12
_IPV6_MTU_DISCOVER, _IPV6_RECVERR, _IPV6_RECVHOPLIMIT, _IPV6_HOPLIMIT = 23, 25, 51, 52
_PMTUDISC_DONT, _PMTUDISC_PROBE = 0, 3
_SO_TIMESTAMPNS = 35
_MSG_ERRQUEUE = 0x2000
_SOL_RAW, _SOL_ICMPV6, _FILTER = 255, 58, 1
_EXTENDED = struct.Struct("=IBBBBII")
_BY_ICMP = (2, 3)
_HEADER = struct.Struct("!BBHHH")
_BUFFER = 65536
_ANCILLARY = 512


class Forbidden(Exception):  # noqa: N818 - says the fact
    """The system lets this process open neither sort of socket; the text says what would."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An echo that is ours. `at`: seconds since it was sent; `ttl`: the hops it had left, or None."""

    sequence: int
    payload: bytes
    at: float
    ttl: int | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a packet did not get there: an ICMP message by somebody on the way, or, without type, our own system."""

    sequence: int
    error: int
    type: int = 0
    code: int = 0
    by: str = ""


class EchoSocket:
    """Connected to an address; never blocks. Raises Forbidden, and OSError where there is no way to the address."""

    def __init__(self, address: str, *, ttl: int = 0, dont_fragment: bool = False, source: str = "") -> None:
        found = socket.getaddrinfo(address, None, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)[0]
        self._six = found[0] == socket.AF_INET6
        self._to = found[4]
        self._id = secrets.randbelow(1 << 16)
        self._sent: dict[int, tuple[float, int]] = {}
        self._socket, self._raw = _opened(six=self._six)
        try:
            self._prepare(ttl, source, dont_fragment=dont_fragment)
            self._socket.connect(self._to)
            # uvloop stops watching a socket at its first error, which here is an answer. It watches this instead.
            self._watched = select.epoll()
        except BaseException:
            self._socket.close()
            raise
        self._watched.register(self._socket, select.EPOLLIN)

    def fileno(self) -> int:
        """What becomes readable when there is something to read."""
        return self._watched.fileno()

    def close(self) -> None:
        self._watched.close()
        self._socket.close()

    def send(self, sequence: int, payload: bytes) -> None:
        """Raises OSError."""
        packet = _HEADER.pack(128 if self._six else 8, 0, 0, self._id, sequence) + payload
        if self._raw and not self._six:  # elsewhere the kernel does it
            packet = packet[:2] + _checksum(packet) + packet[4:]
        self._sent[sequence] = time.monotonic(), time.time_ns()
        self._socket.send(packet)

    def read(self) -> list[Reply | Refusal]:
        """All that has come in and is ours."""
        found: list[Reply | Refusal] = []
        for _ in range(100):  # a flood is for the loop's next turn
            try:
                data, ancillary, _, source = self._socket.recvmsg(_BUFFER, _ANCILLARY)
            except BlockingIOError:
                break
            except OSError:  # of a message that waits in the queue of errors
                found += self._refusals()
                continue
            if source[0] == self._to[0] and (reply := self._reply(data, ancillary)):
                found.append(reply)
        return found + self._refusals()

    def _reply(self, data: bytes, ancillary: list[tuple[int, int, bytes]]) -> Reply | None:
        ttl, received = _told(ancillary)
        if self._raw and not self._six:
            ttl, data = data[8], data[(data[0] & 15) * 4 :]
        if len(data) < _HEADER.size:
            return None
        type_, code, _, id_, sequence = _HEADER.unpack_from(data)
        if (type_, code) != (129 if self._six else 0, 0) or sequence not in self._sent:
            return None
        if self._raw and id_ != self._id:  # the other sort has an id of the kernel's, and hears no other
            return None
        monotonic, wall = self._sent[sequence]
        took, by_kernel = time.monotonic() - monotonic, (received - wall) / 1e9
        # When the packet came in, not when the loop got to it; unless somebody has set the clock meanwhile.
        return Reply(sequence, data[_HEADER.size :], by_kernel if 0 < by_kernel < took else took, ttl)

    def _refusals(self) -> list[Refusal]:
        found: list[Refusal] = []
        while True:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(_BUFFER, _ANCILLARY, _MSG_ERRQUEUE)
            except OSError:
                return found
            for level, type_, told in ancillary:
                if (level, type_) not in ((socket.SOL_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)):
                    continue
                error, origin, kind, code, _, _, _ = _EXTENDED.unpack_from(told)
                _, _, _, id_, sequence = _HEADER.unpack_from(data.ljust(_HEADER.size, b"\0"))
                if sequence in self._sent and (not self._raw or id_ == self._id):
                    by = _offender(told[_EXTENDED.size :]) if origin in _BY_ICMP else ""
                    found.append(Refusal(sequence, error, kind if by else 0, code if by else 0, by))

    def _prepare(self, ttl: int, source: str, *, dont_fragment: bool) -> None:
        set_, fragment = self._socket.setsockopt, _PMTUDISC_PROBE if dont_fragment else _PMTUDISC_DONT
        self._socket.setblocking(False)
        if self._six:
            set_(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
            set_(socket.IPPROTO_IPV6, _IPV6_RECVHOPLIMIT, 1)
            set_(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, fragment)
            if ttl:
                set_(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
        else:
            set_(socket.SOL_IP, _IP_RECVERR, 1)
            set_(socket.SOL_IP, _IP_RECVTTL, 1)
            set_(socket.SOL_IP, _IP_MTU_DISCOVER, fragment)
            if ttl:
                set_(socket.SOL_IP, socket.IP_TTL, ttl)
        if self._raw:  # it would hear every ICMP message of the machine
            replies = _only(129, 8) if self._six else _only(0, 1)
            set_(_SOL_ICMPV6 if self._six else _SOL_RAW, _FILTER, replies)
        set_(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        if source:
            self._socket.bind((source, 0))


def _opened(*, six: bool) -> tuple[socket.socket, bool]:
    """The socket, and whether it is a raw one. Raises Forbidden, OSError."""
    family, protocol = (socket.AF_INET6, socket.IPPROTO_ICMPV6) if six else (socket.AF_INET, socket.IPPROTO_ICMP)
    with suppress(OSError):
        return socket.socket(family, socket.SOCK_DGRAM, protocol), False
    try:
        return socket.socket(family, socket.SOCK_RAW, protocol), True
    except PermissionError:
        pass
    except OSError as error:
        if error.errno != errno.EPROTONOSUPPORT:
            raise
    try:
        now = " to ".join(RANGE.read_text().split())
    except OSError:
        now = "unreadable"
    raise Forbidden(
        f"the system forbids ICMP: the group of this process must be within sysctl net.ipv4.ping_group_range (it is"
        f" {now}), or the process needs the capability CAP_NET_RAW"
    )


def _told(ancillary: list[tuple[int, int, bytes]]) -> tuple[int | None, int]:
    """TTL or hop limit, and when the packet came in, in nanoseconds since 1970."""
    ttl, received = None, 0
    for level, type_, data in ancillary:
        if (level, type_) in ((socket.SOL_IP, socket.IP_TTL), (socket.IPPROTO_IPV6, _IPV6_HOPLIMIT)):
            ttl = int.from_bytes(data[:4], "little" if struct.pack("=H", 1)[0] else "big")
        elif (level, type_) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, nanoseconds = struct.unpack("@ll", data[: struct.calcsize("@ll")])
            received = seconds * 1_000_000_000 + nanoseconds
    return ttl, received


def _offender(data: bytes) -> str:
    """The address in a sockaddr."""
    (family,) = struct.unpack_from("=H", data)
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, data[4:8])
    return socket.inet_ntop(socket.AF_INET6, data[8:24]) if family == socket.AF_INET6 else ""


def _only(type_: int, words: int) -> bytes:
    """A filter that lets one type of message through: a bit for each that it keeps out."""
    bits = [0xFFFFFFFF] * words
    bits[type_ >> 5] &= ~(1 << (type_ & 31))
    return struct.pack(f"={words}I", *bits)


def _checksum(packet: bytes) -> bytes:
    """RFC 1071."""
    padded = packet + b"\0" * (len(packet) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)
