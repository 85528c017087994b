"""What Prometheus makes of the monitors: the job by which rules know a daemon, the labels that they join on, what is asked.

Prometheus Operator was not at hand: its part is done here, after generateServiceMonitorConfig, generatePodMonitorConfig and
generateProbeConfig of its pkg/prometheus/promcfg.go (0.93).
"""

import re
from collections.abc import Iterable
from typing import Any

import pytest
import yaml

from tests.kubernetes.building import Object, objects, one
from tests.tree import ROOT

pytestmark = pytest.mark.xdist_group("kubernetes")

Labels = dict[str, str]
EXPORTER_DOWN = next(
    rule["expr"]
    for rule in yaml.safe_load((ROOT / "alert_rules" / "exporter.yml").read_text())["groups"][0]["rules"]
    if rule.get("alert") == "ExporterDown"
)
JOB = re.compile(re.findall(r'up\{job=~"([^"]+)"\}', EXPORTER_DOWN)[0])


def relabelled(labels: Labels, rules: Iterable[dict[str, Any]]) -> Labels | None:
    """As Prometheus does it (relabel_config); None: dropped."""
    labels = dict(labels)
    for rule in rules:
        action, regex = rule.get("action", "replace"), re.compile(rule.get("regex", "(.*)"))
        value = ";".join(labels.get(name, "") for name in rule.get("sourceLabels", []))
        if action == "labeldrop":
            labels = {name: text for name, text in labels.items() if not regex.fullmatch(name)}
        elif action == "drop":
            if regex.fullmatch(value):
                return None
        else:
            assert action == "replace"
            if match := regex.fullmatch(value):
                labels[rule["targetLabel"]] = match.expand(rule.get("replacement", "$1").replace("$1", r"\1"))
    return {name: text for name, text in labels.items() if text}


def scraped(series: Labels, target: Labels, *, honor: bool) -> Labels:
    """The labels of a series together with its target's."""
    target = {name: text for name, text in target.items() if not name.startswith("__")}
    if honor:
        return target | series
    return target | {(f"exported_{name}" if name in target else name): text for name, text in series.items()}


def endpoint(monitor: Object) -> dict[str, Any]:
    (only,) = monitor["spec"].get("endpoints") or monitor["spec"]["podMetricsEndpoints"]
    found: dict[str, Any] = only
    return found


def service_target(overlay: str) -> Labels:
    """The target that a ServiceMonitor becomes, before its own relabelings: its Service's job, and six labels."""
    monitor = one(objects(overlay), "ServiceMonitor", "stack-exporter")
    service = one(objects(overlay), "Service", "stack-exporter")
    return {
        "__meta_kubernetes_pod_name": "stack-exporter-abc",
        "instance": "10.0.0.7:9676",
        "job": service["metadata"]["labels"][monitor["spec"]["jobLabel"]],
        "namespace": service["metadata"]["namespace"],
        "service": service["metadata"]["name"],
        "pod": "stack-exporter-abc",
        "container": "stack-exporter",
        "endpoint": "metrics",
    }


@pytest.mark.parametrize(("overlay", "instance"), [("central", "stack-exporter"), ("replicas", "stack-exporter-abc")])
def test_an_application_keeps_its_label_service_and_other_series_get_none(overlay: str, instance: str) -> None:
    at = endpoint(one(objects(overlay), "ServiceMonitor", "stack-exporter"))
    target = relabelled(service_target(overlay), at["relabelings"])
    assert target is not None
    assert JOB.fullmatch(target["job"])
    assert (target["instance"], target["namespace"]) == (instance, "stack-exporter")
    requests = scraped(
        {"__name__": "stack_http_server_requests_total", "service": "shop"}, target, honor=at["honorLabels"]
    )
    assert (requests["service"], requests.get("exported_service")) == ("shop", None)
    sent = {"__name__": "queue_length", "job": "shop", "instance": "shop-1"}
    assert scraped(sent, target, honor=at["honorLabels"]).items() >= sent.items()
    assert "service" not in scraped({"__name__": "stack_health_score"}, target, honor=at["honorLabels"])


