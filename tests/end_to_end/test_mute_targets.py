"""Hundreds of targets that never answer: no run overlaps another of its own, and nobody else waits for them."""

import time

import pytest

from tests import hostile, servers
from tests.mutes import mutes
from tests.polling import Polled, descriptors, polling
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

TOKEN = {"Authorization": "Bearer a-token-of-ours"}
GOOD = 5
EVERY = 0.25
HELLO = hostile.says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")


def reload(daemon: Daemon, config: str) -> None:
    daemon.config_file.write_text(config)
    assert daemon.post("/-/reload", headers=TOKEN).status == 200


def good_runs(daemon: Daemon) -> list[float]:
    prefix = 'stack_probe_runs_total{component="good'
    healthy = {k: v for k, v in daemon.metrics().items() if k.startswith(prefix) and 'result="healthy"' in k}
    assert len(healthy) == GOOD
    return list(healthy.values())


def total(daemon: Daemon, start: str) -> float:
    return sum(value for series, value in daemon.metrics().items() if series.startswith(start))


def holds(count: int, *, interval: float, timeout: float, seconds: float) -> Polled:
    with hostile.serving(HELLO) as hello, mutes() as silent:
        good = "web: {admin_tokens: [a-token-of-ours]}\nconcurrency: 50\ncomponents:\n"
        for number in range(GOOD):
            good += (
                f'  good{number}: {{kind: http, url: "{hello.url}", interval: {EVERY * 1000:.0f}ms, timeout: 200ms}}\n'
            )
        every = f"interval: {interval * 1000:.0f}ms, timeout: {timeout * 1000:.0f}ms"
        bad = "".join(f'  m{n}: {{kind: http, url: "{silent.url(f"m{n}")}", {every}}}\n' for n in range(count))
        with servers.daemon(good) as daemon:
            wait_until(lambda: min(good_runs(daemon)) >= 2)
            baseline = descriptors(daemon)
            reload(daemon, good + bad)
            wait_until(lambda: silent.open.total() >= 40)
            before, began = good_runs(daemon), time.monotonic()
            with polling(daemon, "/livez") as polled:
                time.sleep(seconds)
                after, took = good_runs(daemon), time.monotonic() - began
            # Of 50 places, those that fail may have 40.
            assert silent.most_of_all <= 40
            assert set(silent.most.values()) == {1}
            for then, now in zip(before, after, strict=True):
                # Nearly all: the machine has pauses of its own.
                assert now - then >= took / EVERY * 0.8 - 2
            if count / 40 * timeout > interval:
                assert total(daemon, 'stack_probe_skipped_total{component="m') > 0
            assert total(daemon, 'stack_probe_skipped_total{component="good') <= 0.1 * sum(after)
            reload(daemon, good)
            wait_until(lambda: silent.open.total() == 0, 5)
            wait_until(lambda: abs(descriptors(daemon) - baseline) <= 2, 5, "descriptors are back at their baseline")
            assert total(daemon, "stack_exporter_task_restarts_total") == 0
            assert total(daemon, "stack_exporter_probes_running") <= GOOD
            assert polled.bad == []
            return polled


@pytest.mark.alone
def test_200_of_them_share_the_places_and_the_others_stay_on_time() -> None:
    holds(200, interval=2, timeout=1, seconds=4)


@pytest.mark.slow
def test_500_of_them_every_10_s_leave_liveness_quick() -> None:
    polled = holds(500, interval=10, timeout=5, seconds=60)
    assert polled.slowest < 0.25
