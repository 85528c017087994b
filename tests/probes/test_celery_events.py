"""What the kind celery makes of the events of real workers: counts, run times, waits, the beat; and of a flood."""

import asyncio
from typing import Any

import pytest
import uvloop

from exporter.probes import _celery_follow
from tests import servers
from tests.probes.rounds import Rounds, Turns
from tests.servers.celery import send

pytestmark = pytest.mark.xdist_group("celery")

DURATION = "stack_celery_task_duration_seconds"
QUEUE = "stack_celery_task_queue_wait_seconds"
WORKER = "stack_celery_task_worker_wait_seconds"


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_tasks_are_counted_by_name_and_state_and_timed(celery_server: Any, loop: Any) -> None:
    async def story() -> None:
        async with Rounds(url=celery_server.url).watching() as rounds:
            await rounds.run()
            await asyncio.to_thread(send, celery_server.url, "jobs.fail", "jobs.again")
            await asyncio.to_thread(send, celery_server.url, "jobs.wait", args=(0.3,))
            await asyncio.to_thread(send, celery_server.url, "jobs.add", args=(1, 2), countdown=0.2)
            await rounds.until(lambda: rounds.counted("jobs.add").get("succeeded"))
            await rounds.until(lambda: rounds.counted("jobs.again").get("succeeded"))
            await rounds.until(lambda: rounds.counted("jobs.wait").get("succeeded"))
            once = {"sent": 1, "received": 1, "started": 1}
            assert rounds.counted("jobs.fail") == {**once, "failed": 1}
            assert rounds.counted("jobs.wait") == {**once, "succeeded": 1}
            assert rounds.counted("jobs.add") == {**once, "succeeded": 1}
            twice = {"sent": 2, "received": 2, "started": 2}
            await rounds.until(lambda: rounds.counted("jobs.again").get("retried"))
            assert rounds.counted("jobs.again") == {**twice, "retried": 1, "succeeded": 1}
            seen = rounds.memory.observations
            (ran,) = seen[DURATION, ("jobs.wait", "succeeded")]
            assert 0.3 <= ran < 2
            (failed,) = seen[DURATION, ("jobs.fail", "failed")]
            assert 0 <= failed < 2
            for waited in (QUEUE, WORKER):
                assert all(0 <= seconds < 5 for seconds in seen[waited, ("jobs.wait",)])
                assert (waited, ("jobs.add",)) not in seen, "it has an ETA, and was to wait"
            for _ in range(3):  # who is silent is told by two rounds
                found = await rounds.readings()
                assert found["stack_celery_workers_without_events"] == 0
            assert found["stack_celery_events_followed"] == 1
            assert {label for _, labels in seen for label in labels} & {"one@test", "one", "test"} == set()

    loop(story())


def test_a_task_over_its_time_limit_is_a_timeout_and_no_other_failure() -> None:
    async def story(url: str) -> None:
        async with Rounds(url=url).watching() as rounds:
            await asyncio.to_thread(send, url, "jobs.overrun")
            await rounds.until(lambda: rounds.counted("jobs.overrun").get("timeout"))
            assert rounds.counted("jobs.overrun") == {"sent": 1, "received": 1, "started": 1, "timeout": 1}
            (ran,) = rounds.memory.observations[DURATION, ("jobs.overrun", "timeout")]
            assert 1 <= ran < 4

    with servers.valkey() as broker, servers.celery_worker(broker.url, pool="prefork", concurrency=1):
        asyncio.run(story(broker.url))


def test_workers_without_events_are_counted_and_named_where_events_are_required() -> None:
    async def story(url: str) -> None:
        async with Rounds(url=url, events_required=True).watching() as rounds:
            assert (await rounds.run()).outcome == "healthy", "no task has run, so none has been silent"
            await asyncio.to_thread(send, url, "jobs.add", args=(1, 2))
            await rounds.until(lambda: rounds.counted("jobs.add").get("sent"))
            for _ in range(100):
                if (await rounds.run()).reason:
                    break
                await asyncio.sleep(0.02)
            assert rounds.result is not None
            assert (rounds.result.outcome, rounds.result.reason) == ("degraded", "no_events")
            assert rounds.result.detail == "one@test ran tasks and sent no event: run workers with -E"
            assert rounds.counted("jobs.add") == {"sent": 1}
            assert (await rounds.readings())["stack_celery_workers_without_events"] == 1

    with servers.valkey() as broker, servers.celery_worker(broker.url, events=False):
        asyncio.run(story(broker.url))


