"""A packaged file as an object of Kubernetes: rules as Prometheus Operator takes them, a dashboard as a ConfigMap."""

_METADATA = """\
metadata:
  name: {name}
  labels:
    app.kubernetes.io/name: stack-exporter
    app.kubernetes.io/part-of: stack-exporter
"""
_RULE = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\n" + _METADATA + "spec:\n"
# The label by which the sidecar of Grafana's Helm chart, and of kube-prometheus-stack, knows a dashboard.
_DASHBOARD = "apiVersion: v1\nkind: ConfigMap\n" + _METADATA + '    grafana_dashboard: "1"\ndata:\n  {file}: |\n'


def prometheus_rule(subject: str, text: str) -> str:
    """The object; the file's own text is in it, indented, with its comments."""
    # Blanks before a line belong to no scalar but a block's, all of whose lines get as many: its content is the same.
    return _RULE.format(name=f"stack-{subject}") + _indented(text, 2)


def config_map(uid: str, text: str) -> str:
    """The object; its name says what it is, as the daemon's own ConfigMap may well be called stack-exporter."""
    return _DASHBOARD.format(name=f"{uid}-dashboard", file=f"{uid}.json") + _indented(text, 4)


def _indented(text: str, by: int) -> str:
    return "".join(" " * by + line if line.strip() else line for line in text.splitlines(keepends=True))
