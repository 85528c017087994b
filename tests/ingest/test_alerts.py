"""Alertmanager's notifications as values, and what is counted of them."""

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.config.application import Scrub
from exporter.ingest import alerts
from exporter.ingest.alerts import Notice
from exporter.ingest.scrub import Scrubbing
from exporter.ingest.text import Malformed
from exporter.tally import Tallies

NOW = datetime(2026, 11, 22, 13, 0, 0, tzinfo=UTC).timestamp()
STARTED = datetime(2026, 11, 22, 12, 59, 30, 123457, tzinfo=UTC).timestamp()
ALERT: dict[str, Any] = {
    "status": "firing",
    "labels": {"alertname": "DiskFull", "severity": "critical", "team": "ops", "instance": "web-1"},
    "annotations": {"summary": "the disk is full"},
    "startsAt": "2026-11-22T12:59:30.123456789Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus.example:9090/graph?g0.expr=up",
    "fingerprint": "5ef77f1f8a3ecf8d",
}
NOTIFICATION: dict[str, Any] = {
    "version": "4",
    "groupKey": '{}:{alertname="DiskFull"}',
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "hook",
    "groupLabels": {"alertname": "DiskFull"},
    "commonLabels": {"alertname": "DiskFull"},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager.example:9093",
    "alerts": [ALERT],
}


def read(*changed: dict[str, Any], **fields: Any) -> list[Notice | None]:
    body = json.dumps(NOTIFICATION | {"alerts": [ALERT | one for one in changed]} | fields).encode()
    return list(alerts.notices(alerts.told(body), Scrubbing(Scrub()), NOW))


def one(**changes: Any) -> Notice:
    (found,) = read(changes)
    assert found is not None
    return found


def test_an_alert_is_read_whole() -> None:
    found = one()
    assert found == Notice(
        id=found.id,
        fingerprint="5ef77f1f8a3ecf8d",
        name="DiskFull",
        severity="critical",
        team="ops",
        status="firing",
        labels=ALERT["labels"],
        annotations=ALERT["annotations"],
        starts_at=STARTED,
        ends_at=None,
        receiver="hook",
        generator_url="http://prometheus.example:9090/graph?g0.expr=up",
    )
    assert len(bytes.fromhex(found.id)) == 16


def test_its_end_has_the_same_id_and_another_beginning_another() -> None:
    ended = one(status="resolved", endsAt="2026-11-22T13:59:50+01:00")
    assert (ended.id, ended.status, ended.ends_at) == (one().id, "resolved", NOW - 10)
    assert one(startsAt="2026-11-22T12:59:30.123Z").id != one().id
    assert one(fingerprint="5ef77f1f8a3ecf8e").id != one().id
    assert one(fingerprint=None).id == one(fingerprint="").id != one().id, "of its labels, where there is none"
    assert one(fingerprint=None, labels={"alertname": "Other"}).id != one(fingerprint=None).id


@pytest.mark.parametrize(
    ("fields", "starts_at", "ends_at"),
    [
        ({"startsAt": "2026-11-22T12:00:00Z", "status": "resolved"}, NOW - 3600, NOW),
        ({"startsAt": "2026-11-22T12:00:00Z", "status": "resolved", "endsAt": "nonsense"}, NOW - 3600, NOW),
        (
            {"startsAt": "2026-11-22T12:00:00Z", "status": "resolved", "endsAt": "2026-11-22T11:00:00Z"},
            NOW - 3600,
            NOW - 3600,
        ),
        (
            {"startsAt": "2026-11-22T12:00:00Z", "status": "resolved", "endsAt": "2036-11-22T11:00:00Z"},
            NOW - 3600,
            NOW,
        ),
        ({"startsAt": "2026-11-22T14:00:00+01:00"}, NOW, None),
        ({"startsAt": "2036-11-22T14:00:00Z"}, NOW, None),
        ({"endsAt": "2026-11-22T13:05:00Z"}, STARTED, None),
    ],
)
def test_no_time_is_in_the_future_nor_an_end_before_its_beginning(
    fields: dict[str, Any], starts_at: float, ends_at: float | None
) -> None:
    found = one(**fields)
    assert (found.starts_at, found.ends_at) == (starts_at, ends_at)


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "pending"},
        {"status": None},
        {"startsAt": "0001-01-01T00:00:00Z"},
        {"startsAt": "yesterday"},
        {"startsAt": 1763816370},
        {"startsAt": "2026-11-22T12:59:30"},
        {"startsAt": "9999-99-99T99:99:99Z"},
        {"startsAt": "0001-01-01T00:00:00+23:59"},
    ],
)
def test_a_malformed_alert_is_left_out_and_no_other(fields: dict[str, Any]) -> None:
    good = one()
    assert read({}, fields, {}) == [good, None, good]


