"""Rows of Workers and queues: tasks, how they end and how long they take, and the workers that run them."""

from dashboards.source.looks import CRITICAL, GOOD
from dashboards.source.panels import timeline, timeseries
from dashboards.source.query import Query, alert_limits, component_limits, once
from dashboards.source.shares import counted
from dashboards.source.tables import Column, table

OURS = 'component=~"$component"'
CELERY = f"stack_celery_tasks_total{{{OURS}}}"
REPORTED = 'service=~"$service"'


def ended(by: str, part: str, whole: str) -> str:
    """The share of the tasks that ended in one of the states `whole` that ended in one of `part`, as alerts have it."""
    if by == "component":
        series = f'sum by (component) (rate(stack_celery_tasks_total{{{OURS}, state=~"%s"}}[5m]))'
    else:
        series = f'sum by (service) (rate(stack_task_duration_seconds_count{{{REPORTED}, state=~"%s"}}[5m]))'
    return f"({series % part} or {series % whole} * 0) / ({series % whole} > 0)"


def _counted(of_celery: str, reported: str = "") -> str:
    """How many tasks ended so in the time shown, with those whose first one did; of an application, by its name."""
    celery = once("component, task", counted(f'stack_celery_tasks_total{{{OURS}, state="{of_celery}"}}'))
    if not reported:
        return celery
    series = counted(f'stack_task_duration_seconds_count{{{REPORTED}, state="{reported}"}}')
    named = f'label_replace(sum by (service, task) ({series}), "component", "$1", "service", "(.+)")'
    return f"{celery}\nor sum by (component, task) ({named})"


TASKS = [
    timeseries(
        "Tasks that failed",
        "The share of tasks that ended in failure or ran out of time, of each Celery and each application that "
        "reports its tasks, over five minutes. Above the dashed lines CeleryTasksFailing and TasksFailing fire: the "
        "table beside says which task.",
        Query(ended("component", "failed|timeout", "succeeded|failed|timeout"), "{{component}}"),
        Query(ended("service", "failure", "success|failure"), "{{service}}"),
        *alert_limits("ratio", "task_failures"),
        unit="percentunit",
        most=1,
        none="no task has run",
    ),
    table(
        "Tasks, the worst first",
        "Each task in the time shown: how often it ran, failed, ran out of time and was tried again, and how long 95% "
        "of its runs took at most. A task that never succeeds is broken (CeleryTaskNeverSucceeds); its errors are on "
        "the dashboard Errors.",
        Query(_counted("succeeded", "success")),
        Query(_counted("failed", "failure")),
        Query(_counted("timeout")),
        Query(_counted("retried", "retry")),
        Query(
            "histogram_quantile(0.95, sum by (le, component, task) "
            f"(rate(stack_celery_task_duration_seconds_bucket{{{OURS}}}[$__range]))) >= 0\n"
            "or label_replace(histogram_quantile(0.95, sum by (le, service, task) "
            f"(rate(stack_task_duration_seconds_bucket{{{REPORTED}}}[$__range]))) >= 0, "
            '"component", "$1", "service", "(.+)")'
        ),
        columns=[
            Column("task", "Task"),
            Column("component", "Of"),
            Column("Value #A", "Succeeded", unit="short", decimals=0, width=100),
            Column("Value #B", "Failed", unit="short", decimals=0, steps=[(0.5, CRITICAL)], color="text", width=75),
            Column("Value #C", "Timed out", unit="short", decimals=0, steps=[(0.5, CRITICAL)], color="text", width=85),
            Column("Value #D", "Retried", unit="short", decimals=0, width=75),
            Column("Value #E", "p95", unit="s", width=85),
        ],
        width=12,
        sort="Failed",
        none="No task has run",
    ),
    timeseries(
        "Tasks that end, a second",
        "How many tasks end a second, by how they end; those that are tried again as well. A fall to 0 while messages "
        "wait means that nobody works; many retries are failures that are not over yet.",
        Query(
            f"sum by (component, state) (rate(stack_celery_tasks_total"
            f'{{{OURS}, state=~"succeeded|failed|timeout|retried|rejected|revoked|expired"}}[$__rate_interval]))',
            "{{component}} {{state}}",
        ),
        Query(
            f"sum by (service, state) (rate(stack_task_duration_seconds_count{{{REPORTED}}}[$__rate_interval]))",
            "{{service}} {{state}}",
        ),
        unit="ops",
        stacked=True,
        none="no task has run",
    ),
    timeseries(
        "How long tasks run",
        "The 95th percentile of each task over five minutes. Above the dashed lines, if thresholds.task is set, "
        "CeleryTaskSlow fires: look at what the task waits for, mostly a database or another service.",
        Query(
            "histogram_quantile(0.95, sum by (le, component, task) "
            f"(rate(stack_celery_task_duration_seconds_bucket{{{OURS}}}[5m])))",
            "{{component}} {{task}}",
        ),
        Query(
            "histogram_quantile(0.95, sum by (le, service, task) "
            f"(rate(stack_task_duration_seconds_bucket{{{REPORTED}}}[5m])))",
            "{{service}} {{task}}",
        ),
        *component_limits("seconds", "task"),
        unit="s",
        none="no task has run",
    ),
]

