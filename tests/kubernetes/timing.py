"""Lint: EN-14's figures of probes, and time enough to end."""

from collections.abc import Iterator, Sequence
from typing import Any

from exporter.web.routes import scraping
from tests.kubernetes.building import Object
from tests.kubernetes.pods import Pod, pods

LIVENESS = {"initialDelaySeconds": 30, "periodSeconds": 10, "failureThreshold": 3}
READINESS = {"initialDelaySeconds": 10, "periodSeconds": 5, "failureThreshold": 3}
"""EN-14: liveness after 30 s every 10 s; readiness after 10 s every 5 s, 3 failures."""
TIMEOUT = 3
STOP = 8
"""Seconds in which the daemon ends."""


def probes(found: list[Object]) -> Iterator[str]:
    """A sidecar has a liveness probe alone; the application and a central daemon have EN-14's two."""
    paths = {route.path for route in scraping() if route.method == "GET" and route.access == "open"}
    for pod in pods(found):
        sidecars = [one for one in pod.containers if one.get("restartPolicy") == "Always"]
        for one in pod.containers:
            wanted = {"livenessProbe": LIVENESS} if one in sidecars else _BOTH
            where = f"{pod.owner}: {one['name']}"
            yield from (f"{where}: {wrong}" for wrong in _probes(one, wanted))
            if one["name"] != "stack-exporter":
                continue
            asked = [
                one[probe].get("httpGet", {}).get("path")
                for probe in ("livenessProbe", "readinessProbe")
                if probe in one
            ]
            yield from (f"{where}: {path} is not served" for path in asked if path not in paths)


_BOTH = {"livenessProbe": LIVENESS, "readinessProbe": READINESS}


def _probes(one: dict[str, Any], wanted: dict[str, dict[str, int]]) -> Iterator[str]:
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if (name in one) != (name in wanted):
            yield f"{name} is {'there' if name in one else 'missing'}"
        elif name in one:
            figures = {key: value for key, value in one[name].items() if key.endswith(("Seconds", "Threshold"))}
            if figures != wanted[name] | {"timeoutSeconds": TIMEOUT}:
                yield f"{name} has {figures}"


def stopping(found: list[Object]) -> Iterator[str]:
    """The kubelet waits for preStop and for the daemon; a sidecar ends after the application, in the same time."""
    for pod in pods(found):
        grace = pod.spec["terminationGracePeriodSeconds"]
        if (needed := _needed(pod)) > grace:
            yield f"{pod.owner}: ends in {needed} s and has {grace}"


def _needed(pod: Pod) -> int:
    sidecar = any(one.get("restartPolicy") == "Always" for one in pod.containers)
    command: Sequence[str] = pod.daemon.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [])
    before = int(command[1]) if command else 0
    # An application is given Kubernetes' default, 30 s.
    return STOP + before + (30 if sidecar else 0)
