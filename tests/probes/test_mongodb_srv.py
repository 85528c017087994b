"""The hosts behind mongodb+srv, as a name server of our own tells them."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests import hostile, servers
from tests.probing import probe
from tests.servers.mongodb import MongoDB

pytestmark = pytest.mark.xdist_group("mongodb")


@contextmanager
def records(port: int, *, found: bool = True) -> Iterator[None]:
    """A name server of our own, which dnspython is told to ask: SRV of _mongodb._tcp.cluster.example.org."""
    import dns.asyncresolver
    import dns.message
    import dns.rcode
    import dns.rrset

    stopped = threading.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.05)

        def serve() -> None:
            while not stopped.is_set():
                try:
                    raw, sender = server.recvfrom(4096)
                except TimeoutError:
                    continue
                question = dns.message.from_wire(raw)
                answer = dns.message.make_response(question)
                asked = question.question[0]
                if not found:
                    answer.set_rcode(dns.rcode.NXDOMAIN)
                elif asked.rdtype == dns.rdatatype.SRV:
                    text = f"0 0 {port} one.example.org."
                    answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", "SRV", text))
                server.sendto(answer.to_wire(), sender)

        thread = threading.Thread(target=serve)
        thread.start()
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], server.getsockname()[1]
        before, dns.asyncresolver.default_resolver = dns.asyncresolver.default_resolver, resolver
        try:
            yield
        finally:
            dns.asyncresolver.default_resolver = before
            stopped.set()
            thread.join()


def test_hosts_are_found_by_their_srv_records(mongodb_server: MongoDB) -> None:
    url = "mongodb+srv://cluster.example.org/?tls=false"

    def resolve(host: str, port: int | None, *args: object, **kwargs: object) -> object:
        """With the port, which PyMongo takes from here."""
        address = {"one.example.org": "127.0.0.1", "127.0.0.1": "127.0.0.1"}[host]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port or 0))]

    with hostile.resolver(resolve):
        with records(mongodb_server.port):
            result = probe("mongodb", url=url)
            assert (result.outcome, result.detail) == ("healthy", "")
            assert [phase.name for phase in result.phases][:3] == ["resolve", "resolve", "connect"]
        with records(servers.free_port()):
            assert probe("mongodb", url=url).reason == "refused"
        with records(0, found=False):
            result = probe("mongodb", url=url)
            assert (result.reason, result.detail) == ("resolve", "_mongodb._tcp.cluster.example.org has no SRV records")


def test_a_name_server_that_does_not_answer_is_a_timeout_of_resolving() -> None:
    import dns.asyncresolver

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], mute.getsockname()[1]
        before, dns.asyncresolver.default_resolver = dns.asyncresolver.default_resolver, resolver
        try:
            result = probe("mongodb", url="mongodb+srv://cluster.example.org/", timeout=0.3)
        finally:
            dns.asyncresolver.default_resolver = before
    assert result.reason in ("resolve_timeout", "nameserver")