WORKERS = [
    timeseries(
        "Workers that answer",
        "How many workers answer, and how many should. With none, nothing is done at all (CeleryWorkersNone); with "
        "fewer than expected, start those that are missing (CeleryWorkerMissing).",
        Query(f"max by (component) (stack_celery_workers{{{OURS}}})", "{{component}}"),
        Query(f"max by (component) (stack_celery_workers_expected{{{OURS}}})", "{{component}} expected"),
        *component_limits("number", "workers", above=False),
        unit="none",
        decimals=0,
        width=8,
        none="no Celery answers",
    ),
    timeline(
        "Each worker",
        "Whether each worker answered, at each time. One that is gone stays here until it is forgotten "
        "(CeleryWorkerGone); one that comes and goes is killed or starts anew: look at its memory.",
        Query(f"max by (component, worker) (stack_celery_worker_up{{{OURS}}})", "{{component}} {{worker}}"),
        words={"1": ("answers", GOOD), "0": ("gone", CRITICAL)},
        width=8,
        none="no worker answers",
    ),
    timeseries(
        "How busy workers are",
        "Tasks that run, of those that all workers can run at a time. At 100% further tasks wait: add workers, or "
        "see which task takes so long (CeleryPoolBusy).",
        Query(f"max by (component) (stack_celery_pool_busy_ratio{{{OURS}}})", "{{component}}"),
        *component_limits("ratio", "busy"),
        unit="percentunit",
        most=1,
        width=8,
        none="no worker answers",
    ),
    timeseries(
        "What workers hold",
        "Tasks that workers run (active), took and have not begun (reserved), or keep for later (scheduled). Many "
        "reserved by one worker while others idle: lower its prefetch.",
        Query(
            once("component, state", f"stack_celery_worker_tasks{{{OURS}}}"),
            "{{component}} {{state}}",
        ),
        Query(once("component", f"stack_celery_tasks_stuck{{{OURS}}}"), "{{component}} stuck"),
        unit="none",
        decimals=0,
        width=8,
        none="no worker answers",
    ),
    timeseries(
        "Longest task under way",
        "How long the task has been running that runs longest. Without an end it hangs: find it in the log of its "
        "worker, and end it (CeleryTaskLong, CeleryTasksStuck).",
        Query(f"max by (component) (stack_celery_task_active_longest_seconds{{{OURS}}})", "{{component}}"),
        *component_limits("seconds", "active"),
        unit="s",
        width=8,
        none="no worker answers",
    ),
    timeseries(
        "Since the beat's task was seen",
        "Time since the periodic task that is configured under beat was seen. A line that climbs means that celery "
        "beat is down, or that nobody takes what it sends (CeleryBeatMissing).",
        Query(f"max by (component) (stack_celery_beat_age_seconds{{{OURS}}})", "{{component}}"),
        *component_limits("seconds", "beat"),
        unit="s",
        width=8,
        none="no beat is watched",
    ),
]
