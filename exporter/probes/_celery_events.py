"""The events of tasks as counts and durations; what is remembered of a task, and of how many, is bounded."""

import time
from collections import OrderedDict

import msgspec
from msgspec import Raw, Struct

from exporter.metric import counter, histogram
from exporter.probe import Readings
from exporter.probes._celery_control import JSON

BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)

TASKS = counter(
    "stack_celery_tasks_total",
    "Events by task and state: sent, received, started, succeeded, failed, timeout, retried, rejected, revoked, "
    "expired, cancelled.",
    "component",
    "task",
    "state",
)
DURATION = histogram(
    "stack_celery_task_duration_seconds",
    "How long tasks ran, by the state in which they ended: succeeded, failed, timeout, retried.",
    "component",
    "task",
    "state",
    buckets=BUCKETS,
)
QUEUE_WAIT = histogram(
    "stack_celery_task_queue_wait_seconds",
    "Time between a task being sent and a worker starting it; needs task_send_sent_event. Not of those with an ETA.",
    "component",
    "task",
    buckets=BUCKETS,
)
WORKER_WAIT = histogram(
    "stack_celery_task_worker_wait_seconds",
    "Time between a worker receiving a task and starting it. Not of those with an ETA.",
    "component",
    "task",
    buckets=BUCKETS,
)
EVENTS = counter("stack_celery_events_total", "Events of tasks that were taken in.", "component")
DROPPED = counter(
    "stack_celery_events_dropped_total",
    "Events that were not taken in: above the limit a second (flood), or not readable (malformed).",
    "component",
    "reason",
)

REMEMBERED = 20_000
"""Tasks under way that are remembered; the oldest go first. So many take 6 MB."""
ENDED = 1_000
"""Names that are remembered of tasks that have ended: another worker's event of an earlier try may come after it."""
_WORD = 200
"""Characters of a name or an id that are kept."""
_MOST_SENDERS = 5_000
_LONGEST = 1e9
OVERFLOW = "__overflow__"
UNKNOWN = "__unknown__"
"""The name of a task whose beginning was not heard."""
_STATES = {
    "task-sent": "sent",
    "task-received": "received",
    "task-started": "started",
    "task-succeeded": "succeeded",
    "task-failed": "failed",
    "task-retried": "retried",
    "task-rejected": "rejected",
    "task-revoked": "revoked",
    "task-cancelled": "cancelled",
}
_FAILURES = ("failed", "timeout")
_RAN = ("succeeded", "failed", "timeout", "retried")
_TIME_LIMITS = ("TimeLimitExceeded", "SoftTimeLimitExceeded")


class _Event(Struct):
    type: str = ""
    uuid: str = ""
    hostname: str = ""
    timestamp: float = 0.0
    name: str | None = None
    runtime: float | None = None
    exception: str | None = None
    expired: bool | None = None
    eta: Raw = Raw(b"null")


class _Under(Struct):
    """A task under way: its name, and when what happened, in Unix seconds by the clocks of those who say so."""

    name: str
    sent: float = 0.0
    received: float = 0.0
    started: float = 0.0
    waits: bool = False
    """It has an ETA: that it is not started at once is what was asked for."""


_decoder = msgspec.json.Decoder(_Event | list[_Event])


class Tally:
    """Of one component, for as long as it is configured."""

    def __init__(self, names: int, rate: float, beat: str = "") -> None:
        self._names: set[str] = set()
        self._most = names
        self._rate = rate
        self._credit = rate
        self._at = time.monotonic()
        self._beat = beat
        self._under: OrderedDict[str, _Under] = OrderedDict()
        self._ended: OrderedDict[str, str] = OrderedDict()
        self.beat: float | None = None
        """When the beat's task was heard of last, in Unix seconds by our clock."""
        self.followed: float | None = None
        """Since when events are followed without a gap, on time.monotonic's clock; None while they are not."""
        self.senders: set[str] = set()
        """Workers that have sent an event of a task since then."""

    def begin(self, now: float) -> None:
        self.followed = now
        self.senders.clear()

    def end(self) -> None:
        self.followed = None
        self._under.clear()  # what ended meanwhile was not heard

    def take(self, content_type: str, body: bytes, out: Readings, now: float) -> None:
        """One message. `now` is time.monotonic's; above the limit it costs next to nothing."""
        self._credit = min(self._rate, self._credit + (now - self._at) * self._rate)
        self._at = now
        if self._credit < 1.0:
            out.count(DROPPED, 1.0, "flood")
            return
        events = _read(content_type, body)
        self._credit -= len(events) or 1.0
        if not events:
            out.count(DROPPED, 1.0, "malformed")
        for event in events:
            if (state := _STATES.get(event.type)) is not None:
                self._count(state, event, out)

    def _count(self, state: str, event: _Event, out: Readings) -> None:
        out.count(EVENTS)
        if state != "sent" and len(self.senders) < _MOST_SENDERS:
            self.senders.add(event.hostname[:_WORD])
        under = self._known(state, event)
        if under.name == self._beat and state in ("sent", "received", "started"):
            self.beat = time.time()
        if state == "failed" and event.exception and event.exception.startswith(_TIME_LIMITS):
            state = "timeout"
        elif state == "revoked" and event.expired:
            state = "expired"
        name = self._label(under.name, out)
        out.count(TASKS, 1.0, name, state)
        at = event.timestamp
        if state == "sent":
            under.sent = at
            if under.started and at <= under.started and not under.waits:  # who started it was heard before who sent it
                out.observe(QUEUE_WAIT, _span(at, under.started), name)
        elif state == "received":
            under.received, under.started = at, 0.0
        elif state == "started":
            under.started = at
            if not under.waits and under.sent:
                out.observe(QUEUE_WAIT, _span(under.sent, at), name)
            if not under.waits and under.received:
                out.observe(WORKER_WAIT, _span(under.received, at), name)
        else:
            if state in _RAN and (event.runtime is not None or under.started):
                ran = _span(under.started, at) if event.runtime is None else _span(0.0, event.runtime)
                out.observe(DURATION, ran, name, state)
            if state == "retried":  # it comes again by the same id, and may have been sent again before this
                under.sent = under.sent if under.sent > under.started else 0.0
            else:
                self._under.pop(event.uuid[:_WORD], None)
                self._ended[event.uuid[:_WORD]] = under.name
                if len(self._ended) > ENDED:
                    self._ended.popitem(last=False)

    def _known(self, state: str, event: _Event) -> _Under:
        key = event.uuid[:_WORD]
        under = self._under.get(key)
        if under is None:
            under = _Under(event.name[:_WORD] if event.name else self._ended.get(key, UNKNOWN))
            self._under[key] = under
            if len(self._under) > REMEMBERED:
                self._under.popitem(last=False)
        elif event.name and under.name == UNKNOWN:
            under.name = event.name[:_WORD]
        if state == "received":
            under.waits = bytes(event.eta) != b"null"
        return under

    def _label(self, name: str, out: Readings) -> str:
        if name in self._names:
            return name
        if len(self._names) >= self._most:
            return OVERFLOW
        self._names.add(name)
        for state in _FAILURES:  # from 0, as an increase from nothing to 1 is none to Prometheus
            out.count(TASKS, 0.0, name, state)
        return name


def _read(content_type: str, body: bytes) -> list[_Event]:
    """The events of a message, which may be several; none when it can't be read."""
    if content_type != JSON:
        return []
    try:
        found = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    return found if isinstance(found, list) else [found]


def _span(began: float, ended: float) -> float:
    """Seconds between two times, whose clocks may differ by more."""
    return min(max(0.0, ended - began), _LONGEST)
