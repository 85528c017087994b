"""A host that is pinged in a network of its own, where it answers as it is told and the system as a test wants it.

A real one answers rightly or not at all. Run as a program, inside `unshare --net`, it probes itself: a line of JSON
says how, another what came of it.
"""

import asyncio
import contextlib
import fcntl
import json
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvloop

from tests import probing
from tests.tree import ROOT

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
_UP, _MTU = 0x8914, 0x8922
_SYSTEM = Path("/proc/sys/net")


class Network:
    """One in which a host is pinged."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def probe(self, answer: str, *, host: str = "127.0.0.1", loop: str = "uvloop", **fields: Any) -> dict[str, Any]:
        """Outcome, reason, detail, readings, counts and duration of a run against a host that answers so."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([answer, loop, {"host": host, **fields}]) + "\n")
        self._process.stdin.flush()
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        return said


@contextlib.contextmanager
def network(*, unprivileged: bool, raw: bool = True) -> Iterator[Network]:
    """Whether pinging without privilege is allowed there, as a new network does not, and raw sockets are."""
    command = ["unshare", "--user", "--map-root-user", "--net"]
    program = [sys.executable, "-m", "tests.fakes.pinged", *["unprivileged"] * unprivileged]
    without = [] if raw else ["setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw"]
    with subprocess.Popen(
        [*command, *without, *program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        try:
            yield Network(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(10)


def _converse(*, unprivileged: bool) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_:
        fcntl.ioctl(any_, _UP, struct.pack("16sH14x", b"lo", 0x41))
        fcntl.ioctl(any_, _MTU, struct.pack("16si12x", b"lo", 1500))
    for name in ("ipv4/icmp_echo_ignore_all", "ipv6/icmp/echo_ignore_all"):
        (_SYSTEM / name).write_text("1")
    if unprivileged:
        (_SYSTEM / "ipv4/ping_group_range").write_text("0 0")
    hosts = []
    with contextlib.suppress(PermissionError):
        hosts = [_Host(six=False), _Host(six=True)]
    for line in sys.stdin:
        answer, loop, fields = json.loads(line)
        for host in hosts:
            host.answer = answer
        memory = probing.Memory()
        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            result = runner.run(probing.run("icmp", memory=memory, **fields))
        said = {name: getattr(result, name) for name in ("outcome", "reason", "detail", "duration")}
        counts = {labels[0]: count for (_, labels), count in memory.counts.items()}
        print(json.dumps({**said, "readings": probing.readings(result), "counts": counts}), flush=True)


class _Host:
    """Answers the echoes of one family; the kernel's own answers are turned off."""

    def __init__(self, *, six: bool) -> None:
        self.answer = "silent"
        self._ttl = 0
        self._six = six
        family, protocol = (socket.AF_INET6, socket.IPPROTO_ICMPV6) if six else (socket.AF_INET, socket.IPPROTO_ICMP)
        self._socket = socket.socket(family, socket.SOCK_RAW, protocol)
        if six:
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            data, ancillary, _, source = self._socket.recvmsg(65536, 256)
            head, packet = (b"", data) if self._six else (data[:20], data[20:])
            self._ttl = ancillary[0][2][0] if self._six else head[8]
            if packet[0] == (128 if self._six else 8):
                self._heard(head or self._head(packet), packet, source)

    def _heard(self, head: bytes, packet: bytes, source: Any) -> None:
        id_, sequence = struct.unpack_from("!HH", packet, 4)
        payload = packet[8:]
        copies = 1
        match self.answer:
            case "silent":
                return
            case "second" if sequence != 2:
                return
            case "only ttl 7" if self._ttl != 7:
                return
            case "twice":
                copies = 2
            case "corrupt":
                payload = payload[:-1] + b"!"
            case "short":
                payload = payload[:10]
            case "other sequence":
                sequence += 1000
            case "other id":
                id_ ^= 1
            case "late":
                time.sleep(0.3)
            case "unreachable" | "prohibited" | "too big" | "hops":
                four = {"unreachable": (3, 1), "prohibited": (3, 13), "too big": (3, 4), "hops": (11, 0)}
                six = {"unreachable": (1, 3), "prohibited": (1, 1), "too big": (2, 0), "hops": (3, 0)}
                type_, code = (six if self._six else four)[self.answer]
                return self._send(struct.pack("!BBHI", type_, code, 0, 1280) + head + packet, source)
        for _ in range(copies):
            self._send(struct.pack("!BBHHH", 129 if self._six else 0, 0, 0, id_, sequence) + payload, source)

    def _send(self, packet: bytes, source: Any) -> None:
        if not self._six:
            packet = packet[:2] + struct.pack("!H", _sum(packet)) + packet[4:]
        self._socket.sendto(packet, source)

    def _head(self, packet: bytes) -> bytes:
        """The IPv6 header that raw sockets do not show."""
        here = socket.inet_pton(socket.AF_INET6, "::1")
        return struct.pack("!IHBB", 6 << 28, len(packet), socket.IPPROTO_ICMPV6, 64) + here + here


def _sum(packet: bytes) -> int:
    words = struct.unpack(f"!{(len(packet) + 1) // 2}H", packet + b"\0" * (len(packet) % 2))
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


if __name__ == "__main__":
    _converse(unprivileged="unprivileged" in sys.argv)
