"""Databases and caches: whether they answer, how quickly, how full they are, and whether replicas keep up."""

from dashboards.source import variables
from dashboards.source.board import Board, Row
from dashboards.source.components_limits import limits
from dashboards.source.components_now import CLOSER, healths, trouble, troubles
from dashboards.source.databases_caches import CACHES
from dashboards.source.databases_calls import CALLS
from dashboards.source.databases_queries import QUERIES
from dashboards.source.databases_replicas import REPLICAS
from dashboards.source.databases_schema import SCHEMA
from dashboards.source.looks import CRITICAL, GOOD, WARNING
from dashboards.source.panels import Panel, stat, timeseries
from dashboards.source.query import Query, once
from dashboards.source.tables import Column, table

KINDS = "postgres|mysql|mongodb|sqlite|sql|migrations|redis|memcached"
OURS = 'component=~"$component"'
HERE = f'{OURS}, kind=~"{KINDS}"'
P95 = f"histogram_quantile(0.95, sum by (le, component) (rate(stack_probe_duration_seconds_bucket{{{HERE}}}[5m])))"
CONNECTIONS = f"""max by (component) (
  stack_postgres_connections_ratio{{{OURS}}}
  or stack_mysql_connections_ratio{{{OURS}}}
  or stack_mongodb_connections_ratio{{{OURS}}}
  or stack_redis_clients_ratio{{{OURS}}}
  or stack_memcached_connections_ratio{{{OURS}}}
)"""
RUNNING = f"""max by (component) (
  time() - stack_postgres_start_timestamp_seconds{{{OURS}}}
  or stack_mysql_uptime_seconds{{{OURS}}}
  or stack_mongodb_uptime_seconds{{{OURS}}}
  or stack_redis_uptime_seconds{{{OURS}}}
  or stack_memcached_uptime_seconds{{{OURS}}}
)"""
SIZES = once(
    "component",
    f"""
  stack_postgres_database_size_bytes{{{OURS}}}
  or stack_mysql_database_size_bytes{{{OURS}}}
  or stack_mongodb_storage_bytes{{{OURS}}}
  or stack_sqlite_size_bytes{{{OURS}}}
""",
)
GROWTH = once(
    "component",
    f"""
  deriv(stack_postgres_database_size_bytes{{{OURS}}}[6h])
  or deriv(stack_mysql_database_size_bytes{{{OURS}}}[6h])
  or deriv(stack_mongodb_storage_bytes{{{OURS}}}[6h])
  or deriv(stack_sqlite_size_bytes{{{OURS}}}[6h])
""",
)
LAG = f"""max(
  stack_postgres_replication_lag_seconds{{{OURS}}}
  or stack_postgres_replica_lag_seconds{{{OURS}}}
  or stack_mysql_replication_lag_seconds{{{OURS}}} - stack_mysql_replication_delay_seconds{{{OURS}}}
  or stack_mysql_replication_lag_seconds{{{OURS}}}
  or stack_mongodb_replication_lag_seconds{{{OURS}}}
)"""
FULL = [(0, GOOD), (0.8, WARNING), (0.95, CRITICAL)]
SAVES = f"stack_redis_rdb_last_save_ok{{{OURS}}}"
UNSAVED = f"max by (component) ({SAVES} == 0 or stack_redis_aof_last_write_ok{{{OURS}}} == 0)"


def _numbers() -> list[Panel]:
    return [
        trouble("Databases, caches, files of SQLite, queries and schemas", HERE),
        stat(
            "Slowest answer",
            "The 95th percentile of how long a check of the slowest of them takes, over five minutes: connect, log in, "
            "ask. Seconds mean that applications wait as well: look at locks and slow queries (ComponentSlow).",
            Query(f"max({P95} >= 0)", "p95"),
            unit="s",
            steps_=[(0.5, WARNING), (2, CRITICAL)],
            none="no run yet",
        ),
        stat(
            "Fullest connections",
            "Connections in use, of those that there can be, where most are. At 100% nobody else gets in: look for "
            "a pool that is too large or sessions that are never closed (DatabaseConnectionsHigh, CacheClientsHigh).",
            Query(f"max({CONNECTIONS})", "in use"),
            unit="percentunit",
            decimals=0,
            steps_=[(0.8, WARNING), (0.95, CRITICAL)],
            none="no server answers",
        ),
        stat(
            "Oldest transaction",
            "How long the oldest transaction has been open. One of many minutes keeps locks and what should be "
            "cleared away: find its session and end it (DatabaseTransactionOld).",
            Query(
                f"max(stack_postgres_oldest_transaction_seconds{{{OURS}}} "
                f"or stack_mysql_oldest_transaction_seconds{{{OURS}}})",
                "oldest",
            ),
            unit="s",
            decimals=0,
            steps_=[(300, WARNING), (3600, CRITICAL)],
            none="none known",
        ),
        stat(
            "Furthest replica behind",
            "How far the replica that is furthest behind is. Reads from it are that old, and so much is lost if the "
            "primary dies now (DatabaseReplicationLag).",
            Query(LAG, "behind"),
            unit="s",
            decimals=1,
            steps_=[(30, WARNING), (120, CRITICAL)],
            none="no replica",
        ),
        stat(
            "Redis that cannot save",
            "Servers whose last save or last write to the append-only file failed: what they hold is lost if they "
            "stop now. Mostly the disk is full or memory too short to fork (CacheSaveFailed, CacheAppendFailed).",
            Query(f"count({UNSAVED}) or 0 * count({SAVES})", "cannot save"),
            unit="none",
            first="text",
            steps_=[(1, CRITICAL)],
            none="no Redis answers",
        ),
    ]


