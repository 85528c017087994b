"""Prometheus Operator's objects, after the custom resource definitions of 0.93 (the fields used are in 0.76 too).

Closed, so that a field that the API server would drop is found; what we do not use is left out.
"""

from tests.test_rules_write import DURATION, PROMETHEUS_RULE, TEXTS, closed

NAME = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"}
METADATA = closed("name namespace labels", name=NAME, namespace=NAME, labels=TEXTS)
PERIOD = {"type": "string", "pattern": DURATION, "minLength": 1}
WORDS = {"type": "array", "items": {"type": "string"}}
RELABELINGS = {
    "type": "array",
    "items": closed(
        "",
        action={"enum": ["replace", "keep", "drop", "labelmap", "labeldrop", "labelkeep"]},
        sourceLabels=WORDS,
        separator={"type": "string"},
        regex={"type": "string"},
        targetLabel={"type": "string"},
        replacement={"type": "string"},
    ),
}
SELECTOR = closed("matchLabels", matchLabels=TEXTS)
ENDPOINT = closed(
    "port",
    port={"type": "string"},
    path={"type": "string"},
    interval=PERIOD,
    scrapeTimeout=PERIOD,
    honorLabels={"type": "boolean"},
    relabelings=RELABELINGS,
    metricRelabelings=RELABELINGS,
)
ENDPOINTS = {"type": "array", "minItems": 1, "items": ENDPOINT}


def _object(kind: str, spec: dict[str, object]) -> dict[str, object]:
    return closed(
        "apiVersion kind metadata spec",
        apiVersion={"const": "monitoring.coreos.com/v1"},
        kind={"const": kind},
        metadata=METADATA,
        spec=spec,
    )


_RULES = PROMETHEUS_RULE["properties"]
assert isinstance(_RULES, dict)

SCHEMAS = {
    "ServiceMonitor": _object(
        "ServiceMonitor",
        closed("selector endpoints", jobLabel={"type": "string"}, selector=SELECTOR, endpoints=ENDPOINTS),
    ),
    "PodMonitor": _object(
        "PodMonitor",
        closed("selector podMetricsEndpoints", selector=SELECTOR, podMetricsEndpoints=ENDPOINTS),
    ),
    "Probe": _object(
        "Probe",
        closed(
            "prober targets",
            jobName={"type": "string"},
            interval=PERIOD,
            scrapeTimeout=PERIOD,
            # Without a scheme: that is a field of its own.
            prober=closed("url", url={"type": "string", "pattern": "^[^/]+:[0-9]+$"}, path={"type": "string"}),
            targets=closed("staticConfig", staticConfig=closed("static", static=WORDS, relabelingConfigs=RELABELINGS)),
        ),
    ),
    "PrometheusRule": _object("PrometheusRule", _RULES["spec"]),
}
