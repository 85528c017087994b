"""A client that leaves before its answer: what the store has by then is counted and measured, and nothing stays taken."""

import asyncio
import json
from collections.abc import Callable

import grpc.aio
import pytest

from exporter.web.grpc_server import SIGNALS
from tests.ingest.otlp_made import raised, span, traces
from tests.web.client import request
from tests.web.otlp_desk import Ledger, desk
from tests.web.test_events import ERROR, Shelf, taking

PATH = next(path for path, signal in SIGNALS.items() if signal == "traces")


def slow(ledger: Ledger | Shelf, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """A ledger that has written and says so 0.2 s later, as a disk does that is busy; set once it has written."""
    written, add = asyncio.Event(), ledger.add

    async def late(entries):  # type: ignore[no-untyped-def]
        outcomes = await add(entries)
        written.set()
        await asyncio.sleep(0.2)
        return outcomes

    monkeypatch.setattr(ledger, "add", late)
    return written


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.01)


async def test_over_http_what_is_kept_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    async with taking() as it:
        written = slow(it.shelf, monkeypatch)
        _, writer = await asyncio.open_connection("127.0.0.1", it.port)
        writer.write(request("POST /api/v1/events", body=json.dumps(ERROR).encode()))
        await written.wait()
        writer.transport.abort()
        await until(lambda: it.counted() == {"accepted": 1})
        assert len(it.shelf.kept) == 1
        await until(lambda: it.site.room.taken == 0)


async def test_over_grpc_what_is_kept_is_counted_and_all_of_it_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    get = {"http.request.method": "GET", "http.response.status_code": 500, "http.route": "/orders/{id}"}
    body = traces(span(2, get, events=[raised("E", "m")]))
    async with desk() as here:
        written = slow(here.ledger, monkeypatch)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{here.grpc.port}") as channel:
            pending = channel.unary_unary(PATH)(body, timeout=10)
            await asyncio.wait({asyncio.ensure_future(written.wait())}, timeout=5)
            pending.cancel()
            await until(lambda: here.counts() == {"accepted": 1})
        assert sum(here.figures("stack_http_server_request_duration_seconds").values()) == 1
        await until(lambda: here.grpc._room.taken == 0)  # noqa: SLF001


@pytest.mark.parametrize("size", [100, 100_000])
async def test_a_body_that_ends_with_its_connection_is_counted_as_invalid_and_leaves_no_traceback(
    size: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with taking() as it:
        _, writer = await asyncio.open_connection("127.0.0.1", it.port)
        writer.write(request("POST /api/v1/events", body=b"x" * size)[:-50])
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.transport.abort()
        await until(lambda: it.counted() == {"invalid": 1})
        assert it.site.room.taken == 0
        assert [record for record in caplog.records if record.exc_info] == []
