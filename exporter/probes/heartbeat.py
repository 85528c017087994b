"""Does a job (cron, Celery beat, a backup) report in time that it ran, that it succeeded, and how long it took?"""

import importlib.util
import math
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, Any, ClassVar
from zoneinfo import ZoneInfo

from msgspec import Meta

from exporter.metric import counter, gauge, histogram
from exporter.probe import Down, Probe, Readings, Signal
from exporter.values import Duration, Secret

REPORTS = counter("stack_heartbeat_reports_total", "Reports by state: start, success, failure.", "component", "state")
MISSED = counter("stack_heartbeat_missed_total", "Times at which a report was due and none came.", "component")
LAST = gauge(
    "stack_heartbeat_last_timestamp_seconds",
    "When the last report of a state came.",
    "component",
    "state",
)
DUE = gauge("stack_heartbeat_due_timestamp_seconds", "When the next report is due, in Unix time.", "component")
LATE = gauge("stack_heartbeat_late_seconds", "How long a report has been due; 0 when none is.", "component")
TOOK = histogram(
    "stack_heartbeat_duration_seconds",
    "How long runs of the job took, from start to success or failure.",
    "component",
    buckets=(0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 43200.0, 86400.0),
)
LAST_TOOK = gauge("stack_heartbeat_last_duration_seconds", "How long the job's last run took.", "component")
RUNNING = gauge("stack_heartbeat_running_seconds", "How long the oldest run under way takes; 0 for none.", "component")

STATES = ("start", "success", "failure")
MOST_RUNS = 16
"""Runs under way at once; the oldest is forgotten for one more."""
EARLY = 30.0
"""Seconds by which a report may precede the time that cron names: the job's clock may be ahead of ours."""
_CATCH_UP = 1000
"""Times that are counted as missed in one run, in 50 ms: after a machine slept for weeks the next ones go on."""
_DAY = 86400.0
_STATUS = re.compile(r"-?[0-9]{1,10}")


