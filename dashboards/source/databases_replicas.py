"""Row of Databases and caches: who is primary and who replica, and how far behind replicas are."""

from dataclasses import replace

from dashboards.source.looks import CRITICAL, GOOD, WARNING
from dashboards.source.panels import timeline, timeseries
from dashboards.source.query import Query, component_limits

OURS = 'component=~"$component"'
ROLE = f"""max by (component) (
  (stack_postgres_wal_receiver_up{{{OURS}}} == 0) * 0 + 3
  or stack_postgres_in_recovery{{{OURS}}}
  or (stack_mysql_replication_io_running{{{OURS}}} == 0) * 0 + 3
  or (stack_mysql_replication_sql_running{{{OURS}}} == 0) * 0 + 3
  or (stack_mysql_replication_channels{{{OURS}}} > 0) * 0 + 1
  or (stack_mysql_read_only{{{OURS}}} == 1) * 0 + 2
  or stack_mysql_read_only{{{OURS}}}
  or (stack_redis_master_link_up{{{OURS}}} == 0) * 0 + 3
  or stack_redis_replica{{{OURS}}}
  or (stack_mongodb_primary_known{{{OURS}}} == 0) * 0 + 3
  or (stack_mongodb_member_state{{{OURS}}} > 2) * 0 + 3
  or stack_mongodb_member_state{{{OURS}}} - 1
)"""

REPLICAS = [
    timeline(
        "Role of each server",
        "Which server is the primary, which a replica, and which replica gets nothing. A change that nobody planned "
        "is a failover: see that applications write to the new primary (DatabaseRoleChanged, CacheRoleChanged, "
        "DatabaseReplicationBroken, CacheMasterLinkDown).",
        Query(ROLE, "{{component}}"),
        words={
            "0": ("primary", GOOD),
            "1": ("replica", "blue"),
            "2": ("takes no writes", WARNING),
            "3": ("cut off", CRITICAL),
        },
        width=8,
        none="no server answers",
    ),
    timeseries(
        "How far replicas are behind, in time",
        "The age of what a replica applied last, less what it is to stay behind on purpose. Reads from it are that "
        "old; above the dashed lines DatabaseReplicationLag fires: look for a long transaction or a full network.",
        Query(
            f"""max by (component, replica, channel, member) (
  stack_postgres_replication_lag_seconds{{{OURS}}}
  or stack_postgres_replica_lag_seconds{{{OURS}}}
  or stack_mysql_replication_lag_seconds{{{OURS}}} - stack_mysql_replication_delay_seconds{{{OURS}}}
  or stack_mysql_replication_lag_seconds{{{OURS}}}
  or stack_mongodb_replication_lag_seconds{{{OURS}}}
  or stack_redis_master_link_idle_seconds{{{OURS}}}
)""",
            "{{component}} {{replica}}{{channel}}{{member}}",
        ),
        *component_limits("seconds", "replication_lag"),
        replace(component_limits("seconds", "master_link")[0], legend="warning from, for Redis"),
        unit="s",
        width=8,
        none="no replica",
    ),
    timeseries(
        "How far replicas are behind, in bytes",
        "What a replica has yet to apply, as its primary sees it; the primary keeps it on its own disk until then. A "
        "climb without an end fills that disk: repair the replica or drop its slot (DatabaseReplicaBehind, "
        "CacheReplicaLag, DatabaseReplicaLost).",
        Query(
            "max by (component, replica) "
            f"(stack_postgres_replica_lag_bytes{{{OURS}}} or stack_redis_replica_lag_bytes{{{OURS}}})",
            "{{component}} {{replica}}",
        ),
        *component_limits("bytes", "replica_lag"),
        unit="bytes",
        width=8,
        none="no replica",
    ),
]
