"""Workers and queues: whether tasks are done, whether they wait, who does them, and whether jobs ran in time."""

from dashboards.source import variables
from dashboards.source.board import Board, Row
from dashboards.source.components_now import healths, trouble, troubles
from dashboards.source.looks import CRITICAL, GOOD, WARNING
from dashboards.source.panels import Panel, stat
from dashboards.source.query import Query
from dashboards.source.workers_celery import TASKS, WORKERS, ended
from dashboards.source.workers_jobs import HEARTBEATS
from dashboards.source.workers_queues import QUEUES, RABBITMQ

KINDS = "celery|rabbitmq|heartbeat"
OURS = 'component=~"$component"'
HERE = f'{OURS}, kind=~"{KINDS}"'
LATE = f"stack_heartbeat_late_seconds{{{OURS}}}"


def _done() -> str:
    """The share of all tasks that succeeded, Celery's and those that applications report."""
    celery = ended("component", "succeeded", "succeeded|failed|timeout")
    reported = ended("service", "success", "success|failure")
    return f"min(\n{celery}\nor\n{reported}\n)"


def _numbers() -> list[Panel]:
    return [
        trouble("Celery's workers, RabbitMQ's brokers and jobs that report heartbeats", HERE),
        stat(
            "Workers missing",
            "How many of the Celery workers that are expected do not answer. Start them again, and look whether they "
            "were killed for want of memory (runbooks CeleryWorkerMissing, CeleryWorkersNone).",
            Query(
                f"sum(clamp_min(max by (component) (stack_celery_workers_expected{{{OURS}}})\n"
                f"- max by (component) (stack_celery_workers{{{OURS}}}), 0))",
                "missing",
            ),
            unit="none",
            steps_=[(1, CRITICAL)],
            colored="background",
            none="no Celery answers",
        ),
        stat(
            "Messages waiting",
            "Messages of all queues that no worker has taken yet. A number that only grows means that too little is "
            "working, or nothing: see the queues below (runbooks QueueLong, QueueGrowing, QueueWithoutConsumer).",
            Query(
                f'sum(max by (component, vhost, queue) (stack_celery_queue_messages{{{OURS}, state="ready"}}\n'
                f"or stack_rabbitmq_queue_messages_ready{{{OURS}}}))",
                "waiting",
            ),
            unit="short",
            first="text",
            trend=True,
            none="no broker answers",
        ),
        stat(
            "Oldest unfinished message",
            "How long the oldest message that a worker took has not been acknowledged; Redis as a broker alone tells. "
            "Beyond the longest task that you have, a worker hangs or was lost (runbook CeleryUnacknowledgedOld).",
            Query(f"max(stack_celery_unacknowledged_oldest_age_seconds{{{OURS}}})", "oldest"),
            unit="s",
            decimals=0,
            first="text",
            none="none known",
        ),
        stat(
            "Tasks that succeed",
            "The share of tasks of the last five minutes that succeeded, of the application or the workers where it "
            "is worst; retries are no end. Below 90% look at which task fails (runbooks CeleryTasksFailing, "
            "TasksFailing).",
            Query(_done(), "succeed"),
            unit="percentunit",
            decimals=1,
            first=CRITICAL,
            steps_=[(0.5001, WARNING), (0.9001, GOOD)],
            none="none ran",
        ),
        stat(
            "Jobs that are late",
            "Jobs whose report is due and has not come. See which in the table of jobs; its machine or its scheduler "
            "may be off (runbook HeartbeatMissed).",
            Query(f"count(max by (component) ({LATE}) > 0) or 0 * count({LATE})", "late"),
            unit="none",
            steps_=[(1, CRITICAL)],
            colored="background",
            none="no heartbeat",
        ),
    ]


BOARD = Board(
    "stack-workers",
    "Workers and queues",
    "Whether background tasks are done, whether they wait, who does them, and whether jobs ran when they should.",
    variables=[variables.team(), variables.component(KINDS), variables.service()],
    rows=[
        Row("", [*_numbers(), troubles(HERE), healths(HERE, "The status of workers, brokers and jobs at each time.")]),
        Row("Tasks, of Celery and as applications report them", TASKS),
        Row("Queues", QUEUES),
        Row("Celery's workers: who answers, how busy, hanging tasks, the beat", WORKERS, folded=True),
        Row("RabbitMQ: nodes, messages, memory, disk", RABBITMQ, folded=True),
        Row("Jobs that report heartbeats: when they ran, and how long", HEARTBEATS, folded=True),
    ],
    alerts='subject=~"tasks|workers|queues|rabbitmq|heartbeats|components", '
    'component=~"$component|", service=~"$service|"',
)
