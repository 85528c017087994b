"""Whose an error is."""

import pytest

from exporter.config.application import Owner
from exporter.ingest.group import Groups
from exporter.ingest.pattern import PathPattern, Pattern
from exporter.ingest.values import Frame, Occurrence, Origin, Raised

OWNERS = (
    Owner(team="payments", type="Payment*"),
    Owner(team="cad", path="services/cad/**", service="shop"),
    Owner(team="api", path="/api/v1/*"),
    Owner(team="solver", module="shop.solver*"),
    Owner(team="rest", service="shop"),
    Owner(team="never", service="shop", type="X"),
)


def error(type_: str = "KeyError", module: str = "", filename: str = "", **fields: object) -> Occurrence:
    frames = (Frame("lib", "f", "services/cad/lib.py", in_app=False), Frame(module, "f", filename, in_app=True))
    origin = Origin(str(fields.pop("service", "shop")))
    return Occurrence("0" * 32, 0.0, origin, "sdk", raised=(Raised(type_, frames=frames),), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("occurrence", "team"),
    [
        (error("PaymentRefused", path="/api/v1/orders"), "payments"),
        (error("shop.errors.PaymentRefused"), "payments"),
        (error(filename="/srv/app/services/cad/parts/step.py"), "cad"),
        (error(filename="services/cad/step.py"), "cad"),
        (error(filename="C:\\app\\services\\cad\\step.cs"), "cad"),
        (error(filename="services/cad/step.py", service="other"), ""),
        (error(path="/services/cad/1"), "cad"),
        (error(path="/api/v1/orders", service="other"), "api"),
        (error(path="/x/api/v1/orders", service="other"), ""),
        (error(module="shop.solver.core", service="other"), "solver"),
        (error(), "rest"),
        (error("X"), "rest"),
        (Occurrence("0" * 32, 0.0, Origin("shop"), "sdk", message="m", path="/api/v1/x"), "api"),
        (Occurrence("0" * 32, 0.0, Origin("nobody"), "sdk", message="m"), ""),
    ],
)
def test_the_first_rule_that_matches_says_the_team(occurrence: Occurrence, team: str) -> None:
    groups = Groups(owners=OWNERS)
    assert [groups.group(occurrence).team for _ in range(2)] == [team, team]


def test_two_requests_of_one_error_may_be_two_teams() -> None:
    groups = Groups(owners=(Owner(team="api", path="/api/*"), Owner(team="shop", service="*")))
    assert [groups.group(error(path=path)).team for path in ("/api/a", "/cart", "/api/b")] == ["api", "shop", "api"]


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("abc", "abc", True),
        ("abc", "abcd", False),
        ("a*", "a", True),
        ("*b", "ab", True),
        ("a*a", "a", False),
        ("a*b*c", "a-b-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("a*bc*c", "abc", False),
        ("*", "", True),
        ("**", "x/y", True),
        ("a**c", "abc", True),
        ("src/**/a.py", "src/a.py", True),
        ("src/**/a.py", "src/x/y/a.py", True),
        ("src/**/a.py", "srca.py", False),
        ("**/a.py", "a.py", True),
        ("x**/a.py", "xy/a.py", True),
        ("a.c", "abc", False),
        ("A*", "abc", False),
        ("", "", True),
    ],
)
def test_a_star_is_any_characters(pattern: str, text: str, *, matches: bool) -> None:
    assert Pattern(pattern).matches(text) is matches


def test_a_path_matches_from_any_folder_on() -> None:
    assert PathPattern("cad/*.py").matches("/srv/cad/a.py")
    assert not PathPattern("cad/*.py").matches("/srv/xcad/a.py")
    assert not PathPattern("/cad/*").matches("/srv/cad/a.py")


def test_a_pattern_of_a_thousand_stars_takes_no_time() -> None:
    assert not Pattern("*a" * 1_000 + "b").matches("a" * 8_000)
    assert not Pattern("**/" * 1_000 + "b").matches("a/" * 4_000)
