"""How the kind mongodb connects: as whom, to which of several, over TLS, by SRV; and that it leaves nothing behind."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest
import uvloop

from tests import certificates, hostile, probing, servers
from tests.fakes import tlsfront
from tests.fakes.mongod import MEMBER, mongod
from tests.probing import component, probe, readings
from tests.servers.mongodb import PASSWORD, USER, MongoDB

pytestmark = pytest.mark.xdist_group("mongodb")


def test_the_login_is_taken_from_the_url_or_from_the_fields(mongodb_login_server: MongoDB) -> None:
    assert probe("mongodb", url=mongodb_login_server.login).outcome == "healthy"
    fields = {"username": USER, "password": PASSWORD}
    assert probe("mongodb", url=mongodb_login_server.url, **fields).outcome == "healthy"
    databases = ["shop", "logs"]
    url = mongodb_login_server.url + "other?authSource=admin"
    found = readings(probe("mongodb", url=url, databases=databases, **fields))
    assert {name for name in found if "documents" in name} == {
        f'stack_mongodb_documents{{database="{database}"}}' for database in databases
    }


def test_options_that_are_for_applications_do_no_harm(mongodb_server: MongoDB) -> None:
    options = (
        "retryWrites=true&w=majority&appName=shop&maxPoolSize=50&minPoolSize=10&compressors=zstd,snappy,zlib"
        "&readPreference=secondaryPreferred&socketTimeoutMS=1&serverSelectionTimeoutMS=1&timeoutMS=1&heartbeatFrequencyMS=500"
    )
    for more in ("", "&replicaSet=secantus"):
        result = probe("mongodb", url=f"{mongodb_server.url}?{options}{more}")
        assert (result.outcome, result.detail) == ("healthy", "")


def test_a_replica_set_is_found_by_its_name(mongodb_server: MongoDB) -> None:
    result = probe("mongodb", url=mongodb_server.url + "?replicaSet=secantus", role="primary")
    assert (result.outcome, result.detail) == ("healthy", "")


def test_of_several_hosts_one_that_answers_is_enough(mongodb_server: MongoDB) -> None:
    hosts = f"127.0.0.1:{servers.free_port()},127.0.0.1:{mongodb_server.port}"
    result = probe("mongodb", url=f"mongodb://{hosts}/?replicaSet=secantus")
    assert (result.outcome, result.detail) == ("healthy", "")


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_tls_has_a_verified_certificate_with_its_dates(loop: Any) -> None:
    pair = certificates.pair()
    flags = ("--tls-cert-file", str(pair.certificate), "--tls-key-file", str(pair.key))
    with servers.mongodb(*flags) as server:
        url = f"mongodb://localhost:{server.port}/?tls=true&tlsCAFile={certificates.authority()}"
        result = loop(probing.run("mongodb", url=url))
        assert (result.outcome, result.detail) == ("healthy", "")
        assert readings(result)["stack_mongodb_certificate_not_after_timestamp_seconds"] == pair.not_after
        lax = loop(probing.run("mongodb", url=f"mongodb://localhost:{server.port}/?tls=true&tlsInsecure=true"))
        assert (lax.outcome, [name for name in readings(lax) if "certificate" in name]) == ("healthy", [])


def test_an_expired_certificate_still_shows_its_dates(mongodb_server: MongoDB) -> None:
    pair = certificates.expired()
    with tlsfront.before(mongodb_server.port, pair.context()) as front:
        result = probe("mongodb", url=f"mongodb://{front.address}/?tls=true&tlsCAFile={certificates.authority()}")
    assert result.reason == "tls_expired"
    assert readings(result)["stack_mongodb_certificate_not_after_timestamp_seconds"] == pair.not_after


async def left_behind(before: set[asyncio.Task[Any]]) -> list[str]:
    """Tasks that there were not before, and sockets to what was probed."""
    await asyncio.sleep(0)
    tasks = [task.get_name() for task in asyncio.all_tasks() - before]
    await asyncio.sleep(0.02)  # an aborted transport is closed by the loop's next turn
    return tasks


def sockets(port: int) -> list[Any]:
    return [each for each in psutil.Process().net_connections() if each.raddr and each.raddr.port == port]


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_nothing_outlives_a_run_whatever_becomes_of_it(mongodb_server: MongoDB, loop: Any) -> None:
    threads = threading.active_count()

    async def main(port: int, outcome: str, **fields: Any) -> None:
        before = asyncio.all_tasks()
        for _ in range(3):
            result = await probing.run("mongodb", url=f"mongodb://127.0.0.1:{port}/shop", **fields)
            assert result.outcome == outcome, result.detail
            assert (await left_behind(before), sockets(port)) == ([], [])

    loop(main(mongodb_server.port, "healthy"))
    with mongod(after=lambda connection: connection.close()) as server:
        loop(main(server.port, "unhealthy", databases=["x"]))
    with mongod(hello=MEMBER, after=lambda connection: hostile.mute(connection, b"")) as server:
        loop(main(server.port, "unhealthy", timeout=0.3))
    # Only lookups of addresses, which PyMongo leaves to the loop's threads.
    assert threading.active_count() <= threads + 4


def test_a_server_that_stops_in_the_midst_of_a_session_delays_the_end_by_less_than_a_second(
    mongodb_server: MongoDB,
) -> None:
    """Its driver would tell the server that the session is over, and wait for an answer."""

    def mute(connection: socket.socket) -> None:
        hostile.mute(connection, b"")

    async def main() -> None:
        with mongod(hello={**MEMBER, "logicalSessionTimeoutMinutes": 30}, after=mute) as server:
            began = time.monotonic()
            result = await probing.run("mongodb", url=f"mongodb://{server.address}/", timeout=0.3)
            assert (result.reason, time.monotonic() - began < 1.2) == ("timeout", True)
            assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


def test_a_run_that_is_cancelled_leaves_nothing_behind() -> None:
    async def main() -> None:
        with mongod(hello=MEMBER, after=lambda connection: hostile.mute(connection, b"")) as server:
            it, memory = component("mongodb", url=f"mongodb://{server.address}/"), probing.Memory()
            for wait in (0.0, 0.005, 0.02, 0.1):
                task = asyncio.create_task(probing.run_once(it, memory, memory))
                await asyncio.sleep(wait)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                await asyncio.sleep(0.02)
                assert (len(asyncio.all_tasks()), sockets(server.port)) == (1, [])

    asyncio.run(main())


def test_a_refused_run_makes_one_attempt() -> None:
    with hostile.serving(hostile.says(b""), ask=False) as server:
        assert probe("mongodb", url=f"mongodb://{server.address}/", timeout=3.0).reason == "closed"
        time.sleep(0.1)
    assert server.connections == 1


def test_a_good_run_takes_three_connections() -> None:
    with mongod() as server:
        assert probe("mongodb", url=f"mongodb://{server.address}/").outcome == "healthy"
    assert server.connections == 3


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
