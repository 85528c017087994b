"""What is asked for, as conditions of SQL, and a page of it by keyset: no page is slower for being a late one."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

from exporter.ingest.values import SEVERITIES
from exporter.store import codec
from exporter.store.engine import Transaction
from exporter.store.rows import Wanted

COUNTED = 10_000
MOST = 1_000


class Where(Struct):
    """Conditions that all hold."""

    conditions: list[str] = field(default_factory=list)
    args: list[Any] = field(default_factory=list)

    def add(self, condition: str, *args: Any) -> None:
        self.conditions.append(condition)
        self.args += args

    def equal(self, wanted: Wanted, *columns: str) -> None:
        """For each field of that name that is given."""
        for column in columns:
            if value := getattr(wanted, column):
                self.add(f"{column} = ?", codec.text(value))

    def severity(self, wanted: Wanted) -> None:
        if wanted.severity:
            known = wanted.severity in SEVERITIES
            self.add("severity = ?", SEVERITIES.index(wanted.severity) if known else -1)

    def within(self, wanted: Wanted, column: str) -> None:
        if wanted.since is not None:
            self.add(f"{column} >= ?", float(wanted.since))
        if wanted.until is not None:
            self.add(f"{column} < ?", float(wanted.until))

    def keys(self, wanted: Wanted) -> None:
        """The same of keys that are times, which an index ends with: what is too old is not even looked at."""
        if wanted.since is not None:
            self.add("key >= ?", codec.floor(wanted.since))
        if wanted.until is not None:
            self.add("key <= ?", codec.floor(wanted.until + 0.001))

    def text(self, wanted: Wanted) -> None:
        if wanted.text:
            self.add("folded LIKE ? ESCAPE '!'", codec.like(wanted.text))

    def listed(self, column: str, value: str) -> None:
        """A JSON list of texts holds it."""
        if value:
            shown = msgspec.json.encode(codec.text(value)).decode()
            self.add(f"{column} LIKE ? ESCAPE '!'", f"%{codec.escaped(shown)}%")

    def __str__(self) -> str:
        return " AND ".join(self.conditions) or "1 = 1"


def limit(wanted: Wanted) -> int:
    return min(max(wanted.limit, 1), MOST)


async def page(
    tx: Transaction, table: str, columns: str, where: Where, sort: str, wanted: Wanted, *, whole: bool = False
) -> tuple[Sequence[Any], str, int]:
    """Rows from the largest `sort` down, the cursor of the page after them, how many there are in all.

    `columns` begin with the key and `sort`. A `whole` number is sorted by.
    """
    at = codec.position(wanted.cursor, sort)
    rest = Where([*where.conditions], [*where.args])
    if at is not None:
        value: float = int(at[0]) if whole else float(at[0])
        if sort == "key":
            rest.add("key < ?", at[1])
        else:
            rest.add(f"({sort} < ? OR ({sort} = ? AND key < ?))", value, value, at[1])
    order = "key DESC" if sort == "key" else f"{sort} DESC, key DESC"
    most = limit(wanted)
    rows = await tx.rows(
        f"SELECT {columns} FROM {table} WHERE {rest} ORDER BY {order} LIMIT ?",  # noqa: S608 - names are constants
        *rest.args,
        most + 1,
    )
    following = codec.cursor(sort, rows[most - 1][1], rows[most - 1][0]) if len(rows) > most else ""
    total = len(rows) if at is None and not following else await count(tx, table, where)
    return rows[:most], following, total


async def count(tx: Transaction, table: str, where: Where) -> int:
    sql = f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {where} LIMIT ?) AS counted"  # noqa: S608
    return int((await tx.rows(sql, *where.args, COUNTED))[0][0])
