"""What the package holds, found by looking: every kind of component and every Metric. No list of them exists."""

import ast
import importlib
import inspect
import pkgutil
from types import ModuleType

import exporter
import exporter.probes
from exporter.metric import Metric
from exporter.nearest import suggestion
from exporter.probe import Probe


class UnknownKind(LookupError):  # noqa: N818 - says the fact
    """No kind has that name; the message lists the kinds and suggests the nearest."""


def kinds() -> list[str]:
    """The kinds that can be configured: the modules of exporter.probes."""
    return sorted(m.name for m in pkgutil.iter_modules(exporter.probes.__path__) if not m.name.startswith("_"))


def load(kind: str) -> type[Probe]:
    """The class of a kind. Imports its module and no other. Raises UnknownKind."""
    known = kinds()
    if kind not in known:
        raise UnknownKind(f"unknown kind{suggestion(kind, known)} (kinds: {', '.join(known)})")
    module = importlib.import_module(f"{exporter.probes.__name__}.{kind}")
    classes = [c for c in vars(module).values() if inspect.isclass(c) and issubclass(c, Probe)]
    own = [c for c in classes if c.__module__ == module.__name__]
    if len(own) != 1:
        raise TypeError(f"{module.__name__} holds {len(own)} probes; a kind is one file with one of them")
    return own[0]


def metrics() -> list[tuple[Metric, str]]:
    """Every Metric that a module of the package declares, and that module. Imports them all. Raises ValueError."""
    found: dict[str, tuple[Metric, str]] = {}
    for module in _modules():
        declared = {constant: value for constant, value in vars(module).items() if isinstance(value, Metric)}
        imported = _imported(module) if declared else set()  # reading the source takes a while
        for constant, value in declared.items():
            if constant in imported:
                continue
            other = found.setdefault(value.name, (value, module.__name__))
            if other[0] is not value:
                raise ValueError(f"{value.name} is declared in {other[1]} and again in {module.__name__}")
    return sorted(found.values(), key=lambda pair: (pair[1], pair[0].name))


def _modules() -> list[ModuleType]:
    names = [m.name for m in pkgutil.walk_packages(exporter.__path__, "exporter.")]
    # A test extends the path of exporter.probes, which walk_packages has by then replaced by the package it imported.
    names += [f"{exporter.probes.__name__}.{kind}" for kind in kinds()]
    return [importlib.import_module(name) for name in dict.fromkeys(names) if not name.endswith("__main__")]


def _imported(module: ModuleType) -> set[str]:
    """Names that a module has from elsewhere: a Metric belongs to the module that makes it."""
    # Named so, because nothing at run time tells `from exporter.probe import PROBE_DURATION` from a declaration.
    try:
        tree = ast.parse(inspect.getsource(module))
    except OSError:  # an empty file has no source
        return set()
    return {
        alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
