"""What is one error by the application's own word: its `grouping:` rules, and the fingerprint that its SDK sends."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from exporter.config.application import Grouping
from exporter.ingest.group_message import pattern_of
from exporter.ingest.group_traits import Traits
from exporter.ingest.pattern import Pattern
from exporter.ingest.values import Occurrence

PARTS = 20
"""Of a fingerprint that an SDK sends; what is more is left out."""
LONGEST = 500
"""Characters of each."""

# Sentry's names of them (docs, "Fingerprint Rules", variables), and ours.
_VARIABLE = re.compile(r"\{\{ {0,5}([a-z_.]{1,30}) {0,5}\}\}")


@dataclass(frozen=True, slots=True)
class Rule:
    """One that may match an error, once its class and frames are known to."""

    fingerprint: tuple[str, ...]
    service: Pattern | None
    message: Pattern | None

    def holds(self, occurrence: Occurrence, message: str) -> bool:
        if self.service is not None and not self.service.matches(occurrence.origin.service):
            return False
        return self.message is None or self.message.matches(message)


class Rules:
    """The `grouping:` rules in force."""

    def __init__(self, rules: Sequence[Grouping]) -> None:
        self._rules = tuple(
            (
                Rule(
                    rule.fingerprint,
                    Pattern(rule.service) if rule.service else None,
                    Pattern(rule.message) if rule.message else None,
                ),
                Pattern(rule.type) if rule.type else None,
                Pattern(rule.module) if rule.module else None,
            )
            for rule in rules
        )

    def of(self, traits: Traits) -> tuple[Rule, ...]:
        """Those that may hold for an error with these traits."""
        return tuple(
            rule
            for rule, type_, module in self._rules
            if (type_ is None or any(map(type_.matches, traits.names)))
            and (module is None or any(map(module.matches, traits.modules)))
        )


def filled(
    parts: Sequence[str], default: Callable[[], Sequence[str]], occurrence: Occurrence, message: str, traits: Traits
) -> list[str]:
    """The parts of a fingerprint with what its variables stand for; one that nobody knows stands for itself."""
    values: dict[str, str] = {}
    found: list[str] = []
    for part in parts[:PARTS]:
        whole = _VARIABLE.fullmatch(part.strip())
        if whole and whole[1] == "default":
            found += default()
        elif "{{" in part:
            values = values or dict(_values(occurrence, message, traits))
            found.append(_filled(part[:LONGEST], values, default))
        else:
            found.append(part[:LONGEST])
    return found


def _filled(part: str, values: Mapping[str, str], default: Callable[[], Sequence[str]]) -> str:
    def value(match: re.Match[str]) -> str:
        return "\x1f".join(default()) if match[1] == "default" else values.get(match[1], match[0])

    return _VARIABLE.sub(value, part)


def _values(occurrence: Occurrence, message: str, traits: Traits) -> Mapping[str, str]:
    """Of the variables. A message is what all of its kind have in common, so that ids in it make no groups."""
    module, function = traits.identities[-1] if traits.identities else ("", "")
    pattern = pattern_of(message)
    return {
        "type": traits.type,
        "error.type": traits.type,
        "message": pattern,
        "error.value": pattern,
        "module": module,
        "stack.module": module,
        "function": function,
        "stack.function": function,
        "transaction": occurrence.transaction,
        "service": occurrence.origin.service,
        "environment": occurrence.origin.environment,
        "release": occurrence.origin.release,
        "level": occurrence.level,
        "logger": occurrence.logger,
        "code": occurrence.code,
        "platform": occurrence.platform,
    }
