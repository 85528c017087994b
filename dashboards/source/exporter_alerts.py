"""How quickly alerts are told, whether they are true, and whether those who decide and tell them are well."""

from typing import Literal

from dashboards.source.looks import CRITICAL, WARNING, YES_NO
from dashboards.source.panels import timeseries
from dashboards.source.query import Query, alert_limits, risen
from dashboards.source.tables import Column, table

OF = 'instance=~"$instance"'
CLOSER = "/d/stack-components?var-component=${__value.text:percentencode}&${__url_time_range}"
NO_ALERT = "no alert in this time"
NOT_WATCHED = "no component of the kinds prometheus and alertmanager"


def _in(counter: str, span: str) -> str:
    return f"(\n{risen(f'{counter}{{{OF}}}', span)}\n)"


def _limit(unit: str, signal: str, severity: Literal["warning", "critical"]) -> Query:
    labels = f'{OF}, signal=~"{signal}", severity="{severity}"'
    return Query(f"min(stack_threshold_{unit}{{{labels}}})", f"{severity} from", severity)


ALERTS = [
    timeseries(
        "How quickly somebody is told (p95)",
        "From when an alert began to fire until its first notification was here, over 15 minutes. Above the dashed "
        "lines NotificationsLate fires: Prometheus or Alertmanager is overloaded, or a route waits too long "
        "(`group_wait`).",
        Query(
            "histogram_quantile(0.95, sum by (le) "
            f"{_in('stack_alert_notification_latency_seconds_bucket', '15m')}) >= 0",
            "p95",
        ),
        *alert_limits("seconds", "notification_latency"),
        unit="s",
        width=8,
        none=NO_ALERT,
    ),
    timeseries(
        "How long alerts last",
        "From when an alert began to fire until it was resolved, over a day: the middle one of each severity. "
        "Critical ones that last for hours are not looked at (AlertUnresolved); those that last seconds should wait "
        "longer (`for`).",
        Query(
            f"histogram_quantile(0.5, sum by (le, severity) {_in('stack_alert_resolution_seconds_bucket', '1d')}) >= 0",
            "{{severity}}",
        ),
        unit="s",
        width=8,
        none="no alert was resolved within a day",
    ),
    timeseries(
        "Alerts told, in an hour",
        "Alerts that fired and that were resolved, as Alertmanager told the daemon. More than somebody can read is as "
        "bad as none: raise thresholds, or mute what needs nobody.",
        Query(f"sum by (severity, status) {_in('stack_alert_notifications_total', '1h')}", "{{severity}} {{status}}"),
        unit="short",
        width=8,
        none="no alert yet, or Alertmanager does not tell the daemon (hooks/alertmanager)",
    ),
    timeseries(
        "False alarms of 7 days",
        "The part of the alerts that somebody marked as a false alarm. Above the dashed line, and with 20 alerts or "
        "more, FalseAlarmsMany fires: raise the threshold, or the time, of those rules; a pager that lies is not "
        "read.",
        Query(
            f"(sum{_in('stack_alert_false_alarms_total', '7d')} or vector(0))\n"
            f"/ (sum{_in('stack_alert_notifications_total', '7d')} > 0)".replace(
                f"stack_alert_notifications_total{{{OF}}}",
                f'stack_alert_notifications_total{{{OF}, status="firing"}}',
            ),
            "false alarms",
        ),
        alert_limits("ratio", "false_alarms")[0],
        unit="percentunit",
        most=1,
        width=12,
        height=7,
        none="no alert within 7 days",
    ),
    timeseries(
        "Alerts that came back, or were left out, in an hour",
        "Came back: they fired again within an hour after they were resolved. Above the dashed line AlertsFlapping "
        "fires: give the rule a longer `for`, or another threshold. Left out: Alertmanager had more than `max_alerts` "
        "for one message (AlertsTruncated, from the first on): group more coarsely, as nobody hears of those.",
        Query(f"sum{_in('stack_alert_flaps_total', '1h')} or vector(0)", "came back"),
        Query(f"sum{_in('stack_alert_truncated_total', '1h')} or vector(0)", "left out"),
        alert_limits("number", "alert_flaps")[0],
        unit="short",
        width=12,
        height=7,
    ),
]

