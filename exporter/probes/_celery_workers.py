"""What the answers of a round say of workers, and what is remembered from one round to the next."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from exporter.metric import counter, gauge
from exporter.probe import Readings
from exporter.probes._celery_broker import Backlog
from exporter.probes._celery_control import Answers, Task, Worker

WORKERS = gauge("stack_celery_workers", "Workers that answered.", "component")
EXPECTED = gauge("stack_celery_workers_expected", "Workers that there should be at least.", "component")
UP = gauge("stack_celery_worker_up", "Whether a worker answered; one that is gone is 0 until it is forgotten.",
           "component", "worker")  # fmt: skip
POOL = gauge("stack_celery_worker_pool_size", "Tasks that a worker runs at a time.", "component", "worker")
HELD = gauge("stack_celery_worker_tasks", "Tasks that a worker has: active, reserved or scheduled (with an ETA).",
             "component", "worker", "state")  # fmt: skip
PROCESSED = counter("stack_celery_worker_tasks_processed_total", "Tasks that a worker has begun since it started.",
                    "component", "worker")  # fmt: skip
UPTIME = gauge("stack_celery_worker_uptime_seconds", "How long a worker has been running.", "component", "worker")
BUSY = gauge("stack_celery_pool_busy_ratio", "Active tasks, of those that all workers can run at a time.", "component")
MESSAGES = gauge(
    "stack_celery_queue_messages",
    "Messages of a queue, over all priorities: ready, or unacknowledged, which Redis keeps for all queues together and "
    "so without a name, and RabbitMQ tells only by its management API (the kind rabbitmq).",
    "component",
    "queue",
    "state",
)
CONSUMERS = gauge("stack_celery_queue_consumers", "Workers that take from a queue.", "component", "queue")
OLDEST = gauge(
    "stack_celery_unacknowledged_oldest_age_seconds",
    "How long the oldest unacknowledged message has been with a worker (Redis).",
    "component",
)
STUCK = gauge("stack_celery_tasks_stuck", "Tasks that have been active for longer than stuck_after.", "component")
LONGEST = gauge(
    "stack_celery_task_active_longest_seconds", "How long the task has been active that has been so longest.",
    "component",
)  # fmt: skip
WITHOUT_EVENTS = gauge(
    "stack_celery_workers_without_events",
    "Workers that ran tasks and sent no event of them: they were started without -E.",
    "component",
)

MOST = 1000
"""Workers that have series of their own, and that are remembered."""
PATIENCE = 5
"""Rounds for which a worker that answers no more is waited for where the broker does not tell who listens."""
_EPOCH = 1e9
"""Celery before 4 gives times on a clock of the worker's own, which are smaller."""


@dataclass(slots=True)
class Crew:
    """The workers of one component over its rounds."""

    seen: dict[str, float] = field(default_factory=dict)
    """When each answered last, on time.monotonic's clock."""
    missed: dict[str, int] = field(default_factory=dict)
    """Rounds in a row that each has not answered in."""
    processed: dict[str, int] = field(default_factory=dict)
    """What each had begun when events began to be followed."""
    ran: set[str] = field(default_factory=set)
    """Those that have begun tasks since, as of the round before."""
    beats: dict[str, int] = field(default_factory=dict)
    """How often each had begun the beat's task, as of the round before."""

    def awaited(self) -> list[str]:
        """Those that are worth waiting for."""
        return [name for name, rounds in self.missed.items() if rounds < PATIENCE]

    def note(self, answers: Answers, forget: float, now: float) -> None:
        """Take in who answered; forget who has not for long."""
        for name in answers.workers:
            if name in self.seen or len(self.seen) < MOST:
                self.seen[name] = now
        for name, at in tuple(self.seen.items()):
            self.missed[name] = 0 if name in answers.workers else self.missed.get(name, 0) + 1
            if now - at > forget:
                for table in (self.seen, self.missed, self.processed, self.beats):
                    table.pop(name, None)
                self.ran.discard(name)

    def unfollowed(self) -> None:
        """Events are not followed: whose are missing is found out anew."""
        self.processed.clear()
        self.ran.clear()

    def mute(self, answers: Answers, senders: set[str]) -> list[str]:
        """Workers that ran tasks of which no event came. A round's delay: the event may be on its way."""
        ran = self.ran - senders
        for name, worker in answers.workers.items():
            if worker.processed is not None and name in self.seen:
                count = sum(worker.processed.values())
                if count > self.processed.setdefault(name, count):
                    self.ran.add(name)
        return sorted(ran & answers.workers.keys())

    def beaten(self, answers: Answers, task: str) -> bool:
        """Whether any worker has begun the task once more than in the round before."""
        found = False
        for name, worker in answers.workers.items():
            if worker.processed is not None and name in self.seen:
                count = worker.processed.get(task, 0)
                found |= count > self.beats.get(name, count)
                self.beats[name] = count
        return found


