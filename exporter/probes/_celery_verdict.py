"""What a round amounts to: its readings, and what is amiss as reasons, the worst first."""

import time
import uuid
from dataclasses import dataclass, field

from exporter.metric import gauge
from exporter.probe import Down, Readings
from exporter.probes import _celery_workers
from exporter.probes._celery_broker import Backlog, Quote
from exporter.probes._celery_control import Answers
from exporter.probes._celery_follow import Follower
from exporter.probes._celery_workers import Crew

BEAT_SEEN = gauge(
    "stack_celery_beat_last_seen_timestamp_seconds", "When the beat's task was seen last, in Unix time.", "component"
)
BEAT_AGE = gauge("stack_celery_beat_age_seconds", "Time since the beat's task was seen last.", "component")

_BEAT = "beat"
_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Demands:
    """What the configuration expects; an empty beat is none."""

    workers: tuple[str, ...]
    min_workers: int
    answer_within: float
    forget_after: float
    stuck_after: float
    beat: str
    beat_within: float
    events: bool
    events_required: bool

    @property
    def number(self) -> int:
        return max(self.min_workers, len(self.workers))


@dataclass(slots=True)
class Memory:
    """What one component keeps from one round to the next."""

    follower: Follower
    crew: Crew = field(default_factory=Crew)
    inbox: str = field(default_factory=lambda: str(uuid.uuid4()))
    """Where workers send their answers: always the same, so that what a cut-off round left is found by the next."""
    chosen: int = 0
    """Which of several brokers is asked."""
    beat: float = 0.0
    began: float = field(default_factory=time.time)


def judge(
    demands: Demands, memory: Memory, where: str, backlog: Backlog, answers: Answers, quote: Quote, out: Readings
) -> None:
    """Raises Down."""
    memory.crew.note(answers, demands.forget_after, time.monotonic())
    out.set(_celery_workers.EXPECTED, demands.number)
    _celery_workers.report(memory.crew, demands.workers, answers, out)
    stuck = _celery_workers.stuck(answers, demands.stuck_after, out)
    unconsumed = _celery_workers.unconsumed(backlog, answers, out)
    late = _late(demands, memory, answers, out)
    eventless = _eventless(demands, memory, answers, out)
    missing = _celery_workers.missing(demands.workers, answers)
    if not answers.pings and demands.number:
        wanted = f", not {', '.join(missing)[:_SHOWN]}" if missing else ""
        raise Down("no_worker", f"{where} is well, and no worker answered{wanted}")
    if answers.foreign:
        out.degraded("serializer", f"workers answer in {quote(answers.foreign)}, not in JSON")
    elif missing or answers.pings < demands.min_workers:
        named = f", not {', '.join(missing)[:_SHOWN]}" if missing else ""
        out.degraded("worker_missing", f"{answers.pings} of {demands.number} workers answered{named}")
    if backlog.lacking:
        out.degraded("queue_missing", f"{where} has no queue {', '.join(backlog.lacking)[:_SHOWN]}")
    if unconsumed:
        queue = unconsumed[0]
        out.degraded("no_consumer", f"{backlog.ready[queue]} messages wait in {queue[:80]}, which no worker takes from")
    if stuck:
        seconds, worker, task = stuck[0]
        at = f"{quote(task.name)[:80]} for {seconds:.0f} s on {quote(worker)[:60]}"
        out.degraded("stuck", at if len(stuck) == 1 else f"{len(stuck)} tasks, the longest {at}")
    if late:
        out.degraded("beat_missing", late)
    if eventless and demands.events_required:
        out.degraded("no_events", eventless)


def _late(demands: Demands, memory: Memory, answers: Answers, out: Readings) -> str:
    """Of the beat: what to say when it is late, else ''."""
    if not demands.beat:
        return ""
    now, tally, kept = time.time(), memory.follower.tally, out.kept(_BEAT)
    # Workers count what they begin, without events too; but that tells no better than to a round when it was.
    if memory.crew.beaten(answers, demands.beat) and (tally.beat is None or tally.followed is None):
        memory.beat = now
    seen = min(now, max(memory.beat, tally.beat or 0.0, kept if isinstance(kept, int | float) else 0.0))
    if seen:
        out.set(BEAT_SEEN, seen)
        out.set(BEAT_AGE, now - seen)
        if seen != kept:
            out.keep(_BEAT, seen)
    age = now - (seen or memory.began)
    if age <= demands.beat_within:
        return ""
    return f"{demands.beat[:_SHOWN]} has not been seen for {age:.0f} s" + ("" if seen else ", and never before")


def _eventless(demands: Demands, memory: Memory, answers: Answers, out: Readings) -> str:
    """What to say when tasks run and no events of them come, else ''."""
    follower, crew = memory.follower, memory.crew
    if not demands.events:
        return ""
    if follower.tally.followed is None:
        crew.unfollowed()
        return f"events are not followed: {follower.problem[:160]}" if follower.problem else ""
    mute = crew.mute(answers, follower.tally.senders)
    out.set(_celery_workers.WITHOUT_EVENTS, len(mute))
    return f"{', '.join(mute)[:_SHOWN]} ran tasks and sent no event: run workers with -E" if mute else ""
