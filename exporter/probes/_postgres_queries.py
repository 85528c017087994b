"""What a PostgreSQL server is asked, in one round trip or two, and the shape of its answers.

One JSON value a query, because asyncpg then needs no types of the server's, and msgspec makes of it what is expected.
Nothing here names a table of the user's, reads a query's text, or needs a right: what a role may not see is null.
PostgreSQL 12 and later.
"""

import msgspec

# Walsenders have slots of their own (max_wal_senders) since 12. To a role without pg_monitor the sessions of others
# have neither state nor backend_type, but they do have a database, as the server's own processes (but for autovacuum's)
# do not.
# On a standby whose receiver streams and which has replayed all it received, the time since the last transaction would
# grow for as long as the primary is idle: the lag is then 0.
# NOT ENFORCED constraints (18, where the column first appears) are never validated; an index that is being built
# concurrently is not valid yet.
OVERVIEW = """
SELECT json_build_object(
  'version', current_setting('server_version'),
  'recovery', r.recovery,
  'read_only', current_setting('default_transaction_read_only') = 'on',
  'started', extract(epoch FROM pg_postmaster_start_time()),
  'limit', current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - coalesce(current_setting('reserved_connections', true), '0')::int,
  'sessions', a.sessions,
  'oldest', a.oldest,
  'prepared', (SELECT extract(epoch FROM max(now() - prepared)) FROM pg_prepared_xacts),
  'locks', (SELECT count(*) FROM pg_locks WHERE NOT granted),
  'size', pg_database_size(current_database()),
  'age', (SELECT max(age(datfrozenxid)) FROM pg_database),
  'counts', (SELECT json_build_object('commits', xact_commit, 'rollbacks', xact_rollback, 'hits', blks_hit,
      'reads', blks_read, 'deadlocks', deadlocks, 'conflicts', conflicts, 'spilled', temp_bytes)
    FROM pg_stat_database WHERE datname = current_database()),
  'constraints', (SELECT count(*) FROM pg_constraint c
    WHERE NOT convalidated AND to_jsonb(c)->>'conenforced' IS DISTINCT FROM 'false'),
  'indexes', (SELECT count(*) FROM pg_index i WHERE NOT indisvalid
    AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)),
  'replicas', (SELECT json_agg(json_build_object('bytes', pg_wal_lsn_diff(r.lsn, replay_lsn),
      'seconds', coalesce(extract(epoch FROM replay_lag), 0)) ORDER BY backend_start, pid)
    FROM pg_stat_replication WHERE replay_lsn IS NOT NULL),
  'receiving', EXISTS (SELECT FROM pg_stat_wal_receiver),
  'lag', CASE WHEN r.recovery THEN CASE
    WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0
    ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END END,
  'statements', (SELECT quote_ident(nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    WHERE extname = 'pg_stat_statements')
)::text
FROM (SELECT pg_is_in_recovery() AS recovery,
    CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END AS lsn) r,
  (SELECT json_object_agg(state, n) AS sessions, extract(epoch FROM max(oldest)) AS oldest
    FROM (SELECT coalesce(state, 'hidden') AS state, count(*) AS n,
        max(clock_timestamp() - xact_start) FILTER (WHERE pid <> pg_backend_pid()) AS oldest
      FROM pg_stat_activity
      WHERE datid IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend' GROUP BY 1) s) a
"""

# false: without the texts, which are neither wanted nor cheap, as they are read from a file.
STATEMENTS = """
SELECT json_build_object('held', count(*), 'calls', coalesce(sum(calls), 0),
  'seconds', coalesce(sum(total_exec_time), 0) / 1000,
  'mean', coalesce(max(mean_exec_time), 0) / 1000, 'longest', coalesce(max(max_exec_time), 0) / 1000,
  'slow', count(*) FILTER (WHERE mean_exec_time >= {slow:.3f}))::text
FROM {schema}.pg_stat_statements(false)
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Counts(msgspec.Struct):
    """Since the last reset of the statistics, in the session's database."""

    commits: float = 0
    rollbacks: float = 0
    hits: float = 0
    reads: float = 0
    deadlocks: float = 0
    conflicts: float = 0
    spilled: float = 0


class Replica(msgspec.Struct):
    bytes: float | None
    seconds: float


class Overview(msgspec.Struct):
    version: str
    recovery: bool
    read_only: bool
    started: float
    limit: int
    locks: int
    size: float | None
    age: float
    constraints: int
    indexes: int
    receiving: bool
    sessions: dict[str, int] | None = None
    oldest: float | None = None
    prepared: float | None = None
    counts: Counts | None = None
    replicas: list[Replica] | None = None
    lag: float | None = None
    statements: str | None = None
    """The schema of pg_stat_statements, quoted, when the extension is there."""


class Statements(msgspec.Struct):
    held: int
    calls: float
    seconds: float
    mean: float
    longest: float
    slow: int


overview = msgspec.json.Decoder(Overview).decode
statements = msgspec.json.Decoder(Statements).decode
