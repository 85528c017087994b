"""What is in a Pod's template: its containers, their ports, mounts and probes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.kubernetes.building import Object, called


@dataclass(frozen=True)
class Pod:
    """The template of a Deployment."""

    owner: str
    namespace: str
    labels: dict[str, str]
    spec: dict[str, Any]

    @property
    def containers(self) -> list[dict[str, Any]]:
        """All that run: sidecars and other init containers too."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def ports(self) -> dict[str, int]:
        return {port["name"]: port["containerPort"] for one in self.containers for port in one.get("ports", [])}

    @property
    def daemon(self) -> dict[str, Any]:
        (found,) = [one for one in self.containers if one["name"] == "stack-exporter"]
        return found


def pods(found: list[Object]) -> Iterator[Pod]:
    for each in found:
        if each["kind"] in ("Deployment", "StatefulSet", "DaemonSet"):
            template = each["spec"]["template"]
            labels = template["metadata"]["labels"]
            yield Pod(called(each), each["metadata"]["namespace"], labels, template["spec"])


def matches(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Kubernetes' LabelSelector."""
    wanted = selector.get("matchLabels", {})
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_one(rule, labels) for rule in selector.get("matchExpressions", []))


def _one(rule: dict[str, Any], labels: dict[str, str]) -> bool:
    value, operator = labels.get(rule["key"]), rule["operator"]
    if operator in ("Exists", "DoesNotExist"):
        return (value is not None) == (operator == "Exists")
    return (value in rule["values"]) == (operator == "In")
