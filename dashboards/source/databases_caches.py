"""Row of Databases and caches: memory, hits, evictions, clients and saves of Redis and Memcached."""

from dashboards.source.components_limits import limits
from dashboards.source.looks import CRITICAL, GOOD
from dashboards.source.panels import timeline, timeseries
from dashboards.source.query import Query, component_limits

OURS = 'component=~"$component"'
HITS = f"""max by (component) (
  rate(stack_redis_keyspace_hits_total{{{OURS}}}[5m])
  / (rate(stack_redis_keyspace_hits_total{{{OURS}}}[5m]) + rate(stack_redis_keyspace_misses_total{{{OURS}}}[5m]) > 0)
  or rate(stack_memcached_hits_total{{{OURS}}}[5m])
  / (rate(stack_memcached_hits_total{{{OURS}}}[5m]) + rate(stack_memcached_misses_total{{{OURS}}}[5m]) > 0)
)"""

CACHES = [
    timeseries(
        "Memory used, of what they may",
        "Of Redis where nothing is evicted, and of Memcached, for which full is usual. At 100% Redis takes no writes "
        "any more: delete what is not needed, or raise maxmemory (CacheMemoryHigh).",
        Query(
            f"max by (component) (stack_redis_memory_ratio{{{OURS}}} or stack_memcached_memory_ratio{{{OURS}}})",
            "{{component}}",
        ),
        *limits("ratio", "memory", "redis|memcached"),
        unit="percentunit",
        most=1,
        width=8,
        none="no cache with a limit",
    ),
    timeseries(
        "Memory used",
        "What the server has allocated for data. A steady climb means keys without a time to live; the machine's own "
        "memory is on Storage and host.",
        Query(
            f"max by (component) (stack_redis_memory_used_bytes{{{OURS}}} "
            f"or stack_memcached_memory_used_bytes{{{OURS}}})",
            "{{component}}",
        ),
        Query(
            f"max by (component) (stack_redis_memory_max_bytes{{{OURS}}} "
            f"or stack_memcached_memory_max_bytes{{{OURS}}})",
            "{{component}} may use",
        ),
        unit="bytes",
        width=8,
        none="no cache answers",
    ),
    timeseries(
        "Look-ups that found something",
        "The share of look-ups of the last five minutes that found their key. A fall after a restart or a deploy is a "
        "cold cache and passes; one that stays sends the load to the database (CacheHitRatioLow, above one look-up a "
        "second).",
        Query(HITS, "{{component}}"),
        *component_limits("ratio", "hit_ratio", above=False),
        unit="percentunit",
        most=1,
        width=8,
        none="nobody looked anything up",
        calcs=("lastNotNull", "min"),
    ),
    timeseries(
        "Thrown out to make room, a second",
        "Keys that were evicted before they expired. Some are what a cache is for; many, and look-ups that find "
        "nothing, mean that it is too small (CacheEvictions). In a Redis that holds more than a cache, they are data "
        "that is lost.",
        Query(
            f"max by (component) (rate(stack_redis_keys_evicted_total{{{OURS}}}[5m]) "
            f"or rate(stack_memcached_evictions_total{{{OURS}}}[5m]))",
            "{{component}}",
        ),
        *component_limits("number", "evictions"),
        unit="ops",
        width=8,
        none="no cache answers",
    ),
    timeseries(
        "Connections refused, a second",
        "Connections that were refused because too many were open, of caches and of MySQL; it should be 0. Raise the "
        "limit, or mend the pool that opens so many (CacheConnectionsRejected, DatabaseConnectionsRejected).",
        Query(
            f"""max by (component) (
  rate(stack_redis_connections_rejected_total{{{OURS}}}[5m])
  or rate(stack_memcached_connections_rejected_total{{{OURS}}}[5m])
  or rate(stack_mysql_connections_rejected_total{{{OURS}}}[5m])
)""",
            "{{component}}",
        ),
        *component_limits("number", "rejected"),
        unit="ops",
        width=8,
        none="no server tells",
    ),
    timeseries(
        "Clients, and those that block",
        "Clients that are connected, and those that wait in a call such as BLPOP, as idle workers do. A jump of the "
        "first is a storm of connections, of the second workers without work (CacheClientsHigh, CacheBlockedClients).",
        Query(
            f"max by (component) (stack_redis_clients{{{OURS}}} or stack_memcached_connections{{{OURS}}})",
            "{{component}}",
        ),
        Query(f"max by (component) (stack_redis_clients_blocked{{{OURS}}})", "{{component}} blocked"),
        *component_limits("number", "blocked_clients"),
        unit="none",
        decimals=0,
        width=8,
        none="no cache answers",
    ),
    timeseries(
        "Changes that are not saved yet",
        "How long ago Redis saved last, if there are changes since, else 0: so much is lost if it stops now. Above the "
        "dashed lines, if thresholds.save_age is set, CacheSaveOld fires: see the disk and the memory that a fork "
        "needs.",
        Query(
            f"max by (component) (stack_redis_rdb_last_save_age_seconds{{{OURS}}} "
            f"and stack_redis_rdb_changes_since_last_save{{{OURS}}} > 0)\n"
            f"or max by (component) (stack_redis_rdb_last_save_age_seconds{{{OURS}}}) * 0",
            "{{component}}",
        ),
        *component_limits("seconds", "save_age"),
        unit="s",
        none="no Redis answers",
    ),
    timeline(
        "Whether saving works",
        "Whether the last save, and the last write to the append-only file, succeeded. “failed” means that Redis "
        "forgets everything when it stops, and may refuse writes now: look at its disk (CacheSaveFailed, "
        "CacheAppendFailed).",
        Query(f"max by (component) (stack_redis_rdb_last_save_ok{{{OURS}}})", "{{component}} save"),
        Query(f"max by (component) (stack_redis_aof_last_write_ok{{{OURS}}})", "{{component}} append"),
        words={"1": ("works", GOOD), "0": ("failed", CRITICAL)},
        width=12,
        none="no Redis answers",
    ),
]
