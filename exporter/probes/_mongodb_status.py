"""serverStatus and dbStats as series. Every section of them is optional: compatible servers and mongos lack most."""

import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from exporter.metric import Metric, counter, gauge, info
from exporter.probe import Readings

INFO = info("stack_mongodb_info", "What the server is.", "component", "version", "process", "storage_engine")
UPTIME = gauge("stack_mongodb_uptime_seconds", "Time since the server started.", "component")
CONNECTIONS = gauge("stack_mongodb_connections", "Open connections.", "component")
CONNECTIONS_ACTIVE = gauge("stack_mongodb_connections_active", "Connections whose operation is under way.", "component")
CONNECTIONS_AVAILABLE = gauge("stack_mongodb_connections_available", "Connections that could be opened.", "component")
CONNECTIONS_RATIO = gauge("stack_mongodb_connections_ratio", "Open connections by all that there can be.", "component")
CONNECTIONS_CREATED = counter("stack_mongodb_connections_created_total", "Connections opened.", "component")
OPERATIONS = counter("stack_mongodb_operations_total", "Operations, by type.", "component", "type")
OPERATIONS_REPLICATED = counter(
    "stack_mongodb_operations_replicated_total", "Operations that came by replication, by type.", "component", "type"
)
TIMED = counter("stack_mongodb_operations_timed_total", "Operations whose time was taken.", "component", "type")
TIMED_SECONDS = counter(
    "stack_mongodb_operations_seconds_total", "What those operations took in all.", "component", "type"
)
QUEUED = gauge("stack_mongodb_operations_queued", "Operations that wait for the global lock.", "component", "type")
CLIENTS = gauge("stack_mongodb_clients_active", "Clients that read or write, by type.", "component", "type")
TICKETS = gauge(
    "stack_mongodb_tickets_available", "Operations of the storage engine that could begin.", "component", "type"
)
CURSORS = gauge("stack_mongodb_cursors_open", "Open cursors.", "component")
CURSORS_PINNED = gauge("stack_mongodb_cursors_pinned", "Open cursors that are at work.", "component")
CURSORS_LASTING = gauge("stack_mongodb_cursors_no_timeout", "Open cursors that never time out.", "component")
CURSORS_TIMED_OUT = counter("stack_mongodb_cursors_timed_out_total", "Cursors closed for idleness.", "component")
CACHE_USED = gauge("stack_mongodb_cache_used_bytes", "Bytes in WiredTiger's cache.", "component")
CACHE_MAX = gauge("stack_mongodb_cache_max_bytes", "What WiredTiger's cache may hold.", "component")
CACHE_RATIO = gauge("stack_mongodb_cache_used_ratio", "Bytes in WiredTiger's cache by its maximum.", "component")
CACHE_DIRTY = gauge("stack_mongodb_cache_dirty_bytes", "Changed bytes in the cache, not yet written.", "component")
CACHE_DIRTY_RATIO = gauge("stack_mongodb_cache_dirty_ratio", "Changed bytes by the cache's maximum.", "component")
CACHE_READ = counter("stack_mongodb_cache_pages_read_total", "Pages read into the cache.", "component")
CACHE_ASKED = counter("stack_mongodb_cache_pages_requested_total", "Pages asked of the cache.", "component")
CACHE_EVICTED = counter(
    "stack_mongodb_cache_pages_evicted_by_clients_total",
    "Pages that operations had to evict themselves before they could go on.",
    "component",
)
MEMORY = gauge("stack_mongodb_memory_resident_bytes", "Memory of the server's process.", "component")
RECEIVED = counter("stack_mongodb_network_received_bytes_total", "Bytes from clients.", "component")
SENT = counter("stack_mongodb_network_sent_bytes_total", "Bytes to clients.", "component")
REQUESTS = counter("stack_mongodb_network_requests_total", "Requests of clients.", "component")
ASSERTS = counter(
    "stack_mongodb_asserts_total", "Assertions by type; those of users are refusals.", "component", "type"
)
DATA = gauge("stack_mongodb_data_bytes", "Documents of a database, uncompressed.", "component", "database")
STORAGE = gauge("stack_mongodb_storage_bytes", "What they take on the disk.", "component", "database")
INDEXES = gauge("stack_mongodb_index_bytes", "What the database's indexes take on the disk.", "component", "database")
OBJECTS = gauge("stack_mongodb_documents", "Documents of a database.", "component", "database")
COLLECTIONS = gauge("stack_mongodb_collections", "Collections of a database.", "component", "database")

LEFT_OUT = ("locks", "tcmalloc", "electionMetrics", "transportSecurity", "logicalSessionRecordCache", "sharding")
"""Sections that are not asked for: a third of the answer's size."""
MIB = 1 << 20
_VERSION = re.compile(r"[0-9][0-9A-Za-z.-]{0,19}")
_WORD = re.compile(r"[A-Za-z]{1,20}")

