"""What the kind celery reads of real workers on a real Valkey: up, busy, killed, hung, missing, on a queue or on none."""

import asyncio
import time
from typing import Any

import pytest
import uvloop

from tests import certificates, probing, servers
from tests.fakes import tlsfront
from tests.probes.rounds import Rounds
from tests.probing import probe, readings
from tests.servers.celery import send
from tests.servers.process import wait_until

pytestmark = pytest.mark.xdist_group("celery")

WORKER = {
    'stack_celery_worker_up{worker="one@test"}': 1,
    'stack_celery_worker_pool_size{worker="one@test"}': 2,
    'stack_celery_worker_tasks{worker="one@test",state="active"}': 0,
    'stack_celery_worker_tasks{worker="one@test",state="reserved"}': 0,
    'stack_celery_worker_tasks{worker="one@test",state="scheduled"}': 0,
}
IDLE = {
    **WORKER,
    "stack_celery_workers": 1,
    "stack_celery_workers_expected": 1,
    "stack_celery_pool_busy_ratio": 0,
    "stack_celery_tasks_stuck": 0,
    "stack_celery_task_active_longest_seconds": 0,
    'stack_celery_queue_messages{queue="celery",state="ready"}': 0,
    'stack_celery_queue_messages{queue="",state="unacknowledged"}': 0,
    'stack_celery_queue_consumers{queue="celery"}': 1,
    "stack_celery_unacknowledged_oldest_age_seconds": 0,
}
MOVING = (
    'stack_celery_worker_uptime_seconds{worker="one@test"}',
    'stack_celery_worker_tasks_processed_total{worker="one@test"}',
)


def who(found: dict[str, float]) -> dict[str, float]:
    """Workers, and whether each is up."""
    return {name.split('"')[1]: value for name, value in found.items() if name.startswith("stack_celery_worker_up{")}


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_an_idle_worker_has_all_readings(celery_server: Any, loop: Any) -> None:
    result = loop(probing.run("celery", url=celery_server.url, timeout=10))
    assert (result.outcome, result.detail) == ("healthy", "")
    assert [phase.name for phase in result.phases] == ["connect", "login", "queues", "workers", "leave"]
    found = readings(result)
    assert all(found.pop(name) >= 0 for name in MOVING)
    assert found == IDLE
    assert result.duration < 1.5, "nobody is waited for when all who listen have answered"


def test_a_run_leaves_nothing_at_the_broker(celery_server: Any) -> None:
    assert probe("celery", url=celery_server.url, timeout=10).up  # the worker opens a connection for its first answer
    before = celery_server.call("KEYS", "*")
    clients = celery_server.call("CLIENT", "LIST").count(b"id=")
    assert probe("celery", url=celery_server.url, timeout=10).up
    assert celery_server.call("KEYS", "*") == before
    # Fewer, when those of the test before had not gone yet.
    wait_until(lambda: celery_server.call("CLIENT", "LIST").count(b"id=") <= clients)


def test_a_ping_alone_tells_who_is_there(celery_server: Any) -> None:
    result = probe("celery", url=celery_server.url, inspect=False, workers=["one@*"], timeout=10)
    found = readings(result)
    assert result.outcome == "healthy"
    assert {name for name in found if "queue" not in name and "unacknowledged" not in name} == {
        "stack_celery_workers",
        "stack_celery_workers_expected",
        'stack_celery_worker_up{worker="one@test"}',
    }


def test_tasks_in_hand_are_active_reserved_scheduled_and_stuck() -> None:
    with servers.valkey() as broker, servers.celery_worker(broker.url, "--prefetch-multiplier", "2"):
        send(broker.url, "jobs.wait", args=(1,), countdown=60)
        send(broker.url, *["jobs.wait"] * 4, args=(30,))
        fields = {"url": broker.url, "timeout": 10}

        def held() -> Any:
            found = readings(probe("celery", **fields))
            return found if found['stack_celery_queue_messages{queue="",state="unacknowledged"}'] == 5 else None

        found = wait_until(held)
        assert found['stack_celery_worker_tasks{worker="one@test",state="active"}'] == 2
        assert found['stack_celery_worker_tasks{worker="one@test",state="reserved"}'] == 2
        assert found["stack_celery_pool_busy_ratio"] == 1
        assert found['stack_celery_worker_tasks{worker="one@test",state="scheduled"}'] == 1
        assert found["stack_celery_unacknowledged_oldest_age_seconds"] > 0
        assert found["stack_celery_tasks_stuck"] == 0
        result = probe("celery", **fields, stuck_after="10ms")
        assert (result.outcome, result.reason) == ("degraded", "stuck")
        assert result.detail.startswith("2 tasks, the longest jobs.wait for ")
        assert result.detail.endswith(" s on one@test")
        assert readings(result)["stack_celery_tasks_stuck"] == 2


