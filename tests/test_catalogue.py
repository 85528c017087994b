"""Kinds and metrics are found by looking."""

import re
import subprocess
import sys

import pytest

import exporter.probes
from exporter import catalogue
from exporter.metric import Metric, gauge
from exporter.probe import PROBE_DURATION

from tests.kinds import specimens  # noqa: F401

KIND = '''
"""Is it there?"""
from exporter.metric import Metric, gauge
from exporter.probe import PROBE_DURATION, Probe

THERE = gauge("stack_{name}_there", "Whether it is there.", "component")


class It(Probe, kw_only=True, frozen=True):
    async def run(self, out): out.set(THERE, 1)
'''


@pytest.fixture(scope="module")
def declared():
    """Looked for once: it reads every module of the package."""
    return catalogue.metrics()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(exporter.probes, "__path__", [str(tmp_path), *exporter.probes.__path__])
    yield tmp_path
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(f"exporter.probes.{path.stem}", None)


def test_a_file_in_the_folder_is_a_kind_and_its_metric_is_in_the_catalogue(folder):
    (folder / "newcomer.py").write_text(KIND.replace("{name}", "newcomer"))
    (folder / "_helper.py").write_text("")
    assert "newcomer" in catalogue.kinds()
    assert "_helper" not in catalogue.kinds()
    cls = catalogue.load("newcomer")
    assert (cls.__name__, cls.__module__) == ("It", "exporter.probes.newcomer")
    there = [(metric.name, module) for metric, module in catalogue.metrics() if metric.name == "stack_newcomer_there"]
    assert there == [("stack_newcomer_there", "exporter.probes.newcomer")]


def test_loading_a_kind_imports_no_other():
    script = (
        "import sys; from exporter import catalogue; catalogue.load('disk');"
        "print(sorted(set(catalogue.kinds()) & {m.rpartition('.')[2] for m in sys.modules if m.startswith('exporter.probes.')}))"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "['disk']"


def test_an_unknown_kind_is_told_with_the_nearest_one():
    with pytest.raises(catalogue.UnknownKind) as caught:
        catalogue.load("specimens")
    assert str(caught.value) == f"unknown kind; did you mean specimen? (kinds: {', '.join(catalogue.kinds())})"


@pytest.mark.parametrize("name", ["_tls", "", "..metric", "specimen.x", "probe"])
def test_only_a_kind_can_be_loaded(name):
    with pytest.raises(catalogue.UnknownKind):
        catalogue.load(name)


def test_a_kind_has_one_probe(folder):
    (folder / "twofold.py").write_text(
        KIND.replace("{name}", "twofold") + "\n\nclass Other(Probe, frozen=True): pass\n"
    )
    with pytest.raises(TypeError, match="twofold holds 2 probes"):
        catalogue.load("twofold")


def test_a_name_is_declared_once(folder):
    (folder / "copycat.py").write_text(KIND.replace("stack_{name}_there", "stack_specimen_queued"))
    with pytest.raises(ValueError, match=r"stack_specimen_queued is declared in exporter\.probes\.\w+ and again in "):
        catalogue.metrics()


def test_a_metric_belongs_to_the_module_that_makes_it(folder):
    (folder / "aardvark.py").write_text(
        KIND.replace("{name}", "aardvark") + "\n\nfrom exporter.probes.specimen import QUEUED\n\nALIAS = THERE\n"
    )
    from exporter.probes.specimen import QUEUED

    owners = {metric: module for metric, module in catalogue.metrics()}
    assert (owners[PROBE_DURATION], owners[QUEUED]) == ("exporter.probe", "exporter.probes.specimen")
    assert all(isinstance(metric, Metric) for metric in owners)
    assert len({metric.name for metric in owners}) == len(catalogue.metrics())
    assert gauge("stack_nobody", "Not declared in the package.") not in owners


@pytest.mark.parametrize("kind", catalogue.kinds())
def test_a_kinds_metrics_are_named_after_it(kind, declared):
    own = [metric for metric, module in declared if module == f"exporter.probes.{kind}"]
    assert [metric.name for metric in own if not metric.name.startswith(f"stack_{kind}_")] == []
    assert [metric.name for metric in own if metric.labels[:1] != ("component",)] == []


@pytest.mark.parametrize("kind", catalogue.kinds())
def test_a_kinds_thresholds_are_in_the_unit_of_their_metric(kind):
    for signal in catalogue.load(kind).signals:
        assert (signal.metric.unit or "number") == signal.unit, signal.name
        if signal.warning is not None and signal.critical is not None:
            assert (signal.warning <= signal.critical) == (signal.direction == "above"), signal.name


@pytest.mark.parametrize("kind", catalogue.kinds())
def test_a_kinds_keys_all_have_adescription(kind):
    import msgspec

    from exporter.docs.table import description

    fields = msgspec.structs.fields(catalogue.load(kind))
    assert [field.name for field in fields if not description(field.type)] == []


def test_a_help_text_stands_alone_because_metrics_are_read_in_alphabetical_order() -> None:
    """Of what the daemon counts itself; a kind's series have the kind in their names."""
    leaning = re.compile(r"\b(those|these|this|how long that|them all|told of|heard of)\b", re.IGNORECASE)
    found = {
        metric.name: metric.help
        for metric, module in catalogue.metrics()
        if not module.startswith("exporter.probes.") and leaning.search(metric.help)
    }
    assert found == {}
