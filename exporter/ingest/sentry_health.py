"""Sessions, check-ins, client reports and logs: what an SDK sends beside events, counted and nothing of it shown."""

import hashlib
from typing import Any

from exporter.ingest.sentry_event import LEVELS, Sent
from exporter.ingest.sentry_fields import identity, mapping, mappings, name, number, sequence, words
from exporter.ingest.values import CheckIn, Level, Logged, Lost, Measured, Origin, Sessions

COUNTED = ("exited", "errored", "crashed", "abnormal")
REPORTS = {
    "discarded_events": "",
    "rate_limited_events": "ratelimit_backoff",
    "filtered_events": "filtered",
    "filtered_sampling_events": "sample_rate",
}
"""Lists of a client report, and the reason where an entry names none."""
MOST = 1e9
MOST_ENTRIES = 1_000
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-.")


def session(update: dict[str, Any], sent: Sent) -> list[tuple[str, Measured]]:
    """A session once, with the first that says how it goes: one that runs on without an error is none yet."""
    attrs = mapping(update.get("attrs"))
    errors, status = number(update.get("errors")) or 0.0, words(update.get("status"))
    if status in ("crashed", "abnormal"):
        ended = status
    elif status in ("unhandled", "errored") or errors > 0:
        ended = "errored"
    elif status == "exited":
        ended = "exited"
    else:
        return []
    sid = words(update.get("sid"))
    id_ = hashlib.blake2b(f"session {sid}".encode(), digest_size=16).hexdigest() if sid else ""
    origin = sent.origin(attrs.get("environment"), attrs.get("release"))
    return [(id_, Sessions(origin, ended))]  # type: ignore[arg-type]


def sessions(summed: dict[str, Any], sent: Sent) -> list[tuple[str, Measured]]:
    """Sessions that the client added up itself."""
    attrs = mapping(summed.get("attrs"))
    origin = sent.origin(attrs.get("environment"), attrs.get("release"))
    found: list[tuple[str, Measured]] = []
    for one in mappings(sequence(summed.get("aggregates")))[:MOST_ENTRIES]:
        found += [("", Sessions(origin, how, count)) for how in COUNTED if (count := _count(one.get(how)))]  # type: ignore[arg-type]
    return found


def check_in(report: dict[str, Any], sent: Sent, payload: bytes) -> CheckIn | None:
    """None when it says neither which job nor how it is."""
    monitor, status = name(report.get("monitor_slug")), words(report.get("status"))
    if not monitor or status not in ("in_progress", "ok", "error"):
        return None
    given = identity(report.get("check_in_id")) or identity(sent.header.get("event_id"))
    # An id of noughts asks Sentry for the monitor's latest; it tells nothing apart.
    id_ = given if given.strip("0") else hashlib.blake2b(payload, digest_size=16).hexdigest()
    duration = number(report.get("duration"))
    return CheckIn(id_, monitor, status, duration if duration is not None and duration >= 0 else None)  # type: ignore[arg-type]


def lost(report: dict[str, Any], sent: Sent) -> list[Measured]:
    """What the client threw away itself."""
    origin = sent.origin()
    return [
        Lost(origin, _word(one.get("category")), _word(one.get("reason")) or reason, count)
        for key, reason in REPORTS.items()
        for one in mappings(sequence(report.get(key)))[:MOST_ENTRIES]
        if (count := _count(one.get("quantity")))
    ]


def logs(items: list[dict[str, Any]], sent: Sent) -> list[Measured]:
    """Lines by level; what they say is not read."""
    counts: dict[tuple[Any, Any, Level], int] = {}
    for item in items:
        attributes = mapping(item.get("attributes"))
        where, which = (_text(attributes.get(f"sentry.{key}")) for key in ("environment", "release"))
        key = (where, which, LEVELS.get(words(item.get("level")).lower(), "info"))
        counts[key] = counts.get(key, 0) + 1
    origins: dict[tuple[Any, Any], Origin] = {}
    found: list[Measured] = []
    for (where, which, level), count in counts.items():
        origin = origins.setdefault((where, which), sent.origin(where, which))
        found.append(Logged(origin, level, count))
    return found


def _text(attribute: Any) -> str:
    return words(attribute.get("value") if isinstance(attribute, dict) else attribute)


def _word(value: Any) -> str:
    """One of the protocol's words; what is none of the kind is not shown."""
    word = words(value)[:40].lower()
    return word if _LETTERS.issuperset(word) else "other"


def _count(value: Any) -> float:
    count = number(value)
    return min(float(int(count)), MOST) if count is not None and count > 0 else 0.0