def test_the_beat_is_seen_by_its_task_with_events_and_without() -> None:
    async def story(url: str) -> None:
        beat = {"task": "jobs.tick", "within": "1s"}
        blind = Rounds(url=url, beat=beat, events=False)
        async with Rounds(url=url, beat=beat).watching() as rounds:
            await blind.run()
            with servers.celery_beat(url) as clock:
                for each in (rounds, blind):
                    await asyncio.sleep(0.5)
                    found = await each.readings()
                    assert each.result.outcome == "healthy"
                    assert found["stack_celery_beat_age_seconds"] < 1
                    assert each.memory.kept["beat"] == found["stack_celery_beat_last_seen_timestamp_seconds"]
                clock.kill()
            await blind.run()  # what ran since its last run is only now seen
            await asyncio.sleep(1.1)
            for each in (rounds, blind):
                result = await each.run()
                assert (result.outcome, result.reason) == ("degraded", "beat_missing")
                assert result.detail.startswith("jobs.tick has not been seen for ")
            # What was kept tells a restarted daemon.
            result = await Rounds(rounds.memory, url=url, beat=beat).run()
            assert (result.outcome, result.reason) == ("degraded", "beat_missing")

    with servers.valkey() as broker, servers.celery_worker(broker.url):
        asyncio.run(story(broker.url))


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_a_broker_that_comes_back_is_followed_again_without_a_storm(loop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_celery_follow, "FIRST_PAUSE", 0.02)

    async def story(broker: Any) -> None:
        async with Rounds(url=broker.url, min_workers=0).watching() as rounds:
            await asyncio.to_thread(broker.kill)
            await rounds.until(lambda: rounds.watched_values()["stack_celery_events_followed"] == 0)
            assert (await rounds.run()).reason == "refused"
            await asyncio.to_thread(broker.start)
            await asyncio.sleep(0.4)
            assert rounds.watched_values()["stack_celery_events_followed"] == 0, "runs alone try a dead broker"
            assert (await rounds.run()).outcome == "healthy"
            await rounds.until(lambda: rounds.watched_values()["stack_celery_events_followed"])

    with servers.valkey() as broker:
        loop(story(broker))


def test_a_flood_is_dropped_counted_and_holds_up_nobody() -> None:
    """20,000 events at once, as a client of Redis can send them."""
    import redis

    body = b'{"type":"task-received","uuid":"u%d","name":"jobs.n%d","hostname":"x@y","timestamp":1.5}'

    def flood(port: int) -> None:
        from exporter.probes._celery_kombu import wrapped

        with redis.Redis(port=port) as client:
            for _ in range(20):
                pipe = client.pipeline(transaction=False)
                for number in range(1000):
                    pipe.publish("/0.celeryev/task.received", wrapped(body % (number, number % 300), "celeryev"))
                pipe.execute()

    async def story(broker: Any) -> None:
        fields = {"min_workers": 0, "events_per_second": 1000, "task_names": 50}
        async with Rounds(url=broker.url, **fields).watching() as rounds, Turns() as turns:
            await asyncio.to_thread(flood, broker.port)
            counts = rounds.memory.counts
            key = ("stack_celery_events_dropped_total", ("flood",))
            await rounds.until(lambda: counts.get(key, 0) + counts["stack_celery_events_total", ()] == 20_000)
            assert counts[key] > 5_000
            assert counts["stack_celery_events_total", ()] >= 1000
            names = {labels[0] for name, labels in counts if name == "stack_celery_tasks_total"}
            assert len(names) == 51
            assert "__overflow__" in names
            assert (await rounds.run()).outcome == "healthy"
            assert turns.longest < 0.1

    with servers.valkey() as broker:
        asyncio.run(story(broker))
