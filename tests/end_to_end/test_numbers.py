"""Bounds on time and size that users count on; the machine's own pauses are measured beside them in the same run."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from tests import hostile, servers
from tests.polling import descriptors, polling
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

pytestmark = pytest.mark.slow
HELLO = hostile.says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")


class Pauses(threading.Thread):
    """How long this machine keeps a thread waiting that sleeps for 5 ms."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.longest, self.ended = 0.0, False

    def run(self) -> None:
        while not self.ended:
            began = time.monotonic()
            time.sleep(0.005)
            self.longest = max(self.longest, time.monotonic() - began - 0.005)


@pytest.fixture
def pauses() -> Iterator[Pauses]:
    thread = Pauses()
    thread.start()
    yield thread
    thread.ended = True
    thread.join()


def runs(daemon: Daemon) -> float:
    return sum(v for k, v in daemon.metrics().items() if k.startswith("stack_probe_duration_seconds_count"))


def test_it_is_ready_within_three_seconds_of_its_start() -> None:
    with servers.daemon('components: {db: {kind: postgres, dsn: "postgresql://u@127.0.0.1:1/x"}}') as daemon:
        daemon.stop()
        began = time.monotonic()
        daemon.start()
        assert time.monotonic() - began <= 3


def test_after_10000_failed_runs_descriptors_and_memory_are_at_their_baseline(pauses: Pauses) -> None:
    port = hostile.unused()
    kinds = (
        f'kind: http, url: "http://127.0.0.1:{port}/"', f'kind: tcp, address: "127.0.0.1:{port}"',
        f'kind: redis, url: "redis://127.0.0.1:{port}/0"', "kind: disk, path: /no/such/folder",
        f'kind: postgres, dsn: "postgresql://u@127.0.0.1:{port}/x"',
    )  # fmt: skip
    config = "defaults: {interval: 200ms, timeout: 200ms}\ncomponents:\n"
    config += "".join(f"  c{n}: {{{kinds[n % len(kinds)]}}}\n" for n in range(100))
    with servers.daemon(config) as daemon:
        wait_until(lambda: runs(daemon) >= 1000, 30)
        process = psutil.Process(daemon.pid)
        baseline, memory = descriptors(daemon), process.memory_info().rss
        with polling(daemon, "/livez") as polled:
            wait_until(lambda: runs(daemon) >= 11_000, 90)
        assert polled.bad == []
        assert polled.slowest < 0.25 + pauses.longest
        wait_until(lambda: abs(descriptors(daemon) - baseline) <= 2, 5)
        assert process.memory_info().rss - memory < 10 * 2**20


@contextmanager
def sites(count: int) -> Iterator[Daemon]:
    with hostile.serving(HELLO) as site:
        config = "defaults: {interval: 5s}\ncomponents:\n"
        config += "".join(f'  c{n}: {{kind: http, url: "{site.url}"}}\n' for n in range(count))
        with servers.daemon(config) as daemon:
            wait_until(lambda: runs(daemon) >= count, 30)
            yield daemon


def test_50_components_need_100_mib_at_most() -> None:
    with sites(50) as daemon:
        assert psutil.Process(daemon.pid).memory_info().rss <= 100 * 2**20


def test_5000_series_are_scraped_within_200_ms_and_the_loop_stays_prompt(pauses: Pauses) -> None:
    with sites(90) as daemon:
        with polling(daemon, "/metrics", every=0.02) as polled:
            time.sleep(10)
        assert polled.bad == []
        took = sorted(seconds for _, seconds in polled.answers)
        assert took[int(len(took) * 0.99)] <= 0.2 + pauses.longest
        assert len(daemon.get("/metrics").body) <= 2 * 2**20
        metrics = daemon.metrics()
        assert len(metrics) >= 5000
        lag = 'stack_exporter_loop_lag_seconds_bucket{{le="{}"}}'
        assert metrics[lag.format("0.1")] >= 0.99 * metrics[lag.format("+Inf")]
