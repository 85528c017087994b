"""replSetGetStatus as series: the state of a replica set's members and how far they are behind."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from exporter.metric import gauge
from exporter.probe import Readings

STATE = gauge(
    "stack_mongodb_member_state",
    "The state of this member: 1 primary, 2 secondary, 3 recovering, 5 starting, 7 arbiter, 9 rolling back.",
    "component",
)
MEMBERS = gauge(
    "stack_mongodb_members", "Members of the replica set by state, as this one sees them.", "component", "state"
)
PRIMARY = gauge("stack_mongodb_primary_known", "Whether this member sees a primary, 1 or 0.", "component")
LAG = gauge(
    "stack_mongodb_replication_lag_seconds",
    "How far a member's last write is behind the primary's: a secondary's own, from a primary those of all others.",
    "component",
    "member",
)

# "Replica Set Member States" in MongoDB's manual.
STATES = {
    0: "startup",
    1: "primary",
    2: "secondary",
    3: "recovering",
    5: "startup2",
    6: "unknown",
    7: "arbiter",
    8: "down",
    9: "rollback",
    10: "removed",
}
_PRIMARY, _SECONDARY = 1, 2
_AILING = {0, 3, 5, 6, 9, 10}
_WHOLE = 50
"""Members that a set can have."""


def report(status: Mapping[str, Any], expected: str, where: str, out: Readings) -> None:
    """Set the series; degrade the component when the member or its set is not as it should be."""
    mine = _integer(status.get("myState"))
    if mine is None:
        return
    out.set(STATE, mine)
    members = status.get("members")
    known = [each for each in members if isinstance(each, dict)][:_WHOLE] if isinstance(members, list) else []
    counts = dict.fromkeys(STATES.values(), 0)
    for each in known:
        counts[STATES.get(_integer(each.get("state")) or 0, "unknown")] += 1
    for state, count in counts.items():
        out.set(MEMBERS, count, state)
    primary = next((each for each in known if each.get("state") == _PRIMARY), None)
    out.set(PRIMARY, float(primary is not None))
    if primary is not None:
        _lags(known, primary, out, all_of_them=mine == _PRIMARY)
    if mine in _AILING:
        out.degraded("recovering", f"{where}: the member's state is {STATES[mine]}")
    elif primary is None:
        out.degraded("no_primary", f"{where}: the member sees no primary in its replica set")
    elif expected != "any" and (mine == _PRIMARY) != (expected == "primary"):
        out.degraded("role", f"{where}: the member is {STATES.get(mine, mine)}, not {expected}")


def _lags(known: list[dict[str, Any]], primary: dict[str, Any], out: Readings, *, all_of_them: bool) -> None:
    newest = primary.get("optimeDate")
    for each in known:
        number, at = _integer(each.get("_id")), each.get("optimeDate")
        if each.get("state") != _SECONDARY or number is None or not (all_of_them or each.get("self") is True):
            continue
        if isinstance(newest, datetime) and isinstance(at, datetime):
            # What a member has is known by its heartbeat, so that it can seem to be ahead.
            out.set(LAG, max((newest - at).total_seconds(), 0.0), str(number))


def _integer(value: Any) -> int | None:
    return (
        int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1 << 31 else None
    )
