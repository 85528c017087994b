"""Verdicts after rise and fall, and the whole."""

from itertools import pairwise

import pytest

from exporter.health import judge, overall
from exporter.state import Record, Verdict
from tests.scripted import component, result

OUTCOMES = {"h": "healthy", "d": "degraded", "u": "unhealthy"}

# Results in order, and the verdict after each; rise 2, fall 3.
TABLE = [
    ("the first run decides alone", "h", "h"),
    ("the first run decides alone, degraded", "d", "d"),
    ("the first run decides alone, unhealthy", "u", "u"),
    ("fall bad runs in a row", "huuu", "hhhu"),
    ("rise good runs in a row", "uhh", "uuh"),
    ("a good run between starts the count again", "huuhuuhuuu", "hhhhhhhhhu"),
    ("a bad run between starts the count again", "uhuhuhh", "uuuuuuh"),
    ("flapping changes nothing", "huhuhuhuhu", "hhhhhhhhhh"),
    ("flapping from below changes nothing", "uhuhuhuhuh", "uuuuuuuuuu"),
    ("degraded runs in a row", "hddd", "hhhd"),
    ("degraded and worse: the mildest counts", "hduu", "hhhd"),
    ("worse and degraded: the mildest counts", "huud", "hhhd"),
    ("from degraded it falls on", "hduuuuu", "hhhdddu"),
    ("better by as little as the worst of them", "uhd", "uud"),
    ("better by as little as the worst of them, the other way", "udh", "uud"),
    ("from degraded it rises on", "udhhh", "uudd" "h"),
    ("around degraded it stays", "duhduhd", "ddddddd"),
    ("worse, then better than before, then worse", "duuhuuu", "ddddddu"),
    ("what it is already ends a streak", "huuhu", "hhhhh"),
]  # fmt: skip


def verdicts(results: str, rise: int = 2, fall: int = 3) -> list[Verdict]:
    verdict, found = None, []
    for number, letter in enumerate(results):
        verdict = judge(
            verdict, component(rise=rise, fall=fall), result(OUTCOMES[letter], started=float(number), duration=0.5)
        )
        found.append(verdict)
    return found


@pytest.mark.parametrize(("results", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_judge(results: str, expected: str) -> None:
    assert "".join(verdict.health[0] for verdict in verdicts(results)) == expected


def test_with_rise_and_fall_of_one_each_run_decides() -> None:
    assert "".join(v.health[0] for v in verdicts("huhduhd", rise=1, fall=1)) == "huhduhd"


def test_since_is_the_end_of_the_run_that_decided() -> None:
    assert [verdict.since for verdict in verdicts("huuuuhh")] == [0.5, 0.5, 0.5, 3.5, 3.5, 3.5, 6.5]


def test_each_real_change_is_one_change_of_verdict() -> None:
    """F21"""
    story = "h" * 5 + "uh" * 10 + "u" * 5 + "hu" * 10 + "h" * 5 + "hhu" * 5 + "u" * 3
    health = [verdict.health for verdict in verdicts(story)]
    changes = [(before, after) for before, after in pairwise(health) if before != after]
    assert changes == [("healthy", "unhealthy"), ("unhealthy", "healthy"), ("healthy", "unhealthy")]


def record(letter: str, *, critical: bool = False, weight: float = 1.0, name: str = "it") -> Record:
    made = Record(component(name=name, critical=critical, weight=weight))
    if letter != "?":
        made.verdict = Verdict(OUTCOMES[letter.lower()], 0.0)  # type: ignore[arg-type]
    made.maintenance = letter.isupper()
    return made


@pytest.mark.parametrize(
    ("records", "status", "score"),
    [
        ([], "unknown", None),
        ([record("?")], "unknown", None),
        ([record("U", critical=True)], "unknown", None),
        ([record("h")], "healthy", 1),
        ([record("h"), record("?"), record("U", critical=True)], "healthy", 1),
        ([record("h"), record("d")], "degraded", 0.75),
        ([record("h"), record("u")], "degraded", 0.5),
        ([record("u")], "degraded", 0),
        ([record("h"), record("u", critical=True)], "unhealthy", 0.5),
        ([record("h"), record("d", critical=True)], "degraded", 0.75),
        ([record("h", weight=3), record("u")], "degraded", 0.75),
        ([record("h"), record("u", weight=3, critical=True)], "unhealthy", 0.25),
        ([record("h", weight=0.5), record("d", weight=1.5)], "degraded", 0.625),
    ],
)  # fmt: skip
def test_the_whole_follows_its_critical_components_and_the_score_its_weights(records, status: str, score) -> None:
    found = overall(records)
    assert (found.status, found.score) == (status, score)


def test_the_whole_names_who_is_not_healthy() -> None:
    records = [
        record("u", name="a", critical=True),
        record("u", name="b"),
        record("d", name="c"),
        record("h", name="d"),
        record("U", name="e"),
    ]
    found = overall(records)
    assert (found.failing, found.unhealthy, found.degraded) == (("a",), ("a", "b"), ("c",))
