"""The overlays are of one piece: what names something finds it, and no Pod is more than it must be. Each lint finds what it is for."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.kubernetes import documented, restricted, timing, wiring
from tests.kubernetes.building import WHOLE, Object, objects, one

pytestmark = pytest.mark.xdist_group("kubernetes")

Change = Callable[[list[Object]], object]


def problems(overlay: str, found: list[Object]) -> list[str]:
    return [
        *wiring.selectors(found),
        *wiring.ports(found),
        *wiring.references(found, documented.secrets(overlay)),
        *wiring.namespaces(found),
        *restricted.restricted(found),
        *restricted.ours(found),
        *timing.probes(found),
        *timing.stopping(found),
    ]


@pytest.mark.parametrize("overlay", WHOLE)
def test_nothing_is_wrong(overlay: str) -> None:
    assert problems(overlay, objects(overlay)) == []


def pod(found: list[Object]) -> dict[str, Any]:
    (deployment,) = [each for each in found if each["kind"] == "Deployment"]
    spec: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return spec


def daemon(found: list[Object]) -> dict[str, Any]:
    containers = [*pod(found).get("initContainers", []), *pod(found)["containers"]]
    (container,) = [each for each in containers if each["name"] == "stack-exporter"]
    return container


def spec(kind: str, name: str) -> Callable[[list[Object]], dict[str, Any]]:
    return lambda found: one(found, kind, name)["spec"]


def put(where: Callable[[list[Object]], Any], *keys: str | int, to: object) -> Change:
    """Sets what is at the keys; None takes it away."""

    def change(found: list[Object]) -> None:
        *path, last = keys
        at = where(found)
        for key in path:
            at = at[key]
        if to is None:
            del at[last]
        else:
            at[last] = to

    return change


def without(kind: str, name: str) -> Change:
    return lambda found: found.remove(one(found, kind, name))


D, S = "Deployment stack-exporter", "Deployment shop"
NEVER = {"app.kubernetes.io/name": "other"}
BROKEN: list[tuple[str, Change, str]] = [
    ("central", put(spec("Service", "stack-exporter-ingest"), "selector", to=NEVER), "Service stack-exporter-ingest: selects 0"),
    ("central", put(spec("NetworkPolicy", "stack-exporter"), "podSelector", "matchLabels", to=NEVER), "NetworkPolicy stack-exporter: selects 0"),
    ("central", put(spec("ServiceMonitor", "stack-exporter"), "selector", "matchLabels", to={"app.kubernetes.io/name": "stack-exporter"}), "ServiceMonitor stack-exporter: selects 2"),
    ("central", put(spec("Deployment", "stack-exporter"), "selector", "matchLabels", to=NEVER), f"{D}: selects 0"),
    ("replicas", put(spec("PodDisruptionBudget", "stack-exporter"), "selector", "matchLabels", to=NEVER), "PodDisruptionBudget stack-exporter: selects 0"),
    ("replicas", put(pod, "topologySpreadConstraints", 0, "labelSelector", to={"matchLabels": NEVER}), f"{D}: selects 0"),
    ("sidecar", put(spec("PodMonitor", "stack-exporter"), "selector", "matchLabels", to=NEVER), "PodMonitor stack-exporter: selects 0"),
    ("central", put(spec("Service", "stack-exporter"), "ports", 0, "targetPort", to="http"), "Service stack-exporter: no port http"),
    ("central", put(spec("ServiceMonitor", "stack-exporter"), "endpoints", 0, "port", to="http"), "ServiceMonitor stack-exporter: no port http"),
    ("central", put(spec("NetworkPolicy", "stack-exporter"), "ingress", 0, "ports", 0, "port", to="http"), "NetworkPolicy stack-exporter: no port http"),
    ("central", put(daemon, "livenessProbe", "httpGet", "port", to="http"), f"{D}: stack-exporter: livenessProbe asks no port of its own"),
    ("sidecar", put(spec("PodMonitor", "stack-exporter"), "podMetricsEndpoints", 0, "port", to="metrics"), "PodMonitor stack-exporter: no port metrics"),
    ("sidecar", put(daemon, "ports", 0, "name", to="http"), f"{S}: two ports http"),
    ("replicas", put(spec("Probe", "stack-exporter-components"), "prober", "url", to="stack-exporter.other.svc:9676"), "Probe stack-exporter-components: no port stack-exporter.other.svc:9676"),
    ("central", without("ConfigMap", "stack-exporter"), f"{D}: no ConfigMap stack-exporter"),
    ("central", without("ServiceAccount", "stack-exporter"), f"{D}: no ServiceAccount stack-exporter"),
    ("central", without("PersistentVolumeClaim", "stack-exporter"), f"{D}: no PersistentVolumeClaim stack-exporter"),
    ("central", put(lambda found: pod(found)["volumes"][2], "secret", to={"secretName": "other"}), f"{D}: no Secret other"),
    ("sidecar", put(pod, "containers", 0, "env", 1, "valueFrom", "secretKeyRef", "name", to="other"), f"{S}: no Secret other"),
    ("central", put(pod, "volumes", 3, to=None), f"{D}: no volume tmp"),
    ("central", put(daemon, "volumeMounts", 3, to=None), f"{D}: nobody mounts tmp"),
    ("central", without("Namespace", "stack-exporter"), "Service stack-exporter: its namespace is not made"),
    ("central", put(lambda found: one(found, "Namespace", "stack-exporter")["metadata"], "labels", to={}), "Namespace stack-exporter: takes Pods that are not restricted"),
    ("central", put(pod, "hostNetwork", to=True), f"{D}: hostNetwork"),
    ("central", put(pod, "volumes", 3, to={"name": "tmp", "hostPath": {"path": "/tmp"}}), f"{D}: volume hostPath"),
    ("central", put(pod, "securityContext", "sysctls", to=[{"name": "kernel.msgmax", "value": "1"}]), f"{D}: sysctl kernel.msgmax"),
    ("central", put(daemon, "securityContext", "privileged", to=True), f"{D}: stack-exporter: privileged"),
    ("central", put(daemon, "securityContext", "allowPrivilegeEscalation", to=None), f"{D}: stack-exporter: allowPrivilegeEscalation"),
    ("central", put(daemon, "securityContext", "capabilities", "add", to=["NET_RAW"]), f"{D}: stack-exporter: capabilities"),
    ("sidecar", put(daemon, "securityContext", "capabilities", to={}), f"{S}: stack-exporter: capabilities"),
    ("central", put(pod, "securityContext", "runAsNonRoot", to=None), f"{D}: stack-exporter: runAsNonRoot"),
    ("central", put(pod, "securityContext", "runAsUser", to=0), f"{D}: stack-exporter: runAsUser 0"),
    ("central", put(pod, "securityContext", "runAsUser", to=1000), f"{D}: stack-exporter: runs as 1000"),
    ("central", put(pod, "securityContext", "seccompProfile", to=None), f"{D}: stack-exporter: seccompProfile"),
    ("central", put(daemon, "ports", 0, "hostPort", to=9676), f"{D}: stack-exporter: hostPort"),
    ("central", put(pod, "automountServiceAccountToken", to=None), f"{D}: mounts a token"),
    ("central", put(daemon, "securityContext", "readOnlyRootFilesystem", to=False), f"{D}: stack-exporter: writes to its root"),
    ("central", put(daemon, "resources", "limits", to=None), f"{D}: stack-exporter: resources"),
    ("sidecar", put(daemon, "resources", "limits", "ephemeral-storage", to="1Gi"), f"{S}: is evicted before its volumes are full"),
    ("central", put(daemon, "image", to="registry.example/stack-exporter:0.1.0"), f"{D}: stack-exporter: image registry.example/stack-exporter:0.1.0"),
    ("central", put(daemon, "image", to="stack-exporter"), f"{D}: stack-exporter: image stack-exporter"),
    ("central", put(daemon, "volumeMounts", 0, "subPath", to="exporter.yaml"), f"{D}: stack-exporter: subPath, whose changes the kubelet does not follow"),
    ("sidecar", put(daemon, "readinessProbe", to={}), f"{S}: stack-exporter: readinessProbe is there"),
    ("sidecar", put(daemon, "startupProbe", to={}), f"{S}: stack-exporter: startupProbe is there"),
    ("central", put(daemon, "readinessProbe", to=None), f"{D}: stack-exporter: readinessProbe is missing"),
    ("central", put(daemon, "livenessProbe", "httpGet", "path", to="/alive"), f"{D}: stack-exporter: /alive is not served"),
    ("central", put(daemon, "readinessProbe", "periodSeconds", to=10), f"{D}: stack-exporter: readinessProbe has {{'failureThreshold': 3, 'initialDelaySeconds': 10, 'periodSeconds': 10, 'timeoutSeconds': 3}}"),
    ("sidecar", put(pod, "containers", 0, "livenessProbe", "initialDelaySeconds", to=5), f"{S}: shop: livenessProbe has {{'failureThreshold': 3, 'initialDelaySeconds': 5, 'periodSeconds': 10, 'timeoutSeconds': 3}}"),
    ("central", put(pod, "terminationGracePeriodSeconds", to=10), f"{D}: ends in 13 s and has 10"),
    ("sidecar", put(pod, "terminationGracePeriodSeconds", to=30), f"{S}: ends in 38 s and has 30"),
]  # fmt: skip


@pytest.mark.parametrize(("overlay", "change", "says"), BROKEN, ids=[says[:70] for _, _, says in BROKEN])
def test_what_is_broken_is_found(overlay: str, change: Change, says: str) -> None:
    found = copy.deepcopy(objects(overlay))
    change(found)
    assert says in problems(overlay, found)


def test_an_optional_expression_of_a_selector_is_read() -> None:
    from tests.kubernetes.pods import matches  # noqa: PLC0415

    def rules() -> Iterator[tuple[str, list[str], bool]]:
        yield from (("In", ["a"], True), ("In", ["b"], False), ("NotIn", ["a"], False), ("NotIn", ["b"], True))
        yield from (("Exists", [], True), ("DoesNotExist", [], False))

    for operator, values, wanted in rules():
        selector = {"matchExpressions": [{"key": "app", "operator": operator, "values": values}]}
        assert matches(selector, {"app": "a"}) is wanted
