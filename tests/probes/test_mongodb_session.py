"""How the kind mongodb connects: as whom, to which of several, by a Unix socket; and that it leaves nothing behind."""

import asyncio
import gc
import socket
import threading
import time
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import quote

import bson
import psutil
import pytest
import uvloop

from tests import certificates, hostile, probing, servers
from tests.fakes import tlsfront
from tests.fakes.mongod import MEMBER, document, mongod, speaks
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


def test_a_server_is_reached_by_a_unix_socket(mongodb_server: MongoDB, tmp_path: Path) -> None:
    """A pipe of ours to the server, which listens on none."""
    path = tmp_path / "mongodb-27017.sock"

    async def main() -> Any:
        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(1 << 16):
                sink.write(data)
            sink.close()

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            back, to = await asyncio.open_connection("127.0.0.1", mongodb_server.port)
            await asyncio.gather(pump(reader, to), pump(back, writer))

        async with await asyncio.start_unix_server(converse, path):
            return await probing.run("mongodb", url=f"mongodb://{quote(str(path), safe='')}/shop")

    result = asyncio.run(main())
    assert (result.outcome, result.detail) == ("healthy", "")
    refused = probe("mongodb", url=f"mongodb://{quote(str(tmp_path / 'no.sock'), safe='')}/")
    assert (refused.reason, refused.detail) == ("refused", f"{tmp_path / 'no.sock'}: No such file or directory")


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


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_of_several_hosts_one_that_is_mute_takes_no_more_than_its_share_of_the_time(mongodb_server: MongoDB) -> None:
    """PyMongo leaves a socket to the garbage collector when it is ended while that one still connects."""
    with hostile.full() as port:
        hosts = f"127.0.0.1:{port},127.0.0.1:{mongodb_server.port}"
        result = probe("mongodb", url=f"mongodb://{hosts}/?replicaSet=secantus", timeout=2.0)
        gc.collect()
    assert (result.outcome, result.detail) == ("healthy", "")


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


REFUSALS = {
    "closed": hostile.says(b""),
    "reset": hostile.resets(),
    "protocol": hostile.says(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_server_that_refuses_the_driver_alone_is_told_of_at_once(refusal: str) -> None:
    """A full one does: it takes connections and closes them. The driver would try again until the deadline."""

    async def main() -> None:
        for _ in range(10):
            with hostile.serving(speaks({"hello": MEMBER}), REFUSALS[refusal], ask=False) as server:
                result = await probing.run("mongodb", url=f"mongodb://{server.address}/", timeout=5.0)
                # PyMongo takes what comes while it still writes for a closed connection.
                assert result.reason in (refusal, "closed"), result.detail
                assert (len(asyncio.all_tasks()), server.connections) == (1, 2)

    for loop in (asyncio.run, uvloop.run):
        loop(main())


@pytest.mark.parametrize("mute_from", ["serverStatus", "endSessions"])
def test_a_server_that_falls_mute_delays_the_end_by_less_than_a_second(mute_from: str) -> None:
    """Its driver tells the server that the session is over, and waits for an answer."""

    def mute(connection: socket.socket) -> None:
        hostile.mute(connection, b"")

    async def main() -> None:
        hello = {**MEMBER, "logicalSessionTimeoutMinutes": 30}
        status = document("replSetGetStatus")
        with mongod({mute_from: None}, after=mute, hello=hello, replSetGetStatus=status) as server:
            began = time.monotonic()
            result = await probing.run("mongodb", url=f"mongodb://{server.address}/", timeout=0.6)
            assert result.reason == ("timeout" if mute_from == "serverStatus" else ""), result.detail
            assert time.monotonic() - began < 1.5
            assert (len(asyncio.all_tasks()), sockets(server.port)) == (1, [])

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
                async with asyncio.timeout(5):
                    while (len(asyncio.all_tasks()), sockets(server.port)) != (1, []):
                        await asyncio.sleep(0.02)
                        # PyMongo forgets the socket of a connect that is cancelled at its last moment.
                        with warnings.catch_warnings(action="ignore", category=ResourceWarning):
                            gc.collect()

    asyncio.run(main())


def test_a_refused_run_makes_one_attempt() -> None:
    with hostile.serving(hostile.says(b""), ask=False) as server:
        assert probe("mongodb", url=f"mongodb://{server.address}/", timeout=3.0).reason == "closed"
        time.sleep(0.1)
    assert server.connections == 1


def test_a_good_run_takes_three_connections() -> None:
    """With a topologyVersion the driver would stream hello, and open a fourth beside it."""
    hello = {**MEMBER, "topologyVersion": {"processId": bson.ObjectId(), "counter": bson.Int64(0)}}
    with mongod(hello=hello, replSetGetStatus=document("replSetGetStatus")) as server:
        assert probe("mongodb", url=f"mongodb://{server.address}/").outcome == "healthy"
    assert server.connections == 3
