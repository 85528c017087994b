"""A PostgreSQL server's metrics, and which of its answers becomes which."""

import re

from exporter.metric import counter, gauge, info
from exporter.probe import Readings
from exporter.probes._postgres_queries import Overview, Statements

INFO = info("stack_postgres_info", "The server's version.", "component", "version")
CONNECTIONS = gauge(
    "stack_postgres_connections",
    "Sessions of clients on the whole server by state; hidden: the role may not see it.",
    "component",
    "state",
)
CONNECTIONS_LIMIT = gauge(
    "stack_postgres_connections_limit",
    "Sessions that roles without privileges can have together: max_connections less the reserved ones.",
    "component",
)
CONNECTIONS_RATIO = gauge(
    "stack_postgres_connections_ratio", "Sessions of clients, as a part of their limit.", "component"
)
SIZE = gauge("stack_postgres_database_size_bytes", "Size of the database on disk.", "component")
OLDEST_TRANSACTION = gauge(
    "stack_postgres_oldest_transaction_seconds",
    "Age of the oldest open transaction on the server, prepared ones included; 0 when there is none.",
    "component",
)
TRANSACTION_IDS = gauge(
    "stack_postgres_transaction_ids_age",
    "Transactions since the oldest one not frozen: at 2.1 billion the server stops taking writes.",
    "component",
)
LOCKS_WAITING = gauge("stack_postgres_locks_waiting", "Locks that a session is waiting for.", "component")
DEADLOCKS = counter("stack_postgres_deadlocks_total", "Deadlocks in the database.", "component")
CONFLICTS = counter(
    "stack_postgres_conflicts_total", "Queries cancelled on a replica, as replay needed the rows.", "component"
)
COMMITS = counter("stack_postgres_commits_total", "Transactions committed in the database.", "component")
ROLLBACKS = counter("stack_postgres_rollbacks_total", "Transactions rolled back in the database.", "component")
BLOCK_HITS = counter("stack_postgres_block_hits_total", "Blocks found in the server's buffers.", "component")
BLOCK_READS = counter("stack_postgres_block_reads_total", "Blocks read from the system.", "component")
CACHE_HIT = gauge(
    "stack_postgres_cache_hit_ratio", "Blocks found in the buffers, of all since the statistics began.", "component"
)
TEMPORARY = counter(
    "stack_postgres_temporary_files_bytes_total", "Bytes that queries of the database spilled to files.", "component"
)
RECOVERY = gauge(
    "stack_postgres_in_recovery", "Whether the server is a replica, or being recovered: 1 or 0.", "component"
)
RECEIVING = gauge(
    "stack_postgres_wal_receiver_up", "Whether the replica is connected to its primary: 1 or 0.", "component"
)
LAG = gauge(
    "stack_postgres_replication_lag_seconds",
    "How far the replica is behind: the age of what it replayed last.",
    "component",
)
REPLICAS = gauge("stack_postgres_replicas", "Replicas that are connected and visible to the role.", "component")
REPLICA_LAG = gauge(
    "stack_postgres_replica_lag_seconds",
    "How far a replica is behind, numbered in the order of connecting.",
    "component",
    "replica",
)
REPLICA_LAG_BYTES = gauge(
    "stack_postgres_replica_lag_bytes", "Write-ahead log that a replica has yet to replay.", "component", "replica"
)
STARTED = gauge("stack_postgres_start_timestamp_seconds", "When the server started, in Unix time.", "component")
INVALID_CONSTRAINTS = gauge(
    "stack_postgres_invalid_constraints", "Constraints not validated for existing rows.", "component"
)
INVALID_INDEXES = gauge(
    "stack_postgres_invalid_indexes", "Indexes that no query can use, and that none is building.", "component"
)
STATEMENTS = gauge(
    "stack_postgres_statements", "Statements of the database that pg_stat_statements holds.", "component"
)
STATEMENTS_SLOW = gauge(
    "stack_postgres_statements_slow", "Those that take slow_statement or longer on average.", "component"
)
STATEMENT_CALLS = gauge("stack_postgres_statement_calls", "Calls of the statements held.", "component")
STATEMENT_SECONDS = gauge(
    "stack_postgres_statement_execution_seconds", "Time spent in the statements held.", "component"
)
STATEMENT_MEAN = gauge(
    "stack_postgres_statement_mean_seconds", "Mean duration of the statement slowest on average.", "component"
)
STATEMENT_LONGEST = gauge(
    "stack_postgres_statement_longest_seconds", "The longest execution of a statement held.", "component"
)
CERTIFICATE_NOT_AFTER = gauge(
    "stack_postgres_certificate_not_after_timestamp_seconds",
    "When the server's certificate expires, if sslmode has it verified.",
    "component",
)
CERTIFICATE_REMAINING = gauge(
    "stack_postgres_certificate_remaining_seconds",
    "Time until the server's certificate expires, if sslmode has it verified; negative after.",
    "component",
)

