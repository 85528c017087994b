"""Many errors, a burst, and kill -9 in between: every event is accepted, limited or invalid, and what was acknowledged is kept."""

import asyncio
import random
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests import servers
from tests.load import KEY, Sent, envelope, event, mixed, send
from tests.servers.exporters import Daemon

OTHER = "fedcba9876543210fedcba9876543210"
TOKEN = {"Authorization": "Bearer a-token-of-ours"}
CONFIG = f"""
service: shop
web: {{admin_tokens: [a-token-of-ours]}}
ingest:
  projects:
    "1": {{keys: ["{KEY}"]}}
    "2": {{keys: ["{OTHER}"]}}
"""


def outcomes(daemon: Daemon) -> Counter[str]:
    """Events that came by the Sentry protocol, by what became of them."""
    family = 'stack_exporter_ingest_events_total{source="sentry",outcome="'
    found = {name: value for name, value in daemon.metrics().items() if name.startswith(family)}
    return Counter({name.removeprefix(family).rstrip('"}'): int(value) for name, value in found.items() if value})


def kept(daemon: Daemon) -> int:
    """Occurrences in the store, as its groups count them."""
    reply = daemon.get("/api/v1/errors?limit=200", TOKEN)
    assert reply.status == 200, reply.text
    return sum(group["count"] for group in reply.json()["data"])


def watch(daemon: Daemon, seconds: float) -> list[float]:
    """How long /livez took, 20 times a second."""
    took = []
    end = time.monotonic() + seconds
    while (began := time.monotonic()) < end:
        assert daemon.get("/livez").status == 200
        took.append(time.monotonic() - began)
        time.sleep(max(0.0, 0.05 - took[-1]))
    return took


def burst(daemon: Daemon, rate: float, seconds: float) -> Sent:
    bodies = mixed(range(int(rate * seconds)))
    return asyncio.run(send(daemon.ingest_port, bodies, rate=rate))


def test_a_burst_is_acknowledged_and_counted_to_the_last_event() -> None:
    with servers.daemon(CONFIG) as daemon:
        sent = burst(daemon, 150, 1)
        assert sent.statuses == {200: 150}
        assert outcomes(daemon) == {"accepted": 150}
        assert kept(daemon) == 150
        groups = daemon.get("/api/v1/errors?limit=200", TOKEN).json()["data"]
        assert len(groups) == 20  # the large ones of a kind have more frames, and the same in-app ones are other kinds
        assert {group["users"] for group in groups} <= set(range(1, 51))


def test_what_is_sent_is_accepted_limited_or_invalid_and_another_key_is_unharmed() -> None:
    limited = CONFIG.replace("ingest:\n", "ingest:\n  events_per_minute: 60\n  burst: 100\n")
    with servers.daemon(limited) as daemon:
        valid = mixed(range(200))
        broken = [("", "gzip", body[:40]) for _, _, body in mixed(range(1, 41, 2)) if body][:20]
        bodies = valid + broken
        random.Random(1).shuffle(bodies)
        flood = asyncio.run(send(daemon.ingest_port, bodies, rate=400))
        calm = asyncio.run(send(daemon.ingest_port, mixed(range(20)), rate=100, project=2, key=OTHER))
        assert calm.statuses == {200: 20}
        found = outcomes(daemon)
        assert set(flood.statuses) == {200, 400, 429}
        assert 100 <= flood.statuses[200] <= 110
        assert found["accepted"] == flood.statuses[200] + 20
        assert found["limited"] == flood.statuses[429]
        assert found["invalid"] == flood.statuses[400] == 20
        assert sum(found.values()) == len(bodies) + 20
        assert kept(daemon) == found["accepted"]


def strike(daemon: Daemon, seed: int, most: float) -> Sent:
    """Send, and kill it at a random moment; what was acknowledged until then."""
    done = threading.Event()

    def kill() -> None:
        time.sleep(random.Random(seed).uniform(0.1, most))
        done.set()
        daemon.kill()

    bodies = [(id_, "gzip", body) for id_, body in (envelope(event(n), "gzip") for n in range(int(400 * most)))]
    killer = threading.Thread(target=kill)
    killer.start()
    sent = asyncio.run(send(daemon.ingest_port, bodies, rate=200, down=done.is_set))
    killer.join()
    return sent


def rounds(number: int, most: float) -> None:
    with servers.daemon(CONFIG) as daemon:
        acknowledged: list[str] = []
        for seed in range(number):
            acknowledged += strike(daemon, seed, most).acknowledged
            began = time.monotonic()
            daemon.start()
            assert time.monotonic() - began < 5
        assert len(acknowledged) > 20 * number
        missing = [id_ for id_ in acknowledged if daemon.get(f"/api/v1/occurrences/{id_}", TOKEN).status != 200]
        assert missing == []
        before = kept(daemon)
        assert before >= len(acknowledged)
        again = [(id_, "gzip", envelope({**event(0), "event_id": id_}, "gzip")[1]) for id_ in acknowledged]
        assert asyncio.run(send(daemon.ingest_port, again, rate=1000)).statuses == {200: len(again)}
        assert kept(daemon) == before  # each once, also when it is sent again after a restart
        assert outcomes(daemon)["duplicate"] == len(again)


def test_what_was_acknowledged_before_a_kill_9_is_kept_and_counts_once() -> None:
    rounds(2, 0.5)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_twenty_kills_lose_nothing_that_was_acknowledged() -> None:
    rounds(20, 4.0)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_thousand_errors_a_minute_for_ten_minutes_and_then_six_times_as_many(tmp_path: Path) -> None:
    with servers.daemon(CONFIG) as daemon:
        lags: list[float] = []
        watcher = threading.Thread(target=lambda: lags.extend(watch(daemon, 655)))
        watcher.start()
        steady = burst(daemon, 1000 / 60, 600)
        peak = burst(daemon, 100, 60)
        watcher.join()
        print(f"steady p50 {steady.quantile(0.5) * 1000:.1f} ms, p99 {steady.quantile(0.99) * 1000:.1f} ms")
        print(f"burst p50 {peak.quantile(0.5) * 1000:.1f} ms, p99 {peak.quantile(0.99) * 1000:.1f} ms")
        print(f"/livez p99 {sorted(lags)[int(len(lags) * 0.99)] * 1000:.1f} ms, worst {max(lags) * 1000:.1f} ms")
        assert steady.statuses == {200: 10_000}
        assert peak.statuses == {200: 6_000}
        assert outcomes(daemon) == {"accepted": 16_000}
        assert kept(daemon) == 16_000
        assert steady.quantile(0.99) <= 0.1
        assert peak.quantile(0.99) <= 0.1