class Heartbeat(Probe, kw_only=True, frozen=True):
    """Until a first report is due, a job that never reported counts as healthy."""

    reasons: ClassVar[Mapping[str, str]] = {
        "missed": "A report was due, its grace has passed, and none came.",
        "failed": "The job reported that its last run failed, or began again although the one before had not ended.",
        "overrun": "A run has been under way for longer than max_duration.",
    }
    signals: ClassVar[tuple[Signal, ...]] = (
        Signal("late", LATE, "seconds", "How long a report has been due."),
        Signal("duration", LAST_TOOK, "seconds", "How long the last run took."),
        Signal("running", RUNNING, "seconds", "How long a run has been under way."),
    )
    example: ClassVar[str] = """\
token: ${BACKUP_TOKEN}
cron: 0 3 * * *
timezone: Europe/Paris
grace: 30m
"""
    drivers: ClassVar[tuple[str, ...]] = ("cronsim",)

    token: Annotated[
        Secret,
        Meta(
            description="What the job shows: curl -H 'Authorization: Bearer TOKEN', or curl -u :TOKEN.",
            examples=["${BACKUP_TOKEN}"],
        ),
    ]
    every: Annotated[Duration | None, Meta(description="A report is due this long after the one before.")] = None
    cron: Annotated[str, Meta(description="Or: when one is due, in cron's five fields, such as 0 3 * * *.")] = ""
    timezone: Annotated[str, Meta(description="Time zone of cron, such as Europe/Paris.")] = "UTC"
    grace: Annotated[Duration, Meta(description="How late a report may be before it counts as missed.")] = 300.0
    max_duration: Annotated[Duration | None, Meta(description="How long a run may take.")] = None

    def __post_init__(self) -> None:
        if len(self.token.reveal()) < 8:
            raise ValueError("token: has at least 8 characters")
        if self.every is None and not self.cron:
            raise ValueError("says nowhere when a report is due: give every, such as 24h, or cron, such as 0 3 * * *")
        if self.every is not None and self.cron:
            raise ValueError("every and cron both say when a report is due: give one of them")
        if self.every is not None and self.every < 1:
            raise ValueError("every: is at least 1s")
        if self.max_duration is not None and self.max_duration <= 0:
            raise ValueError("max_duration: is more than 0s")
        try:
            ZoneInfo(self.timezone)
        except (ValueError, OSError, KeyError):  # of which ZoneInfoNotFoundError is one
            raise ValueError("timezone: no such time zone; expected a name such as Europe/Paris") from None
        if self.cron and importlib.util.find_spec("cronsim"):  # what is missing, the configuration says by itself
            self._next(time.time())

    async def run(self, out: Readings) -> None:
        now = time.time()
        kept = self._kept(out)
        late = self._next(kept["seen"])
        due, missed = self._next(kept["counted"]), 0
        # What fell due while nobody could hear has its grace from when somebody could again, and is not counted.
        if due < self._began and self._began + self.grace < now:
            kept["counted"], due = due, self._first(due)
        for _ in range(_CATCH_UP):
            if max(due, self._began) + self.grace >= now:
                break
            kept["counted"], missed = due, missed + 1
            due = self._next(due)
        if kept["counted"] > kept["seen"]:
            out.keep("state", kept)
        out.count(MISSED, missed)
        out.set(DUE, due if late > now else late)
        out.set(LATE, max(0.0, now - late))
        for state in STATES:
            out.count(REPORTS, 0, state)  # a counter that is born at 1 has no increase
            if state in kept["last"]:
                out.set(LAST, kept["last"][state], state)
        if kept["took"] is not None:
            out.set(LAST_TOOK, kept["took"])
        running = max((now - began for began in kept["runs"].values()), default=0.0)
        out.set(RUNNING, max(0.0, running))
        if kept["counted"] > kept["seen"]:
            raise Down("missed", f"a report was due {_ago(now - late)} ago; {_last(kept['last'], now)}")
        if kept["failed"]:
            raise Down("failed", kept["failed"].replace("AGO", _ago(now - kept["last"].get("failure", now))))
        if self.max_duration is not None and running > self.max_duration:
            out.degraded("overrun", f"a run has been under way for {_ago(running)}")

    def hear(self, out: Readings, told: Mapping[str, str]) -> None:
        """A report: `state` is start, success (the default) or failure; or `exit` is the job's status, 0 for success.

        `run` tells runs apart that overlap; `duration`, in seconds, is how long it took where no start was reported.
        """
        state, run, took, status = _report(told)
        now = time.time()
        kept = self._kept(out)
        if state == "start":
            if kept["runs"].pop(run, None) is not None:
                kept["failed"] = "a run began, and the one before had not ended"
            kept["runs"][run] = now
            while len(kept["runs"]) > MOST_RUNS:
                del kept["runs"][next(iter(kept["runs"]))]
        else:
            began = kept["runs"].pop(run, None)
            if took is None and began is not None:
                took = max(0.0, now - began)
            if took is not None:
                kept["took"] = took
                out.observe(TOOK, took)
            kept["failed"] = f"the last run failed AGO ago{status}" if state == "failure" else ""
        kept["last"][state] = now
        kept["seen"] = kept["counted"] = now
        out.count(REPORTS, 1, state)
        out.keep("state", kept)

    def _kept(self, out: Readings) -> dict[str, Any]:
        """What is known of the job: a copy, as what is kept must not change under the store's hands."""
        kept = out.kept("state")
        if kept is None:
            now = time.time()
            kept = {"seen": now, "counted": now, "last": {}, "runs": {}, "took": None, "failed": ""}
            out.keep("state", kept)
        if kept["seen"] > (now := time.time()):  # the clock was ahead: what is due must not be put off for as long
            kept = {**kept, "seen": now, "counted": now}
            out.keep("state", kept)
        return {**kept, "last": dict(kept["last"]), "runs": dict(kept["runs"])}

    def _next(self, after: float) -> float:
        """When a report is due after one at `after`. Raises ValueError for what is no cron expression."""
        if self.every is not None:
            return after + self.every
        from cronsim import CronSim, CronSimError  # noqa: PLC0415 - for those who write cron alone

        try:
            start = datetime.fromtimestamp(after + EARLY, UTC).astimezone(ZoneInfo(self.timezone))
            return float(next(CronSim(self.cron, start)).timestamp())
        except CronSimError as error:
            raise ValueError(f"cron: {str(error).lower()}; expected five fields, such as 0 3 * * *") from None
        except StopIteration:
            raise ValueError("cron: names no time within 50 years") from None

    def _first(self, due: float) -> float:
        """Of the times that follow `due` the first within this process's life; they may be many."""
        if self.every is not None:
            return due + self.every * math.ceil((self._began - due) / self.every)
        return self._next(self._began - EARLY - 1)

    @cached_property
    def _began(self) -> float:
        """Since when this process could hear."""
        return time.time()


def _report(told: Mapping[str, str]) -> tuple[str, str, float | None, str]:
    """State, run, duration, and the exit status in words. Raises ValueError, for whoever reports."""
    if unknown := sorted(set(told) - {"state", "exit", "run", "duration"}):
        raise ValueError(f"unknown field {unknown[0][:40]!r}: a report has state or exit, run, duration")
    state = told.get("state", "success")
    if "exit" in told:
        if "state" in told or not _STATUS.fullmatch(told["exit"]):
            raise ValueError("exit is the job's exit status, in place of state")
        state = "failure" if int(told["exit"]) else "success"
    if state not in STATES:
        raise ValueError(f"state is one of {', '.join(STATES)}")
    took = None
    if "duration" in told:
        try:
            took = float(told["duration"])
        except ValueError:
            took = -1.0
        if not 0 <= took < 3650 * _DAY:
            raise ValueError("duration is a number of seconds")
    status = f", with exit status {int(told['exit'])}" if "exit" in told else ""
    return state, told.get("run", ""), took, status


def _last(last: Mapping[str, float], now: float) -> str:
    if not last:
        return "none has ever come"
    state = max(last, key=lambda each: last[each])
    return f"the last one, {state}, came {_ago(now - last[state])} ago"


def _ago(seconds: float) -> str:
    for unit, size in (("d", _DAY), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0.0):.0f} s"
