"""What a response must be: the `expect` section of an http component."""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any

import jmespath
import msgspec
from jmespath.exceptions import JMESPathError
from msgspec import Meta, Struct

from exporter.probes._pattern import BODY, Pattern, utf8

JSON = 16 * 1024
"""Bytes; JMESPath takes some 3 ms for them, and 0.3 s for a megabyte."""
STEPS = 1 << 21
"""Of regular expressions: 13 ms at worst."""
REASONS: Mapping[str, str] = {
    "status": "The status is not one of those expected.",
    "header": "A header is missing, or its value does not match.",
    "body": "The body does not match, or matches what it must not.",
    "json": "The body is not JSON, or a JSON expectation is false.",
    "evaluation": "To judge the body took longer than the run may last, or still does for an earlier one.",
}
_CLASS = re.compile(r"[1-5]xx")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def _fault(error: JMESPathError) -> str:
    """What is wrong with an expression: the first line, which ends before the expression itself."""
    first = str(error).splitlines()[0]
    return re.sub(r"^(Invalid|Bad) jmespath expression: |(, for expression)?:\s*$", "", first)


class Expect(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, dict=True):
    status: Annotated[
        tuple[int | str, ...], Meta(description="Statuses, and classes such as 2xx; any of them will do.")
    ] = ("2xx",)
    headers: Annotated[
        dict[str, str],
        Meta(description="Headers that must be there, and the regular expression (RE2) each value matches."),
    ] = {}
    body: Annotated[str, Meta(description="Regular expression (RE2) that must be found in the body.")] = ""
    body_absent: Annotated[str, Meta(description="Regular expression (RE2) that must not be found in the body.")] = ""
    json: Annotated[
        dict[str, str], Meta(description="JMESPath expressions by a name for each; each must be true of the body.")
    ] = {}

    def __post_init__(self) -> None:
        for status in self.status:
            if not ((isinstance(status, int) and 100 <= status <= 599) or _CLASS.fullmatch(str(status))):
                raise ValueError("status: expected a status such as 204, or a class such as 2xx")
        if not self.status:
            raise ValueError("status: at least one is expected")
        patterns = {"body": self.body, "body_absent": self.body_absent}
        patterns |= {f"headers.{name}": pattern for name, pattern in self.headers.items()}
        for where, pattern in patterns.items():
            try:
                _ = Pattern(pattern, BODY) if pattern else None
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from None
        for name, expression in self.json.items():
            if not _NAME.fullmatch(name) or name in {"status", "body", "body_absent"}:
                raise ValueError(f"json: {name[:80]!r} is not a name: expected lower-case words joined by _")
            try:
                jmespath.compile(expression)
            except JMESPathError as error:
                raise ValueError(f"json.{name}: not a JMESPath expression: {_fault(error)}") from None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All that can fail, as the counter's label has it."""
        text = [name for name, pattern in (("body", self.body), ("body_absent", self.body_absent)) if pattern]
        return ("status", *(f"header:{name.lower()}" for name in self.headers), *text, *self.json)

    @cached_property
    def reads_body(self) -> bool:
        return bool(self.body or self.body_absent or self.json)

    def is_costly(self, headers: Mapping[bytes, bytes], body: bytes) -> bool:
        """Whether to judge them may take longer than the loop can wait."""
        if self.json and len(body) > JSON:
            return True
        steps = sum(pattern.steps(len(headers.get(name.encode(), b""))) for name, pattern in self._headers)
        steps += sum(pattern.steps(len(body)) for pattern in (self._body, self._body_absent) if pattern is not None)
        return steps > STEPS

    def failures(self, status: int, headers: Mapping[bytes, bytes], body: bytes) -> list[tuple[str, str, str]]:
        """The name, reason and detail of each expectation that fails. Needs no loop."""
        return list(self._failures(status, headers, body))

    def _failures(self, status: int, headers: Mapping[bytes, bytes], body: bytes) -> Iterator[tuple[str, str, str]]:
        if status not in self._statuses:
            yield "status", "status", f"status {status}, expected {', '.join(map(str, self.status))}"
        for name, pattern in self._headers:
            value = headers.get(name.encode())
            if value is None:
                yield f"header:{name}", "header", f"no header {name}"
            elif not pattern.found(value.decode("latin-1").encode()):
                yield f"header:{name}", "header", f"the value of the header {name} does not match"
        if self.body or self.body_absent:
            text = utf8(body)
            if self._body is not None and not self._body.found(text):
                yield "body", "body", f"the body of {len(body)} bytes does not match"
            if self._body_absent is not None and self._body_absent.found(text):
                yield "body_absent", "body", "the body matches what it must not"
        if self.json:
            yield from self._json_failures(body)

    def _json_failures(self, body: bytes) -> Iterator[tuple[str, str, str]]:
        try:
            value: Any = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            detail = f"the body is not JSON: {error}"
            yield from ((name, "json", detail) for name in self.json)
            return
        for name, expression in self._expressions:
            try:
                found = expression.search(value)
            except (JMESPathError, RecursionError, TypeError, ValueError):  # its words hold values of the body
                yield name, "json", f"{name}: the expression does not fit the body's types"
                continue
            if found is None or found is False or found in ("", [], {}):  # JMESPath's own idea of false
                yield name, "json", f"{name} is not true: {self.json[name][:80]}"

    @cached_property
    def _statuses(self) -> frozenset[int]:
        found = {status for status in self.status if isinstance(status, int)}
        for status in self.status:
            if isinstance(status, str):
                found.update(range(int(status[0]) * 100, int(status[0]) * 100 + 100))
        return frozenset(found)

    @cached_property
    def _headers(self) -> list[tuple[str, Pattern]]:
        return [(name.lower(), Pattern(pattern, BODY)) for name, pattern in self.headers.items()]

    @cached_property
    def _body(self) -> Pattern | None:
        return Pattern(self.body, BODY) if self.body else None

    @cached_property
    def _body_absent(self) -> Pattern | None:
        return Pattern(self.body_absent, BODY) if self.body_absent else None

    @cached_property
    def _expressions(self) -> list[tuple[str, Any]]:
        return [(name, jmespath.compile(expression)) for name, expression in self.json.items()]
