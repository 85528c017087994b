"""Alerts that no fault here can provoke, and why not. promtool has seen each of them fire all the same (tests/rules)."""

DEFECT = "is there for defects of the daemon's own, and none is known that would show it"
HOURS = "compares with six hours of past, six minutes when divided by 60: longer than all faults together"
CLUSTER = "needs a cluster of several nodes, whose first start takes a minute of both cores"
LOSS = "needs a network that loses or holds packets up (netem), which the kernel here does not have"
CONSUMERS = "was tried with a broker's consumers and connections, and could not be made to come and go reliably so far"
QUEUE = "needs an Alertmanager that takes alerts exactly as slowly as they come, or the queue is empty or overflows"

UNPROVOKED: dict[str, str] = {
    "BusinessEventsStopped/warning": "looks for a day and an hour of events: 25 minutes when divided by 60",
    "CacheListenDisabled/warning": "a memcached that accepts nobody accepts no probe either: its count is seen only later",
    "CeleryTasksFailing/warning": "a daemon of other thresholds for it was tried, and did not see it so far; critical is provoked",
    "ErrorCodeSpiking/warning": HOURS,
    "ErrorGroupSpiking/warning": "a group's spike is counted by the daemon over real hours, which nothing divides",
    "ErrorsSpiking/critical": HOURS,
    "ErrorsSpiking/warning": HOURS,
    "ExporterAnswersFailing/warning": DEFECT,
    "ExporterTaskRestarting/warning": DEFECT,
    "ExporterTaskStuck/critical": DEFECT,
    "FalseAlarmsMany/critical": "looks back 7 days, 2.8 hours when divided by 60, before which it would not be resolved",
    "FalseAlarmsMany/warning": "looks back 7 days, 2.8 hours when divided by 60, before which it would not be resolved",
    "FamilyUnrendered/warning": DEFECT,
    "HttpClientErrorsHigh/warning": HOURS,
    "LogUnread/critical": "a log has to grow faster than it is read, which is faster than a disk here writes for ten seconds",
    "LogUnread/warning": "a log has to grow faster than it is read, which is faster than a disk here writes for ten seconds",
    "PacketLossHigh/critical": LOSS,
    "PacketLossHigh/warning": LOSS,
    "PostgresTransactionIdsAging/critical": "the age can be made, but not taken back: template0 takes no session to do so",
    "PostgresTransactionIdsAging/warning": "the age can be made, but not taken back: template0 takes no session to do so",
    "ProbeAbandoned/warning": "a disk whose calls never return (FUSE) was tried, and did not bring it about so far",
    "ProbeBroken/warning": DEFECT,
    "PrometheusNotificationQueueFull/critical": QUEUE,
    "PrometheusNotificationQueueFull/warning": QUEUE,
    "PrometheusRulesSkipped/warning": "rules that take longer than their interval would take both cores from all others",
    "PrometheusSeriesMany/critical": "Prometheus gives series back two hours after they are gone: it would not be resolved",
    "PrometheusSeriesMany/warning": "Prometheus gives series back two hours after they are gone: it would not be resolved",
    "QueueConsumersFew/critical": CONSUMERS,
    "QueueConsumersFew/warning": CONSUMERS,
    "RabbitmqNodeDown/critical": CLUSTER,
    "RabbitmqNodeResourcesHigh/critical": CONSUMERS,
    "RabbitmqNodeResourcesHigh/warning": CONSUMERS,
    "RabbitmqPartition/critical": CLUSTER,
    "RabbitmqUnroutable/critical": CONSUMERS,
    "RabbitmqUnroutable/warning": CONSUMERS,
    "ReadingsDropped/warning": "the kinds hold themselves to fewer readings of a family (rows, tasks, queues) than a thousand",
    "RoundTripSlow/critical": LOSS,
    "RoundTripSlow/warning": LOSS,
    "SecurityEventsSpiking/warning": HOURS,
    "SqliteCheckIncomplete/warning": "has to last four hours, four minutes when divided by 60",
    "StorageFullSoon/warning": "extrapolates six hours, six minutes when divided by 60",
    "StorageUsageUnknown/warning": "has to last two hours, two minutes when divided by 60: longer than any other fault",
    "StoreSlow/warning": "needs a disk that takes a second for a write, and not none at all: no file system here can do so",
}
