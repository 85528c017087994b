"""How Django's squashed migrations count, in histories that are seldom made: as Django's own loader has it."""

from collections.abc import Sequence

from exporter.probes import _migrations_django as django
from exporter.probes._migrations_django import Migration


def code(*migrations: tuple[str, Sequence[str], Sequence[str]]) -> dict[tuple[str, str], Migration]:
    return {
        ("x", name): Migration(
            f"/{name}.py", name, tuple(("x", one) for one in before), tuple(("x", one) for one in replaces)
        )
        for name, before, replaces in migrations
    }


def test_a_squash_of_squashes_stands_for_all_that_they_replace() -> None:
    history = code(("s1", (), ("a", "b")), ("s2", ("s1",), ("c", "d")), ("e", ("s2",), ()))
    rows = [("x", name) for name in "abcd"]
    assert django.standing(history, rows).pending == ("x.e",)
    assert django.standing(history, [*rows, ("x", "e"), ("x", "s1"), ("x", "s2")]).pending == ()
    assert django.standing(history, [("y", "1")]).pending == ("x.e", "x.s1", "x.s2")


def test_what_follows_a_squashed_migration_follows_what_it_replaces() -> None:
    """Its own files depend on it, also while it can't be used, because only a part of what it replaces is applied."""
    history = code(("s", (), ("a", "b")), ("a", (), ()), ("b", ("a",), ()), ("e", ("s",), ()))
    standing = django.standing(history, [("x", "a")])
    assert (standing.heads, standing.pending) == ({"x": ("e",)}, ("x.b", "x.e"))


def test_a_squashed_migration_alone_is_not_applied() -> None:
    """As `showmigrations` shows it, and `migrate` fails: `replaces` goes from the code before the rows may go."""
    history = code(("s", (), ("a", "b")), ("e", ("s",), ()))
    assert django.standing(history, [("x", "s"), ("x", "e")]).pending == ("x.s",)
