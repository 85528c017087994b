"""Who sends: the attributes of the daemon's own resource, and those that applications' resources are given."""

from collections.abc import Mapping
from typing import Protocol

from exporter import __version__
from exporter.config.onward import Forward
from exporter.forward import target

# Variables that a Pod's downward API is customarily put into, and those of the OpenTelemetry operator.
_KUBERNETES = {
    "k8s.pod.name": ("POD_NAME", "OTEL_RESOURCE_ATTRIBUTES_POD_NAME"),
    "k8s.pod.uid": ("POD_UID", "OTEL_RESOURCE_ATTRIBUTES_POD_UID"),
    "k8s.namespace.name": ("POD_NAMESPACE", "OTEL_RESOURCE_ATTRIBUTES_POD_NAMESPACE"),
    "k8s.node.name": ("NODE_NAME", "OTEL_RESOURCE_ATTRIBUTES_NODE_NAME"),
}


class Settings(Protocol):
    """What of the configuration matters here."""

    @property
    def service(self) -> str: ...
    @property
    def environment(self) -> str: ...
    @property
    def forward(self) -> Forward: ...


def own(config: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """The daemon's own. As in OpenTelemetry, OTEL_SERVICE_NAME goes before OTEL_RESOURCE_ATTRIBUTES."""
    found = {"service.name": "stack-exporter", "service.version": __version__}
    if config.service:
        # The daemon is a service of its own beside the application, which the namespace joins with it.
        found["service.namespace"] = config.service
    if config.environment:
        found["deployment.environment.name"] = config.environment
    found |= kubernetes(environ) | config.forward.resource
    found |= target.attributes(environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    if name := environ.get("OTEL_SERVICE_NAME", "").strip():
        found["service.name"] = name
    return found


def added(config: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """What is added to the resources of applications, where they don't have it themselves."""
    found = {"service.name": config.service, "deployment.environment.name": config.environment}
    return {key: value for key, value in found.items() if value} | kubernetes(environ) | config.forward.resource


def kubernetes(environ: Mapping[str, str]) -> dict[str, str]:
    """The Pod's names, which are those of the application beside the daemon too."""
    said = {key: [environ.get(name, "").strip() for name in names] for key, names in _KUBERNETES.items()}
    return {key: next(filter(None, values)) for key, values in said.items() if any(values)}