_NUMBERS: dict[Metric, tuple[str, ...]] = {
    UPTIME: ("uptime",),
    CONNECTIONS: ("connections", "current"),
    CONNECTIONS_ACTIVE: ("connections", "active"),
    CONNECTIONS_AVAILABLE: ("connections", "available"),
    CONNECTIONS_CREATED: ("connections", "totalCreated"),
    CURSORS: ("metrics", "cursor", "open", "total"),
    CURSORS_PINNED: ("metrics", "cursor", "open", "pinned"),
    CURSORS_LASTING: ("metrics", "cursor", "open", "noTimeout"),
    CURSORS_TIMED_OUT: ("metrics", "cursor", "timedOut"),
    CACHE_USED: ("wiredTiger", "cache", "bytes currently in the cache"),
    CACHE_MAX: ("wiredTiger", "cache", "maximum bytes configured"),
    CACHE_DIRTY: ("wiredTiger", "cache", "tracked dirty bytes in the cache"),
    CACHE_READ: ("wiredTiger", "cache", "pages read into cache"),
    CACHE_ASKED: ("wiredTiger", "cache", "pages requested from the cache"),
    CACHE_EVICTED: ("wiredTiger", "cache", "pages evicted by application threads"),
    RECEIVED: ("network", "bytesIn"),
    SENT: ("network", "bytesOut"),
    REQUESTS: ("network", "numRequests"),
}
_TYPED: tuple[tuple[Metric, tuple[str, ...], tuple[str, ...]], ...] = (
    (OPERATIONS, ("opcounters",), ("insert", "query", "update", "delete", "getmore", "command")),
    (OPERATIONS_REPLICATED, ("opcountersRepl",), ("insert", "update", "delete", "command")),
    (TIMED, ("opLatencies", "*", "ops"), ("reads", "writes", "commands", "transactions")),
    (QUEUED, ("globalLock", "currentQueue"), ("readers", "writers")),
    (CLIENTS, ("globalLock", "activeClients"), ("readers", "writers")),
    (TICKETS, ("wiredTiger", "concurrentTransactions", "*", "available"), ("read", "write")),
    (TICKETS, ("queues", "execution", "*", "available"), ("read", "write")),  # from 8.0 on
    (ASSERTS, ("asserts",), ("regular", "warning", "msg", "user")),
)


def report(status: Mapping[str, Any], out: Readings) -> None:
    process = _text(status.get("process"), _WORD)
    engine = status.get("storageEngine")
    name = _text(engine.get("name") if isinstance(engine, dict) else None, _WORD)
    out.set(INFO, 1, _text(status.get("version"), _VERSION), process, name)
    for metric, path in _NUMBERS.items():
        if (value := number(status, *path)) is not None:
            out.set(metric, value)
    for metric, path, types in _TYPED:
        for type_ in types:
            where = (*(type_ if part == "*" else part for part in path), *(() if "*" in path else (type_,)))
            if (value := number(status, *where)) is not None:
                out.set(metric, value, type_)
            if metric is TIMED and (micros := number(status, "opLatencies", type_, "latency")) is not None:
                out.set(TIMED_SECONDS, micros / 1e6, type_)
    if (resident := number(status, "mem", "resident")) is not None:
        out.set(MEMORY, resident * MIB)
    _ratios(status, process, out)


def report_database(stats: Mapping[str, Any], database: str, out: Readings) -> None:
    for metric, name in (
        (DATA, "dataSize"),
        (STORAGE, "storageSize"),
        (INDEXES, "indexSize"),
        (OBJECTS, "objects"),
        (COLLECTIONS, "collections"),
    ):
        if (value := number(stats, name)) is not None:
            out.set(metric, value, database)


def number(document: Any, *path: str) -> float | None:
    """The number at a path of a document; None when it is not there, or no number."""
    for name in path:
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    if isinstance(document, bool) or not isinstance(document, (int, float)) or not isfinite(document):
        return None
    return float(document)


def _ratios(status: Mapping[str, Any], process: str, out: Readings) -> None:
    current, available = number(status, "connections", "current"), number(status, "connections", "available")
    # Compatible servers have no limit and say 0, which of mongod means that none is left.
    limited = process in ("mongod", "mongos") or bool(available)
    if current is not None and available is not None and limited and current + available > 0:
        out.set(CONNECTIONS_RATIO, current / (current + available))
    used, dirty, most = _cache(status)
    if most:
        if used is not None:
            out.set(CACHE_RATIO, used / most)
        if dirty is not None:
            out.set(CACHE_DIRTY_RATIO, dirty / most)


def _cache(status: Mapping[str, Any]) -> Iterator[float | None]:
    return (number(status, *_NUMBERS[metric]) for metric in (CACHE_USED, CACHE_DIRTY, CACHE_MAX))


def _text(value: Any, pattern: re.Pattern[str]) -> str:
    return value if isinstance(value, str) and pattern.fullmatch(value) else ""
