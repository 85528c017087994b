"""What a response must be: the `expect` section of an http component."""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any

import jmespath
import msgspec
from jmespath.exceptions import JMESPathError
from msgspec import Meta, Struct

REASONS: Mapping[str, str] = {
    "status": "The status is not one of those expected.",
    "header": "A header is missing, or its value does not match.",
    "body": "The body does not match, or matches what it must not.",
    "json": "The body is not JSON, or a JSON expectation is false.",
}
_CLASS = re.compile(r"[1-5]xx")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


class Expect(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, dict=True):
    status: Annotated[
        tuple[int | str, ...], Meta(description="Statuses, and classes such as 2xx; any of them will do.")
    ] = ("2xx",)
    headers: Annotated[
        dict[str, str], Meta(description="Headers that must be there, and the regular expression each value matches.")
    ] = {}
    body: Annotated[str, Meta(description="Regular expression that must be found in the body.")] = ""
    body_absent: Annotated[str, Meta(description="Regular expression that must not be found in the body.")] = ""
    json: Annotated[
        dict[str, str], Meta(description="JMESPath expressions by a name for each; each must be true of the body.")
    ] = {}

    def __post_init__(self) -> None:
        for status in self.status:
            if not ((isinstance(status, int) and 100 <= status <= 599) or _CLASS.fullmatch(str(status))):
                raise ValueError(f"status: expected a status such as 204, or a class such as 2xx, not {status!r}")
        if not self.status:
            raise ValueError("status: at least one is expected")
        patterns = {"body": self.body, "body_absent": self.body_absent}
        patterns |= {f"headers.{name}": pattern for name, pattern in self.headers.items()}
        for where, pattern in patterns.items():
            try:
                re.compile(pattern)
            except (re.error, RecursionError, OverflowError) as error:
                raise ValueError(f"{where}: not a regular expression: {error}") from None
        for name, expression in self.json.items():
            if not _NAME.fullmatch(name) or name in {"status", "body", "body_absent"}:
                raise ValueError(f"json: {name[:80]!r} is not a name: expected lower-case words joined by _")
            try:
                jmespath.compile(expression)
            except JMESPathError as error:
                raise ValueError(f"json.{name}: not a JMESPath expression: {str(error).splitlines()[0]}") from None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All that can fail, as the counter's label has it."""
        text = [name for name, pattern in (("body", self.body), ("body_absent", self.body_absent)) if pattern]
        return ("status", *(f"header:{name.lower()}" for name in self.headers), *text, *self.json)

    @cached_property
    def reads_body(self) -> bool:
        return bool(self.body or self.body_absent or self.json)

    def failures(self, status: int, headers: Mapping[bytes, bytes], body: bytes) -> Iterator[tuple[str, str, str]]:
        """The name, reason and detail of each expectation that fails."""
        if status not in self._statuses:
            yield "status", "status", f"status {status}, expected {', '.join(map(str, self.status))}"
        for name, pattern in self._headers:
            value = headers.get(name.encode())
            if value is None:
                yield f"header:{name}", "header", f"no header {name}"
            elif not pattern.search(value.decode("latin-1")):
                yield f"header:{name}", "header", f"the value of the header {name} does not match"
        if self.body or self.body_absent:
            text = body.decode(errors="replace")
            if self.body and not self._body.search(text):
                yield "body", "body", f"the body of {len(body)} bytes does not match"
            if self.body_absent and self._body_absent.search(text):
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
                yield name, "json", f"{name} is not true"

    @cached_property
    def _statuses(self) -> frozenset[int]:
        found = {status for status in self.status if isinstance(status, int)}
        for status in self.status:
            if isinstance(status, str):
                found.update(range(int(status[0]) * 100, int(status[0]) * 100 + 100))
        return frozenset(found)

    @cached_property
    def _headers(self) -> list[tuple[str, re.Pattern[str]]]:
        return [(name.lower(), re.compile(pattern)) for name, pattern in self.headers.items()]

    @cached_property
    def _body(self) -> re.Pattern[str]:
        return re.compile(self.body)

    @cached_property
    def _body_absent(self) -> re.Pattern[str]:
        return re.compile(self.body_absent)

    @cached_property
    def _expressions(self) -> list[tuple[str, Any]]:
        return [(name, jmespath.compile(expression)) for name, expression in self.json.items()]
