"""Row of Databases and caches: schemas, files of SQLite, and what queries of your own give."""

from dataclasses import replace

from dashboards.source.components_now import CLOSER
from dashboards.source.looks import CRITICAL, WARNING, YES_NO
from dashboards.source.panels import Panel, timeseries
from dashboards.source.query import Query, component_limits
from dashboards.source.tables import Column, table

OURS = 'component=~"$component"'


def _each(metric: str) -> Query:
    return Query(f"max by (component) ({metric}{{{OURS}}})")


def _migrations() -> Panel:
    return table(
        "Whether schemas are where the code expects them",
        "Migrations that the database lacks (pending), and those that the code does not know (ahead). Pending after a "
        "deploy: run them; ahead: older code is running than did before (MigrationsPending, MigrationsAhead).",
        _each("stack_migrations_up_to_date"),
        _each("stack_migrations_pending"),
        _each("stack_migrations_unknown"),
        _each("stack_migrations_applied"),
        columns=[
            Column("component", "Schema", url=CLOSER),
            Column("Value #A", "As expected", words=YES_NO, color="background", width=105),
            Column("Value #B", "Pending", unit="none", steps=[(1, WARNING)], color="text", width=80),
            Column("Value #C", "Ahead", unit="none", steps=[(1, CRITICAL)], color="text", width=75),
            Column("Value #D", "Applied", unit="none", width=75),
        ],
        width=12,
        height=6,
        none="No schema is watched",
    )


def _files() -> Panel:
    return table(
        "Files of SQLite",
        "Whether the last check found the file whole and how long ago that was, rows whose parent is missing, the "
        "write-ahead log and the unused part. Not whole: stop writing, and take the newest good backup; a large log: a "
        "reader never ends (ForeignKeysViolated, SqliteWalLarge).",
        _each("stack_sqlite_check_success"),
        Query(f"time() - max by (component) (stack_sqlite_check_timestamp_seconds{{{OURS}}})"),
        _each("stack_sqlite_foreign_key_violations"),
        _each("stack_sqlite_wal_bytes"),
        _each("stack_sqlite_freelist_ratio"),
        columns=[
            Column("component", "File", url=CLOSER),
            Column("Value #A", "Whole", words=YES_NO, color="background", width=75),
            Column("Value #B", "Checked ago", unit="s", decimals=0, width=105),
            Column("Value #C", "Orphans", unit="none", steps=[(1, CRITICAL)], color="text", width=80),
            Column("Value #D", "Log", unit="bytes", width=85),
            Column("Value #E", "Unused", unit="percentunit", decimals=0, width=75),
        ],
        width=12,
        height=6,
        none="No SQLite is watched",
    )


SCHEMA = [
    _migrations(),
    _files(),
    timeseries(
        "Write-ahead logs of SQLite",
        "A log that grows and never shrinks means that a reader holds an old snapshot, so that no checkpoint can "
        "finish. Above the dashed line SqliteWalLarge fires: find the process that keeps the file open.",
        Query(f"max by (component) (stack_sqlite_wal_bytes{{{OURS}}})", "{{component}}"),
        *component_limits("bytes", "wal"),
        unit="bytes",
        none="no SQLite is watched",
    ),
    timeseries(
        "Your own queries",
        "How many rows each configured query gives, and the highest and the lowest number in them. What too much means "
        "is up to the query; at the dashed lines SqlQueryRowsMany, SqlQueryValueHigh and SqlQueryValueLow fire.",
        Query(f"max by (component) (stack_sql_query_rows{{{OURS}}})", "{{component}} rows"),
        Query(f"max by (component) (stack_sql_query_highest{{{OURS}}})", "{{component}} highest"),
        Query(f"min by (component) (stack_sql_query_lowest{{{OURS}}})", "{{component}} lowest"),
        *(
            replace(limit, legend=f"{signal}: {limit.legend}")
            for signal in ("rows", "highest", "lowest")
            for limit in component_limits("number", signal, above=signal != "lowest")
        ),
        unit="short",
        none="no query is configured",
    ),
]