def test_a_roll_out_of_the_central_daemon_changes_no_label_of_its_series() -> None:
    """Or alerts that fire would end and begin anew. `up` has the Pod's name: of two there may be one that is lost."""
    at = endpoint(one(objects("central"), "ServiceMonitor", "stack-exporter"))
    told = []
    for pod in ("stack-exporter-abc", "stack-exporter-def"):
        before = service_target("central") | {"pod": pod, "__meta_kubernetes_pod_name": pod}
        target = relabelled(before, at["relabelings"])
        assert target is not None
        assert target["pod"] == pod
        down = scraped({"__name__": "stack_component_up", "component": "cache"}, target, honor=at["honorLabels"])
        told.append(relabelled(down, at["metricRelabelings"]))
        sent = scraped({"__name__": "queue_length", "pod": "shop-1"}, target, honor=at["honorLabels"])
        assert (relabelled(sent, at["metricRelabelings"]) or {})["pod"] == "shop-1"
    assert told[0] == told[1]


def test_a_sidecars_job_has_the_applications_namespace_and_its_instance_is_the_pod() -> None:
    monitor = one(objects("sidecar"), "PodMonitor", "stack-exporter")
    # Without jobLabel the operator makes the job of these two.
    target = {"job": "{namespace}/{name}".format(**monitor["metadata"]), "__meta_kubernetes_pod_name": "shop-abc"}
    found = relabelled(target, endpoint(monitor)["relabelings"])
    assert found is not None
    assert (found["job"], found["instance"]) == ("shop/stack-exporter", "shop-abc")
    assert JOB.fullmatch(found["job"])
    assert endpoint(monitor)["honorLabels"] is True


def test_a_probe_asks_for_a_component_by_name_and_for_no_target() -> None:
    probe = one(objects("replicas"), "Probe", "stack-exporter-components")["spec"]
    asked = []
    for name in probe["targets"]["staticConfig"]["static"]:
        # What the operator writes before the object's own relabelings.
        rules = [
            {"targetLabel": "job", "replacement": probe["jobName"]},
            {"sourceLabels": ["__address__"], "targetLabel": "__param_target"},
            {"sourceLabels": ["__param_target"], "targetLabel": "instance"},
            {"targetLabel": "__address__", "replacement": probe["prober"]["url"]},
            *probe["targets"]["staticConfig"]["relabelingConfigs"],
        ]
        found = relabelled({"__address__": name, "namespace": "stack-exporter"}, rules)
        assert found is not None
        assert JOB.fullmatch(found.pop("job"))
        asked.append(found)
    address = "stack-exporter.stack-exporter.svc:9676"
    assert asked == [
        {"__address__": address, "__param_component": name, "instance": name, "namespace": "stack-exporter"}
        for name in ("database", "cache", "broker", "website")
    ]
    assert probe["prober"]["path"] == "/probe"


@pytest.mark.parametrize(
    ("series", "kept"),
    [
        ({"__name__": "stack_component_up", "component": "database", "kind": "postgres"}, False),
        ({"__name__": "stack_threshold_seconds", "component": "database", "signal": "latency"}, False),
        ({"__name__": "stack_slo_info", "component": "database", "slo": "database"}, True),
        ({"__name__": "stack_errors_total", "service": "shop"}, True),
        ({"__name__": "queue_length", "component": "the application's own"}, True),
    ],
)
def test_components_of_replicas_come_from_the_probe_alone(series: Labels, kept: bool) -> None:
    rules = endpoint(one(objects("replicas"), "ServiceMonitor", "stack-exporter"))["metricRelabelings"]
    assert (relabelled(series, rules) is not None) is kept


def test_one_prometheus_comes_to_one_replica_and_never_to_one_whose_node_is_lost() -> None:
    """kube-proxy takes published addresses for ready, also of Pods that are ending (kubernetes.io, EndpointConditions)."""
    service = one(objects("replicas"), "Service", "stack-exporter")["spec"]
    assert (service["sessionAffinity"], service["publishNotReadyAddresses"]) == ("ClientIP", False)
    assert one(objects("central"), "Service", "stack-exporter")["spec"]["publishNotReadyAddresses"] is True
    senders = one(objects("replicas"), "Service", "stack-exporter-ingest")["spec"]
    assert "publishNotReadyAddresses" not in senders
    budget = one(objects("replicas"), "PodDisruptionBudget", "stack-exporter")["spec"]
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
