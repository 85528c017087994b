"""kustomize builds every overlay; what it makes is what is committed, and of what the sources say."""

import re

import pytest
import yaml

from exporter.rules.grafana import files as dashboards
from exporter.rules.kubernetes import config_map
from exporter.rules.link import EXPORTER
from exporter.rules.write import Changes
from exporter.rules.write import files as rules
from tests.kubernetes import building
from tests.kubernetes.building import COMMITTED, FOLDER, LOADER, OVERLAYS, WHOLE, Object, called, objects, one
from tests.tree import ROOT

pytestmark = pytest.mark.xdist_group("kubernetes")

LARGEST = 1024 * 1024
"""Bytes of a ConfigMap; kubernetes.io, ConfigMaps."""
RULES = sorted(path.name for path in (ROOT / "alert_rules").glob("*.yml"))
DASHBOARDS = sorted(path.name for path in (ROOT / "dashboards").glob("stack-*.json"))


def made(text: str) -> Object:
    object_: Object = yaml.load(text, LOADER)
    object_["metadata"]["namespace"] = "monitoring"
    object_["metadata"]["labels"]["release"] = "kube-prometheus-stack"
    return object_


def listed(file: str) -> list[str]:
    """What a kustomization lists: files, whether as resources or as those of ConfigMaps."""
    content = yaml.load((ROOT / file).read_text(), LOADER)
    generated = [name for generator in content.get("configMapGenerator", []) for name in generator["files"]]
    return [*content.get("resources", []), *generated]


@pytest.mark.parametrize("overlay", WHOLE)
def test_an_overlay_is_built_as_it_is_committed(overlay: str) -> None:
    again = "python -m tests.kubernetes.building writes them anew"
    assert building.text(overlay) == (COMMITTED / f"{overlay}.yaml").read_text(), again


def test_every_overlay_is_committed_or_made_of_files_that_are() -> None:
    assert sorted([*WHOLE, "monitoring", "monitoring-without-operator"]) == OVERLAYS
    assert sorted(path.stem for path in COMMITTED.iterdir()) == sorted(WHOLE)


def test_the_committed_rules_are_those_that_the_command_writes() -> None:
    folder = FOLDER / "components" / "prometheus-rules"
    written = {path.name: path.read_text() for path in folder.glob("*.yml")}
    again = "stack-exporter rules deploy/kubernetes/components/prometheus-rules --kubernetes --force"
    assert written == rules(Changes(kubernetes=True)), again


@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("alert_rules/Kustomization", RULES),
        ("deploy/kubernetes/components/prometheus-rules/kustomization.yaml", RULES),
        ("dashboards/kustomization.yaml", DASHBOARDS),
    ],
    ids=["alert_rules", "prometheus-rules", "dashboards"],
)
def test_a_kustomization_lists_the_files_that_are_there(file: str, wanted: list[str]) -> None:
    assert wanted
    assert listed(file) == wanted


def test_with_the_operator_monitoring_is_the_rules_and_the_dashboards() -> None:
    wanted = [made(text) for text in rules(Changes(kubernetes=True)).values()]
    wanted += [made(text) for text in dashboards(EXPORTER, kubernetes=True).values()]
    found = objects("monitoring")
    assert sorted(map(called, found)) == sorted(map(called, wanted))
    assert {called(each): each for each in found} == {called(each): each for each in wanted}


def test_without_it_the_rules_are_one_config_map() -> None:
    found = objects("monitoring-without-operator")
    config_maps = ["ConfigMap stack-exporter-rules", *(f"ConfigMap {name[:-5]}-dashboard" for name in DASHBOARDS)]
    assert sorted(map(called, found)) == sorted(config_maps)
    written = one(found, "ConfigMap", "stack-exporter-rules")["data"]
    assert written == {name: (ROOT / "alert_rules" / name).read_text() for name in RULES}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_config_map_is_within_the_size_that_kubernetes_takes(overlay: str) -> None:
    sizes = {
        called(each): sum(len(name) + len(text.encode()) for name, text in each["data"].items())
        for each in objects(overlay)
        if each["kind"] == "ConfigMap"
    }
    assert sizes
    assert {name: size for name, size in sizes.items() if size >= LARGEST} == {}


def test_a_dashboard_has_the_label_by_which_grafanas_sidecar_finds_it() -> None:
    labels = yaml.load(config_map("stack-overview", "{}\n"), LOADER)["metadata"]["labels"]
    assert labels["grafana_dashboard"] == "1"


def test_every_kustomization_is_of_an_overlay() -> None:
    """A component that no overlay uses would be built by no test."""
    named = {
        (file.parent / name).resolve()
        for file in FOLDER.rglob("kustomization.yaml")
        for name in re.findall(r"^ *- (\.\./\S+)$", file.read_text(), re.MULTILINE)
    }
    there = {file.parent for file in FOLDER.rglob("kustomization.yaml") if file.parent.parent.name != "overlays"}
    assert named == there | {ROOT / "alert_rules", ROOT / "dashboards"}
