"""Celery's workers that die, are too few, fail, hang or run into their time limits; a beat that is dead."""

import json
import socket
from contextlib import ExitStack

from tests import servers
from tests.alerts.fault import Scene, Steps, provokes
from tests.alerts.repeating import repeating
from tests.servers.celery import send

CELERY = {"kind": "celery", "interval": "500ms", "timeout": "500ms", "answer_within": "300ms"}


def _forget(server: servers.Server) -> None:
    """All that the broker has: what a worker that was killed had taken would come again after an hour."""
    with socket.create_connection((server.host, server.port), 5) as connection:
        connection.sendall(b"FLUSHALL\r\n")
        assert connection.recv(100) == b"+OK\r\n"


@provokes("CeleryWorkersNone/critical", quick=True)
def the_only_worker_dies(scene: Scene) -> Steps:
    with servers.valkey() as broker, servers.celery_worker(broker.url, name="only@test") as worker:
        yield {"components": {"tasks_none": CELERY | {"url": broker.url}}}
        worker.kill()
        yield None
        worker.start()
        yield None


@provokes(
    "CeleryWorkerMissing/warning",
    "CeleryWorkerGone/warning",
    "CeleryWorkersFew/warning",
    "CeleryWorkersFew/critical",
    "CeleryBeatMissing/critical",
    "CeleryBeatLate/warning",
    "CeleryBeatLate/critical",
    "QueueWithoutConsumer/warning",
    "QueueLong/critical",
)
def one_of_two_workers_and_the_beat_die(scene: Scene) -> Steps:
    with ExitStack() as stack:
        broker = stack.enter_context(servers.valkey())
        stack.enter_context(servers.celery_worker(broker.url))
        second = stack.enter_context(servers.celery_worker(broker.url, name="two@test"))
        beat = stack.enter_context(servers.celery_beat(broker.url))
        tasks = CELERY | {"url": broker.url, "events": False}
        within = {"task": "jobs.tick", "within": "3s"}
        yield {
            "components": {
                "tasks_few": tasks
                | {
                    "workers": ["one@test", "two@test"],
                    "beat": within | {"within": "1h"},
                    "thresholds": {"workers": {"warning": 1}, "beat": {"warning": "3s"}},
                },
                # On its own: a run tells one reason alone, the worst.
                "tasks_unbeaten": tasks | {"beat": within},
                "tasks_fewer": tasks
                | {
                    "queues": ["nobodys"],
                    "beat": within | {"within": "1h"},
                    "thresholds": {"workers": {"critical": 1}, "beat": {"critical": "3s"}, "queue": {"critical": 5}},
                },
            }
        }
        second.kill()
        beat.kill()
        send(broker.url, *["jobs.add"] * 5, queue="nobodys", args=(1, 2))
        yield None
        _forget(broker)
        second.start()
        beat.start()
        yield None


@provokes(
    "CeleryTasksFailing/critical",
    "CeleryTaskNeverSucceeds/warning",
    "CeleryTaskTimeouts/warning",
    "CeleryEventsDropped/warning",
    "CeleryTasksStuck/warning",
    "CeleryTaskLong/warning",
    "CeleryTaskLong/critical",
    "CeleryPoolBusy/warning",
    "CeleryPoolBusy/critical",
    "CeleryUnacknowledgedOld/warning",
    "CeleryUnacknowledgedOld/critical",
    "QueueUnacknowledged/warning",
    "QueueUnacknowledged/critical",
    "QueueLong/warning",
    "QueueGrowing/warning",
)
def tasks_fail_and_then_hang(scene: Scene) -> Steps:
    with servers.valkey() as failing, servers.valkey() as hanging, ExitStack() as stack:
        stack.enter_context(servers.celery_worker(failing.url, name="fails@test", pool="prefork", concurrency=2))
        hangs = stack.enter_context(servers.celery_worker(hanging.url, name="hangs@test"))
        tasks = CELERY | {"url": hanging.url, "events": False, "stuck_after": "2s"}
        signals = ("active", "unacknowledged", "busy", "queue")
        warning, critical = (
            {signal: {severity: limit} for signal, limit in zip(signals, ("2s", "2s", "90%", 2), strict=True)}
            for severity in ("warning", "critical")
        )
        yield {
            "components": {
                "tasks_failing": CELERY | {"url": failing.url},
                "tasks_flooding": CELERY | {"url": failing.url, "events_per_second": 1},
                "tasks_hanging": tasks | {"thresholds": warning},
                "tasks_hung": tasks | {"thresholds": critical},
            }
        }
        send(hanging.url, "jobs.wait", "jobs.wait", args=(600,))
        with (
            repeating(lambda: send(failing.url, *["jobs.fail"] * 3, "jobs.overrun"), 1.0),
            repeating(lambda: send(hanging.url, *["jobs.add"] * 10, args=(1, 2)), 0.5),
        ):
            yield None
        hangs.kill()
        _forget(hanging)
        hangs.start()
        _forget(failing)
        send(failing.url, "jobs.add", args=(1, 2))
        yield None


@provokes("CeleryTasksFailing/warning")
def a_third_of_the_tasks_fails(scene: Scene) -> Steps:
    """A daemon of its own: the threshold is that of all components."""
    with servers.valkey() as broker, servers.celery_worker(broker.url, name="third@test"):
        config = {
            "thresholds": {"task_failures": {"warning": "20%", "critical": "off"}},
            "components": {"tasks_third": CELERY | {"url": broker.url}},
        }
        with servers.daemon(json.dumps(config), check=False) as daemon:
            yield {"scraped": {"of-tasks": [f"127.0.0.1:{daemon.port}"]}}
            with repeating(lambda: send(broker.url, *["jobs.fail"] * 2, *["jobs.tick"] * 4), 1.0):
                yield None
            with repeating(lambda: send(broker.url, *["jobs.tick"] * 4), 1.0):
                yield None
