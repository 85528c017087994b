"""What people do to groups, and the trail of it."""

from exporter.store import codec
from exporter.store.engine import Transaction
from exporter.store.group import COLUMNS, OURS, UNRESOLVED, fold
from exporter.store.rows import Act, Change

TRAIL = 1_000


async def change(tx: Transaction, id_: str, wanted: Change, actor: str, at: float) -> bool:
    """Whether there is such a group. It is no longer one that came back: somebody has looked at it."""
    lock = " FOR UPDATE" if tx.dialect == "postgres" else ""
    rows = await tx.rows(f"SELECT {COLUMNS} FROM stack_groups WHERE id = ?{lock}", codec.binary(id_))  # noqa: S608
    if not rows:
        return False
    found = fold(rows[0])
    actions: list[tuple[str, str]] = []
    if wanted.status is not None and (wanted.status != "unresolved" or found.status != UNRESOLVED):
        found.status = codec.STATUSES.index(wanted.status)
        found.ignored_until = None
        actions.append((wanted.status, wanted.note))
    if wanted.ignored_until is not None and codec.STATUSES[found.status] == "ignored":
        found.ignored_until = float(wanted.ignored_until)
        actions = actions or [("ignored", wanted.note)]
    if wanted.assignee is not None:
        found.assignee = codec.text(wanted.assignee)
        actions.append(("assigned", wanted.note if not actions and wanted.note else found.assignee))
    if not actions and wanted.note:
        actions.append(("noted", wanted.note))
    if not actions:
        return True
    await tx.run(
        "UPDATE stack_groups SET status = ?, ignored_until = ?, assignee = ?, regressed = 0 WHERE key = ?",
        found.status,
        found.ignored_until,
        found.assignee,
        found.key,
    )
    for action, note in actions:
        await note_act(tx, found.id, at, actor, action, note)
    return True


async def note_act(tx: Transaction, subject: bytes, at: float, actor: str, action: str, note: str) -> None:
    await tx.run(
        "INSERT INTO stack_acts (subject, at, actor, action, note) VALUES (?, ?, ?, ?, ?)",
        subject,
        codec.number(at),
        codec.text(actor),
        action,
        codec.text(note, 2000),
    )


async def acts(tx: Transaction, subject: str) -> list[Act]:
    """Newest first."""
    rows = await tx.rows(
        "SELECT at, actor, action, note FROM stack_acts WHERE subject = ? ORDER BY key DESC LIMIT ?",
        codec.binary(subject),
        TRAIL,
    )
    return [Act(*row) for row in rows]


async def expire(tx: Transaction, now: float) -> int:
    """Groups that were ignored until now are not any longer; how many."""
    rows = await tx.rows(
        "UPDATE stack_groups SET status = 0, ignored_until = NULL WHERE status = 2 AND ignored_until <= ? RETURNING id",
        now,
    )
    for (id_,) in rows:
        await note_act(tx, bytes(id_), now, OURS, "expired", "")
    return len(rows)
