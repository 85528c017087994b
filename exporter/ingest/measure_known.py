"""Which series are known before anything comes: of the services, severities, classes and operations configured."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from exporter.config.application import Class, Ingest, Measuring, Price, Slow
from exporter.ingest import measure_names as names
from exporter.ingest.values import SEVERITIES
from exporter.metric import Metric

LEVELS = ("fatal", "error", "warning", "info", "debug")
SECURITY_TYPES = (
    "brute_force",
    "login_failed",
    "permission_denied",
    "rate_limit_exceeded",
    "suspicious_activity",
    "token_invalid",
)
"""Types of security events that have their series from the beginning; any other is taken too."""


class Configured(Protocol):
    """The sections of the configuration that measuring goes by."""

    @property
    def service(self) -> str: ...
    @property
    def environment(self) -> str: ...
    @property
    def ingest(self) -> Ingest: ...
    @property
    def services(self) -> Mapping[str, Measuring]: ...
    @property
    def operations(self) -> Mapping[str, Slow]: ...
    @property
    def classes(self) -> Mapping[str, Class]: ...
    @property
    def ai_prices(self) -> Mapping[str, Price]: ...


def services(config: Configured) -> frozenset[str]:
    """All that the configuration names."""
    named = {config.service, *config.services, *(project.service for project in config.ingest.projects.values())}
    return frozenset(named - {""})


def known(config: Configured) -> Iterator[tuple[Metric, tuple[str, ...]]]:
    """Families and labels that begin at 0."""
    environments = _environments(config)
    for service in sorted(services(config)):
        for severity in SEVERITIES:
            yield names.NEW_GROUPS, (service, severity)
            yield names.REGRESSED, (service, severity)
            for type_ in SECURITY_TYPES:
                yield names.SECURITY, (service, type_, severity)
        for level in LEVELS:
            yield names.LOGGED, (service, level)
        for operation in config.operations:
            yield names.SLOW, (service, operation)
        for environment in environments[service]:
            yield names.DEPLOYS, (service, environment)
        for name, class_ in config.classes.items():
            yield from _class(service, environments[service], name, class_)


def _class(service: str, environments: list[str], name: str, class_: Class) -> Iterator[tuple[Metric, tuple[str, ...]]]:
    """Of an exception's class; what an HTTP status stands for is not known."""
    if class_.code:
        yield names.CLASSIFIED, (service, class_.code)
    if name[:1].isdigit():
        return
    type_ = name.rpartition(".")[2]
    for severity in (class_.severity,) if class_.severity else SEVERITIES:
        for environment in environments:
            yield names.ERRORS, (service, environment, severity, type_)
        if class_.security:
            yield names.SECURITY, (service, type_, severity)


def _environments(config: Configured) -> dict[str, list[str]]:
    """Where each service runs, as far as that is configured."""
    found = {service: {config.environment} for service in services(config)}
    for project in config.ingest.projects.values():
        if (service := project.service or config.service) and project.environment:
            found[service].add(project.environment)
    return {service: sorted(each) for service, each in found.items()}
