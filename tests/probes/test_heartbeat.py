"""Jobs that report, late, failed, never, too long, twice at once; on a clock that the tests turn."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from exporter.probe import Result
from exporter.probes.heartbeat import Heartbeat
from tests import probing
from tests.probing import Memory, component, readings

TOKEN = "a-token-of-the-job"
MIDNIGHT = datetime(2026, 3, 27, tzinfo=UTC).timestamp()


class Job:
    """A component and the clock, which stands still until it is turned."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, memory: Memory | None = None, **fields: Any) -> None:
        self.now = MIDNIGHT
        self.memory = memory or Memory()
        self.component = component("heartbeat", token=TOKEN, **(fields or {"every": "1h"}))
        monkeypatch.setattr(time, "time", lambda: self.now)
        self.run()

    def run(self) -> Result:
        import asyncio

        from exporter.run import run_once

        return asyncio.run(run_once(self.component, self.memory, self.memory))

    def tell(self, **told: str) -> None:
        self.component.probe.hear(probing.out(self.memory), told)

    def after(self, seconds: float, **told: str) -> Result:
        self.now += seconds
        if told:
            self.tell(**told)
        return self.run()


REASONS: dict[str, Callable[[Job], Result]] = {
    "missed": lambda job: job.after(3600 + 301),
    "failed": lambda job: job.after(10, state="failure"),
    "overrun": lambda job: (job.tell(state="start"), job.after(601))[1],
}
DOWN = {"missed", "failed"}


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_is_provoked(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(monkeypatch, every="1h", max_duration="10m")
    result = REASONS[reason](job)
    assert (result.outcome, result.reason) == ("unhealthy" if reason in DOWN else "degraded", reason), result.detail
    assert result.detail
    assert job.after(1, state="success").outcome == "healthy"


def test_the_table_has_every_reason() -> None:
    assert set(REASONS) == set(Heartbeat.reasons)


def test_a_report_sets_the_times_the_durations_and_the_counters(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(monkeypatch)
    job.after(10, state="start")
    assert readings(job.after(30))["stack_heartbeat_running_seconds"] == 30.0
    result = job.after(60, state="success")
    assert (result.outcome, readings(result)) == (
        "healthy",
        {
            "stack_heartbeat_due_timestamp_seconds": MIDNIGHT + 100 + 3600,
            "stack_heartbeat_late_seconds": 0.0,
            'stack_heartbeat_last_timestamp_seconds{state="start"}': MIDNIGHT + 10,
            'stack_heartbeat_last_timestamp_seconds{state="success"}': MIDNIGHT + 100,
            "stack_heartbeat_last_duration_seconds": 90.0,
            "stack_heartbeat_running_seconds": 0.0,
        },
    )
    assert job.memory.counts == {
        ("stack_heartbeat_missed_total", ()): 0,
        ("stack_heartbeat_reports_total", ("start",)): 1,
        ("stack_heartbeat_reports_total", ("success",)): 1,
        ("stack_heartbeat_reports_total", ("failure",)): 0,
    }
    assert job.memory.observations == {("stack_heartbeat_duration_seconds", ()): [90.0]}


def test_lateness_is_read_at_once_and_down_after_the_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(monkeypatch)
    late = job.after(3600 + 299)
    assert (late.outcome, readings(late)["stack_heartbeat_late_seconds"]) == ("healthy", 299.0)
    missed = job.after(2)
    assert (missed.reason, missed.detail) == ("missed", "a report was due 5 min ago; none has ever come")


def test_each_time_that_was_missed_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(monkeypatch)
    job.after(10 * 3600)
    job.after(600)
    assert job.memory.counts["stack_heartbeat_missed_total", ()] == 10
    job.after(1, state="success")
    assert job.after(3600).up
    assert job.memory.counts["stack_heartbeat_missed_total", ()] == 10


def test_cron_names_the_times_in_its_zone_also_where_the_clock_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(monkeypatch, cron="30 2 * * *", timezone="Europe/Paris", grace="10m")

    def due() -> str:
        value = readings(job.run())["stack_heartbeat_due_timestamp_seconds"]
        return datetime.fromtimestamp(value, UTC).strftime("%d %H:%M")

    assert due() == "27 01:30"  # 02:30 in Paris, an hour ahead
    job.after(90 * 60 - 5, state="success")  # five seconds early, by a clock that is ahead
    assert due() == "28 01:30"
    assert job.after(86400 + 11 * 60).reason == "missed"
    job.after(1, state="success")
    assert due() == "29 01:00"  # there is no 02:30 on the 29th: the clock goes from 02:00 to 03:00


def test_what_fell_due_while_nobody_listened_has_its_grace_and_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    Job(monkeypatch, memory).tell(state="success")
    later = Job(monkeypatch, memory)
    later.component = component("heartbeat", token=TOKEN, every="1h")
    later.now = MIDNIGHT + 20_000
    assert later.run().up
    assert later.after(299).up
    assert later.after(2).reason == "missed"
    assert memory.counts["stack_heartbeat_missed_total", ()] == 0
    assert later.after(3600).reason == "missed"
    assert memory.counts["stack_heartbeat_missed_total", ()] == 1


@pytest.mark.parametrize("due", [{"cron": "* * * * *"}, {"every": "1s"}])
def test_a_month_without_a_daemon_is_skipped_and_not_counted_through(
    due: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(monkeypatch, grace="10s", **due)
    again = Job(monkeypatch, job.memory, grace="10s", **due)
    again.now = MIDNIGHT + 30 * 86400
    vars(again.component.probe)["_began"] = again.now - 0.5
    assert again.run().outcome == "healthy"
    began = time.perf_counter()
    assert again.after(11).reason == "missed"
    assert time.perf_counter() - began < 0.2
    assert again.memory.counts["stack_heartbeat_missed_total", ()] == 1


def test_a_clock_that_was_ahead_puts_nothing_off(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(monkeypatch)
    job.after(400 * 86400, state="success")
    assert job.after(-400 * 86400).outcome == "healthy"
    assert job.after(3600 + 301).reason == "missed"


def test_runs_that_overlap_are_told_apart_by_their_name_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(monkeypatch)
    job.tell(state="start", run="a")
    job.after(5, state="start", run="b")
    job.after(5, state="success", run="a")
    assert job.memory.observations == {("stack_heartbeat_duration_seconds", ()): [10.0]}
    assert readings(job.after(1))["stack_heartbeat_running_seconds"] == 6.0
    for number in range(40):
        job.tell(state="start", run=str(number))
    assert len(job.memory.kept["state"]["runs"]) == 16


def test_an_exit_status_and_a_duration_are_taken_as_the_job_says_them(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(monkeypatch)
    failed = job.after(1, exit="3", duration="7.5")
    assert (failed.reason, failed.detail) == ("failed", "the last run failed 0 s ago, with exit status 3")
    assert job.after(1, exit="0").up
    assert job.memory.observations == {("stack_heartbeat_duration_seconds", ()): [7.5]}


@pytest.mark.parametrize(
    "told,message",
    [
        ({"state": "done"}, "state is one of start, success, failure"),
        ({"status": "success"}, "unknown field 'status'"),
        ({"exit": "x"}, "exit is the job's exit status"),
        ({"exit": "--5"}, "exit is"),
        ({"exit": "0", "state": "success"}, "in place of state"),
        ({"duration": "nan"}, "duration is a number"),
        ({"duration": "soon"}, "duration is a number"),
        ({"duration": "-1"}, "duration is a number"),
    ],
)
def test_a_wrong_report_is_refused_and_changes_nothing(
    told: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(monkeypatch)
    before = dict(job.memory.kept["state"])
    with pytest.raises(ValueError, match=message):
        job.tell(**told)
    assert job.memory.kept["state"] == before


@pytest.mark.parametrize(
    "fields,message",
    [
        ({}, "says nowhere when a report is due"),
        ({"every": "1h", "cron": "0 3 * * *"}, "every and cron both say"),
        ({"every": "10ms"}, "every: is at least 1s"),
        ({"every": "1h", "max_duration": "0s"}, "max_duration: is more than 0s"),
        ({"cron": "0 25 * * *"}, "cron: bad hour; expected five fields"),
        ({"cron": "0 0 30 2 *"}, "cron: "),
        ({"cron": "daily"}, "cron: "),
        ({"cron": "0 3 * * *", "timezone": "Europe/Atlantis"}, "timezone: no such time zone"),
        ({"cron": "0 3 * * *", "timezone": "../../etc/passwd"}, "timezone: no such time zone"),
        ({"every": "1h", "token": "short"}, "token: has at least 8 characters"),
    ],
)
def test_a_bad_configuration_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        component("heartbeat", **{"token": TOKEN, **fields})


def test_a_job_that_begins_and_never_ends_is_failed_when_it_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(monkeypatch)
    assert job.after(1, state="start").up
    again = job.after(3600, state="start")
    assert (again.reason, again.detail) == ("failed", "a run began, and the one before had not ended")
    assert job.after(60, state="success").up
