"""What events amount to that no worker sends on demand: out of order, several in one, cut, lying, too many."""

import json
from typing import Any

import pytest

from exporter.probes import _celery_events
from exporter.probes._celery_events import Tally
from tests import probing
from tests.probing import Memory

JSON = "application/json"
TASKS = "stack_celery_tasks_total"
DURATION = "stack_celery_task_duration_seconds"
QUEUE = "stack_celery_task_queue_wait_seconds"
WORKER = "stack_celery_task_worker_wait_seconds"


class Heard:
    def __init__(self, names: int = 10, rate: float = 1000.0, beat: str = "") -> None:
        self.memory = Memory()
        self.out = probing.out(self.memory)
        self.tally = Tally(names, rate, beat)

    def hear(self, *events: dict[str, Any]) -> "Heard":
        for event in events:
            self.raw(json.dumps(event).encode())
        return self

    def raw(self, body: bytes, content_type: str = JSON, now: float | None = None) -> None:
        self.tally.take(content_type, body, self.out, self.tally._at if now is None else now)

    def states(self, task: str = "t") -> dict[str, float]:
        return {
            labels[1]: count
            for (name, labels), count in self.memory.counts.items()
            if name == TASKS and labels[0] == task and count
        }

    def observed(self, metric: str, *labels: str) -> list[float]:
        return self.memory.observations.get((metric, labels), [])


def event(state: str, at: float = 0.0, **more: Any) -> dict[str, Any]:
    return {"type": f"task-{state}", "uuid": "u", "hostname": "w@h", "timestamp": at, **more}


SENT = event("sent", 10.0, name="t", eta=None)
RECEIVED = event("received", 12.0, name="t", eta=None)
STARTED = event("started", 13.0)


def test_waits_and_run_times_are_the_differences_of_the_events() -> None:
    heard = Heard().hear(SENT, RECEIVED, STARTED, event("failed", 20.5, exception="ValueError('x')"))
    assert heard.states() == {"sent": 1, "received": 1, "started": 1, "failed": 1}
    assert heard.memory.observations == {
        (QUEUE, ("t",)): [3.0],
        (WORKER, ("t",)): [1.0],
        (DURATION, ("t", "failed")): [7.5],
    }


def test_a_run_time_that_the_worker_measured_goes_before_the_difference() -> None:
    heard = Heard().hear(RECEIVED, STARTED, event("succeeded", 20.0, runtime=0.25))
    assert heard.observed(DURATION, "t", "succeeded") == [0.25]
    heard = Heard().hear(RECEIVED, STARTED, event("succeeded", 20.0, runtime=None))
    assert heard.observed(DURATION, "t", "succeeded") == [7.0]


def test_who_sent_a_task_may_be_heard_after_who_started_it() -> None:
    heard = Heard().hear(RECEIVED, STARTED, SENT)
    assert heard.observed(QUEUE, "t") == [3.0]


def test_clocks_that_differ_make_no_negative_times() -> None:
    heard = Heard().hear(SENT, event("received", 9.0, name="t"), event("started", 8.0), event("failed", 7.0))
    assert heard.memory.observations == {
        (QUEUE, ("t",)): [0.0],
        (WORKER, ("t",)): [0.0],
        (DURATION, ("t", "failed")): [0.0],
    }


def test_times_beyond_all_reason_stay_numbers() -> None:
    heard = Heard().hear(event("sent", -1e308, name="t"), event("received", 0, name="t"), event("started", 1e308))
    assert heard.observed(QUEUE, "t") == [1e9]


def test_a_task_with_an_eta_waits_because_it_was_told_to() -> None:
    eta = {"__type__": "datetime", "__value__": "2030-01-01T00:00:00"}
    heard = Heard().hear({**SENT, "eta": eta}, {**RECEIVED, "eta": "2030-01-01T00:00:00"}, STARTED)
    assert heard.memory.observations == {}


@pytest.mark.parametrize(
    ("last", "state"),
    [
        (event("failed", 14.0, exception="TimeLimitExceeded(30,)"), "timeout"),
        (event("failed", 14.0, exception="SoftTimeLimitExceeded()"), "timeout"),
        (event("failed", 14.0, exception="ValueError('TimeLimitExceeded')"), "failed"),
        (event("revoked", 14.0, expired=True, terminated=False, signum=None), "expired"),
        (event("revoked", 14.0, expired=False, terminated=True, signum="15"), "revoked"),
        (event("rejected", 14.0, requeue=False), "rejected"),
        (event("cancelled", 14.0), "cancelled"),
    ],
)
def test_a_task_ends_in_a_state(last: dict[str, Any], state: str) -> None:
    heard = Heard().hear(RECEIVED, STARTED, last)
    assert heard.states() == {"received": 1, "started": 1, state: 1}
    ran = {(DURATION, ("t", state)): [1.0]} if state in ("failed", "timeout") else {}
    assert heard.memory.observations == {(WORKER, ("t",)): [1.0], **ran}