ALL = [
    table(
        "Each of them",
        "How long it has been running, how quickly it answers (p95 over five minutes), what is used of its "
        "connections, its size, and by how much it grows a day at the pace of the last six hours. A short time that "
        "you did not expect is a restart (DatabaseRestarted, CacheRestarted): look into its log.",
        Query(f"max by (component, kind) (stack_component_info{{{HERE}}})"),
        Query(RUNNING),
        Query(f"{P95} >= 0"),
        Query(CONNECTIONS),
        Query(SIZES),
        Query(f"{GROWTH} * 86400"),
        columns=[
            Column("component", "Component", url=CLOSER),
            Column("kind", "Kind", width=100),
            Column("Value #B", "Running for", unit="s", decimals=1, width=115),
            Column("Value #C", "Answers in", unit="s", width=105),
            Column("Value #D", "Connections", unit="percentunit", decimals=0, steps=FULL, color="bar", width=140),
            Column("Value #E", "Size", unit="bytes", width=95),
            Column("Value #F", "Grows a day", unit="bytes", width=110),
        ],
        sort="Component",
        descending=False,
        none="No database or cache is watched",
    ),
    timeseries(
        "How long a check takes",
        "The 95th percentile over five minutes of a whole run: connect, log in, ask. All at once is the network or "
        "the daemon's machine; one alone is that server: see its locks and slow queries (ComponentSlow).",
        Query(P95, "{{component}}"),
        *limits("seconds", "latency", KINDS),
        unit="s",
        width=8,
        none="no run yet",
    ),
    timeseries(
        "Connections in use",
        "Connections, of those that there can be, of each server. Above the dashed lines DatabaseConnectionsHigh and "
        "CacheClientsHigh fire; a steady climb is a leak in an application, a jump is a deploy or a storm of retries.",
        Query(CONNECTIONS, "{{component}}"),
        *limits("ratio", "connections|clients", KINDS),
        unit="percentunit",
        most=1,
        width=8,
        none="no server answers",
    ),
    timeseries(
        "Size",
        "What data takes on the disk; the table above says how fast it grows. Above the dashed lines, if "
        "thresholds.size is set, DatabaseLarge and SqliteLarge fire: clear out what is old before the disk is full.",
        Query(SIZES, "{{component}}"),
        *limits("bytes", "size", KINDS),
        unit="bytes",
        width=8,
        none="no size is known",
    ),
]

BOARD = Board(
    "stack-databases",
    "Databases and caches",
    "Whether databases and caches answer, how quickly, how full they are, and whether replicas and saves keep up.",
    variables=[variables.team(), variables.component(KINDS), variables.service()],
    rows=[
        Row("", [*_numbers(), troubles(HERE), healths(HERE, "The status of each database and cache at each time.")]),
        Row("Speed, room and size", ALL),
        Row("Queries, locks and transactions", QUERIES),
        Row("Replicas: roles, and how far behind", REPLICAS, folded=True),
        Row("Caches: memory, hits, evictions, clients, saves", CACHES, folded=True),
        Row("As applications see them", CALLS, folded=True),
        Row("Schemas, SQLite and your own queries", SCHEMA, folded=True),
    ],
    alerts='subject=~"databases|cache|postgres|mysql|mongodb|redis|replication|schema|queries|calls|components", '
    'component=~"$component|", service=~"$service|"',
)
