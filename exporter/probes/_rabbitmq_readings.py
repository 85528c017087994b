"""What RabbitMQ's management API says of a cluster, its nodes and its queues, and which of it becomes which reading."""

from collections.abc import Iterator
from math import isfinite
from typing import Any

from exporter.metric import Metric, counter, gauge, info
from exporter.probe import Readings

Finding = tuple[str, str]
"""A reason, and what was seen."""

_QUEUE = ("component", "vhost", "queue")
_NODE = ("component", "node")

INFO = info("stack_rabbitmq_info", "Software and its version.", "component", "software", "version")
READY = gauge("stack_rabbitmq_queue_messages_ready", "Messages that wait for a consumer.", *_QUEUE)
UNACKNOWLEDGED = gauge(
    "stack_rabbitmq_queue_messages_unacknowledged",
    "Messages that consumers have and have not acknowledged; from the management API.",
    *_QUEUE,
)
CONSUMERS = gauge("stack_rabbitmq_queue_consumers", "Consumers of the queue.", *_QUEUE)
QUEUES = gauge("stack_rabbitmq_queues", "Queues that management.queues selects.", "component")
LEFT_OUT = gauge("stack_rabbitmq_queues_left_out", "Queues that are not shown because of max_queues.", "component")
BLOCKED = gauge("stack_rabbitmq_publishers_blocked", "Whether the canary was refused by an alarm: 1 or 0.", "component")
CONNECTIONS = gauge("stack_rabbitmq_connections", "Connections to the cluster.", "component")
CHANNELS = gauge("stack_rabbitmq_channels", "Channels of all connections.", "component")
ALL_READY = gauge("stack_rabbitmq_messages_ready", "Messages of all queues that wait for a consumer.", "component")
ALL_UNACKNOWLEDGED = gauge(
    "stack_rabbitmq_messages_unacknowledged", "Messages of all queues that are not acknowledged.", "component"
)
PUBLISHED = counter("stack_rabbitmq_messages_published_total", "Messages published.", "component")
DELIVERED = counter("stack_rabbitmq_messages_delivered_total", "Messages given to consumers, each time.", "component")
ACKNOWLEDGED = counter("stack_rabbitmq_messages_acknowledged_total", "Messages acknowledged.", "component")
REDELIVERED = counter("stack_rabbitmq_messages_redelivered_total", "Messages given out once more.", "component")
UNROUTABLE = counter(
    "stack_rabbitmq_messages_unroutable_total", "Messages that reached no queue: dropped or returned.", "component"
)
NODE_UP = gauge("stack_rabbitmq_node_running", "Whether the node runs: 1 or 0.", *_NODE)
UPTIME = gauge("stack_rabbitmq_uptime_seconds", "Time since the node started.", *_NODE)
PARTITIONS = gauge("stack_rabbitmq_partitions", "Nodes that the node is cut off from.", *_NODE)
MEMORY_USED = gauge("stack_rabbitmq_memory_used_bytes", "Memory that the node uses.", *_NODE)
MEMORY_MAX = gauge("stack_rabbitmq_memory_max_bytes", "From where on the node takes no messages.", *_NODE)
MEMORY_RATIO = gauge("stack_rabbitmq_memory_ratio", "Memory used, as a part of where the alarm is.", *_NODE)
MEMORY_ALARM = gauge("stack_rabbitmq_memory_alarm", "Whether the node's memory alarm is on: 1 or 0.", *_NODE)
DISK_FREE = gauge("stack_rabbitmq_disk_free_bytes", "Free space where the node keeps its messages.", *_NODE)
DISK_MIN = gauge("stack_rabbitmq_disk_free_min_bytes", "Below how much the node takes no messages.", *_NODE)
DISK_ALARM = gauge("stack_rabbitmq_disk_alarm", "Whether the node's disk alarm is on: 1 or 0.", *_NODE)
DESCRIPTORS = gauge("stack_rabbitmq_descriptors", "File descriptors that the node has open.", *_NODE)
DESCRIPTORS_RATIO = gauge("stack_rabbitmq_descriptors_ratio", "File descriptors, as a part of what it may.", *_NODE)
SOCKETS = gauge("stack_rabbitmq_sockets", "Sockets that the node has open.", *_NODE)
SOCKETS_RATIO = gauge("stack_rabbitmq_sockets_ratio", "Sockets, as a part of what it may.", *_NODE)
PROCESSES_RATIO = gauge("stack_rabbitmq_processes_ratio", "Erlang's processes, as a part of what it may.", *_NODE)
CERTIFICATE_NOT_AFTER = gauge(
    "stack_rabbitmq_certificate_not_after_timestamp_seconds",
    "When the server's certificate expires, if it is verified.",
    "component",
)
CERTIFICATE_REMAINING = gauge(
    "stack_rabbitmq_certificate_remaining_seconds",
    "Time until the server's certificate expires, if it is verified; negative after.",
    "component",
)

OVERVIEW_COLUMNS = ("queue_totals", "object_totals", "message_stats")
NODE_COLUMNS = (
    *("name", "running", "uptime", "partitions", "mem_used", "mem_limit", "mem_alarm"),
    *("disk_free", "disk_free_limit", "disk_free_alarm", "fd_used", "fd_total", "sockets_used", "sockets_total"),
    *("proc_used", "proc_total"),
)
QUEUE_COLUMNS = ("name", "vhost", "messages_ready", "messages_unacknowledged", "consumers", "state")

