"""What the kind celery reads of real workers on a real RabbitMQ."""

import asyncio
import time
from typing import Any

import pytest
import uvloop

from tests import certificates, servers
from tests.fakes import tlsfront
from tests.probes.rounds import Rounds, Turns
from tests.probes.test_celery import IDLE, MOVING, who
from tests.probing import probe, readings
from tests.servers.celery import send
from tests.servers.process import wait_until

pytestmark = [pytest.mark.xdist_group("rabbitmq"), pytest.mark.debian]


@pytest.fixture(scope="module")
def worker(rabbitmq_server: Any) -> Any:
    rabbitmq_server.control("add_vhost", "jobs")
    rabbitmq_server.control("set_permissions", "-p", "jobs", "guest", ".*", ".*", ".*")
    with servers.celery_worker(rabbitmq_server.url_of(vhost="jobs")) as running:
        yield running
    rabbitmq_server.control("delete_vhost", "jobs")


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_an_idle_worker_has_all_readings(worker: Any, loop: Any) -> None:
    async def story() -> None:
        rounds = Rounds(url=worker.url.replace("amqp:", "pyamqp:"))
        first = await rounds.run()
        assert (first.outcome, first.detail) == ("healthy", "")
        assert first.duration > 2, "RabbitMQ does not tell how many listen"
        result = await rounds.run()
        assert result.duration < 1, "those who are known have answered"
        assert [phase.name for phase in result.phases] == ["connect", "login", "queues", "workers", "leave"]
        found = readings(result)
        assert all(found.pop(name) >= 0 for name in MOVING)
        assert found == {name: value for name, value in IDLE.items() if "unacknowledged" not in name}

    loop(story())


def test_tasks_are_counted_and_timed(worker: Any) -> None:
    async def story() -> None:
        async with Rounds(url=worker.url).watching() as rounds:
            await asyncio.to_thread(send, worker.url, "jobs.fail", "jobs.again")
            await asyncio.to_thread(send, worker.url, "jobs.wait", args=(0.2,))
            once = {"sent": 1, "received": 1, "started": 1}
            await rounds.until(lambda: rounds.counted("jobs.wait") == {**once, "succeeded": 1})
            await rounds.until(lambda: rounds.counted("jobs.fail") == {**once, "failed": 1})
            twice = {"sent": 2, "received": 2, "started": 2}
            await rounds.until(lambda: rounds.counted("jobs.again") == {**twice, "retried": 1, "succeeded": 1})
            (ran,) = rounds.memory.observations["stack_celery_task_duration_seconds", ("jobs.wait", "succeeded")]
            assert 0.2 <= ran < 2
            (waited,) = rounds.memory.observations["stack_celery_task_queue_wait_seconds", ("jobs.wait",)]
            assert 0 <= waited < 2

    asyncio.run(story())


def test_a_flood_is_dropped_counted_and_holds_up_nobody(rabbitmq_server: Any) -> None:
    from kombu import Connection, Exchange

    body = {"type": "task-received", "name": "jobs.n", "hostname": "x@y", "timestamp": 1.5}

    def flood() -> None:
        with Connection(rabbitmq_server.url) as connection:
            producer = connection.Producer(exchange=Exchange("celeryev", type="topic"), serializer="json")
            for number in range(3000):
                producer.publish({**body, "uuid": str(number)}, routing_key="task.received", retry=False)

    async def story() -> None:
        fields = {"min_workers": 0, "queues": [], "events_per_second": 500}
        async with Rounds(url=rabbitmq_server.url, **fields).watching() as rounds, Turns() as turns:
            await asyncio.to_thread(flood)
            counts = rounds.memory.counts
            key = ("stack_celery_events_dropped_total", ("flood",))
            await rounds.until(lambda: counts.get(key, 0) + counts["stack_celery_events_total", ()] == 3000)
            assert counts["stack_celery_events_total", ()] >= 500
            assert (await rounds.run()).outcome == "healthy"
            assert turns.longest < 0.1

    asyncio.run(story())


def test_a_worker_that_hangs_is_0_and_one_that_is_back_is_1(worker: Any) -> None:
    async def story() -> None:
        rounds = Rounds(url=worker.url, answer_within="1s", workers=["one@test"])
        assert who(await rounds.readings()) == {"one@test": 1}
        worker.pause()
        result = await rounds.run()
        assert (result.outcome, result.reason) == ("unhealthy", "no_worker")
        assert who(readings(result)) == {"one@test": 0}
        assert readings(result)["stack_celery_workers"] == 0
        worker.resume()
        assert who(await rounds.readings()) == {"one@test": 1}

    asyncio.run(story())


