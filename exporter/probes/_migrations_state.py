"""How a database's schema stands to the code's migrations, whatever the tool."""

from collections.abc import Mapping
from dataclasses import dataclass

LONGEST = 200
"""Characters of a label's value."""


@dataclass(frozen=True, slots=True)
class Standing:
    """By app, which Alembic has none of: ''. Names are revisions, or app.name.

    `pending` is None when the database is somewhere that the code does not know, and `unknown` when nobody can say.
    """

    current: Mapping[str, tuple[str, ...]]
    heads: Mapping[str, tuple[str, ...]]
    applied: int | None
    pending: tuple[str, ...] | None
    unknown: tuple[str, ...] | None
    other: bool = False
    """Whether the database is elsewhere, in a direction that is not known."""
    branched: tuple[str, ...] = ()
    """Apps that have more than one head."""


def label(names: tuple[str, ...]) -> str:
    text = ",".join(names)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
