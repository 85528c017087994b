"""Whose an error is: the first rule that matches, by service, class, module and path."""

from collections.abc import Sequence
from dataclasses import dataclass

from exporter.config.application import Owner
from exporter.ingest.group_traits import Traits
from exporter.ingest.pattern import PathPattern, Pattern
from exporter.ingest.values import Occurrence


@dataclass(frozen=True, slots=True)
class Claim:
    """What is left of a rule once the exception's class and frames are known to match it."""

    team: str
    service: Pattern | None
    path: PathPattern | None
    """Of the request; None when a file on the stack has matched already, or none is asked for."""

    def holds(self, occurrence: Occurrence) -> bool:
        if self.service is not None and not self.service.matches(occurrence.origin.service):
            return False
        return self.path is None or (bool(occurrence.path) and self.path.matches(occurrence.path))


class Owners:
    """The rules in force."""

    def __init__(self, rules: Sequence[Owner]) -> None:
        self._rules = tuple(
            (
                Claim(
                    rule.team,
                    Pattern(rule.service) if rule.service else None,
                    PathPattern(rule.path) if rule.path else None,
                ),
                Pattern(rule.type) if rule.type else None,
                Pattern(rule.module) if rule.module else None,
            )
            for rule in rules
        )

    def claims(self, traits: Traits) -> tuple[Claim, ...]:
        """What may hold for an error with these traits, up to the first that holds for each."""
        found = []
        for claim, type_, module in self._rules:
            if type_ is not None and not any(map(type_.matches, traits.names)):
                continue
            if module is not None and not any(map(module.matches, traits.modules)):
                continue
            path = claim.path
            if path is not None and any(map(path.matches, traits.files)):
                path = None
            found.append(Claim(claim.team, claim.service, path))
            if path is None and claim.service is None:
                break
        return tuple(found)


def team(claims: Sequence[Claim], occurrence: Occurrence) -> str:
    """The first that holds; empty where none does."""
    return next((claim.team for claim in claims if claim.holds(occurrence)), "")
