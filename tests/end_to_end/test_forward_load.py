"""Spans for minutes on end: acknowledged in time and all forwarded; a back end that is away; a spool that is full and refuses."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests import servers
from tests.otlp_load import SPANS, Numbered, Sent, request, send
from tests.polling import polling
from tests.servers.arrivals import arrivals
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

STEADY, RATE, P99 = 300.0, 20.0, 0.15
"""Seconds, requests a second, and how soon they are acknowledged (faults.md, "Numbers to hold")."""
AWAY, AWAY_RATE = 600.0, 5.0
SPOOL, RESIDENT = 20_000_000, 200 * 2**20
DRAINED, A_SECOND = 60.0, 40
"""Seconds after which a back end that is there again has everything, and requests that it gets in one at most."""
REFUSED, REFUSED_RATE = 60.0, 20.0
SMALL = 1_000_000


def test_two_thousand_spans_a_second_are_acknowledged_in_time_and_all_forwarded() -> None:
    bodies = Numbered(request(), int(STEADY * RATE))
    with arrivals() as back, servers.daemon(traces(back.url)) as daemon:
        flood(daemon, Numbered(request(), 40, 10**9), RATE)  # the first import
        with polling(daemon, "/livez") as polled, watching(daemon) as seen:
            sent = flood(daemon, bodies, RATE)
        told = back.told
        wait_until(lambda: told()["spans"] == bodies.spans + 40 * SPANS, 30)
        wait_until(lambda: figure(daemon, "spool_items") == 0)
        print(f"acknowledged p50 {sent.quantile(0.5) * 1000:.1f} ms, p99 {sent.quantile(0.99) * 1000:.1f} ms")
        print(f"/livez at most {polled.slowest * 1000:.1f} ms, memory at most {max(seen.memory) / 2**20:.0f} MiB")
        print(told())
        assert sent.statuses == {200: len(bodies)}
        assert told()["again"] == 0
        assert counted(daemon) == (told()["spans"], told()["spans"], {})
        assert sent.quantile(0.99) <= P99
        assert polled.bad == []
        assert polled.slowest <= 0.25
        assert max(seen.memory) <= RESIDENT


def test_a_back_end_that_was_away_gets_what_the_spool_holds_soon_in_order_and_one_by_one() -> None:
    """F36."""
    bodies = Numbered(request(), int(AWAY * AWAY_RATE))
    with arrivals() as back, servers.daemon(traces(back.url, spool=f"{{size: {SPOOL}B}}")) as daemon:
        back.stop()
        with watching(daemon) as seen:
            sent = flood(daemon, bodies, AWAY_RATE, connections=1)
            # The gauge is set once a second.
            wait_until(lambda: figure(daemon, "spool_items") + lost(daemon) == bodies.spans, what="all are counted")
            asked = answers(daemon)
            back.start()
            began = time.monotonic()
            wait_until(lambda: back.spans, 30)
            first = time.monotonic() - began
            wait_until(lambda: figure(daemon, "spool_items") == 0, DRAINED)
            drained = time.monotonic() - began
        told = back.told()
        _, passed_on, dropped = counted(daemon)
        print(f"{passed_on:.0f} spans waited in {max(seen.disk) / 1e6:.1f} MB, {dropped} dropped, {asked:.0f} attempts")
        print(
            f"first after {first:.1f} s, all after {drained:.1f} s, memory at most {max(seen.memory) / 2**20:.0f} MiB"
        )
        print(told)
        assert sent.statuses == {200: len(bodies)}
        assert max(seen.disk) <= SPOOL
        assert set(dropped) <= {"full"}
        assert passed_on == told["spans"] == bodies.spans - sum(dropped.values())
        assert told["disorder"] == told["again"] == 0
        assert told["most_at_once"] == 1
        assert told["most_a_second"] <= A_SECOND
        assert asked <= 10 + AWAY / 16
        assert drained <= DRAINED
        assert max(seen.memory) <= RESIDENT


def test_while_the_spool_is_full_and_refuses_every_request_is_accepted_or_refused_and_the_sums_agree() -> None:
    bodies = Numbered(request(), int(REFUSED * REFUSED_RATE))
    spool = f"{{size: {SMALL}B, full: refuse}}"
    with arrivals() as back, servers.daemon(traces(back.url, spool=spool)) as daemon:
        back.stop()
        with polling(daemon, "/livez", "/readyz") as polled, watching(daemon) as seen:
            returns = threading.Timer(REFUSED / 2, back.start)
            returns.start()
            sent = flood(daemon, bodies, REFUSED_RATE)
            returns.join()
            wait_until(lambda: figure(daemon, "spool_items") == 0, DRAINED)
        accepted, refused = sent.statuses[200], sent.statuses[429]
        told = back.told()
        print(f"{accepted} requests accepted, {refused} refused; {max(seen.disk) / 1e6:.2f} MB at most; {told}")
        assert accepted + refused == len(bodies)
        assert accepted > 20
        assert refused > 20
        assert told["spans"] == accepted * SPANS
        assert counted(daemon) == (accepted * SPANS, accepted * SPANS, {})
        family = 'stack_exporter_ingest_events_total{source="otlp",outcome="'
        outcomes = {name: value for name, value in daemon.metrics().items() if name.startswith(family) and value}
        assert outcomes == {f'{family}accepted"}}': accepted * SPANS, f'{family}refused"}}': refused * SPANS}
        assert max(seen.disk) <= SMALL
        assert polled.bad == []


def traces(url: str, **more: str) -> str:
    fields = "".join(f", {key}: {value}" for key, value in more.items())
    return f'forward: {{traces: [{{endpoint: "{url}"{fields}}}]}}\n'


def flood(daemon: Daemon, bodies: Numbered, rate: float, connections: int = 4) -> Sent:
    return asyncio.run(send(daemon.ingest_port, bodies, rate=rate, connections=connections))


def figure(daemon: Daemon, name: str) -> float:
    return daemon.metrics()[f'stack_exporter_{name}{{signal="traces",backend="0"}}']


def answers(daemon: Daemon) -> float:
    return sum(value for name, value in daemon.metrics().items() if "forward_requests_total" in name)


def counted(daemon: Daemon) -> tuple[float, float, dict[str, float]]:
    """Received, sent, and dropped by reason."""
    metrics = daemon.metrics()
    family = 'stack_exporter_forward_dropped_total{signal="traces",backend="0",reason="'
    dropped = {name: value for name, value in metrics.items() if name.startswith(family) and value}
    return (
        metrics['stack_exporter_forward_received_total{signal="traces"}'],
        metrics.get('stack_exporter_forward_sent_total{signal="traces",backend="0"}', 0.0),
        {name.removeprefix(family).rstrip('"}'): value for name, value in dropped.items()},
    )


def lost(daemon: Daemon) -> float:
    return sum(counted(daemon)[2].values())


class Seen:
    """Bytes of memory that the daemon held, and of its spool's files."""

    def __init__(self, daemon: Daemon) -> None:
        self._process, self._spool = psutil.Process(daemon.pid), daemon.folder / "state" / "spool"
        self.memory: list[int] = []
        self.disk: list[int] = []

    def look(self) -> None:
        self.memory.append(self._process.memory_info().rss)
        self.disk.append(sum(map(_blocks, self._spool.rglob("*"))))


def _blocks(file: Path) -> int:
    """As du counts, with folders left out; 0 when it is gone meanwhile."""
    try:
        return file.stat().st_blocks * 512 if file.is_file() else 0
    except FileNotFoundError:
        return 0


@contextmanager
def watching(daemon: Daemon) -> Iterator[Seen]:
    seen, ended = Seen(daemon), threading.Event()
    seen.look()

    def watch() -> None:
        while not ended.wait(0.25):
            seen.look()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        ended.set()
        watcher.join()
