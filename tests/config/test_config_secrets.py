"""A secret in the configuration shows in no message, no repr and no traceback, whatever goes wrong around it."""

import itertools
import traceback
from typing import Any

import pytest
from msgspec import Struct

from exporter.config import ConfigError, load
from exporter.config.fit import fit
from exporter.config.problem import Report
from exporter.values import Secret

from tests.kinds import specimens  # noqa: F401

CANARY = "c4nary-6f1d"
PLACES = {
    "token": "token: X",
    "headers": "headers: {x-key: X}",
    "password": "login: {user: me, password: X}",
    "url": "url: 'http://me:X@host/'",
    "braces": "token: $X",
    "one threshold": "thresholds: {used: X}",
    "a list of one": "statuses: X",
    "unknown": "unknown: {deep: X}",
    "not a number": "port: X",
    "not an option": "mode: X",
    "not a duration": "interval: X",
    "not a size": "size: X",
    "not a ratio": "ratio: X",
    "not true": "verify: X",
    "not a mapping": "login: X",
    "not a list": "statuses: X",
    "refused by the kind": "url: 'https://me:X@host/'",
    "threshold": "thresholds: {latency: {warning: X}}",
    "list": "headers: [X]",
    "team": "team: [X]",
    "thresholds": "thresholds: {latency: X}",
    "kind": "kind: X",
    "name": "rise: {deep: X}",
    "open": "token: '${X'",
    "alias": "token: &X Y",
    "tag": "token: !X Y",
    "not YAML": "token: 'X",
    "twice": "token: X\n    token: X",
}
ELSEWHERE = [
    "web: {admin_tokens: [X]}", "web: {admin_tokens: X}", "web: {admin_tokens: [[X]]}", "web: {allowed_hosts: X}",
    "forward: {traces: [{endpoint: 'http://me:X@h:1'}]}", "forward: {traces: [{endpoint: 'X', headers: {a: X}}]}",
    "forward: {traces: X}", "store: 'X://me:X@host'", "store: 'postgresql://me:X@h/'", "tracing: {ratio: X}",
    "maintenance: [{from: X, until: X}]", "maintenance: [{components: X}]", "concurrency: X", "defaults: {interval: X}",
    "maintenance: [{weekly: {days: [monday], start: X, duration: 1h}}]", "components: X", "environment: {a: X}",
    "maintenance: [{weekly: {days: [monday], start: 01:00, duration: 1h, timezone: X}}]",
]  # fmt: skip
WAYS = {"literal": CANARY, "variable": "${CANARY}", "within": "a${CANARY}b", "default": f"${{UNSET:-{CANARY}}}"}


def problems(text: str) -> str:
    """All that can be seen of the error, its traceback with it; '' when there is none."""
    try:
        return repr(load(text, source="it", environ={"CANARY": CANARY}))
    except ConfigError as error:
        seen = [str(error), repr(error), repr(error.problems), *traceback.format_exception(error, chain=True)]
        return "\n".join(seen).replace(text, "")


@pytest.mark.parametrize(("place", "way"), [*itertools.product(PLACES, WAYS)])
def test_a_components_secret_is_never_seen(place, way):
    fields = PLACES[place].replace("X", WAYS[way])
    lines = [line for line in ("kind: specimen", "url: http://x", fields) if line.split(":")[0] != fields.split(":")[0]]
    seen = problems("components:\n  a:\n    " + "\n    ".join([*lines, fields]) + "\n")
    assert "it:" in seen or "Config(" in seen
    # A host name in a url that is right is no secret field of this kind: its repr may show it.
    assert CANARY not in seen or (place == "url" and "it:" not in seen)


@pytest.mark.parametrize(("text", "way"), [*itertools.product(ELSEWHERE, WAYS)])
def test_a_sections_secret_is_never_seen(text, way):
    text = text.replace("X", WAYS[way])
    seen = problems(text + "\n")
    assert "it:" in seen or "Config(" in seen
    assert CANARY not in seen or (text.startswith("web: {allowed") and "it:" not in seen)


class Quoting(Struct, kw_only=True, frozen=True):
    """Its check quotes all that it is given, in three ways."""

    plain: str = ""
    secret: Secret = Secret("")
    by_name: dict[str, str] = {}
    secrets: dict[str, Secret] = {}
    items: tuple[str, ...] = ()
    anything: dict[str, Any] = {}

    def __post_init__(self) -> None:
        seen = [
            self.plain,
            self.secret.reveal(),
            *self.by_name.values(),
            *self.items,
            *map(str, self.anything.values()),
        ]
        for text in filter(None, [*seen, *(one.reveal() for one in self.secrets.values())]):
            raise ValueError(f"it is {text}, as {text!r} or {text}s, and no A record")


def told(value: dict[str, Any], *expanded: tuple[str | int, ...]) -> str:
    report = Report({})
    report.expanded.update(expanded)
    assert fit(Quoting, value, (), report) is None
    return "\n".join(str(problem) for problem in report.problems)


@pytest.mark.parametrize("text", ["/run/ca.pem", "job", "A", "shop_total", "no such thing", "https://shop.example/"])
@pytest.mark.parametrize("key", ["plain", "by_name", "items"])
def test_what_stands_in_a_plain_field_is_told_but_not_what_came_from_a_variable(key: str, text: str) -> None:
    value, path = {"plain": (text, ()), "by_name": ({"k": text}, ("k",)), "items": ([text], (0,))}[key]
    assert f"it is {text}, as '{text}'" in told({key: value})
    assert "it is …, as … or " in told({key: value}, (key, *path))


@pytest.mark.parametrize("text", [CANARY, "pw", "job", "x y", f"a'{CANARY}", "https://h/" + CANARY])
@pytest.mark.parametrize("key", ["secret", "secrets", "anything"])
def test_a_secret_is_never_told_however_short(key: str, text: str) -> None:
    seen = told({key: text if key == "secret" else {"k": text}})
    assert f"is {text}," not in seen
    assert CANARY not in seen


def test_what_lies_deeper_than_was_declared_is_not_told() -> None:
    assert CANARY not in told({"anything": {"k": {"deep": [CANARY]}}})


@pytest.mark.parametrize("text", [f"redis://:{CANARY}@h", f"http://h/?token={CANARY}", f"host=h password={CANARY}"])
def test_credentials_in_a_plain_field_are_not_told(text: str) -> None:
    assert CANARY not in told({"plain": text})
