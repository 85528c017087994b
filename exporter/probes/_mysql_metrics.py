"""A MySQL or MariaDB server's metrics."""

from exporter.metric import counter, gauge, info

INFO = info("stack_mysql_info", "Software (mysql or mariadb) and its version.", "component", "software", "version")
UPTIME = gauge("stack_mysql_uptime_seconds", "Time since the server started.", "component")
CONNECTIONS = gauge("stack_mysql_connections", "Connections of clients that are open.", "component")
CONNECTIONS_LIMIT = gauge("stack_mysql_connections_limit", "max_connections.", "component")
CONNECTIONS_RATIO = gauge(
    "stack_mysql_connections_ratio", "Open connections, as a part of max_connections.", "component"
)
CONNECTIONS_PEAK = gauge("stack_mysql_connections_peak", "Most connections open at once since the start.", "component")
CONNECTED = counter("stack_mysql_connection_attempts_total", "Attempts to connect, successful or not.", "component")
REJECTED = counter(
    "stack_mysql_connections_rejected_total", "Connections refused because of max_connections.", "component"
)
ABORTED_CONNECTS = counter(
    "stack_mysql_aborted_connects_total",
    "Attempts to connect that failed: wrong passwords, broken handshakes.",
    "component",
)
ABORTED_CLIENTS = counter(
    "stack_mysql_aborted_clients_total", "Sessions whose client went without closing them.", "component"
)
THREADS_RUNNING = gauge("stack_mysql_threads_running", "Threads that are executing something.", "component")
QUERIES = counter("stack_mysql_queries_total", "Statements sent by clients.", "component")
STATEMENTS = counter("stack_mysql_statements_total", "Statements executed, by what they do.", "component", "statement")
SLOW_QUERIES = counter("stack_mysql_slow_queries_total", "Queries that took longer than long_query_time.", "component")
SLOW_FROM = gauge("stack_mysql_slow_query_seconds", "long_query_time: from where on a query is slow.", "component")
DISK_TABLES = counter("stack_mysql_temporary_disk_tables_total", "Temporary tables that went to disk.", "component")
LOCKS_WAITING = gauge("stack_mysql_row_locks_waiting", "Transactions waiting for a row's lock.", "component")
LOCK_WAITS = counter("stack_mysql_row_lock_waits_total", "Waits for a row's lock.", "component")
LOCK_WAIT_TIME = counter("stack_mysql_row_lock_wait_seconds_total", "Time waited for rows' locks.", "component")
LONGEST_WAIT = gauge(
    "stack_mysql_row_lock_longest_wait_seconds",
    "How long the oldest of the waits for a row's lock has lasted; 0 when there is none. Needs PROCESS.",
    "component",
)
TABLE_LOCK_WAITS = counter("stack_mysql_table_lock_waits_total", "Waits for a table's lock.", "component")
DEADLOCKS = counter("stack_mysql_deadlocks_total", "Deadlocks, where the server counts them (MariaDB).", "component")
TRANSACTIONS = gauge("stack_mysql_transactions", "Open InnoDB transactions. Needs PROCESS.", "component")
OLDEST_TRANSACTION = gauge(
    "stack_mysql_oldest_transaction_seconds",
    "Age of the oldest open InnoDB transaction; 0 when there is none. Needs PROCESS.",
    "component",
)
HISTORY = gauge(
    "stack_mysql_history_length",
    "Undo records that purge has yet to remove, where the server counts them (MariaDB).",
    "component",
)
POOL_SIZE = gauge("stack_mysql_buffer_pool_size_bytes", "Size of InnoDB's buffer pool.", "component")
POOL_DATA = gauge("stack_mysql_buffer_pool_data_bytes", "Data in the buffer pool.", "component")
POOL_DIRTY = gauge("stack_mysql_buffer_pool_dirty_bytes", "Data in the buffer pool that is to be written.", "component")
POOL_REQUESTS = counter("stack_mysql_buffer_pool_read_requests_total", "Reads asked of the buffer pool.", "component")
POOL_MISSES = counter("stack_mysql_buffer_pool_disk_reads_total", "Reads that it had to make from disk.", "component")
POOL_HIT = gauge(
    "stack_mysql_buffer_pool_hit_ratio", "Reads found in the buffer pool, of all since the start.", "component"
)
READ_ONLY = gauge("stack_mysql_read_only", "Whether read_only or super_read_only is on: 1 or 0.", "component")
REPLICAS = gauge("stack_mysql_replicas", "Replicas connected, where the server counts them (MariaDB).", "component")
SOURCES = gauge("stack_mysql_replication_channels", "Sources that the server replicates; 0: no replica.", "component")
IO_RUNNING = gauge(
    "stack_mysql_replication_io_running",
    "Whether the replica is connected to its source, and receives: 1 or 0.",
    "component",
    "channel",
)
SQL_RUNNING = gauge(
    "stack_mysql_replication_sql_running",
    "Whether the replica applies what it received: 1 or 0.",
    "component",
    "channel",
)
LAG = gauge(
    "stack_mysql_replication_lag_seconds",
    "How far the replica is behind; absent while a thread of it does not run, as it is unknown then.",
    "component",
    "channel",
)
DELAY = gauge(
    "stack_mysql_replication_delay_seconds", "How far it is to stay behind on purpose.", "component", "channel"
)
RELAY_LOG = gauge("stack_mysql_relay_log_bytes", "Size of the relay logs.", "component", "channel")
SIZE = gauge(
    "stack_mysql_database_size_bytes",
    "Data and indexes of a database, as far as the user may see it; the 50 largest.",
    "component",
    "database",
)
CERTIFICATE_NOT_AFTER = gauge(
    "stack_mysql_certificate_not_after_timestamp_seconds",
    "When the server's certificate expires, if it is verified.",
    "component",
)
CERTIFICATE_REMAINING = gauge(
    "stack_mysql_certificate_remaining_seconds",
    "Time until the server's certificate expires, if it is verified; negative after.",
    "component",
)
