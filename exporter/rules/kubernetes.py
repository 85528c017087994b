"""A rule file as an object of Kubernetes: Prometheus Operator's monitoring.coreos.com/v1 PrometheusRule."""

HEAD = """\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: {name}
  labels:
    app.kubernetes.io/name: stack-exporter
    app.kubernetes.io/part-of: stack-exporter
spec:
"""


def prometheus_rule(subject: str, text: str) -> str:
    """The object; the file's own text is in it, indented, with its comments."""
    # Blanks before a line belong to no scalar but a block's, all of whose lines get as many: its content is the same.
    indented = "".join(f"  {line}" if line.strip() else line for line in text.splitlines(keepends=True))
    return HEAD.format(name=f"stack-{subject}") + indented