_VERSION = re.compile(r"[0-9][0-9A-Za-z.]{0,19}")
_STATES = (
    "active",
    "idle",
    "idle in transaction",
    "idle in transaction (aborted)",
    "fastpath function call",
    "disabled",
)


def report(seen: Overview, out: Readings) -> None:
    version = _VERSION.match(seen.version)
    out.set(INFO, 1, version[0] if version else "")
    _connections(seen, out)
    out.set(OLDEST_TRANSACTION, max(seen.oldest or 0, seen.prepared or 0, 0))
    out.set(TRANSACTION_IDS, seen.age)
    out.set(LOCKS_WAITING, seen.locks)
    out.set(STARTED, seen.started)
    out.set(INVALID_CONSTRAINTS, seen.constraints)
    out.set(INVALID_INDEXES, seen.indexes)
    if seen.size is not None:
        out.set(SIZE, seen.size)
    if counts := seen.counts:
        out.set(COMMITS, counts.commits)
        out.set(ROLLBACKS, counts.rollbacks)
        out.set(BLOCK_HITS, counts.hits)
        out.set(BLOCK_READS, counts.reads)
        out.set(DEADLOCKS, counts.deadlocks)
        out.set(CONFLICTS, counts.conflicts)
        out.set(TEMPORARY, counts.spilled)
        if blocks := counts.hits + counts.reads:
            out.set(CACHE_HIT, counts.hits / blocks)
    _replication(seen, out)


def _connections(seen: Overview, out: Readings) -> None:
    sessions = seen.sessions or {}
    # Each state from the start, so that a rule sees it rise from 0.
    for state in _STATES[:4]:
        out.set(CONNECTIONS, sessions.get(state, 0), state)
    for state in sessions:
        if state not in _STATES[:4]:
            out.set(CONNECTIONS, sessions[state], state if state in (*_STATES, "hidden") else "other")
    out.set(CONNECTIONS_LIMIT, seen.limit)
    if seen.limit > 0:
        out.set(CONNECTIONS_RATIO, sum(sessions.values()) / seen.limit)


def _replication(seen: Overview, out: Readings) -> None:
    out.set(RECOVERY, int(seen.recovery))
    if seen.recovery:
        out.set(RECEIVING, int(seen.receiving))
        if seen.lag is not None:
            out.set(LAG, max(seen.lag, 0))
    replicas = seen.replicas or []
    out.set(REPLICAS, len(replicas))
    for number, replica in enumerate(replicas, 1):
        out.set(REPLICA_LAG, replica.seconds, str(number))
        if replica.bytes is not None:
            out.set(REPLICA_LAG_BYTES, max(replica.bytes, 0), str(number))


def report_statements(found: Statements, out: Readings) -> None:
    out.set(STATEMENTS, found.held)
    out.set(STATEMENTS_SLOW, found.slow)
    out.set(STATEMENT_CALLS, found.calls)
    out.set(STATEMENT_SECONDS, found.seconds)
    out.set(STATEMENT_MEAN, found.mean)
    out.set(STATEMENT_LONGEST, found.longest)
