"""Celery's tasks that wait and take long, workers that tell nothing of them, and events that can't be followed."""

from tests import servers
from tests.alerts.fault import Scene, Steps, provokes
from tests.alerts.faults.workers import CELERY
from tests.alerts.repeating import repeating
from tests.alerts.twice import both, twice
from tests.servers.celery import send

LIMITS = {"task": "500ms", "queue_wait": "1s"}


@provokes(
    *twice("CeleryTaskSlow", "CeleryQueueWaitLong"),
    *("CeleryWorkersWithoutEvents/info", "CeleryEventsMissing/warning"),
)
def tasks_wait_and_nobody_tells(scene: Scene) -> Steps:
    with servers.valkey() as broker, servers.celery_worker(broker.url, name="slow@test", concurrency=1):
        broker.call("ACL", "SETUSER", "follower", "on", ">secret", "~*", "&*", "+@all")
        follower = broker.url.replace("://", "://follower:secret@")
        tasks = CELERY | {"url": broker.url}
        components = both("tasks_waiting", tasks, LIMITS) | {"tasks_unfollowed": CELERY | {"url": follower}}
        yield {"components": components}
        broker.call("ACL", "SETUSER", "follower", "-subscribe", "-psubscribe")
        broker.call("CLIENT", "KILL", "USER", "follower")
        with servers.celery_worker(broker.url, name="mute@test", concurrency=1, events=False):
            with repeating(lambda: _work(broker.url), 1.0):
                yield None
        broker.call("ACL", "SETUSER", "follower", "+subscribe", "+psubscribe")
        broker.call("DEL", "celery")
        yield None


def _work(url: str) -> None:
    send(url, "jobs.wait", "jobs.wait", "jobs.wait", args=(0.8,))
