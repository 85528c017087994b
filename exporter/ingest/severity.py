"""What an error is worth: by the application's own classes, else by its level, whether it was handled, and its type."""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.config.application import Class
from exporter.ingest.group_names import qualified_name, simple_name
from exporter.ingest.values import Occurrence, Severity

EXHAUSTED = frozenset(
    {
        "MemoryError",
        "OutOfMemoryError",
        "OutOfMemoryException",
        "OutOfMemory",
        "StackOverflowError",
        "StackOverflowException",
        "InsufficientMemoryException",
        "ExecutionEngineException",
        "AccessViolationException",
        "SIGSEGV",
        "SIGABRT",
        "SIGBUS",
        "EXC_BAD_ACCESS",
        "ApplicationNotResponding",
    }
)
"""Types after which the process itself is in doubt."""

_REFUSED = range(400, 500)
"""Statuses by which a server says that the request was at fault."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an error is worth; `status` is 0 where nothing says it."""

    severity: Severity
    security: bool = False
    code: str = ""
    status: int = 0


class Severities:
    """By `classes:`, whose keys are a class's simple or qualified name, a code, an HTTP status, or 4xx and 5xx."""

    def __init__(self, classes: Mapping[str, Class]) -> None:
        self._classes = {key.strip(): found for key, found in classes.items()}

    def verdict(self, occurrence: Occurrence) -> Verdict:
        """What says most about it comes first: its code, its class, then its status."""
        found = self._named(occurrence) if self._classes else []
        status = _valid(occurrence.status) or next((one.status for one in found if one.status), 0)
        if status and self._classes:
            for key in (str(status), f"{status // 100}xx"):
                if (one := self._classes.get(key)) is not None:
                    found.append(one)
        return Verdict(
            severity=next((one.severity for one in found if one.severity is not None), _default(occurrence, status)),
            security=any(one.security for one in found),
            code=occurrence.code or next((one.code for one in found if one.code), ""),
            status=status,
        )

    def _named(self, occurrence: Occurrence) -> list[Class]:
        keys = [occurrence.code] if occurrence.code else []
        if occurrence.raised:
            last = occurrence.raised[-1]
            keys += (qualified_name(last.type, last.module), last.type, simple_name(last.type))
        found = [self._classes[key] for key in dict.fromkeys(keys) if key and key in self._classes]
        # The class's own code is a key as well: what stands under it holds for the class too.
        more = [self._classes[one.code] for one in found if one.code and one.code in self._classes]
        return [*found, *(one for one in more if one not in found)]


def _default(occurrence: Occurrence, status: int) -> Severity:
    if occurrence.severity is not None:
        return occurrence.severity
    if occurrence.level == "fatal":
        return "critical"
    if occurrence.level != "error":
        return "low"
    if not occurrence.raised:
        return "medium"
    last = occurrence.raised[-1]
    if simple_name(last.type) in EXHAUSTED:
        return "critical"
    if last.handled is False:
        return "high"
    return "low" if status in _REFUSED else "medium"


def _valid(status: int) -> int:
    return status if 100 <= status <= 599 else 0  # RFC 9110, section 15
