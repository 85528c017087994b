"""The sections of the configuration file as structs: fields are YAML keys, each with its description and default."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from exporter.probe import Runs
from exporter.values import Duration, Ratio, Secret

SHORTEST_TOKEN = 8
SHORTEST_INTERVAL = 0.1


def times(interval: float, timeout: float | None, failing_interval: float | None) -> Iterator[str]:
    """What is wrong with the times that were written for a component, in seconds; each begins with the key."""
    if interval < SHORTEST_INTERVAL:
        yield f"interval is at least {SHORTEST_INTERVAL * 1000:.0f}ms"
        return
    if timeout is not None and timeout <= 0:
        yield "timeout is more than 0s"
    if timeout is not None and timeout > interval:
        yield "timeout is longer than the interval"
    if failing_interval is not None and failing_interval < SHORTEST_INTERVAL:
        yield f"failing_interval is at least {SHORTEST_INTERVAL * 1000:.0f}ms"
    if failing_interval is not None and failing_interval > interval:
        yield "failing_interval is longer than the interval"


class Section(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What all sections share: unknown keys are refused."""


class Defaults(Section, frozen=True):
    """What holds for every component that does not say otherwise."""

    interval: Annotated[Duration, Meta(description="Time between two runs.")] = 15.0
    timeout: Annotated[
        Duration, Meta(description="Deadline of a whole run; cut to the interval where that is shorter.")
    ] = 5.0
    failing_interval: Annotated[
        Duration | None,
        Meta(description="Time between two runs while a component is failing; by default its interval."),
    ] = None
    rise: Annotated[Runs, Meta(description="Good runs in a row that make a component healthy again.")] = 2
    fall: Annotated[Runs, Meta(description="Bad runs in a row that make it unhealthy.")] = 3

    def __post_init__(self) -> None:
        for problem in times(self.interval, min(self.timeout, self.interval), self.failing_interval):
            raise ValueError(problem)


class Tracing(Section, frozen=True):
    """The daemon's own spans: one per run, its phases inside it."""

    ratio: Annotated[Ratio, Meta(description="Share of successful runs that are traced; failed ones always are.")] = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.ratio <= 1:
            raise ValueError("ratio: expected 0 to 1")


class Web(Section, frozen=True):
    """The scrape listener; TLS and basic authentication are in the file of --web.config.file."""

    admin_tokens: Annotated[
        tuple[Secret, ...], Meta(description="Bearer tokens of the admin API, all valid at once; none closes it.")
    ] = ()
    allowed_hosts: Annotated[
        tuple[str, ...], Meta(description="Names, beside addresses and localhost, under which the admin API answers.")
    ] = ()
    readiness: Annotated[
        Literal["always", "ingest"],
        Meta(description="ingest: /readyz fails while a store or spool takes nothing; for a central Deployment."),
    ] = "always"

    def __post_init__(self) -> None:
        if any(len(token.reveal()) < SHORTEST_TOKEN for token in self.admin_tokens):
            raise ValueError(f"admin_tokens: a token has at least {SHORTEST_TOKEN} characters")


class Probing(Section, frozen=True):
    """GET /probe for targets that a request names, as blackbox_exporter answers it; off without this section."""

    modules: Annotated[
        str,
        Meta(
            description="blackbox_exporter's configuration file, with its modules; relative to this file's folder.",
            examples=["/etc/prometheus/blackbox.yml"],
        ),
    ]
    allow: Annotated[
        tuple[str, ...],
        Meta(description="Networks (CIDR) and host names that may be asked although their addresses are private."),
    ] = ()


class ComponentFiles(Section, frozen=True):
    """Files whose components share what is written here."""

    files: Annotated[
        tuple[str, ...],
        Meta(description="Files, or patterns with * and ?.", min_length=1, examples=[["targets/*.json"]]),
    ]
    kind: Annotated[str, Meta(description="Kind of the targets in files of Prometheus' file_sd form.")] = ""
    fields: Annotated[dict[str, Any], Meta(description="What else each of these targets has, such as interval.")] = {}