def test_a_retry_is_timed_anew_though_it_is_sent_before_the_first_try_has_ended() -> None:
    again = [{**SENT, "timestamp": 15.0}, event("retried", 15.5), {**RECEIVED, "timestamp": 16.0}]
    heard = Heard().hear(SENT, RECEIVED, STARTED, *again, event("started", 17.0), event("succeeded", 19.0, runtime=2.0))
    assert heard.observed(QUEUE, "t") == [3.0, 2.0]
    assert heard.observed(DURATION, "t", "retried") == [2.5]
    assert heard.observed(DURATION, "t", "succeeded") == [2.0]
    late = Heard().hear(RECEIVED, STARTED, event("succeeded", 19.0, runtime=2.0), event("retried", 15.5))
    assert late.states() == {"received": 1, "started": 1, "succeeded": 1, "retried": 1}


def test_a_task_whose_beginning_was_not_heard_has_no_name_and_no_time() -> None:
    heard = Heard().hear(event("started", 1.0), event("failed", 3.0, exception="x"))
    assert heard.states("__unknown__") == {"started": 1, "failed": 1}
    assert Heard().hear(event("succeeded", 1.0, runtime=0.5)).observed(DURATION, "__unknown__", "succeeded") == [0.5]


def test_a_message_may_hold_several_events() -> None:
    heard = Heard()
    heard.raw(json.dumps([RECEIVED, STARTED, event("succeeded", 14.0, runtime=1.0)]).encode())
    assert heard.states() == {"received": 1, "started": 1, "succeeded": 1}


def test_events_of_workers_and_of_the_users_own_are_passed_over() -> None:
    heard = Heard().hear({**event("x"), "type": "worker-heartbeat"}, event("progress", percent=5))
    assert heard.memory.counts == {}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", JSON),
        (b"{", JSON),
        (b"[]", JSON),
        (b"5", JSON),
        (b'{"type":"task-sent","uuid":5}', JSON),
        (b'{"type":"task-sent","uuid":"\xff"}', JSON),
        (b'{"type":"task-sent","uuid":"u","timestamp":"now"}', JSON),
        (b"\x80\x04}q\x00.", "application/x-python-serialize"),
    ],
)
def test_what_can_not_be_read_is_counted(body: bytes, content_type: str) -> None:
    heard = Heard()
    heard.raw(body, content_type)
    assert heard.memory.counts == {("stack_celery_events_dropped_total", ("malformed",)): 1}


def test_above_the_rate_events_are_dropped_until_there_is_room_again() -> None:
    heard = Heard(rate=10)
    start = heard.tally._at
    for _ in range(25):
        heard.raw(json.dumps(RECEIVED).encode(), now=start)
    assert heard.memory.counts["stack_celery_events_dropped_total", ("flood",)] == 15
    for _ in range(25):
        heard.raw(json.dumps(RECEIVED).encode(), now=start + 0.5)
    assert heard.memory.counts["stack_celery_events_dropped_total", ("flood",)] == 35
    assert heard.memory.counts["stack_celery_events_total", ()] == 15


def test_failures_of_a_task_are_counted_from_zero_once_it_is_known() -> None:
    counts = Heard().hear(RECEIVED).memory.counts
    assert {labels: count for (name, labels), count in counts.items() if name == TASKS} == {
        ("t", "received"): 1,
        ("t", "failed"): 0,
        ("t", "timeout"): 0,
    }


def test_names_beyond_the_limit_share_a_series() -> None:
    heard = Heard(names=2).hear(*({**RECEIVED, "uuid": str(n), "name": f"t{n}"} for n in range(5)))
    names = {labels[0]: count for (name, labels), count in heard.memory.counts.items() if name == TASKS and count}
    assert names == {"t0": 1, "t1": 1, "__overflow__": 3}


def test_tasks_that_never_end_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_celery_events, "REMEMBERED", 3)
    monkeypatch.setattr(_celery_events, "ENDED", 2)
    heard = Heard().hear(*({**RECEIVED, "uuid": f"{n}" * 500} for n in range(5)))
    assert list(heard.tally._under) == [f"{n}" * 200 for n in (2, 3, 4)]
    heard.hear(*({**event("succeeded"), "uuid": f"{n}"} for n in range(5)))
    assert len(heard.tally._ended) == 2


def test_the_beat_is_seen_when_its_task_is_sent_not_when_it_ends() -> None:
    assert Heard(beat="t").hear(SENT).tally.beat is not None
    assert Heard(beat="other").hear(SENT, RECEIVED).tally.beat is None
    assert Heard(beat="t").hear(event("succeeded", name="t", runtime=1.0)).tally.beat is None


def test_senders_are_workers_and_not_the_clients_that_sent_a_task() -> None:
    heard = Heard().hear({**SENT, "hostname": "gen1@web"}, STARTED)
    assert heard.tally.senders == {"w@h"}
    heard.tally.begin(5.0)
    assert (heard.tally.senders, heard.tally.followed) == (set(), 5.0)
