"""Adds up what lines say, for whoever takes it away."""

from collections.abc import Collection
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Any

from exporter.probes._log_forms import Parse, Request, Said
from exporter.probes._log_level import level

OTHER = "other"
LOGGERS = 50
"""Different loggers of a pattern that are told apart when none are named."""
_LONGEST_NAME = 100
_METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"])
_NOTHING: Said = ((None, None), None)
_STRANGE = object()
_LONGEST_PATH = 1_024

Seen = tuple[str, str, int, float]
"""Method, path, status and seconds, NaN where the line has none."""


@dataclass(slots=True)
class Taken:
    """What was added up since the last time; `lines` by level and logger, `requests` by method and status class,
    `durations` in seconds by status class; `seen` the requests themselves, where a service wants them.
    """

    lines: dict[tuple[str, str], int] = field(default_factory=dict)
    requests: dict[tuple[str, str], int] = field(default_factory=dict)
    durations: list[tuple[str, float]] = field(default_factory=list)
    response_bytes: int = 0
    seen: list[Seen] = field(default_factory=list)
    bytes: int = 0
    truncated: int = 0
    unparsed: int = 0


class Counts:
    """`unit` is what a line's duration is in, in seconds; `every`: each request is wanted for itself."""

    def __init__(self, parse: Parse, loggers: Collection[str] = (), unit: float = 1.0, *, every: bool = False) -> None:
        self.bytes = 0
        self.truncated = 0
        self._parse = parse
        self._named = frozenset(loggers)
        self._unit = unit
        self._every = every
        self._loggers: dict[str, str] = {}
        self._taken = Taken()

    def take(self, lines: list[bytes]) -> None:
        """Add them up."""
        parse, unparsed = self._parse, 0
        said: dict[Any, int] = {}
        for line in lines:
            found = parse(line) if line and not line.isspace() else _NOTHING
            if found is None:
                unparsed += 1
                found = _NOTHING
            names, request = found
            try:
                said[names] = said.get(names, 0) + 1
            except TypeError:  # a list or an object where a name should be
                names = (_hashable(names[0]), _hashable(names[1]))
                said[names] = said.get(names, 0) + 1
            if request is not None:
                self._request(request)
        self._taken.unparsed += unparsed
        counted = self._taken.lines
        for (word, logger), count in said.items():
            key = (level(word), self._logger(logger))
            counted[key] = counted.get(key, 0) + count

    def taken(self) -> Taken:
        """All of it, which begins anew."""
        found, self._taken = self._taken, Taken()
        found.bytes, found.truncated = self.bytes, self.truncated
        self.bytes = self.truncated = 0
        return found

    def _logger(self, said: Any) -> str:
        if said is None or said == "":
            return ""
        if not isinstance(said, str) or len(said) > _LONGEST_NAME:
            return OTHER
        if (known := self._loggers.get(said)) is not None:
            return known
        if self._named:
            return self._nearest(said)
        if len(self._loggers) >= LOGGERS:
            return OTHER
        self._loggers[said] = said
        return said

    def _nearest(self, said: str) -> str:
        """The named logger that it is, or is below, as celery.worker is below celery."""
        name = said
        while name not in self._named:
            name, dot, _ = name.rpartition(".")
            if not dot:
                return OTHER
        if len(self._loggers) < 1000:
            self._loggers[said] = name
        return name

    def _request(self, request: Request) -> None:
        status, method, duration, size, path = request
        number = _number(status)
        if number is None or not 100 <= number < 600:
            return
        kind = f"{int(number) // 100}xx"
        verb = "" if method is None else method if method in _METHODS else _verb(method)
        taken = self._taken
        taken.requests[verb, kind] = taken.requests.get((verb, kind), 0) + 1
        seconds = _number(duration)
        if seconds is not None:
            taken.durations.append((kind, seconds * self._unit))
        taken.response_bytes += int(_number(size) or 0)
        if self._every:
            route = path.partition("?")[0][:_LONGEST_PATH] if isinstance(path, str) else ""
            taken.seen.append((verb, route, int(number), nan if seconds is None else seconds * self._unit))


def _hashable(said: Any) -> Any:
    return _STRANGE if isinstance(said, list | dict) else said


def _verb(method: Any) -> str:
    found = method.upper() if isinstance(method, str) else OTHER
    return found if found in _METHODS else OTHER


def _number(said: Any) -> float | None:
    """A number that is not negative, of a line that may say anything."""
    if said is None or isinstance(said, bool):
        return None
    try:
        number = float(said)
    except (ValueError, TypeError, OverflowError):
        return None
    return number if isfinite(number) and 0 <= number < 1e15 else None
