"""Django's migrations: from files that are parsed, and against what django_migrations holds.

Squashed ones count as Django's own loader has it (django.db.migrations.loader, build_graph): as applied when all that
they replace is, in place of it when all or none is, and not at all in between.
"""

import ast
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from exporter.probe import Down
from exporter.probes._migrations_files import MOST, Sources, assigned, literal, names
from exporter.probes._migrations_state import Standing

Name = tuple[str, str]
"""App and migration."""
_SKIPPED = {"node_modules", "site-packages", "venv", "__pycache__"}


@dataclass(frozen=True, slots=True)
class Migration:
    path: str
    name: str
    before: tuple[Name, ...]
    replaces: tuple[Name, ...]


def folders(paths: Iterable[str]) -> list[str]:
    """The folders of migrations at and under some paths. Raises Down."""
    found: dict[str, None] = {}
    for path in paths:
        if not names(path):
            continue
        for seen, (place, below, files) in enumerate(os.walk(path)):
            below[:] = sorted(name for name in below if name not in _SKIPPED and not name.startswith("."))
            if seen >= MOST:
                raise Down("unreadable_code", f"more than {MOST} folders under {path}"[:200])
            if os.path.basename(place) == "migrations" and "__init__.py" in files:  # noqa: PTH119 - half a Path's cost
                found[place] = None
                below.clear()
    return list(found)


def files(folder: str) -> list[str]:
    """Its modules but for private ones, as Django's loader takes them."""
    return [
        os.path.join(folder, name)  # noqa: PTH118
        for name in names(folder)
        if name.endswith(".py") and name[0] not in "_~."
    ]


def app(folder: str, labels: Sources[str], until: float) -> str:
    """The app's label: its folder's name, unless its AppConfig in apps.py has another."""
    parent = os.path.dirname(folder)  # noqa: PTH120
    config = os.path.join(parent, "apps.py")  # noqa: PTH118
    own = labels.read([config], until)[0] if os.path.isfile(config) else ""  # noqa: PTH113
    return own or os.path.basename(parent)  # noqa: PTH119


def configured(path: str, tree: ast.Module) -> str:
    """The label that an apps.py declares, or ''. Raises Down."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and "label" in (values := assigned(node.body)):
            return str(literal(path, "label", values["label"]))
    return ""


def migration(path: str, tree: ast.Module) -> Migration:
    """What a file declares. Raises Down."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == "Migration":
            values = assigned(node.body)
            before = _pairs(path, "dependencies", values.get("dependencies"))
            name = os.path.basename(path).removesuffix(".py")  # noqa: PTH119
            return Migration(path, name, before, _pairs(path, "replaces", values.get("replaces")))
    raise Down("unreadable_code", f"{path} has no class Migration"[:200])


def _pairs(path: str, name: str, value: ast.expr | None) -> tuple[Name, ...]:
    if value is None:
        return ()
    if not isinstance(value, ast.List | ast.Tuple):
        raise Down("unreadable_code", f"{path}: {name} is computed, and no code is run to know it"[:200])
    # A call is migrations.swappable_dependency(…), which is about another app.
    pairs = [literal(path, name, item) for item in value.elts if not isinstance(item, ast.Call)]
    if not all(isinstance(p, tuple | list) and len(p) == 2 and all(isinstance(n, str) for n in p) for p in pairs):
        raise Down("unreadable_code", f"{path}: {name} is no list of pairs of texts"[:200])
    return tuple((p[0], p[1]) for p in pairs)


def standing(code: Mapping[Name, Migration], rows: Collection[Name]) -> Standing:
    """`rows` are those of django_migrations, of whatever apps. Raises Down for what Django too would refuse."""
    nodes, applied, instead = set(code), set(rows), dict[Name, tuple[Name, ...]]()
    for name, one in code.items():
        if not one.replaces:
            continue
        there = [target in applied for target in one.replaces]
        if all(there):
            applied.add(name)
        else:
            applied.discard(name)
        if all(there) or not any(there):
            nodes -= set(one.replaces)
            instead.update(dict.fromkeys(one.replaces, (name,)))
        else:
            nodes.discard(name)
            instead[name] = one.replaces
    heads = _leaves(code, nodes, instead)
    current = _leaves(code, nodes & applied, instead)
    apps = {app for app, _ in code}
    known = set(code) | {target for one in code.values() for target in one.replaces}
    unknown = sorted(row for row in rows if row[0] in apps and row not in known)
    for row in unknown:
        current[row[0]] = (*current.get(row[0], ()), row[1])
    return Standing(
        current=current,
        heads=heads,
        applied=sum(row[0] in apps for row in rows),
        pending=tuple(".".join(name) for name in sorted(nodes - applied)),
        unknown=tuple(".".join(name) for name in unknown),
        branched=tuple(sorted(app for app, ends in heads.items() if len(ends) > 1)),
    )


def _leaves(
    code: Mapping[Name, Migration], nodes: Collection[Name], instead: Mapping[Name, tuple[Name, ...]]
) -> dict[str, tuple[str, ...]]:
    """Of each app the migrations that no other of the same app is made upon. Raises Down."""
    followed: set[Name] = set()
    for node in nodes:
        for before in code[node].before:
            if before[0] != node[0]:
                continue
            meant = instead.get(before, (before,))
            if before not in code and before not in instead:
                raise Down("broken_code", f"{code[node].path}: there is no migration {'.'.join(before)}"[:200])
            followed.update(one for one in meant if one != node)
    found: dict[str, tuple[str, ...]] = {}
    for app, name in sorted(set(nodes) - followed):
        found[app] = (*found.get(app, ()), name)
    return found
