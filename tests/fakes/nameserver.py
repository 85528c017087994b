"""A name server on loopback that answers anything: real ones answer neither wrongly nor with what they are told."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

Answer = Callable[[dns.message.Message, str], list[bytes]]
"""What to send for a query that came over "udp" or "tcp": messages, none for silence."""


@dataclass
class Nameserver:
    """One that runs: where, and what it was asked, over what."""

    port: int
    asked: list[tuple[str, dns.message.Message]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


def replies(*records: str, rcode: str = "NOERROR", flags: str = "", authority: tuple[str, ...] = ()) -> Answer:
    """An answer with these records, each as a zone file has it: "shop.example. 60 IN A 192.0.2.1"."""

    def answer(query: dns.message.Message, _: str) -> list[bytes]:
        reply = dns.message.make_response(query)
        reply.set_rcode(dns.rcode.from_text(rcode))
        reply.flags |= dns.flags.from_text(flags)
        reply.answer = _sets(records)
        reply.authority = _sets(authority)
        return [reply.to_wire(max_size=65535)]

    return answer


def over(udp: Answer, tcp: Answer) -> Answer:
    """One answer over UDP, another over TCP."""
    return lambda query, protocol: (udp if protocol == "udp" else tcp)(query, protocol)


def silent(_: dns.message.Message, __: str) -> list[bytes]:
    return []


@contextlib.contextmanager
def serving(answer: Answer, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Nameserver]:
    """The same port over UDP and TCP; with `tls` TCP is DNS over TLS."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener, datagrams = _pair(family, host)
    running = Nameserver(listener.getsockname()[1])
    stopped = threading.Event()

    def heard(wire: bytes, protocol: str) -> list[bytes]:
        query = dns.message.from_wire(wire)
        running.asked.append((protocol, query))
        return answer(query, protocol)

    def by_datagram() -> None:
        while not stopped.is_set():
            wire, source = datagrams.recvfrom(65535)
            if not stopped.is_set():
                for message in heard(wire, "udp"):
                    datagrams.sendto(message, source)

    def by_stream() -> None:
        while not stopped.is_set():
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                if stopped.is_set():
                    return
                connection.settimeout(5)
                secure = tls.wrap_socket(connection, server_side=True) if tls else connection
                size = int.from_bytes(secure.recv(2), "big")
                for message in heard(secure.recv(size), "tcp"):
                    secure.sendall(len(message).to_bytes(2, "big") + message)
                secure.recv(1)
                secure.close()

    threads = [threading.Thread(target=target, daemon=True) for target in (by_datagram, by_stream)]
    for thread in threads:
        thread.start()
    try:
        yield running
    finally:
        stopped.set()
        with socket.socket(family, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", datagrams.getsockname())
        with contextlib.suppress(OSError):
            socket.create_connection(listener.getsockname()[:2], 1).close()
        for thread in threads:
            thread.join(6)
        listener.close()
        datagrams.close()


def _pair(family: socket.AddressFamily, host: str) -> tuple[socket.socket, socket.socket]:
    """A TCP and a UDP socket on the same port: one that is free for TCP may not be so for UDP."""
    while True:
        listener = socket.create_server((host, 0), family=family)
        datagrams = socket.socket(family, socket.SOCK_DGRAM)
        try:
            datagrams.bind((host, listener.getsockname()[1]))
        except OSError:
            listener.close()
            datagrams.close()
            continue
        return listener, datagrams


def _sets(records: tuple[str, ...]) -> list[dns.rrset.RRset]:
    """One set a record, so that their order stays."""
    return [dns.rrset.from_text(*record.split(maxsplit=4)) for record in records]
