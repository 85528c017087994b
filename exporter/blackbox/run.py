"""One /probe under way: what it found so far, until when it may take, and what it has to tell under `debug=true`."""

import time
from typing import NoReturn

from exporter.blackbox.access import Access
from exporter.blackbox.family import Family, Key
from exporter.blackbox.settings import Module

MOST = 1_000
"""Lines of the debug log: a server may say thousands."""


class Failed(Exception):  # noqa: N818 - an answer
    """The probe has failed; the message, with what belongs to it, goes into the debug log."""

    def __init__(self, message: str, **pairs: object) -> None:
        super().__init__(message)
        self.message = message
        self.pairs = pairs


class Run:
    """What a prober is given."""

    __slots__ = ("access", "began", "deadline", "hostname", "lines", "module", "target", "values")

    def __init__(
        self, module: Module, target: str, access: Access, *, seconds: float, hostname: str = "", debug: bool = False
    ) -> None:
        self.module = module
        self.target = target
        self.access = access
        self.hostname = hostname
        """What `?hostname=` asks for, or ''."""
        self.began = time.monotonic()
        self.deadline = self.began + seconds
        """On time.monotonic's clock, which is the loop's as well."""
        self.values: dict[Key, float] = {}
        self.lines: list[tuple[float, str, str, dict[str, object]]] | None = [] if debug else None
        """What happened, for `debug=true`: Unix time, level, message, pairs. None when nobody wants to know."""

    def set(self, family: Family, value: float, *labels: str) -> None:
        """A value of a series, which is shown from then on."""
        self.values[family, labels] = value

    def add(self, family: Family, value: float, *labels: str) -> None:
        """The same, added to what it was."""
        key = family, labels
        self.values[key] = self.values.get(key, 0.0) + value

    def register(self, *families: Family) -> None:
        """Show these, which have no labels, with 0 as long as nothing else is set."""
        for family in families:
            self.values.setdefault((family, ()), 0.0)

    def debug(self, message: str, **pairs: object) -> None:
        self._say("DEBUG", message, pairs)

    def info(self, message: str, **pairs: object) -> None:
        self._say("INFO", message, pairs)

    def error(self, message: str, **pairs: object) -> None:
        self._say("ERROR", message, pairs)

    def fail(self, message: str, **pairs: object) -> NoReturn:
        raise Failed(message, **pairs)

    def _say(self, level: str, message: str, pairs: dict[str, object]) -> None:
        if self.lines is not None and len(self.lines) < MOST:
            self.lines.append((time.time(), level, message, pairs))


def host_and_port(target: str) -> tuple[str, str]:
    """Go's net.SplitHostPort: `host:port`, `[::1]:port`. Raises ValueError, as for a target without a port."""
    if target.startswith("["):
        host, bracket, port = target[1:].partition("]")
        if not bracket or not port.startswith(":") or ":" in port[1:]:
            raise ValueError("missing port in address" if not port else "not an address")
        return host, port[1:]
    host, colon, port = target.partition(":")
    if not colon:
        raise ValueError("missing port in address")
    if ":" in port:
        raise ValueError("too many colons in address")
    return host, port
