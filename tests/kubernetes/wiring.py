"""Lint: whether what names another object, a port, a volume or a label finds it. Each gives what is wrong, one line each."""

from collections.abc import Iterator
from typing import Any

from tests.kubernetes.building import Object, called
from tests.kubernetes.pods import Pod, matches, pods


def selectors(found: list[Object]) -> Iterator[str]:
    """Every selector finds something, and a ServiceMonitor one Service, as each more would double its series."""
    templates = list(pods(found))
    for each in found:
        spec = each.get("spec", {})
        match each["kind"]:
            case "Deployment":
                (own,) = [pod for pod in templates if pod.owner == called(each)]
                wanted = [spec["selector"]]
                wanted += [rule["labelSelector"] for rule in own.spec.get("topologySpreadConstraints", [])]
                counts = [int(matches(selector, own.labels)) for selector in wanted]
            case "Service":
                counts = [sum(matches({"matchLabels": spec["selector"]}, pod.labels) for pod in templates)]
            case "PodDisruptionBudget" | "PodMonitor":
                counts = [sum(matches(spec["selector"], pod.labels) for pod in templates)]
            case "NetworkPolicy":
                counts = [sum(matches(spec["podSelector"], pod.labels) for pod in templates)]
            case "ServiceMonitor":
                services = [one for one in found if one["kind"] == "Service"]
                counts = [sum(matches(spec["selector"], one["metadata"]["labels"]) for one in services)]
            case _:
                counts = []
        yield from (f"{called(each)}: selects {count}" for count in counts if count != 1)


def ports(found: list[Object]) -> Iterator[str]:
    """Every port that is named is there."""
    templates = list(pods(found))
    for pod in templates:
        names = [port["name"] for one in pod.containers for port in one.get("ports", [])]
        yield from (f"{pod.owner}: two ports {name}" for name in set(names) if names.count(name) > 1)
        for one in pod.containers:
            own = {port["name"] for port in one.get("ports", [])}
            for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
                if probe in one and one[probe].get("httpGet", {}).get("port") not in own:
                    yield f"{pod.owner}: {one['name']}: {probe} asks no port of its own"
    for each in found:
        spec = each.get("spec", {})
        if each["kind"] == "Service":
            there = _ports(templates, {"matchLabels": spec["selector"]})
            wanted = [port["targetPort"] for port in spec["ports"]]
        elif each["kind"] == "NetworkPolicy":
            there = _ports(templates, spec["podSelector"])
            wanted = [port["port"] for rule in spec["ingress"] for port in rule["ports"]]
        elif each["kind"] == "PodMonitor":
            there = _ports(templates, spec["selector"])
            wanted = [one["port"] for one in spec["podMetricsEndpoints"]]
        elif each["kind"] == "ServiceMonitor":
            services = [one for one in found if one["kind"] == "Service"]
            selected = [one for one in services if matches(spec["selector"], one["metadata"]["labels"])]
            there = {port["name"] for one in selected for port in one["spec"]["ports"]}
            wanted = [one["port"] for one in spec["endpoints"]]
        elif each["kind"] == "Probe":
            there = {
                f"{one['metadata']['name']}.{one['metadata']['namespace']}.svc:{port['port']}"
                for one in found
                if one["kind"] == "Service"
                for port in one["spec"]["ports"]
            }
            wanted = [spec["prober"]["url"]]
        else:
            continue
        yield from (f"{called(each)}: no port {name}" for name in wanted if name not in there)


def _ports(templates: list[Pod], selector: dict[str, Any]) -> set[str]:
    return {name for pod in templates if matches(selector, pod.labels) for name in pod.ports}


def references(found: list[Object], documented: set[str]) -> Iterator[str]:
    """Every object that a Pod names is there, or is `documented` as to be made ("Secret shop"); so is every volume."""
    there = {called(each) for each in found} | documented
    for pod in pods(found):
        wanted = [f"ServiceAccount {pod.spec['serviceAccountName']}"] if "serviceAccountName" in pod.spec else []
        for volume in pod.spec.get("volumes", []):
            wanted += [f"ConfigMap {volume['configMap']['name']}"] if "configMap" in volume else []
            wanted += [f"Secret {volume['secret']['secretName']}"] if "secret" in volume else []
            claim = volume.get("persistentVolumeClaim")
            wanted += [f"PersistentVolumeClaim {claim['claimName']}"] if claim else []
        sources = [env.get("valueFrom", {}) for one in pod.containers for env in one.get("env", [])]
        wanted += [f"Secret {source['secretKeyRef']['name']}" for source in sources if "secretKeyRef" in source]
        yield from (f"{pod.owner}: no {name}" for name in wanted if name not in there)
        volumes = {volume["name"] for volume in pod.spec.get("volumes", [])}
        mounts = {mount["name"] for one in pod.containers for mount in one.get("volumeMounts", [])}
        yield from (f"{pod.owner}: no volume {name}" for name in sorted(mounts - volumes))
        yield from (f"{pod.owner}: nobody mounts {name}" for name in sorted(volumes - mounts))


def namespaces(found: list[Object]) -> Iterator[str]:
    """What is made is in a namespace that is made with it, whose label refuses Pods that are not restricted."""
    made = {each["metadata"]["name"]: each["metadata"]["labels"] for each in found if each["kind"] == "Namespace"}
    for name, labels in made.items():
        if labels.get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"Namespace {name}: takes Pods that are not restricted"
    for each in found:
        if each["kind"] != "Namespace" and each["metadata"].get("namespace") not in made:
            yield f"{called(each)}: its namespace is not made"
