"""Metrics that no rule, runbook or dashboard asks for by name, by pattern, and why; and signals that rules compare in another way.

The dashboard Components shows every reading of a component by its kind, and so without its name.
"""

DATE = "the date to certificate_remaining_seconds, which has thresholds"
FACT = "a fact, on Components among its kind's readings: no value of it is wrong by itself"
TREND = "on Components among its kind's readings: a trend, and no condition by itself"
RATIO = "a part or the whole of a ratio that has a threshold"
VERDICT = "the probe's own verdict says it (ComponentDown, ComponentDegraded), with a reason"
PARTNER = "on Components beside the figure of its kind that has a threshold"

EXCUSED = {
    "stack_*_certificate_not_after_timestamp_seconds": DATE,
    "stack_*_certificate_not_before_timestamp_seconds": DATE,
    "stack_certificate_not_*_timestamp_seconds": DATE,
    "stack_*_info": FACT,
    "stack_certificate_files": FACT,
    "stack_alertmanager_cluster_peers": TREND,
    "stack_prometheus_target_up": VERDICT,
    "stack_prometheus_notifications_sent_total": TREND,
    "stack_celery_worker_uptime_seconds": TREND,
    "stack_disk_free_bytes": RATIO,
    "stack_disk_inodes": RATIO,
    "stack_dns_response_bytes": TREND,
    "stack_dns_truncated": FACT,
    "stack_dns_validated": FACT,
    "stack_exporter_forward_sampled_out_total": "what forward.sample_ratio asks for",
    "stack_exporter_sentry_items_skipped_total": "kinds of items that nobody stores here, by design",
    "stack_file_operation_duration_seconds": "how long a file takes is mostly how large it is",
    "stack_grpc_serving": VERDICT,
    "stack_grpc_status_code": VERDICT,
    "stack_host_boot_time_seconds": FACT,
    "stack_host_load*": RATIO,
    "stack_host_memory_used_bytes": RATIO,
    "stack_host_swap_bytes": RATIO,
    "stack_http_expectation_failures_total": VERDICT,
    "stack_http_status_code": VERDICT,
    "stack_http_redirects": TREND,
    "stack_http_response_bytes": TREND,
    "stack_icmp_duplicate_replies": TREND,
    "stack_logs_response_bytes_total": TREND,
    "stack_memcached_hit_ratio": "since the start: CacheHitRatioLow takes that of five minutes",
    "stack_redis_keyspace_hit_ratio": "since the start: CacheHitRatioLow takes that of five minutes",
    "stack_postgres_cache_hit_ratio": "since the start: DatabaseBufferHitLow takes that of five minutes",
    "stack_mysql_buffer_pool_hit_ratio": "since the start: DatabaseBufferHitLow takes that of five minutes",
    "stack_memcached_*_bytes_total": TREND,
    "stack_memcached_sets_total": TREND,
    "stack_migrations_expected": FACT,
    "stack_mongodb_asserts_total": TREND,
    "stack_mongodb_cache_*_bytes": RATIO,
    "stack_mongodb_cache_pages_*_total": TREND,
    "stack_mongodb_collections": TREND,
    "stack_mongodb_documents": TREND,
    "stack_mongodb_*_bytes": PARTNER,
    "stack_mongodb_connections*": RATIO,
    "stack_mongodb_network_*_total": TREND,
    "stack_mongodb_operations_replicated_total": TREND,
    "stack_mysql_aborted_clients_total": PARTNER,
    "stack_mysql_buffer_pool_*_bytes": PARTNER,
    "stack_mysql_connection*": RATIO,
    "stack_mysql_relay_log_bytes": PARTNER,
    "stack_mysql_row_lock_wait*": PARTNER,
    "stack_mysql_statements_total": TREND,
    "stack_mysql_table_lock_waits_total": TREND,
    "stack_mysql_temporary_disk_tables_total": TREND,
    "stack_mysql_transactions": TREND,
    "stack_postgres_connections*": RATIO,
    "stack_postgres_statement*": PARTNER,
    "stack_postgres_temporary_files_bytes_total": TREND,
    "stack_rabbitmq_descriptors": RATIO,
    "stack_rabbitmq_sockets": RATIO,
    "stack_rabbitmq_memory_max_bytes": RATIO,
    "stack_rabbitmq_messages_ready": TREND,
    "stack_rabbitmq_queues_left_out": "max_queues asks for it",
    "stack_rabbitmq_uptime_seconds": TREND,
    "stack_redis_clients_max": RATIO,
    "stack_redis_keys_expired_total": TREND,
    "stack_redis_loading": VERDICT,
    "stack_smtp_starttls_offered": VERDICT,
    "stack_smtp_message_limit_bytes": FACT,
    "stack_sqlite_user_version": FACT,
}

RECENT = {
    "stack_memcached_hit_ratio": "stack_memcached_hits_total",
    "stack_redis_keyspace_hit_ratio": "stack_redis_keyspace_hits_total",
    "stack_postgres_cache_hit_ratio": "stack_postgres_block_hits_total",
    "stack_mysql_buffer_pool_hit_ratio": "stack_mysql_buffer_pool_disk_reads_total",
}
"""Ratios since the server's start, which stand still after weeks, and the counters that rules take the recent ones from."""

ALIKE = {
    "SecurityEventHigh stack_errors_total": "the same as in SecurityEventCritical, of which events.yml shows it",
    "ReleaseFailing ALERTS_FOR_STATE": "what ErrorsSpiking records, which rules make and no case can",
    "* stack_*certificate_remaining_seconds": "one of a plain list of names: the catalogue's check finds one that is misspelt",
    "* stack_*certificate_verified": "one of a plain list of names: the catalogue's check finds one that is misspelt",
}
"""Alerts and metrics of theirs that need no case each."""