@pytest.mark.parametrize("given", [None, 1, "x", [], [1]])
def test_labels_that_are_none_are_none(given: Any) -> None:
    found = one(labels=given, annotations=given)
    assert (found.name, found.severity, found.labels, found.annotations) == ("unnamed", "", {}, {})


def test_labels_are_bounded_and_those_that_name_it_stay() -> None:
    many = {f"l{n}": "x" * 9_000 for n in range(500)} | {"alertname": "A", "severity": "high", "n": 1}
    found = one(labels=many)
    assert (len(found.labels), found.name, found.severity) == (alerts.LABELS, "A", "high")
    assert max(map(len, found.labels.values())) == alerts.LONGEST


def test_what_is_personal_or_secret_is_taken_out() -> None:
    found = one(
        labels={"alertname": "Mail joe@shop.example", "password": "hunter2hunter2"},
        annotations={"summary": "joe@shop.example can't log in", "token": "abcdef123456"},
        generatorURL="http://joe:hunter2hunter2@prometheus.example/",
    )
    shown = repr(found)
    assert "joe@" not in shown
    assert "hunter2" not in shown
    assert "abcdef123456" not in shown
    assert found.name == "Mail [email]"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"null", b'{"alerts": {}}', b'{"alerts": "x"}', b"\xff", b"{", b"[" * 100_000]
)
def test_what_is_no_notification_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        alerts.told(body)


def test_what_alertmanager_left_out_is_told() -> None:
    made = [
        alerts.told(json.dumps(NOTIFICATION | {"truncatedAlerts": n}).encode()).truncated for n in (7, -1, "x", True)
    ]
    assert made == [7, 0, 0, 0]


@pytest.mark.parametrize(
    ("named", "label"), [("critical", "critical"), (" Warning ", "warning"), ("", "none"), ("x" * 999, "other")]
)
def test_the_label_severity_has_few_values(named: str, label: str) -> None:
    assert alerts.severity(named) == label


def test_latency_resolution_flaps_and_false_alarms_are_counted() -> None:
    tallies = Tallies()
    alerts.count(tallies, one(), NOW - 30, NOW, again=True)
    alerts.count(tallies, one(status="resolved"), NOW - 600, NOW, again=False)
    alerts.marked(tallies, "critical")
    found = {child.family.metric.name: (child.labels, child.value) for child in tallies.changes()}
    assert found == {
        "stack_alert_notifications_total": (("critical", "resolved"), 1),
        "stack_alert_notification_latency_seconds": (("critical",), 30),
        "stack_alert_resolution_seconds": (("critical",), 600),
        "stack_alert_flaps_total": (("critical",), 1),
        "stack_alert_false_alarms_total": (("critical",), 1),
    }


json_ = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
alert_ = json_ | st.dictionaries(st.sampled_from([*ALERT, "other"]), json_, max_size=7).map(lambda d: ALERT | d)


@settings(max_examples=40, deadline=None)
@given(st.lists(alert_, max_size=4), st.dictionaries(st.sampled_from([*NOTIFICATION]), json_, max_size=3))
def test_whatever_a_notification_holds_each_alert_is_read_or_left_out(
    given_: list[Any], fields: dict[str, Any]
) -> None:
    body = json.dumps(NOTIFICATION | fields | {"alerts": given_}).encode()
    found = list(alerts.notices(alerts.told(body), Scrubbing(Scrub()), NOW))
    assert len(found) == len(given_)
    for notice in found:
        if notice is not None:
            assert 0 < notice.starts_at <= NOW
            assert notice.ends_at is None or notice.starts_at <= notice.ends_at <= NOW
            json.dumps(notice.labels | notice.annotations).encode()


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200))
def test_whatever_bytes_come_are_read_or_malformed(body: bytes) -> None:
    with contextlib.suppress(Malformed):
        alerts.told(body)
