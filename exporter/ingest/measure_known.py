"""Which series are known before anything comes: of the services, severities, classes and operations configured."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from exporter.bounds import cut
from exporter.config.application import Class, Ingest, Measuring, Owner, Price, Slow
from exporter.ingest import measure_names as names
from exporter.ingest.pattern import Pattern
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
    def owners(self) -> Sequence[Owner]: ...
    @property
    def ai_prices(self) -> Mapping[str, Price]: ...


def services(config: Configured) -> frozenset[str]:
    """All that the configuration names."""
    named = {config.service, *config.services, *(project.service for project in config.ingest.projects.values())}
    return frozenset(named - {""})


def teams(config: Configured) -> dict[str, str]:
    """Who owns a service, of those of which that is said."""
    return {name: service.team for name, service in config.services.items() if service.team}


def known(config: Configured) -> Iterator[tuple[Metric, tuple[str, ...]]]:
    """Families and labels that begin at 0."""
    environments = _environments(config)
    for service in sorted(services(config)):
        owners = _owners(service, config)
        for severity in SEVERITIES:
            for team in owners:
                yield names.NEW_GROUPS, (service, severity, team)
                yield names.REGRESSED, (service, severity, team)
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


def _owners(service: str, config: Configured) -> list[str]:
    """The teams that an error of the service may belong to; '' is none."""
    found = {teams(config).get(service, "")}
    for rule in config.owners:
        if not rule.service or Pattern(rule.service).matches(service):
            found.add(rule.team)
    return sorted(map(cut, found))


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
