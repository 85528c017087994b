"""What does a query of yours give on PostgreSQL, MySQL, MariaDB or SQLite? Columns become labels and values.

A new session and a read-only transaction each run. That keeps a query from writing, but not from what else its user
may do: give it a user that can read what it needs and nothing more.
"""

import re
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, ClassVar

from msgspec import Meta

from exporter.metric import Metric, gauge
from exporter.probe import Down, Probe, Readings, Signal
from exporter.probes import _sql_database
from exporter.probes._sql_answer import Answer
from exporter.probes._sql_database import Database
from exporter.probes._sql_families import Value, families, label, number
from exporter.values import Secret

ROWS = gauge("stack_sql_query_rows", "Rows that the query gave; one more than max_rows when it was cut.", "component")
HIGHEST = gauge("stack_sql_query_highest", "The highest number in the first column of `values`.", "component")
LOWEST = gauge("stack_sql_query_lowest", "The lowest number in the first column of `values`.", "component")

_COMMENT = re.compile(r"\s+|--[^\n]*|/\*.*?\*/|\(", re.DOTALL)
# Transactions don't keep from everything: MySQL's KILL and SET GLOBAL, PRAGMAs that are about the whole process.
_READS = ("SELECT", "WITH", "VALUES", "TABLE", "SHOW")
_WORD = re.compile(r"[A-Za-z]+")


class Sql(Probe, kw_only=True, frozen=True):
    """What does a query of yours give on PostgreSQL, MySQL, MariaDB or SQLite? Columns become labels and values.

    A component is one query; each column of `values` is a metric `stack_sql_<name>{component, labels…}`.
    """

    reasons: ClassVar[Mapping[str, str]] = {
        **_sql_database.REASONS,
        "columns": "The query gives no column, or several, of a name in `labels` or `values`.",
        "too_many_rows": "The query gives more than max_rows; the first of them are exposed.",
        "duplicate": "Rows have the same labels as one before; the first of them are exposed.",
        "null": "A value is NULL: its series is left out.",
        "not_a_number": "A value is no finite number, or a counter's is negative: its series is left out.",
    }
    signals: ClassVar[tuple[Signal, ...]] = (
        Signal("rows", ROWS, "number", "Rows that the query gave."),
        Signal("highest", HIGHEST, "number", "The highest number in the first column of `values`."),
        Signal("lowest", LOWEST, "number", "The lowest number in the first column of `values`.", direction="below"),
    )
    example: ClassVar[str] = """\
dsn: ${DATABASE_URL}
query: SELECT state, count(*) AS orders, max(age) AS oldest FROM orders GROUP BY state
labels: [state]
values:
  orders: {help: Orders by state.}
  oldest: {name: oldest_order_seconds}
thresholds: {highest: {warning: 500}}  # of the first column of values
"""
    drivers: ClassVar[tuple[str, ...]] = ("asyncpg", "pymysql")
    latency: ClassVar[tuple[float | None, float | None]] = (None, None)

    dsn: Annotated[
        Secret,
        Meta(
            description="postgresql://user:password@host/database, mysql://… or sqlite:////path, "
            "also as Django or SQLAlchemy have it.",
            examples=["postgresql://database/shop"],
        ),
    ]
    password: Annotated[Secret, Meta(description="The password; it wins over one in the DSN.")] = Secret("")
    query: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=20_000,
            description="One statement that reads.",
            examples=["SELECT state, count(*) AS orders FROM orders GROUP BY state"],
        ),
    ]
    labels: Annotated[tuple[str, ...], Meta(description="Columns that become labels of the same names.")] = ()
    values: Annotated[
        tuple[str, ...] | dict[str, Value],
        Meta(
            description="Columns that become metrics: a list, or by column its name, type and help. Numbers, true and "
            "false; durations in seconds; times as Unix time, those without a zone in UTC.",
            examples=[["orders"]],
        ),
    ]
    max_rows: Annotated[int, Meta(ge=1, le=1000, description="Rows that are exposed, at most.")] = 100

    def __post_init__(self) -> None:
        try:
            _sql_database.database(self.dsn.reveal(), self.password.reveal())
        except ValueError as error:
            raise ValueError(f"dsn: {error}") from None
        if not self.values:
            raise ValueError("values: expected one column at least")
        for column in self.labels:
            if column in self.values:
                raise ValueError(f"labels: {column} is among the values too")
        families(self.values, self.labels)
        if _first_word(self.query) not in _READS:
            raise ValueError(f"query: expected a statement that reads: {', '.join(_READS)}")

    @cached_property
    def _database(self) -> Database:
        return _sql_database.database(self.dsn.reveal(), self.password.reveal())

    @cached_property
    def _metrics(self) -> dict[str, Metric]:
        return families(self.values, self.labels)

    @property
    def needs(self) -> tuple[str, ...]:
        return self._database.drivers

    @property
    def families(self) -> tuple[Metric, ...]:
        return tuple(self._metrics.values())

    async def run(self, out: Readings) -> None:
        answer = await self._database.ask(out, self.query, self.max_rows, self)
        out.set(ROWS, len(answer.rows))
        labels = _places(self.labels, answer)
        values = dict(zip(self._metrics.values(), _places(tuple(self._metrics), answer), strict=True))
        if len(answer.rows) > self.max_rows:
            out.degraded("too_many_rows", f"the query gives more than {self.max_rows} rows")
        faults: Counter[tuple[str, str]] = Counter()
        seen: set[tuple[str, ...]] = set()
        first: list[float] = []
        for row in answer.rows[: self.max_rows]:
            named = tuple(label(row[place]) for place in labels)
            if named in seen:
                faults["duplicate", ""] += 1
                continue
            seen.add(named)
            for order, (metric, place) in enumerate(values.items()):
                found = number(row[place])
                if found is None or (metric.type == "counter" and found < 0):
                    faults["null" if row[place] is None else "not_a_number", answer.columns[place]] += 1
                    continue
                out.set(metric, found, *named)
                if not order:
                    first.append(found)
        if first:
            out.set(HIGHEST, max(first))
            out.set(LOWEST, min(first))
        _tell(faults, self.labels, min(len(answer.rows), self.max_rows), out)


def _first_word(query: str) -> str:
    at = 0
    while skipped := _COMMENT.match(query, at):
        at = skipped.end()
    word = _WORD.match(query, at)
    return word[0].upper() if word else ""


def _places(names: tuple[str, ...], answer: Answer) -> list[int]:
    """Where the columns are. Raises Down."""
    for name in names:
        if (count := answer.columns.count(name)) != 1:
            there = ", ".join(answer.columns)
            told = "several columns" if count else "no column"
            raise Down("columns", f"the query gives {told} {name}, of: {there}"[:200])
    return [answer.columns.index(name) for name in names]


def _tell(faults: Mapping[tuple[str, str], int], labels: tuple[str, ...], rows: int, out: Readings) -> None:
    if count := faults.get(("duplicate", "")):
        told = f"the same {', '.join(labels)} as one before" if labels else "no labels to tell them by"
        out.degraded("duplicate", f"{count} of the rows have {told}"[:200])
    for reason, told in (("null", "NULL"), ("not_a_number", "no number, or negative and a counter's")):
        columns = [f"{column} ({count} of {rows} rows)" for (fault, column), count in faults.items() if fault == reason]
        if columns:
            out.degraded(reason, f"{told}: {', '.join(columns)}"[:200])
