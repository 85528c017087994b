"""Who imports whom, what modules are called, and that a kind has its test."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from exporter import catalogue
from tests.tree import ROOT

# Module or package -> what of ours it may import; a package stands for what is in it, `probes._` for its helpers.
MAY = {
    "metric": "",
    "values": "",
    "readings": "metric",
    "probe": "metric values readings",
    "component": "metric values probe",
    "probes": "metric values probe redact decoding probes._",
    "redact": "values",
    "decoding": "",
    "quantity": "metric values probe component",
    "run": "metric values probe component readings redact quantity",
    "entry": "metric values probe component readings run tally counting",
    "schedule": "metric values probe component readings entry run slots supervise tally counting turn log",
    "state": "metric values probe component tally",
    "health": "metric values probe component state",
    "thresholds": "metric probe component tally",
    "sample": "metric tally",
    "exposition": "metric values probe component state tally sample",
    "blackbox": "metric values probe redact probes._ blackbox",
    "config": "metric values probe component catalogue nearest config blackbox thresholds",
    "init": "config leave init",
    "changes": "config supervise",
    "slo": "metric probe component tally config.slo config.application ingest.pattern",
    "foreign_lines": "sample",
    "foreign": "metric tally foreign_lines",
    "ingest": "metric values tally bounds redact nearest ingest config.application foreign foreign_lines sample slo",
    "rules": "leave rules",
    "onward": "metric values ingest config.application onward",
    "store": "metric values tally store ingest.values ingest.ports config.application",
    "docs": "metric values probe catalogue config options docs thresholds web.routes web.api web.otlp web.site",
    "options": "nearest",
    "forward": "metric values probe component tally config decoding redact supervise ingest.ports forward",
    "web": (
        "metric values config probe component state tally health exposition process schedule supervise log nearest "
        "blackbox quantity web ingest onward store.rows decoding forward rules.shipped"
    ),
}
PURE = ("metric", "values", "component", "redact", "quantity", "health", "config.problem", "config.maintenance")
IMPURE = {"asyncio", "socket", "ssl", "threading", "subprocess", "random", "tempfile", "aiohttp"}
TOP = {"app": {"daemon"}, "daemon": {"cli", "verbs"}, "verbs": {"cli"}, "cli": {"__main__"}}
VAGUE = {"utils", "util", "helpers", "helper", "common", "base", "manager", "handler", "service", "factory", "misc"}


def imports() -> dict[str, set[str]]:
    """Every module of the package by its name after `exporter.`, and what it imports, ours as `exporter.…`."""
    found = {}
    for path in sorted((ROOT / "exporter").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT / "exporter").with_suffix("").parts).removesuffix(".__init__")
        found[name] = set().union(*(_imported(node) for node in _statements(ast.parse(path.read_text()))))
    return found


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All of them, however deep. Expressions, of which there are ten times as many, hold no statement."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.expr):
            yield node
            yield from _statements(node)


def _imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if not isinstance(node, ast.ImportFrom):
        return set()
    assert not node.level, "imports are absolute"
    names = {f"{node.module}.{alias.name}" for alias in node.names}
    return {name if _module(name) else str(node.module) for name in names}


def _module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()


MODULES = imports()
OURS = {
    name: {i.removeprefix("exporter.") for i in found if i.startswith("exporter.")} for name, found in MODULES.items()
}


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(package if package.endswith("._") else f"{package}.")


@pytest.mark.parametrize("layer", MAY)
def test_a_layer_imports_only_what_design_allows(layer: str) -> None:
    allowed = MAY[layer].split()
    assert any(within(module, layer) for module in OURS), "no such module: take it out of MAY"
    found = {(m, i) for m, found in OURS.items() if within(m, layer) for i in found}
    assert {(m, i) for m, i in found if not any(within(i, package) for package in allowed)} == set()


@pytest.mark.parametrize("layer", PURE)
def test_a_pure_module_has_no_input_output_and_no_loop(layer: str) -> None:
    used = {(m, i) for m, found in MODULES.items() if within(m, layer) for i in found if i.split(".")[0] in IMPURE}
    assert used == set()


def test_nothing_imports_the_app_and_the_command_line() -> None:
    found = {(top, m) for top in TOP for m, found in OURS.items() if top in found}
    assert {(top, m) for top, m in found if m not in TOP[top]} == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    left = {module: {i for i in found if i in OURS and i != module} for module, found in OURS.items()}
    while free := {module for module, found in left.items() if not found}:
        left = {module: found - free for module, found in left.items() if module not in free}
    assert left == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert {m for m in MODULES if VAGUE & {part.lstrip("_") for part in m.split(".")}} == set()


@pytest.mark.parametrize("kind", catalogue.kinds())
def test_a_kind_has_its_test_file(kind: str) -> None:
    assert sorted(Path(ROOT, "tests", "probes").glob(f"test_{kind}*.py")), f"tests/probes/test_{kind}.py is missing"


@pytest.mark.parametrize("kind", catalogue.kinds())
def test_each_declared_reason_is_provoked_by_a_table_in_the_kinds_test(kind: str) -> None:
    """A dict reason -> what provokes it, which a test is parametrized with; so for every kind, whoever wrote it."""
    reasons = set(catalogue.load(kind).reasons)
    found = [
        set(table)
        for path in sorted(Path(ROOT, "tests", "probes").glob(f"test_{kind}*.py"))
        for table in _tables(importlib.import_module(f"tests.probes.{path.stem}"), path)
    ]
    assert reasons in found or not reasons, f"{kind}: no table has a row for each of {', '.join(sorted(reasons))}"


def _tables(module: ModuleType, path: Path) -> list[dict[object, object]]:
    """Dicts of the module that parametrize its tests."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    given = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "parametrize"]
    names = {node.id for call in given for node in ast.walk(call) if isinstance(node, ast.Name)}
    return [value for name, value in vars(module).items() if name in names and isinstance(value, dict)]