_NODE_NUMBERS = {"mem_used": MEMORY_USED, "mem_limit": MEMORY_MAX, "disk_free": DISK_FREE, "disk_free_limit": DISK_MIN}
_NODE_NUMBERS |= {"fd_used": DESCRIPTORS, "sockets_used": SOCKETS}
_NODE_RATIOS = {
    MEMORY_RATIO: ("mem_used", "mem_limit"),
    DESCRIPTORS_RATIO: ("fd_used", "fd_total"),
    SOCKETS_RATIO: ("sockets_used", "sockets_total"),
    PROCESSES_RATIO: ("proc_used", "proc_total"),
}
_MESSAGES = {
    "publish": PUBLISHED,
    "deliver_get": DELIVERED,
    "ack": ACKNOWLEDGED,
    "redeliver": REDELIVERED,
}
_MOST_NODES = 64
# Of the states that rabbit_mgmt_format has, those in which a queue can't be used.
_DOWN = {"down", "stopped", "crashed", "terminated", "minority"}


def overview(told: Any, out: Readings) -> None:
    objects, totals, messages = (_section(told, name) for name in ("object_totals", "queue_totals", "message_stats"))
    _set(out, CONNECTIONS, objects, "connections")
    _set(out, CHANNELS, objects, "channels")
    _set(out, ALL_READY, totals, "messages_ready")
    _set(out, ALL_UNACKNOWLEDGED, totals, "messages_unacknowledged")
    if not messages:
        return  # switched off, or nothing was counted yet
    for name, metric in _MESSAGES.items():
        # Left out until the first; a counter that begins at 1 would hide it.
        out.set(metric, _number(messages, name) or 0)
    out.set(UNROUTABLE, sum(_number(messages, name) or 0 for name in ("drop_unroutable", "return_unroutable")))


def nodes(told: Any, out: Readings) -> Iterator[Finding]:
    """Sets the readings of each node; what is wrong with it."""
    found = [node for node in _list(told) if isinstance(node.get("name"), str)][:_MOST_NODES]
    short = {str(node["name"]).partition(".")[0] for node in found}
    for node in found:
        # rabbit@mq1.example is rabbit@mq1, where that tells it from the others.
        name = str(node["name"])
        label = (name.partition(".")[0] if len(short) == len(found) else name)[:100]
        running = node.get("running")
        if isinstance(running, bool):
            out.set(NODE_UP, running, label)
            if not running:
                yield "node_down", f"{name} does not run"
                continue
        for key, metric in _NODE_NUMBERS.items():
            _set(out, metric, node, key, label)
        for metric, (used, most) in _NODE_RATIOS.items():
            part, whole = _number(node, used), _number(node, most)
            if part is not None and whole:
                out.set(metric, part / whole, label)
        if (uptime := _number(node, "uptime")) is not None:
            out.set(UPTIME, uptime / 1000, label)
        if isinstance(node.get("partitions"), list):
            out.set(PARTITIONS, len(node["partitions"]), label)
            if node["partitions"]:
                others = ", ".join(str(other)[:60] for other in node["partitions"][:3])
                yield "partition", f"{name} is cut off from {others}"
        yield from _alarms(name, label, node, out)


def _alarms(name: str, label: str, node: dict[str, Any], out: Readings) -> Iterator[Finding]:
    if isinstance(alarm := node.get("mem_alarm"), bool):
        out.set(MEMORY_ALARM, alarm, label)
        if alarm:
            used, most = _number(node, "mem_used") or 0, _number(node, "mem_limit") or 0
            yield "memory_alarm", f"{name} uses {_megabytes(used)} of memory, its limit is {_megabytes(most)}"
    if isinstance(alarm := node.get("disk_free_alarm"), bool):
        out.set(DISK_ALARM, alarm, label)
        if alarm:
            free, least = _number(node, "disk_free") or 0, _number(node, "disk_free_limit") or 0
            yield "disk_alarm", f"{name} has {_megabytes(free)} of disk left, its limit is {_megabytes(least)}"


def queues(told: Any, out: Readings, most: int) -> tuple[int, list[Finding]]:
    """Sets the readings of a page of queues, of so many at most; how many these are, and which can't be used.

    What AMQP has just told of a queue stands: the API's figures are up to 5 s old.
    """
    page, findings = _list(_section(told, "items"))[:most], []
    for queue in page:
        vhost, name = queue.get("vhost"), queue.get("name")
        if not isinstance(vhost, str) or not isinstance(name, str):
            continue
        for key, metric in (
            ("messages_ready", READY),
            ("messages_unacknowledged", UNACKNOWLEDGED),
            ("consumers", CONSUMERS),
        ):
            if (metric, (vhost, name)) not in out.values:
                _set(out, metric, queue, key, vhost, name)
        state = queue.get("state")
        if isinstance(state, str) and state in _DOWN:
            findings.append(("queue_down", f"the queue {name!r} of {vhost!r} is {state}"))
    return len(page), findings


def counted(told: Any) -> int:
    """The queues that a filter selects, on all pages."""
    return int((_number(told, "filtered_count") if isinstance(told, dict) else None) or 0)


def _set(out: Readings, metric: Metric, found: dict[str, Any], key: str, *labels: str) -> None:
    if (value := _number(found, key)) is not None:
        out.set(metric, value, *labels)


def _number(found: dict[str, Any], key: str) -> float | None:
    """None also for the texts that stand for an unknown figure."""
    value = found.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) else None


def _section(told: Any, name: str) -> Any:
    """An object, or an array where Erlang has a list that is empty or not."""
    found = told.get(name) if isinstance(told, dict) else None
    return found if isinstance(found, dict) or name == "items" else {}


def _list(told: Any) -> list[dict[str, Any]]:
    return [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.0f} MB"
