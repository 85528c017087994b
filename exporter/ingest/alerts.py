"""What Alertmanager tells of alerts (webhook, version 4), as values; and how the notifications themselves fare."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Literal

import msgspec
from msgspec import Struct

from exporter.ingest.ports import Scrubber
from exporter.ingest.text import Malformed, clean, decode, line
from exporter.metric import counter, histogram
from exporter.tally import Tallies

NOTIFICATIONS = counter(
    "stack_alert_notifications_total",
    "Alerts received from Alertmanager, each once when it fired and once when it was resolved.",
    "severity",
    "status",
)
LATENCY = histogram(
    "stack_alert_notification_latency_seconds",
    "Time from when an alert began to fire until its first notification arrived here.",
    "severity",
    buckets=(0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0),
)
RESOLUTION = histogram(
    "stack_alert_resolution_seconds",
    "Time from when an alert began to fire until it was resolved.",
    "severity",
    buckets=(60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 28_800.0, 86_400.0, 259_200.0, 604_800.0),
)
FLAPS = counter(
    "stack_alert_flaps_total", "Alerts that fired again within an hour after they were resolved.", "severity"
)
FALSE_ALARMS = counter("stack_alert_false_alarms_total", "Alerts that somebody marked as a false alarm.", "severity")
TRUNCATED = counter(
    "stack_alert_truncated_total", "Alerts that Alertmanager left out of its notifications (its max_alerts)."
)

FLAP = 3600.0
"""Seconds after its end within which an alert that fires again flaps."""
SEVERITIES = frozenset({"critical", "high", "medium", "low", "error", "warning", "info", "page", "none"})
"""Values of the label `severity` that are told apart in metrics."""
LABELS = 64
"""Labels of an alert, and as many annotations, that are kept."""
LONGEST = 2_000
"""Characters of one of them."""
AHEAD = 60.0
"""Seconds by which clocks may differ."""
_FINGERPRINT = re.compile(r"[0-9A-Za-z]{1,64}")
_NAMED = ("alertname", "severity", "team", "service", "component")


class Notice(Struct, frozen=True):
    """One alert of a notification. Times are Unix seconds."""

    id: str
    """32 hexadecimal digits: of the same alert since the same beginning always the same."""
    fingerprint: str
    name: str
    severity: str
    team: str
    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: float
    ends_at: float | None
    """None while it fires."""
    receiver: str
    generator_url: str


class Told(Struct, frozen=True):
    """One notification, whose alerts are read one by one: how many there are is Alertmanager's choice."""

    alerts: tuple[Any, ...]
    receiver: str
    truncated: int


def told(body: bytes) -> Told:
    """The notification in the body of a request. Raises Malformed."""
    value = decode(body)
    alerts = value.get("alerts") if isinstance(value, dict) else None
    if not isinstance(alerts, list):
        raise Malformed("expected Alertmanager's notification: a JSON object with a list `alerts`")
    truncated = value.get("truncatedAlerts")
    number = truncated if isinstance(truncated, int) and not isinstance(truncated, bool) else 0
    return Told(tuple(alerts), _line(value.get("receiver"), 200), max(0, min(number, 1_000_000)))


def notices(told: Told, scrubber: Scrubber, now: float) -> Iterator[Notice | None]:
    """Its alerts, one by one; None for one that is malformed."""
    for given in told.alerts:
        try:
            yield _notice(given, told.receiver, scrubber, now)
        except (Malformed, _Wrong):
            yield None


def severity(named: str) -> str:
    """As it is in metrics: its own text where it is a common one, `other`, or `none`."""
    text = named.strip().lower()
    return text if text in SEVERITIES else "other" if text else "none"


def count(tallies: Tallies, notice: Notice, starts_at: float, received_at: float, *, again: bool) -> None:
    """Count what was news. `starts_at` as it is kept; `again`: it flaps."""
    label = severity(notice.severity)
    tallies.child(NOTIFICATIONS, label, notice.status).add()
    if notice.ends_at is not None:
        ended(tallies, notice.severity, notice.ends_at - starts_at)
        return
    tallies.child(LATENCY, label).observe(max(0.0, received_at - starts_at))
    if again:
        tallies.child(FLAPS, label).add()


def ended(tallies: Tallies, named: str, lasted: float) -> None:
    """Count how long an alert of this severity lasted."""
    tallies.child(RESOLUTION, severity(named)).observe(max(0.0, lasted))


def marked(tallies: Tallies, named: str) -> None:
    """Count that an alert of this severity was marked as a false alarm."""
    tallies.child(FALSE_ALARMS, severity(named)).add()


class _Wrong(Exception):  # noqa: N818 - says the fact
    """It is no alert."""


def _notice(given: Any, receiver: str, scrubber: Scrubber, now: float) -> Notice:
    given = clean(given)
    if not isinstance(given, dict) or given.get("status") not in ("firing", "resolved"):
        raise _Wrong
    began = _time(given.get("startsAt"))
    if began is None:
        raise _Wrong
    texts = {"labels": _texts(given.get("labels")), "annotations": _texts(given.get("annotations"))}
    fingerprint = _fingerprint(given.get("fingerprint"), texts["labels"])
    kept = scrubber.tree(texts)
    labels, annotations = _strings(kept.get("labels")), _strings(kept.get("annotations"))
    firing = given["status"] == "firing"
    starts_at = min(began, now)
    ended = _time(given.get("endsAt"))
    return Notice(
        id=blake2b(f"{fingerprint} {began:.6f}".encode(), digest_size=16).hexdigest(),
        fingerprint=fingerprint,
        name=_line(labels.get("alertname"), 200) or "unnamed",
        severity=_line(labels.get("severity"), 64),
        team=_line(labels.get("team"), 128),
        status="firing" if firing else "resolved",
        labels=labels,
        annotations=annotations,
        starts_at=starts_at,
        ends_at=None if firing else max(starts_at, min(ended or now, now)),
        receiver=scrubber.text(receiver),
        generator_url=scrubber.text(_line(given.get("generatorURL"), LONGEST)),
    )


def _texts(value: Any) -> dict[str, str]:
    """Labels or annotations; where there are too many, those that are asked for stay."""
    if not isinstance(value, Mapping):
        return {}
    texts = {key: text[:LONGEST] for key, text in value.items() if isinstance(text, str)}
    first = {key: texts[key] for key in _NAMED if key in texts}
    return dict(list((first | texts).items())[:LABELS])


def _strings(value: Any) -> dict[str, str]:
    """What scrubbing left of them."""
    return {key: text for key, text in value.items() if isinstance(text, str)} if isinstance(value, dict) else {}


def _fingerprint(given: Any, labels: Mapping[str, str]) -> str:
    """Alertmanager's, of the labels; ours where there is none."""
    if isinstance(given, str) and _FINGERPRINT.fullmatch(given):
        return given.lower()
    return blake2b(msgspec.json.encode(sorted(labels.items())), digest_size=8).hexdigest()


def _time(given: Any) -> float | None:
    """RFC 3339, to the nanosecond, as Unix seconds; None for Go's zero time, and for what is none."""
    if not isinstance(given, str) or len(given) > 64:
        return None
    try:
        at = msgspec.convert(given, datetime)
    except msgspec.ValidationError:
        return None
    if at.tzinfo is None:
        return None
    seconds = (at - _EPOCH).total_seconds()
    return seconds if seconds > 0 else None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _line(value: Any, longest: int) -> str:
    return " ".join(line(value, longest).split()) if isinstance(value, str) else ""