def missing(expected: Sequence[str], answers: Answers) -> list[str]:
    """The names and patterns that no worker has."""
    return [name for name in expected if not any(fnmatchcase(worker, name) for worker in answers.workers)]


def report(crew: Crew, expected: Sequence[str], answers: Answers, out: Readings) -> None:
    """Who is up, and what they have in hand."""
    out.set(WORKERS, answers.pings)
    names = {*crew.seen, *(name for name in expected if not any(letter in name for letter in "*?["))}
    for name in names:
        out.set(UP, name in answers.workers, name)
    active = pool = 0
    for name, worker in answers.workers.items():
        if name in names:
            _report(name, worker, out)
        if worker.pool and worker.active is not None:
            active, pool = active + len(worker.active), pool + worker.pool
    if pool:
        out.set(BUSY, active / pool)


def _report(name: str, worker: Worker, out: Readings) -> None:
    for metric, value in ((POOL, worker.pool), (UPTIME, worker.uptime)):
        if value is not None:
            out.set(metric, value, name)
    if worker.processed is not None:
        out.set(PROCESSED, sum(worker.processed.values()), name)
    active = None if worker.active is None else len(worker.active)
    for state, count in (("active", active), ("reserved", worker.reserved), ("scheduled", worker.scheduled)):
        if count is not None:
            out.set(HELD, count, name, state)


def stuck(answers: Answers, after: float, out: Readings) -> list[tuple[float, str, Task]]:
    """Tasks that have been active for longer than `after`, the longest first: for how long, where, and which."""
    now = time.time()
    told = [(name, worker.active) for name, worker in answers.workers.items() if worker.active is not None]
    ages = [
        (max(0.0, now - task.time_start), name, task)
        for name, tasks in told
        for task in tasks
        if task.time_start is not None and task.time_start > _EPOCH
    ]
    ages.sort(key=lambda each: -each[0])
    found = [each for each in ages if each[0] > after]
    if told:
        out.set(STUCK, len(found))
        out.set(LONGEST, ages[0][0] if ages else 0.0)
    return found


def queues(backlog: Backlog, out: Readings) -> None:
    for queue, ready in backlog.ready.items():
        out.set(MESSAGES, ready, queue, "ready")
    if backlog.unacknowledged is not None:
        out.set(MESSAGES, backlog.unacknowledged, "", "unacknowledged")
        if backlog.oldest is not None or not backlog.unacknowledged:
            out.set(OLDEST, max(0.0, time.time() - backlog.oldest) if backlog.oldest else 0.0)


def unconsumed(backlog: Backlog, answers: Answers, out: Readings) -> list[str]:
    """Queues in which messages wait and from which no worker takes."""
    if not answers.workers or any(worker.queues is None for worker in answers.workers.values()):
        return []
    consumers = {queue: sum(queue in (w.queues or ()) for w in answers.workers.values()) for queue in backlog.ready}
    for queue, count in consumers.items():
        out.set(CONSUMERS, count, queue)
    return [queue for queue, count in consumers.items() if not count and backlog.ready[queue]]
