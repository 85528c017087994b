import asyncio
import logging
import socket
import subprocess
import sys
import time
from contextlib import closing

import pytest

from exporter.forward import backend
from exporter.tally import Tallies
from tests.forward.sink import Sink, sink
from tests.forward.tracing import counts, make, result, traces, until, working
from tests.servers import free_port, rotel


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(backend, "LONGEST_PAUSE", 0.1)


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Ours; pytest also listens to loggers that do not propagate, where the SDK's end."""
    ours = [record for record in caplog.records if record.name.startswith("exporter.")]
    return [(record.message, getattr(record, "detail", "")) for record in ours]


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_back_end_that_is_away_keeps_spans_waiting_and_gets_them_when_it_returns(
    protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "exporter")

    async def send() -> dict[str, float]:
        tallies = Tallies()
        with (
            sink() as back,
            rotel(
                "--exporter", "otlp", "--otlp-exporter-endpoint", back.url, "--otlp-exporter-protocol", "http"
            ) as server,
        ):
            url = server.url if protocol == "http" else f"http://127.0.0.1:{server.grpc_port}"
            async with working(traces(url, protocol=protocol, timeout="300ms"), tallies) as made:
                server.kill()
                runs = [result(made) for _ in range(3)]
                for run in runs[:2]:
                    made.ended(run)
                await until(lambda: lines(caplog))
                await asyncio.sleep(0.3)
                assert counts(tallies) == {"queued 0": 6}
                await asyncio.to_thread(server.start)
                made.ended(runs[2])
                await until(lambda: len(back.roots) >= 3)
                assert [span.trace_id for span in back.roots] == [run.trace_id for run in runs]
                await until(lambda: not counts(tallies).get("queued 0"))
            return counts(tallies)

    assert asyncio.run(send()) == {"exported_total 0": 9}
    away = {"http": "ConnectionRefusedError", "grpc": "gRPC status UNAVAILABLE"}[protocol]
    assert lines(caplog) == [("spans can't be exported and wait", away), ("spans are exported again", "")]


@pytest.mark.parametrize("status", [400, 401, 404, 413, 302, 500])
def test_what_a_back_end_refuses_is_dropped_and_told_once(status: int, caplog: pytest.LogCaptureFixture) -> None:
    async def send(back: Sink) -> dict[str, float]:
        back.status, tallies = status, Tallies()
        async with working(traces(back.url), tallies) as made:
            for requests in (1, 2):
                made.ended(result(made))
                await until(lambda: counts(tallies) == {"dropped_total 0 rejected": 3 * requests})
            return counts(tallies)

    with sink() as back:
        asyncio.run(send(back))
        assert len(back.paths) == 2
    assert lines(caplog) == [("spans are rejected by a back end and dropped", f"HTTP status {status}")]


def test_a_back_end_that_is_overloaded_gets_the_spans_later(caplog: pytest.LogCaptureFixture) -> None:
    async def send(back: Sink) -> None:
        back.status, tallies = 503, Tallies()
        async with working(traces(back.url, timeout="100ms"), tallies) as made:
            runs = [result(made) for _ in range(3)]
            for run in runs:
                made.ended(run)
            await until(lambda: lines(caplog))
            back.status = 200
            await until(lambda: counts(tallies) == {"exported_total 0": 9})
            assert [span.trace_id for span in back.roots] == [run.trace_id for run in runs]

    with sink() as back:
        asyncio.run(send(back))
    assert lines(caplog)[0] == ("spans can't be exported and wait", "HTTP status 503")


def test_the_queue_is_bounded_and_the_newest_stay(caplog: pytest.LogCaptureFixture) -> None:
    async def send() -> None:
        tallies, port = Tallies(), free_port()
        async with working(traces(f"http://127.0.0.1:{port}", timeout="100ms"), tallies) as made:
            made.ended(result(made))
            await until(lambda: lines(caplog))
            runs = [result(made) for _ in range(2000)]
            for run in runs:
                made.ended(run)
            assert counts(tallies) == {"queued 0": 2046, "dropped_total 0 unreachable": 3 * 2001 - 2046}
            with sink(port) as back:
                # Each once: a batch whose answer took longer than the 100 ms is sent again.
                await until(lambda: len({span.trace_id for span in back.roots}) >= 682)
                came = list(dict.fromkeys(span.trace_id for span in back.roots))
                # The first one stays when it was just being sent.
                assert came[1:] == [run.trace_id for run in runs[-681:]]

    asyncio.run(send())


