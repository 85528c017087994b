"""Alerts that no fault here can provoke, and why not. promtool has seen each of them fire all the same (tests/rules)."""

DEFECT = "is there for defects of the daemon's own, and none is known that would show it"
LOSS = "needs a network that loses or holds packets up (netem), which the kernel here does not have"
ABANDONED = (
    "every run ends within the second that it has: neither a disk whose calls never return (FUSE), nor a mute server together "
    "with a daemon that is stopped for a second again and again outlasted it; seen once only, by chance, at a load of 50"
)
QUEUE = "needs an Alertmanager that takes alerts exactly as slowly as they come, or the queue is empty or overflows"

UNPROVOKED: dict[str, str] = {
    "BusinessEventsStopped/warning": "looks for a day and an hour of events: 25 minutes when divided by 60",
    "CacheListenDisabled/warning": "a memcached that accepts nobody accepts no probe either: its count is seen only later",
    "ErrorGroupSpiking/warning": "a group's spike is counted by the daemon over real hours, which nothing divides",
    "ExporterAnswersFailing/warning": DEFECT,
    "ExporterTaskRestarting/warning": DEFECT,
    "ExporterTaskStuck/critical": DEFECT,
    "FamilyUnrendered/warning": DEFECT,
    "LogUnread/critical": "a log has to grow faster than it is read, which is faster than a disk here writes for ten seconds",
    "LogUnread/warning": "a log has to grow faster than it is read, which is faster than a disk here writes for ten seconds",
    "PacketLossHigh/critical": LOSS,
    "PacketLossHigh/warning": LOSS,
    "ProbeAbandoned/warning": ABANDONED,
    "ProbeBroken/warning": DEFECT,
    "PrometheusNotificationQueueFull/critical": QUEUE,
    "PrometheusNotificationQueueFull/warning": QUEUE,
    "PrometheusRulesSkipped/warning": "rules that take longer than their interval would take both cores from all others",
    "ReadingsDropped/warning": "the kinds hold themselves to fewer readings of a family (rows, tasks, queues) than a thousand",
    "RoundTripSlow/critical": LOSS,
    "RoundTripSlow/warning": LOSS,
    "StoreSlow/warning": "needs a disk that takes a second for a write, and not none at all: no file system here can do so",
}