def test_a_worker_that_hangs_or_dies_is_0_then_goes_after_its_time() -> None:
    with (
        servers.valkey() as broker,
        servers.celery_worker(broker.url) as one,
        servers.celery_worker(broker.url, name="two@test", pool="prefork") as two,
    ):

        async def story() -> None:
            rounds = Rounds(url=broker.url, answer_within="1s", forget_after="3s", min_workers=2)
            assert (await rounds.run()).outcome == "healthy"
            up = {"one@test": 1, "two@test": 1}
            assert who(await rounds.readings()) == up

            two.pause()
            began = time.monotonic()
            found = await rounds.readings()
            assert time.monotonic() - began < 2
            assert who(found) == {**up, "two@test": 0}
            assert found["stack_celery_workers"] == 1
            assert (rounds.result.outcome, rounds.result.reason) == ("degraded", "worker_missing")
            assert rounds.result.detail == "1 of 2 workers answered"
            assert 'stack_celery_worker_pool_size{worker="two@test"}' not in found

            two.resume()
            # It answers what it was asked meanwhile: those are answers to other rounds.
            assert who(await rounds.readings()) == up

            two.kill()
            gone, zeros = time.monotonic(), 0
            while (found := who(await rounds.readings())).get("two@test") == 0:
                assert rounds.result.duration < 0.9, "who does not listen is not waited for"
                assert time.monotonic() - gone < 6
                zeros += 1
                await asyncio.sleep(0.2)
            assert found == {"one@test": 1}
            assert zeros > 3

            one.kill()
            result = await rounds.run()
            assert (result.outcome, result.reason) == ("unhealthy", "no_worker")
            assert readings(result)["stack_celery_workers"] == 0
            assert readings(result)['stack_celery_queue_messages{queue="celery",state="ready"}'] == 0

        asyncio.run(story())


def test_an_expected_worker_that_was_never_there_is_0_and_named(celery_server: Any) -> None:
    result = probe("celery", url=celery_server.url, workers=["one@test", "two@test", "mail@*"], timeout=10)
    assert (result.outcome, result.reason) == ("degraded", "worker_missing")
    assert result.detail == "1 of 3 workers answered, not two@test, mail@*"
    found = readings(result)
    assert who(found) == {"one@test": 1, "two@test": 0}
    assert found["stack_celery_workers_expected"] == 3


def test_a_dead_broker_is_not_the_absence_of_workers() -> None:
    with servers.valkey() as broker:
        url = broker.url
        assert probe("celery", url=url, timeout=10).reason == "no_worker"
        broker.pause()
        result = probe("celery", url=url, timeout=0.5)
        assert (result.outcome, result.reason, readings(result)) == ("unhealthy", "timeout", {})
        broker.resume()
        broker.kill()
        result = probe("celery", url=url)
    assert (result.outcome, result.reason, readings(result)) == ("unhealthy", "refused", {})


def test_a_queue_is_the_sum_of_its_priorities_and_one_without_consumers_is_named(celery_server: Any) -> None:
    for priority in (0, 3, 6, 9, 9):
        send(celery_server.url, "jobs.add", queue="reports", args=(1, 2), priority=priority)
    try:
        result = probe("celery", url=celery_server.url, queues=["celery", "reports", "none"], timeout=10)
    finally:
        celery_server.call("DEL", *(f"reports{step}" for step in ("", "\x06\x163", "\x06\x166", "\x06\x169")))
    found = readings(result)
    assert (result.outcome, result.reason) == ("degraded", "no_consumer")
    assert result.detail == "5 messages wait in reports, which no worker takes from"
    queues = {name: value for name, value in found.items() if "_queue_" in name and 'queue=""' not in name}
    assert queues == {
        'stack_celery_queue_messages{queue="celery",state="ready"}': 0,
        'stack_celery_queue_messages{queue="reports",state="ready"}': 5,
        'stack_celery_queue_messages{queue="none",state="ready"}': 0,
        'stack_celery_queue_consumers{queue="celery"}': 1,
        'stack_celery_queue_consumers{queue="reports"}': 0,
        'stack_celery_queue_consumers{queue="none"}': 0,
    }


def test_prefixes_databases_and_steps_are_as_the_application_has_them() -> None:
    options = {"global_keyprefix": "app:", "fanout_prefix": "/shop.", "priority_steps": [0, 5]}
    settings = {"broker_transport_options": options, "control_exchange": "shop", "event_exchange": "shopev"}
    fields = {
        "key_prefix": "app:",
        "fanout_prefix": "/shop.",
        "priority_steps": [0, 5],
        "control_exchange": "shop",
        "event_exchange": "shopev",
        "queues": ["celery", "late"],
    }

    async def story(url: str) -> None:
        async with Rounds(url=url, **fields).watching() as rounds:
            await asyncio.to_thread(send, url, "jobs.add", args=(1, 2), settings=settings)
            await asyncio.to_thread(send, url, "jobs.add", queue="late", priority=5, settings=settings)
            await rounds.until(lambda: rounds.counted("jobs.add").get("succeeded"))
            found = await rounds.readings()
            assert found['stack_celery_worker_up{worker="one@test"}'] == 1
            assert found['stack_celery_queue_messages{queue="late",state="ready"}'] == 1
            assert found["stack_celery_events_followed"] == 1

    with servers.valkey(config="requirepass s3cret:/@\n") as broker:
        url = f"redis://:s3cret%3A%2F%40@{broker.host}:{broker.port}/5"
        with servers.celery_worker(url, settings=settings):
            asyncio.run(story(url))


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_over_tls_runs_and_events_are_the_same_and_the_certificate_is_read(celery_server: Any, loop: Any) -> None:
    async def story(url: str) -> None:
        async with Rounds(url=url, tls={"ca_file": str(certificates.authority())}).watching() as rounds:
            await asyncio.to_thread(send, celery_server.url, "jobs.add", args=(1, 2))
            await rounds.until(lambda: rounds.counted("jobs.add").get("succeeded"))
            found = await rounds.readings()
            assert who(found) == {"one@test": 1}
            assert found["stack_celery_certificate_remaining_seconds"] > 0
            assert "stack_celery_certificate_remaining_seconds" not in rounds.watched_values()
            assert rounds.watched.phases == []

    with tlsfront.before(celery_server.port, certificates.pair().context()) as front:
        loop(story(f"rediss://{front.address}"))