def test_a_slow_back_end_fills_the_queue_and_never_more() -> None:
    async def send(back: Sink) -> None:
        back.released.clear()
        tallies = Tallies()
        async with working(traces(back.url, timeout="20s"), tallies) as made:
            made.ended(result(made))
            await until(lambda: back.paths)
            for _ in range(1000):
                made.ended(result(made))
            assert counts(tallies) == {"queued 0": 2046, "dropped_total 0 queue_full": 3 * 1001 - 2046}
            back.released.set()
            await until(lambda: counts(tallies).get("exported_total 0") == 2046)
            assert max(map(back.paths.count, back.paths)) >= 5  # at most 512 at once

    with sink() as back:
        asyncio.run(send(back))


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_mute_back_end_holds_up_neither_the_loop_nor_another_one_nor_the_end(protocol: str) -> None:
    async def send(back: Sink, mute: str) -> tuple[float, float, dict[str, float]]:
        tallies = Tallies()
        slowest = 0.0
        yaml = f"""forward: {{traces: [{{endpoint: '{mute}', protocol: {protocol}, timeout: 10s}}, {{endpoint: '{back.url}'}}]}}"""
        async with working(yaml, tallies) as made:
            made.ended(result(made))
            await until(lambda: back.spans)  # by now what the exporters need is imported
            await asyncio.sleep(0.3)
            for _ in range(50):
                before = time.perf_counter()
                made.ended(result(made))
                await asyncio.sleep(0)
                slowest = max(slowest, time.perf_counter() - before)
            await until(lambda: len(back.roots) == 51)
            before = time.perf_counter()
            await made.flush(0.2)
            made.close()
            ended = time.perf_counter() - before
        return slowest, ended, counts(tallies)

    with socket.create_server(("127.0.0.1", 0)) as listening, sink() as back:
        slowest, ended, found = asyncio.run(send(back, f"http://127.0.0.1:{listening.getsockname()[1]}"))
    assert slowest < 0.1
    assert 0.15 < ended < 1.0
    assert found == {"exported_total 1": 153, "dropped_total 0 stopped": 153}


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_mute_back_end_does_not_hold_up_the_end_of_the_process(protocol: str) -> None:
    script = """
import asyncio, sys, time
from exporter.tally import Tallies
from tests.forward.tracing import result, traces, working

async def main():
    async with working(traces(sys.argv[1], protocol=sys.argv[2], timeout="30s"), Tallies()) as made:
        made.ended(result(made))
        await asyncio.sleep(1.5)
        await made.flush(0.2)
        print(time.time(), flush=True)

asyncio.run(main())
"""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        done = subprocess.run([sys.executable, "-c", script, url, protocol], capture_output=True, text=True, timeout=30)
        ended = time.time()
    assert (done.returncode, done.stderr) == (0, "")
    assert ended - float(done.stdout) < 2.0


def test_the_series_of_a_back_end_go_with_it_unless_another_has_its_name() -> None:
    async def story() -> None:
        tallies = Tallies()
        first = make(traces("http://127.0.0.1:9/a", "http://127.0.0.1:9/b"), tallies)
        refused = make(traces("http://127.0.0.1:9/a", "http://127.0.0.1:9/b", "http://127.0.0.1:9/c"), tallies)
        assert names(tallies) == {"0", "1", "2"}
        refused.retire(to=first)
        assert names(tallies) == {"0", "1"}
        second = make(traces("http://127.0.0.1:9/c"), tallies)
        first.ended(result(first))
        second.ended(result(second))
        assert counts(tallies) == {"queued 0": 6, "queued 1": 3}
        first.retire(to=second)
        assert names(tallies) == {"0"}
        assert counts(tallies) == {"queued 0": 3, "dropped_total 0 stopped": 3}
        second.retire(to=None)
        assert names(tallies) == set()

    asyncio.run(story())


def names(tallies: Tallies) -> set[str]:
    return {labels[0] for family in tallies.families.values() for labels in family.children}