def test_a_killed_worker_is_waited_for_only_so_often(rabbitmq_server: Any, worker: Any) -> None:
    async def story() -> None:
        rounds = Rounds(url=worker.url, answer_within="800ms")
        with servers.celery_worker(worker.url, name="two@test") as two:
            assert who(await rounds.readings()) == {"one@test": 1, "two@test": 1}
            two.kill()
        durations = []
        for _ in range(7):
            assert who(await rounds.readings()) == {"one@test": 1, "two@test": 0}
            assert rounds.result is not None
            durations.append(rounds.result.duration)
        assert min(durations[:4]) > 0.8
        assert durations[-1] < 0.8

    asyncio.run(story())


def test_messages_wait_in_a_queue_that_no_worker_takes_from(worker: Any) -> None:
    send(worker.url, *["jobs.add"] * 3, queue="reports", args=(1, 2))
    queues = ["reports", "none", "celery"]

    def ready() -> Any:
        result = probe("celery", url=worker.url, queues=queues, answer_within="500ms", timeout=10)
        return (
            result if readings(result).get('stack_celery_queue_messages{queue="reports",state="ready"}') == 3 else None
        )

    result = wait_until(ready)
    assert (result.outcome, result.reason) == ("degraded", "queue_missing")
    assert result.detail.endswith(" has no queue none")
    found = {name: value for name, value in readings(result).items() if "_queue_" in name}
    assert found == {
        'stack_celery_queue_messages{queue="reports",state="ready"}': 3,
        'stack_celery_queue_messages{queue="celery",state="ready"}': 0,
        'stack_celery_queue_consumers{queue="reports"}': 0,
        'stack_celery_queue_consumers{queue="celery"}': 1,
    }


def test_a_run_leaves_no_queue_and_no_connection(rabbitmq_server: Any, worker: Any) -> None:
    count = "length(rabbit_amqqueue:list()) + length(rabbit_networking:connections())."
    before, cut = rabbitmq_server.eval(count), rabbitmq_server.log.count("unexpectedly closed")
    assert probe("celery", url=worker.url, answer_within="300ms", timeout=10).up
    wait_until(lambda: rabbitmq_server.eval(count) == before)
    assert rabbitmq_server.log.count("unexpectedly closed") == cut


def test_a_virtual_host_without_any_worker_ever_has_none(rabbitmq_server: Any) -> None:
    began = time.monotonic()
    result = probe("celery", url=rabbitmq_server.url, timeout=10)
    assert (result.outcome, result.reason) == ("unhealthy", "no_worker")
    assert readings(result)["stack_celery_workers"] == 0
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_over_tls_runs_and_events_are_the_same(worker: Any, loop: Any) -> None:
    async def story(url: str) -> None:
        async with Rounds(url=url, tls={"ca_file": str(certificates.authority())}).watching() as rounds:
            await asyncio.to_thread(send, worker.url, "jobs.add", args=(1, 2))
            await rounds.until(lambda: rounds.counted("jobs.add").get("succeeded"))
            found = await rounds.readings()
            assert who(found) == {"one@test": 1}
            assert found["stack_celery_certificate_remaining_seconds"] > 0

    port = int(worker.url.rpartition(":")[2].partition("/")[0])
    with tlsfront.before(port, certificates.pair().context()) as front:
        loop(story(f"amqps://guest:guest@{front.address}/jobs"))


REFUSED = {
    "auth": ("guest", "wrong", "jobs"),
    "no_vhost": ("guest", "guest", "nowhere"),
    "permission": ("stranger", "right", "jobs"),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_user_that_is_refused_is_told_why(rabbitmq_server: Any, worker: Any, reason: str) -> None:
    if reason == "permission":
        rabbitmq_server.control("add_user", "stranger", "right")
    try:
        result = probe("celery", url=rabbitmq_server.url_of(*REFUSED[reason]), timeout=10)
    finally:
        if reason == "permission":
            rabbitmq_server.control("delete_user", "stranger")
    assert (result.outcome, result.reason) == ("unhealthy", reason), result.detail
    assert "wrong" not in result.detail
