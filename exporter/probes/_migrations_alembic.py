"""Alembic's revisions: from files that are parsed, and against what alembic_version holds."""

import ast
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from exporter.probe import Down
from exporter.probes._migrations_files import assigned, literal, names
from exporter.probes._migrations_state import Standing


@dataclass(frozen=True, slots=True)
class Revision:
    """`before` are those that it is made upon, `needs` those of depends_on: revisions, or labels of branches."""

    path: str
    id: str
    before: tuple[str, ...]
    needs: tuple[str, ...]
    labels: tuple[str, ...]


def files(folders: Iterable[str]) -> list[str]:
    """The files of revisions in `versions` folders, or in those of scripts that hold one. Raises Down."""
    found: list[str] = []
    for folder in folders:
        versions = os.path.join(folder, "versions")  # noqa: PTH118
        place = versions if os.path.isdir(versions) else folder  # noqa: PTH112
        # As Alembic has it (script.base): an editor's lock files and __init__.py are none, and folders are not entered.
        found += [
            os.path.join(place, name)  # noqa: PTH118
            for name in names(place)
            if name.endswith(".py") and not name.startswith((".#", "__init__")) and name != "env.py"
        ]
    return found


def revision(path: str, tree: ast.Module) -> Revision:
    """What a file declares. Raises Down."""
    values = assigned(tree.body)
    if "revision" not in values:
        raise Down("unreadable_code", f"{path} declares no revision"[:200])
    id_ = literal(path, "revision", values["revision"])
    if not isinstance(id_, str):
        raise Down("unreadable_code", f"{path}: revision is no text"[:200])
    before, needs, labels = (
        _texts(path, name, values.get(name)) for name in ("down_revision", "depends_on", "branch_labels")
    )
    return Revision(path, id_, before, needs, labels)


def history(revisions: Iterable[Revision]) -> dict[str, Revision]:
    """By id. Raises Down for what Alembic too would refuse."""
    found: dict[str, Revision] = {}
    for one in revisions:
        if (other := found.setdefault(one.id, one)) is not one:
            raise Down("broken_code", f"{one.id} is in {other.path} and in {one.path}"[:200])
    if not found:
        raise Down("no_code", "there is no revision at path")
    labels = {label: one.id for one in found.values() for label in one.labels}
    for one in found.values():
        for before in one.before:
            if before not in found:
                raise Down("broken_code", f"{one.path}: there is no revision {before}"[:200])
        if missing := [need for need in one.needs if need not in found and need not in labels]:
            raise Down("broken_code", f"{one.path} depends on {missing[0]}, which is not there"[:200])
    if not heads(found):
        raise Down("broken_code", "the revisions follow each other in a circle")
    return found


def heads(revisions: Mapping[str, Revision]) -> tuple[str, ...]:
    followed = {before for one in revisions.values() for before in one.before}
    return tuple(sorted(revisions.keys() - followed))


def standing(revisions: Mapping[str, Revision], stored: set[str]) -> Standing:
    """`stored` are the rows of alembic_version: heads of what is applied."""
    labels = {label: one.id for one in revisions.values() for label in one.labels}
    unknown = tuple(sorted(stored - revisions.keys()))
    applied: set[str] = set()
    left = [*(stored & revisions.keys())]
    while left:
        id_ = left.pop()
        if id_ not in applied:
            applied.add(id_)
            one = revisions[id_]
            left += [*one.before, *(labels.get(need, need) for need in one.needs)]
    ends = heads(revisions)
    return Standing(
        current={"": tuple(sorted(stored))},
        heads={"": ends},
        applied=None if unknown else len(applied),
        pending=None if unknown else tuple(sorted(revisions.keys() - applied)),
        unknown=unknown,
        branched=("",) if len(ends) > 1 else (),
    )


def _texts(path: str, name: str, value: ast.expr | None) -> tuple[str, ...]:
    """None, a text, or several."""
    found = literal(path, name, value) if value is not None else None
    several = (found,) if isinstance(found, str) else tuple(found) if isinstance(found, tuple | list | set) else ()
    if (found is not None and not isinstance(found, str | tuple | list | set)) or not all(
        isinstance(one, str) for one in several
    ):
        raise Down("unreadable_code", f"{path}: {name} is neither a text nor several"[:200])
    return tuple(several)