WATCHERS = [
    table(
        "Those who decide and tell",
        "Each Prometheus and Alertmanager that is watched. If one is not ready, or refused its configuration, alerts "
        "come late or not at all: begin here, whatever else is wrong (runbooks PrometheusReloadFailed, "
        "AlertmanagerReloadFailed).",
        Query(f'min by (component, kind) (stack_component_up{{{OF}, kind=~"prometheus|alertmanager"}})'),
        Query(f"min by (component) (stack_prometheus_ready{{{OF}}} or stack_alertmanager_ready{{{OF}}})"),
        Query(
            f"min by (component) (stack_prometheus_config_reload_successful{{{OF}}}"
            f" or stack_alertmanager_config_reload_successful{{{OF}}})"
        ),
        Query(f'max by (component) (stack_prometheus_targets{{{OF}, health="down"}})'),
        Query(f'max by (component) (stack_prometheus_rules{{{OF}, health="err"}})'),
        Query(f"min by (component) (stack_prometheus_alertmanagers{{{OF}}})"),
        Query(f'max by (component) (stack_alertmanager_alerts{{{OF}, state="active"}})'),
        Query(f'max by (component) (stack_alertmanager_silences{{{OF}, state="active"}})'),
        Query(f"max by (component) (stack_prometheus_head_series{{{OF}}})"),
        Query(f"max by (component, version) (stack_prometheus_info{{{OF}}} or stack_alertmanager_info{{{OF}}})"),
        columns=[
            Column("component", "Component", url=CLOSER),
            Column("Value #A", "Up", words=YES_NO, color="text", width=80),
            Column("Value #B", "Ready", words=YES_NO, color="text", width=80),
            Column("Value #C", "Configuration taken", words=YES_NO, color="text", width=150),
            Column(
                "Value #D", "Targets down", unit="short", decimals=0, steps=((1, WARNING),), color="text", width=120
            ),
            Column(
                "Value #E", "Rules failing", unit="short", decimals=0, steps=((1, CRITICAL),), color="text", width=120
            ),
            Column("Value #F", "Alertmanagers", unit="short", decimals=0, width=130),
            Column("Value #G", "Alerts", unit="short", decimals=0, width=90),
            Column("Value #H", "Silences", unit="short", decimals=0, width=100),
            Column("Value #I", "Series", unit="short", width=100),
            Column("version", "Version", width=130),
        ],
        height=5,
        sort="Component",
        descending=False,
        none=NOT_WATCHED,
    ),
    timeseries(
        "Alerts that could not be told",
        "A second, over 5 minutes: alerts that Prometheus dropped or that no Alertmanager took, and notifications "
        "that Alertmanager gave up. Above the dashed line somebody does not hear of something: see its log for the "
        "receiver.",
        Query(
            f"sum by (component) (rate(stack_prometheus_notifications_dropped_total{{{OF}}}[5m]))",
            "{{component}} dropped",
        ),
        Query(
            f"sum by (component) (rate(stack_prometheus_notifications_errors_total{{{OF}}}[5m]))",
            "{{component}} not taken",
        ),
        Query(
            f"sum by (component, integration) (rate(stack_alertmanager_notifications_failed_total{{{OF}}}[5m])) > 0",
            "{{component}} gave up {{integration}}",
        ),
        _limit("number", "failures|notification_errors|notifications_dropped", "warning"),
        unit="cps",
        width=8,
        none=NOT_WATCHED,
    ),
    timeseries(
        "Alerts that wait for Alertmanager",
        "How full Prometheus' queue of alerts is. Above the dashed lines PrometheusNotificationQueueFull fires: "
        "Alertmanager is slow or away, and once the queue is full alerts are dropped.",
        Query(f"max by (component) (stack_prometheus_notifications_queue_ratio{{{OF}}})", "{{component}}"),
        _limit("ratio", "notification_queue", "warning"),
        _limit("ratio", "notification_queue", "critical"),
        unit="percentunit",
        most=1,
        width=8,
        none=NOT_WATCHED,
    ),
    timeseries(
        "Rules that failed or were left out",
        "Evaluations that failed, a second over 5 minutes (PrometheusRulesFailing, above the dashed line), and that "
        "were left out because the ones before took too long (PrometheusRulesSkipped). What they watch goes unseen "
        "meanwhile.",
        Query(
            f"sum by (component) (rate(stack_prometheus_rule_evaluation_failures_total{{{OF}}}[5m]))",
            "{{component}} failed",
        ),
        Query(
            f"sum by (component) (rate(stack_prometheus_rule_group_iterations_missed_total{{{OF}}}[5m]))",
            "{{component}} left out",
        ),
        _limit("number", "rule_failures", "warning"),
        unit="cps",
        width=8,
        none=NOT_WATCHED,
    ),
]
