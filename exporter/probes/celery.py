"""Do Celery's workers answer, how much waits for them, what are they at, and how do their tasks fare?"""

import time
import uuid
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from exporter.probe import Down, Probe, Readings, Signal
from exporter.probes import (
    _celery_connect,
    _celery_control,
    _celery_events,
    _celery_url,
    _celery_verdict,
    _celery_workers,
    _net,
    _tls,
)
from exporter.probes._amqp import Malformed
from exporter.probes._celery_broker import Names, Session, Stream
from exporter.probes._celery_control import Answers
from exporter.probes._celery_events import Tally
from exporter.probes._celery_follow import Follower
from exporter.probes._celery_url import Target
from exporter.probes._celery_verdict import Demands, Memory
from exporter.probes._tls import TLS
from exporter.redact import quoted
from exporter.values import Duration, Secret

Texts = Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(max_length=200)]
Setting = Annotated[str, Meta(min_length=1)]
_RESERVE = 0.1
"""Part of a run's time that is kept from waiting for workers, so as to say who is missing."""
_NAME = 200
"""Bytes of a name of the application's: AMQP has 255, and Celery puts others before and after it."""
_QUIET = 3
"""Looks that find nothing, after which a broker that does not count its listeners has no more answers."""


class Beat(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """How one tells that the beat runs: it says nothing of itself."""

    task: Annotated[str, Meta(min_length=1, description="Name of a task that it sends.", examples=["app.tick"])]
    within: Annotated[Duration, Meta(description="How long at most it may be until it is seen again.", examples=["2m"])]


class Celery(Probe, kw_only=True, frozen=True):
    """Each run is one new connection to the broker. Events are followed on one of their own, by a watch."""

    reasons: ClassVar[Mapping[str, str]] = {
        **_net.REASONS,
        **_tls.REASONS,
        "auth": "The broker wants a password, or refuses the one it was given.",
        "permission": "The user may not do something that Celery's clients do.",
        "no_vhost": "The broker has no virtual host, or no database, of that name.",
        "too_many_connections": "The broker takes no more connections.",
        "loading": "The broker, a Redis, is loading its data.",
        "read_only": "The broker, a Redis, is a replica that takes no messages.",
        "out_of_memory": "The broker, a Redis, takes no messages because maxmemory is reached.",
        "blocked": "The broker, a RabbitMQ, takes no messages because of an alarm: memory or disk.",
        "protocol": "What answers does not keep to the broker's protocol.",
        "server_error": "The broker answered with another error, which the detail quotes.",
        "no_worker": "The broker is well, and no worker answers.",
        "worker_missing": "Workers answer, but not all that are expected.",
        "queue_missing": "The broker, a RabbitMQ, has no queue of a name that is configured.",
        "no_consumer": "Messages wait in a queue that no worker takes from.",
        "stuck": "A task has been active for longer than stuck_after.",
        "beat_missing": "The beat's task has not been seen for longer than it should.",
        "no_events": "Tasks ran and no event of them came, though events_required is set.",
        "serializer": "Workers answer in another form than JSON, so who they are is unknown.",
    }
    signals: ClassVar[tuple[Signal, ...]] = (
        Signal("workers", _celery_workers.WORKERS, "number", "Workers that answer.", direction="below"),
        Signal("queue", _celery_workers.MESSAGES, "number", "Messages of a queue, ready or unacknowledged."),
        Signal("busy", _celery_workers.BUSY, "ratio", "Active tasks, of those that can run at a time."),
        Signal("active", _celery_workers.LONGEST, "seconds", "How long the longest task has been active."),
        Signal("unacknowledged", _celery_workers.OLDEST, "seconds", "Age of the oldest unacknowledged message."),
        Signal("beat", _celery_verdict.BEAT_AGE, "seconds", "Time since the beat's task was seen."),
        Signal("queue_wait", _celery_events.QUEUE_WAIT, "seconds", "Time from sent to started.", statistic="p95"),
        Signal("task", _celery_events.DURATION, "seconds", "How long tasks run.", statistic="p95"),
        _tls.expiry(_celery_connect.CERTIFICATE_REMAINING),
    )
    example: ClassVar[str] = """\
url: ${CELERY_BROKER_URL}
queues: [celery, mails]
beat: {task: shop.tasks.heartbeat, within: 5m}
"""
    slow: ClassVar[float | None] = 10.0
    # A worker that does not answer is waited for, which is no slowness of the broker.
    latency: ClassVar[tuple[float | None, float | None]] = (3.0, 8.0)

    url: Annotated[
        Secret,
        Meta(
            description="The broker as CELERY_BROKER_URL has it: redis, rediss, redis+socket, amqp, pyamqp or amqps. "
            "Of several, separated by semicolons, one is asked until it fails, and then the next.",
            examples=["redis://broker:6379/0"],
        ),
    ]
    tls: Annotated[TLS | None, Meta(description="How to do TLS with rediss or amqps.")] = None
    queues: Annotated[Texts, Meta(description="Queues whose length is read.")] = ("celery",)
    workers: Annotated[
        Texts, Meta(description="Workers that there should be: names, or patterns such as celery@*, of one at least.")
    ] = ()
    min_workers: Annotated[int, Meta(ge=0, description="How many workers there should be at least.")] = 1
    answer_within: Annotated[
        Duration,
        Meta(
            description="How long a run waits for workers that do not answer. Those of the pool solo answer only "
            "between tasks, and without worker_enable_remote_control none does."
        ),
    ] = 2.0
    forget_after: Annotated[
        Duration, Meta(description="From when on a worker that is gone has no series any more.")
    ] = 600.0
    inspect: Annotated[bool, Meta(description="Ask workers what they are at; without it they are only pinged.")] = True
    stuck_after: Annotated[Duration, Meta(description="From when on a task that is active is stuck.")] = 3600.0
    events: Annotated[bool, Meta(description="Follow the events of tasks; workers send them when run with -E.")] = True
    events_required: Annotated[
        bool, Meta(description="Whether it is a fault that tasks run and no events come; else it is only a reading.")
    ] = False
    events_per_second: Annotated[int, Meta(ge=1, description="Events above this rate are dropped, and counted.")] = 2000
    task_names: Annotated[
        int, Meta(ge=1, le=150, description="Names of tasks that have series; the others share one.")
    ] = 100
    beat: Annotated[Beat | None, Meta(description="How one tells that the beat runs.")] = None
    priority_steps: Annotated[
        tuple[Annotated[int, Meta(ge=0, le=255)], ...],
        Meta(min_length=1, max_length=256, description="priority_steps of the broker_transport_options (Redis)."),
    ] = (0, 3, 6, 9)
    key_prefix: Annotated[str, Meta(description="global_keyprefix of the broker_transport_options (Redis).")] = ""
    fanout_prefix: Annotated[
        str, Meta(description="fanout_prefix of the broker_transport_options (Redis); empty where it is off.")
    ] = "/{db}."
    control_exchange: Annotated[Setting, Meta(description="Celery's setting control_exchange.")] = "celery"
    event_exchange: Annotated[Setting, Meta(description="Celery's setting event_exchange.")] = "celeryev"

    def __post_init__(self) -> None:
        targets = _celery_url.parse(self.url.reveal())
        if self.tls and not all(target.encrypted for target in targets):
            raise ValueError("tls needs a URL with rediss or amqps")
        for target in targets:
            if target.ca_file:
                TLS(ca_file=target.ca_file)
        named = {
            "queues": self.queues,
            "control_exchange": [self.control_exchange],
            "event_exchange": [self.event_exchange],
        }
        for key, names in named.items():
            if any(len(name.encode(errors="replace")) > _NAME for name in names):
                raise ValueError(f"{key}: a name has {_NAME} bytes at most")
        if self.events_required and not self.events:
            raise ValueError("events_required needs events")

    @cached_property
    def _targets(self) -> tuple[Target, ...]:
        return _celery_url.parse(self.url.reveal())

    @property
    def _target(self) -> Target:
        return self._targets[self._memory.chosen % len(self._targets)]

    @cached_property
    def _memory(self) -> Memory:
        return Memory(Follower(Tally(self.task_names, self.events_per_second, self._demands.beat)))

    @cached_property
    def _demands(self) -> Demands:
        return Demands(
            self.workers,
            self.min_workers,
            self.answer_within,
            self.forget_after,
            self.stuck_after,
            self.beat.task if self.beat else "",
            self.beat.within if self.beat else 0.0,
            self.events,
            self.events_required,
        )

    def _names(self, target: Target) -> Names:
        db = getattr(target, "db", 0)
        fanout = self.fanout_prefix.replace("{db}", str(db))
        steps = tuple(sorted(set(self.priority_steps)))
        return Names(self.control_exchange, self.event_exchange, self.key_prefix, fanout, steps)

    def _quote(self, said: str) -> str:
        return quoted(said, self)

    async def run(self, out: Readings) -> None:
        memory, target = self._memory, self._target
        tls = self.tls or _celery_url.tls(target)
        reached = False
        try:
            session = await _celery_connect.session(out, target, tls, self._names(target), self._quote)
            try:
                with out.phase("queues"):
                    backlog = await session.backlog(self.queues)
                _celery_workers.queues(backlog, out)
                answers = await self._ask(session, out)
            finally:
                session.close()
            reached = True
        except Malformed as error:
            raise Down("protocol", f"{target.where}: {error}") from None
        finally:
            memory.chosen += not reached  # the next run tries the next of several
            memory.follower.reached(reached)
        _celery_verdict.judge(self._demands, memory, target.where, backlog, answers, self._quote, out)

    async def _ask(self, session: Session, out: Readings) -> Answers:
        memory = self._memory
        answers = Answers(uuid.uuid4().hex, _celery_control.ALL if self.inspect else _celery_control.PING)
        requests = [
            _celery_control.request(method, answers.round_, self.control_exchange, memory.inbox)
            for method in answers.methods
        ]
        with out.phase("workers"):
            listeners = await session.ask(requests, memory.inbox)
            now = time.monotonic()
            end = min(now + self.answer_within, out.deadline - _RESERVE * (out.deadline - now))
            quiet = 0
            while listeners != 0 and time.monotonic() < end:
                came = await session.answers()
                for answer in came:
                    answers.take(*answer)
                quiet = 0 if came else quiet + 1
                if answers.complete(listeners, memory.crew.awaited()) and (listeners is not None or quiet >= _QUIET):
                    break
        with out.phase("leave"):
            await session.leave()
        return answers

    async def watch(self, out: Readings) -> None:
        if not self.events:
            return

        async def connect() -> Stream:
            target = self._target
            tls = self.tls or _celery_url.tls(target)
            try:
                return await _celery_connect.stream(out, target, tls, self._names(target), self._quote)
            finally:
                out.phases.clear()  # they are of a run, and here would be ever more

        await self._memory.follower.follow(connect, out)
