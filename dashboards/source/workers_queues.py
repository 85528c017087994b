"""Rows of Workers and queues: what waits in which queue, who takes from it, and how RabbitMQ's nodes are."""

from dataclasses import replace

from dashboards.source.components_limits import limits
from dashboards.source.looks import CRITICAL, GOOD, WARNING
from dashboards.source.panels import timeline, timeseries
from dashboards.source.query import Query, component_limits, once

OURS = 'component=~"$component"'


def _by(resource: str) -> str:
    found = f"max by (component, node) (stack_rabbitmq_{resource}_ratio{{{OURS}}})"
    return f'label_replace({found}, "resource", "{resource}", "", "")'


NODE = f"""max by (component, node) (
  (stack_rabbitmq_node_running{{{OURS}}} == 0) * 0 + 4
  or (stack_rabbitmq_partitions{{{OURS}}} > 0) * 0 + 3
  or (stack_rabbitmq_disk_alarm{{{OURS}}} == 1) * 0 + 2
  or (stack_rabbitmq_memory_alarm{{{OURS}}} == 1) * 0 + 1
  or stack_rabbitmq_node_running{{{OURS}}} * 0
)
or max by (component) (stack_rabbitmq_info{{{OURS}}}) * 0 unless on (component) stack_rabbitmq_node_running"""
"""The worst that is the case; without the management API only that the broker answers is known."""
NO_API = "needs RabbitMQ's management API"

QUEUES = [
    timeseries(
        "Messages that wait",
        "Messages that no worker has taken yet, of each queue. A line that climbs all the time means that too few "
        "work, or none: look at the consumers beside it (QueueLong, QueueGrowing).",
        Query(
            f'max by (component, queue) (stack_celery_queue_messages{{{OURS}, state="ready"}})\n'
            f"or max by (component, vhost, queue) (stack_rabbitmq_queue_messages_ready{{{OURS}}})",
            "{{component}} {{queue}}",
        ),
        *limits("number", "queue|messages_ready", "celery|rabbitmq"),
        unit="short",
        none="no broker tells",
    ),
    timeseries(
        "Who takes from a queue",
        "Workers, or consumers, of each queue. 0 while messages wait means that they wait for ever: start a worker for "
        "this queue, and see whether its name is spelt alike on both sides (QueueWithoutConsumer).",
        Query(
            f"max by (component, queue) (stack_celery_queue_consumers{{{OURS}}})\n"
            # Without any worker nobody tells who takes from which queue: it is nobody.
            f'or max by (component, queue) (stack_celery_queue_messages{{{OURS}, state="ready"}}) * 0\n'
            f"and on (component) stack_celery_workers{{{OURS}}} == 0\n"
            f"or max by (component, vhost, queue) (stack_rabbitmq_queue_consumers{{{OURS}}})",
            "{{component}} {{queue}}",
        ),
        *component_limits("number", "consumers", above=False),
        unit="none",
        decimals=0,
        none="no broker tells",
        calcs=("lastNotNull", "min"),
    ),
    timeseries(
        "Messages with a worker",
        "Messages that were taken and not acknowledged yet: under way, or held by a worker that hangs. Many, and no "
        "task that ends: restart the worker, and they go to another (QueueUnacknowledged).",
        Query(
            f'max by (component, queue) (stack_celery_queue_messages{{{OURS}, state="unacknowledged"}})\n'
            f"or max by (component, vhost, queue) (stack_rabbitmq_queue_messages_unacknowledged{{{OURS}}})",
            "{{component}} {{queue}}",
        ),
        *limits("number", "queue|messages_unacknowledged", "celery|rabbitmq"),
        unit="short",
        width=8,
        none="no broker tells",
    ),
    timeseries(
        "Oldest message with a worker",
        "How long the oldest message that is not acknowledged has been with a worker; Redis as a broker tells. When it "
        "passes the visibility timeout it is given out a second time (CeleryUnacknowledgedOld).",
        Query(f"max by (component) (stack_celery_unacknowledged_oldest_age_seconds{{{OURS}}})", "{{component}}"),
        *component_limits("seconds", "unacknowledged"),
        unit="s",
        width=8,
        none="no broker tells",
    ),
    timeseries(
        "How long tasks wait to be begun",
        "The 95th percentile over five minutes of the time from sending a task to beginning it (needs "
        "task_send_sent_event), and from a worker's taking it. Users feel the first: add workers, or split slow tasks "
        "off into a queue of their own (CeleryQueueWaitLong).",
        Query(
            "histogram_quantile(0.95, sum by (le, component, task) "
            f"(rate(stack_celery_task_queue_wait_seconds_bucket{{{OURS}}}[5m])))",
            "{{component}} {{task}}",
        ),
        Query(
            "histogram_quantile(0.95, sum by (le, component) "
            f"(rate(stack_celery_task_worker_wait_seconds_bucket{{{OURS}}}[5m])))",
            "{{component}} in the worker",
        ),
        *component_limits("seconds", "queue_wait"),
        unit="s",
        width=8,
        none="no task has run",
    ),
]

RABBITMQ = [
    timeline(
        "Each node",
        "Whether a node runs, and what is wrong with it: with an alarm on, nobody can send a message to the whole "
        "cluster; a partition can lose messages (runbooks RabbitmqAlarm, RabbitmqNodeDown, RabbitmqPartition).",
        Query(NODE, "{{component}} {{node}}"),
        words={
            "0": ("runs", GOOD),
            "1": ("memory alarm", CRITICAL),
            "2": ("disk alarm", CRITICAL),
            "3": ("cut off", WARNING),
            "4": ("down", "dark-red"),
        },
        width=12,
        none="no RabbitMQ answers",
    ),
    timeseries(
        "Messages a second",
        "What goes in (published), out (delivered) and is done (acknowledged). Redelivered means that consumers lost "
        "or refused messages; unroutable that they reached no queue and are lost (RabbitmqUnroutable).",
        *(
            Query(
                once("component", f"rate(stack_rabbitmq_messages_{what}_total{{{OURS}}}[$__rate_interval])"),
                f"{{{{component}}}} {what}",
            )
            for what in ("published", "delivered", "acknowledged", "redelivered", "unroutable")
        ),
        replace(component_limits("number", "unroutable")[0], legend="warning from, if unroutable"),
        unit="ops",
        none=NO_API,
    ),
    timeseries(
        "How full nodes are",
        "What each node uses of what it may: memory up to its alarm, files, sockets and Erlang's processes. At 100% of "
        "memory it takes no more messages: see which queue is long (RabbitmqMemoryHigh, RabbitmqNodeResourcesHigh).",
        Query(
            "\nor ".join(_by(resource) for resource in ("memory", "descriptors", "sockets", "processes")),
            "{{component}} {{node}} {{resource}}",
        ),
        *limits("ratio", "memory|descriptors|sockets|processes", "rabbitmq"),
        unit="percentunit",
        most=1,
        none=NO_API,
    ),
    timeseries(
        "Free disk of nodes",
        "Free space where a node keeps its messages, and the least that it must have. Near twice the least "
        "RabbitmqDiskLow fires: make room before the node stops taking messages.",
        Query(f"min by (component, node) (stack_rabbitmq_disk_free_bytes{{{OURS}}})", "{{component}} {{node}}"),
        Query(f"2 * max(stack_rabbitmq_disk_free_min_bytes{{{OURS}}})", "warning below", "warning"),
        Query(f"max(stack_rabbitmq_disk_free_min_bytes{{{OURS}}})", "critical below", "critical"),
        unit="bytes",
        none=NO_API,
        calcs=("lastNotNull", "min"),
    ),
]
