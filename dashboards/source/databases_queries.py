"""Row of Databases and caches: what is slow, what waits for locks, and what the buffers give."""

from dataclasses import replace

from dashboards.source.components_limits import limits
from dashboards.source.components_now import CLOSER
from dashboards.source.looks import WARNING
from dashboards.source.panels import timeseries
from dashboards.source.query import Query, component_limits, once
from dashboards.source.tables import Column, table

OURS = 'component=~"$component"'
BUFFERS = f"""max by (component) (
  rate(stack_postgres_block_hits_total{{{OURS}}}[5m])
  / (rate(stack_postgres_block_hits_total{{{OURS}}}[5m]) + rate(stack_postgres_block_reads_total{{{OURS}}}[5m]) > 0)
  or 1 - rate(stack_mysql_buffer_pool_disk_reads_total{{{OURS}}}[5m])
  / (rate(stack_mysql_buffer_pool_read_requests_total{{{OURS}}}[5m]) > 0)
)"""

QUERIES = [
    timeseries(
        "Slow queries",
        "Queries a second that took longer than long_query_time (MySQL), and how many statements take slow_statement "
        "or longer on average (PostgreSQL with pg_stat_statements). After a deploy, look for a missing index with "
        "EXPLAIN (DatabaseQueriesSlow, DatabaseStatementsSlow).",
        Query(
            f"max by (component) (rate(stack_mysql_slow_queries_total{{{OURS}}}[5m]))",
            "{{component}}, a second",
        ),
        Query(f"max by (component) (stack_postgres_statements_slow{{{OURS}}})", "{{component}}, statements"),
        *limits("number", "slow_queries|slow_statements", "mysql|postgres"),
        unit="short",
        width=8,
        none="no server tells",
    ),
    timeseries(
        "Sessions that wait for a lock",
        "How many wait for a lock that another holds; moments are usual. When a crowd waits, one session blocks all: "
        "find the oldest transaction and end it (DatabaseLocksWaiting, DatabaseLockWaitLong).",
        Query(
            f"max by (component) (stack_postgres_locks_waiting{{{OURS}}} or stack_mysql_row_locks_waiting{{{OURS}}})",
            "{{component}}",
        ),
        Query(
            once("component", f"stack_mongodb_operations_queued{{{OURS}}}"),
            "{{component}} queued",
        ),
        *limits("number", "locks_waiting|queue", "postgres|mysql|mongodb"),
        unit="none",
        decimals=0,
        width=8,
        none="no server tells",
    ),
    timeseries(
        "Oldest transaction, longest wait",
        "How long the oldest transaction has been open, and MySQL's longest wait for a row's lock. A line that climbs "
        "straight is one session that somebody forgot: end it, or everything behind it stops "
        "(DatabaseTransactionOld).",
        Query(
            f"max by (component) (stack_postgres_oldest_transaction_seconds{{{OURS}}} "
            f"or stack_mysql_oldest_transaction_seconds{{{OURS}}})",
            "{{component}} open",
        ),
        Query(f"max by (component) (stack_mysql_row_lock_longest_wait_seconds{{{OURS}}})", "{{component}} waits"),
        *component_limits("seconds", "oldest_transaction"),
        replace(component_limits("seconds", "lock_wait")[0], legend="warning from, for a wait"),
        unit="s",
        width=8,
        none="no server tells",
    ),
    timeseries(
        "Deadlocks and rollbacks, a second",
        "Deadlocks mean that two transactions took the same rows in another order: one of them was thrown away and "
        "must be tried again (DatabaseDeadlocks). A jump of rollbacks is an application that fails "
        "(DatabaseRollbacksMany).",
        Query(
            f"max by (component) (rate(stack_postgres_deadlocks_total{{{OURS}}}[5m]) "
            f"or rate(stack_mysql_deadlocks_total{{{OURS}}}[5m]))",
            "{{component}} deadlocks",
        ),
        Query(
            f"max by (component) (rate(stack_postgres_rollbacks_total{{{OURS}}}[5m]))",
            "{{component}} rollbacks",
        ),
        *component_limits("number", "deadlocks"),
        unit="ops",
        width=8,
        none="no server tells",
    ),
    timeseries(
        "Reads that buffers answer",
        "The share of reads of the last five minutes that needed no disk. It falls when what is read no longer fits "
        "into memory: a new query that reads whole tables, or more data than before. DatabaseBufferHitLow fires only "
        "above 10 reads a second.",
        Query(BUFFERS, "{{component}}"),
        *limits("ratio", "cache_hit|buffer_pool_hit", "postgres|mysql", above=False),
        unit="percentunit",
        most=1,
        width=8,
        none="nothing was read",
        calcs=("lastNotNull", "min"),
    ),
    timeseries(
        "Work under way",
        "Transactions a second (PostgreSQL), queries a second (MySQL), operations a second (MongoDB). A fall to 0 "
        "means that nobody gets through or nobody asks; with many slow queries, a rise is what slows it down.",
        Query(
            once(
                "component",
                f"""
  rate(stack_postgres_commits_total{{{OURS}}}[$__rate_interval])
  + rate(stack_postgres_rollbacks_total{{{OURS}}}[$__rate_interval])
  or rate(stack_mysql_queries_total{{{OURS}}}[$__rate_interval])
  or rate(stack_mongodb_operations_total{{{OURS}}}[$__rate_interval])
""",
            ),
            "{{component}}",
        ),
        unit="ops",
        width=8,
        none="no server tells",
    ),
    timeseries(
        "What cleaning up has left",
        "Transactions since the oldest row that is not frozen (PostgreSQL stops taking writes at 2.1 billion) and "
        "undo records that are not purged (MariaDB). A climb for days: an old transaction or a dead replication slot "
        "keeps vacuum or purge from working (PostgresTransactionIdsAging, MysqlHistoryLong).",
        Query(f"max by (component) (stack_postgres_transaction_ids_age{{{OURS}}})", "{{component}} not frozen"),
        Query(f"max by (component) (stack_mysql_history_length{{{OURS}}})", "{{component}} not purged"),
        *limits("number", "transaction_ids|history", "postgres|mysql"),
        unit="short",
        none="no server tells",
    ),
    timeseries(
        "MongoDB's cache",
        "What WiredTiger's cache holds of what it may, and the part of it that is not written yet. Above 95%, or with "
        "a fifth unwritten, operations must make room themselves and everything slows down (MongodbCacheFull, "
        "MongodbCacheDirty).",
        Query(f"max by (component) (stack_mongodb_cache_used_ratio{{{OURS}}})", "{{component}} used"),
        Query(f"max by (component) (stack_mongodb_cache_dirty_ratio{{{OURS}}})", "{{component}} not written"),
        *limits("ratio", "cache", "mongodb"),
        replace(component_limits("ratio", "cache_dirty")[0], legend="warning from, if not written"),
        unit="percentunit",
        most=1,
        none="no MongoDB tells",
    ),
    table(
        "What else may be wrong",
        "Indexes and constraints that are not valid (PostgreSQL), threads at work and failed log-ins a second (MySQL), "
        "open cursors and free tickets (MongoDB), memory that is allocated badly (Redis: above 1.5 in a large one, let "
        "it defragment). Each has an alert once its threshold is set; its runbook says what to do.",
        Query(f"max by (component) (stack_postgres_invalid_indexes{{{OURS}}})"),
        Query(f"max by (component) (stack_postgres_invalid_constraints{{{OURS}}})"),
        Query(f"max by (component) (stack_mysql_threads_running{{{OURS}}})"),
        Query(f"max by (component) (rate(stack_mysql_aborted_connects_total{{{OURS}}}[5m]))"),
        Query(f"max by (component) (stack_mongodb_cursors_open{{{OURS}}})"),
        Query(f"min by (component) (stack_mongodb_tickets_available{{{OURS}}})"),
        Query(f"max by (component) (stack_redis_memory_fragmentation_ratio{{{OURS}}})"),
        columns=[
            Column("component", "Component", url=CLOSER),
            Column("Value #A", "Indexes", unit="none", steps=[(1, WARNING)], color="text", width=95),
            Column("Value #B", "Constraints", unit="none", steps=[(1, WARNING)], color="text", width=100),
            Column("Value #C", "Threads", unit="none", width=95),
            Column("Value #D", "Log-ins", unit="ops", width=95),
            Column("Value #E", "Cursors", unit="short", width=95),
            Column("Value #F", "Tickets", unit="short", width=95),
            Column("Value #G", "Memory", unit="none", decimals=2, width=95),
        ],
        height=6,
        none="No server answers",
    ),
]
