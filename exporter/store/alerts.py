"""Keeps alerts as Alertmanager tells of them, and what people say of them."""

from typing import Any

import msgspec

from exporter.store import codec, filters
from exporter.store.changing import note_act
from exporter.store.engine import Transaction
from exporter.store.rows import Alert, Page, Wanted

_COLUMNS = (
    "key, id, fingerprint, name, severity, team, labels, annotations, starts_at, received_at, resolved_at, "
    "resolved_by, false_alarm, note, notifications, receiver, generator_url"
)
_SELECT = f"SELECT {_COLUMNS} FROM stack_alerts WHERE id = ?"  # noqa: S608 - constants
_PLACES = ",".join("?" * (_COLUMNS.count(",") + 1))
_INSERT = (
    f"INSERT INTO stack_alerts ({_COLUMNS.removeprefix('key, ')}, folded) VALUES ({_PLACES}) "  # noqa: S608
    "ON CONFLICT (id) DO NOTHING RETURNING key"
)


async def alerted(tx: Transaction, alert: Alert) -> tuple[Alert, bool]:
    """The alert as it is then, and whether it, or that it ended, is news."""
    if await tx.rows(_INSERT, *_row(alert)):
        return alert, True
    found = await _locked(tx, alert.id)
    if found is None:  # dropped between the two statements
        raise LookupError(alert.id)
    ended = alert.resolved_at is not None and found.resolved_at is None
    now = msgspec.structs.replace(
        found,
        labels=alert.labels,
        annotations=alert.annotations,
        notifications=found.notifications + alert.notifications,
        resolved_at=alert.resolved_at if ended else found.resolved_at,
        resolved_by=(alert.resolved_by or "alertmanager") if ended else found.resolved_by,
    )
    await _write(tx, now)
    return now, ended


async def mark(
    tx: Transaction, id_: str, actor: str, at: float, *, resolved: bool, false_alarm: bool | None, note: str
) -> Alert | None:
    found = await _locked(tx, id_)
    if found is None:
        return None
    changes: dict[str, Any] = {}
    actions = []
    if resolved and found.resolved_at is None:
        changes |= {"resolved_at": at, "resolved_by": codec.text(actor)}
        actions.append("resolved")
    if false_alarm is not None and false_alarm != found.false_alarm:
        changes["false_alarm"] = false_alarm
        actions.append("false_alarm" if false_alarm else "confirmed")
    if note:
        changes["note"] = codec.text(note, 2000)
        actions = actions or ["noted"]
    now = msgspec.structs.replace(found, **changes)
    if changes:
        await _write(tx, now)
    for action in actions:
        await note_act(tx, codec.binary(id_), at, actor, action, note)
    return now


async def alerts(tx: Transaction, wanted: Wanted) -> Page[Alert]:
    """Newest first. Raises ValueError for a cursor that is not ours."""
    where = filters.Where()
    where.equal(wanted, "severity", "team", "name")
    where.within(wanted, "received_at")
    where.text(wanted)
    if wanted.status:
        firing = {"firing": "resolved_at IS NULL", "resolved": "resolved_at IS NOT NULL"}
        where.add(firing.get(wanted.status, "1 = 0"))
    for label in ("service", "environment"):
        if value := getattr(wanted, label):
            shown = msgspec.json.encode({label: value}).decode()[1:-1]
            where.add("labels LIKE ? ESCAPE '!'", f"%{codec.escaped(shown)}%")
    columns = f"key, received_at, {_COLUMNS}"
    rows, following, total = await filters.page(tx, "stack_alerts", columns, where, "received_at", wanted)
    return Page([_alert(row[2:]) for row in rows], following, total)


async def _locked(tx: Transaction, id_: str) -> Alert | None:
    rows = await tx.rows(_SELECT + (" FOR UPDATE" if tx.dialect == "postgres" else ""), codec.binary(id_))
    return _alert(rows[0]) if rows else None


async def _write(tx: Transaction, alert: Alert) -> None:
    await tx.run(
        "UPDATE stack_alerts SET labels = ?, annotations = ?, notifications = ?, resolved_at = ?, resolved_by = ?, "
        "false_alarm = ?, note = ? WHERE id = ?",
        _json(alert.labels),
        _json(alert.annotations),
        alert.notifications,
        alert.resolved_at,
        alert.resolved_by,
        int(alert.false_alarm),
        alert.note,
        codec.binary(alert.id),
    )


def _alert(row: Any) -> Alert:
    _, id_, fingerprint, name, severity, team, labels, annotations, *rest = row
    texts: type = dict[str, str]
    starts_at, received_at, resolved_at, resolved_by, false_alarm, note, notifications, receiver, url = rest
    return Alert(
        bytes(id_).hex(), fingerprint, name, severity, team, msgspec.json.decode(labels, type=texts),
        msgspec.json.decode(annotations, type=texts), starts_at, received_at, resolved_at, resolved_by,
        bool(false_alarm), note, notifications, receiver, url,
    )  # fmt: skip


def _row(alert: Alert) -> tuple[Any, ...]:
    words = [alert.name, alert.annotations.get("summary", ""), alert.annotations.get("description", "")]
    return (
        codec.binary(alert.id), codec.text(alert.fingerprint), codec.text(alert.name), codec.text(alert.severity),
        codec.text(alert.team), _json(alert.labels), _json(alert.annotations), float(alert.starts_at),
        float(alert.received_at), alert.resolved_at, codec.text(alert.resolved_by), int(alert.false_alarm),
        codec.text(alert.note, 2000), alert.notifications, codec.text(alert.receiver),
        codec.text(alert.generator_url, 2000), codec.folded(*words),
    )  # fmt: skip


def _json(texts: dict[str, str]) -> str:
    # Sorted by no one: labels are shown in the order in which they came.
    return codec.encoded(texts).decode().replace("\\u0000", "")
