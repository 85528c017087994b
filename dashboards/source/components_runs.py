"""Rows of the Components dashboard: why runs failed, and how long they took, against the thresholds."""

from dashboards.source.components_now import FEW, near
from dashboards.source.panels import heat, timeseries
from dashboards.source.query import Query, component_limits

OURS = 'component=~"$component"'
RUNS_OF = f"rate(stack_probe_runs_total{{{OURS}}}[$__rate_interval])"
FAILED = f'rate(stack_probe_runs_total{{{OURS}, result!="healthy"}}[$__rate_interval])'
UP = f'rate(stack_probe_runs_total{{{OURS}, result!="unhealthy"}}[$__rate_interval])'
PLANNED = f'unless on (component) (stack_component_status{{{OURS}, status="maintenance"}} == 1)'
"""What is in maintenance is expected to fail."""
BUCKETS = f"stack_probe_duration_seconds_bucket{{{OURS}}}"


def _took(quantile: float, window: str) -> str:
    return f"histogram_quantile({quantile}, sum by (le, component) (rate({BUCKETS}[{window}])))"


RUNS = [
    timeseries(
        "Runs that were not healthy, by reason",
        "The share of a component's runs that ended with each reason; 100% means every run. What a reason means, and "
        "what to do, is on the page of the kind in docs/ and in the runbook of the alert. No lines at all is good.",
        Query(
            f"(sum by (component, reason) ({FAILED}) > 0)\n"
            f"/ on (component) group_left () sum by (component) ({RUNS_OF})\n{PLANNED}",
            "{{component}}: {{reason}}",
        ),
        unit="percentunit",
        most=1,
        none="Every run was healthy",
        calcs=("lastNotNull", "mean"),
    ),
    timeseries(
        "Runs that found the component up",
        "The share of runs that found it up, degraded or not, the lowest first. Dips that are over within a few runs "
        "are what rise and fall keep quiet about; if they come back, something is near its limit (runbook "
        "ComponentFlapping).",
        Query(f"sum by (component) ({UP}) / (sum by (component) ({RUNS_OF}) > 0)\n{PLANNED}", "{{component}}"),
        unit="percentunit",
        most=1,
        none="no run yet",
        calcs=("lastNotNull", "min"),
    ),
]

DURATIONS = [
    heat(
        "How long all runs took",
        "How many runs a second took how long: the more a cell stands out from the background, the more. The blue dots "
        "are single runs with a trace: click one to open it in your tracing back end and see which step was slow. A "
        "second band above the first means that some runs wait for something; choose one component to see whose.",
        Query(f"sum by (le) (rate({BUCKETS}[$__rate_interval]))"),
        none="no run yet",
    ),
    timeseries(
        "How long half of the runs and 95% of them took",
        "p95 is a slow run, over five minutes as the alert ComponentSlow computes it; p50 a usual one, of what is in "
        "trouble or if three at most are chosen. The dashed lines are the strictest latency thresholds of these: above "
        "them, see which phase takes the time.",
        Query(_took(0.95, "5m"), "{{component}} p95"),
        Query(f"{_took(0.5, '5m')}\nand on (component) {near(OURS)}", "{{component}} p50"),
        *component_limits("seconds", "latency"),
        unit="s",
        none="no run yet",
    ),
    timeseries(
        "Phases of the latest run",
        "Where a run's time goes, of up to three components or of those in trouble: resolving the name, connecting, "
        "TLS, the answer, as far as the kind knows them. A "
        "long connect is the network or a full backlog, a long query or processing the server, a long resolve the "
        "name servers.",
        Query(
            f"max by (component, phase) (stack_probe_phase_duration_seconds{{{OURS}}})\n"
            f"and on (component) {near(OURS)}",
            "{{component}}: {{phase}}",
        ),
        unit="s",
        none=FEW,
    ),
    timeseries(
        "Runs left out or abandoned",
        "Runs that were left out because the one before had not ended, and runs that ignored their end, a second. "
        "More than 0 for long: the interval is too short for what is asked, or the daemon's machine is overloaded "
        "(runbooks ProbesSkipped, ProbeAbandoned).",
        Query(
            f"sum by (component) (rate(stack_probe_skipped_total{{{OURS}}}[$__rate_interval]))",
            "{{component}} left out",
        ),
        Query(
            f"sum by (component) (rate(stack_exporter_probes_abandoned_total{{{OURS}}}[$__rate_interval])) > 0",
            "{{component}} abandoned",
        ),
        unit="ops",
        none="none was ever left out",
    ),
]
