"""stack-exporter dashboards: the packaged dashboards into a folder, as Grafana or as its sidecar takes them."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from exporter.rules.shipped import dashboards
from tests.command import command
from tests.tree import ROOT
from tests.wheel import wheel

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
PACKAGED = {path.name: path.read_bytes() for path in sorted((ROOT / "dashboards").glob("stack-*.json"))}
UIDS = "overview components application errors workers databases storage security exporter"
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
# Of Kubernetes' v1 ConfigMap, closed; a key of data is a file's name, and an object has 1 MiB at most.
CONFIG_MAP = {
    "type": "object",
    "additionalProperties": False,
    "required": ["apiVersion", "kind", "metadata", "data"],
    "properties": {
        "apiVersion": {"const": "v1"},
        "kind": {"const": "ConfigMap"},
        "metadata": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name", "labels"],
            "properties": {
                "name": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"},
                "labels": TEXTS,
            },
        },
        "data": {"type": "object", "patternProperties": {"^[-._a-zA-Z0-9]+$": {"type": "string"}}, "maxProperties": 1},
    },
}


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def exporter_url(dashboard: bytes) -> list[object]:
    """What its text box is filled with at first."""
    (box,) = [one for one in json.loads(dashboard)["templating"]["list"] if one["name"] == "exporter_url"]
    return [box["type"], box["query"], box["current"]["value"]]


def test_the_nine_dashboards_are_written_byte_for_byte(tmp_path: Path) -> None:
    done = command("dashboards", "grafana", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(PACKAGED) == {f"stack-{name}.json" for name in UIDS.split()}
    assert written(tmp_path / "grafana") == PACKAGED
    lines = done.stdout.splitlines()
    titles = [json.loads(data)["title"] for data in PACKAGED.values()]
    assert [line.split(maxsplit=1) for line in lines[:9]] == list(map(list, zip(PACKAGED, titles, strict=True)))
    assert lines[9:] == [
        "9 files in grafana",
        "links to stack-exporter lead to http://localhost:9676; --exporter-url=URL changes that",
        f"next:  a provider of Grafana's with path: {tmp_path}/grafana, or import each by hand (Dashboards, New, Import)",
    ]
    again = command("dashboards", "grafana", cwd=tmp_path)
    assert (again.returncode, again.stdout.count(", there already\n")) == (0, 9)


def test_the_text_box_and_all_links_lead_where_they_are_asked_to(tmp_path: Path) -> None:
    done = command("dashboards", str(tmp_path), "--exporter-url=https://watch.example/stack/")
    assert "links to stack-exporter" not in done.stdout
    made = written(tmp_path)
    for name, data in made.items():
        assert exporter_url(PACKAGED[name]) == ["textbox", *["http://localhost:9676"] * 2]
        assert exporter_url(data) == ["textbox", *["https://watch.example/stack"] * 2]
        assert b"localhost:9676" not in data
    whole = b"".join(made.values()).replace(b"https://watch.example/stack", b"http://localhost:9676")
    assert whole == b"".join(PACKAGED.values())


def test_for_kubernetes_each_is_a_config_map_that_grafanas_sidecar_takes(tmp_path: Path) -> None:
    done = command("dashboards", str(tmp_path), "--kubernetes")
    assert f"next:  kubectl apply --server-side -f {tmp_path}" in done.stdout
    made = {name: yaml.load(data, LOADER) for name, data in written(tmp_path).items()}
    assert set(made) == {name.replace(".json", ".yml") for name in PACKAGED}
    for name, one in made.items():
        jsonschema.validate(one, CONFIG_MAP)
        uid = name.removesuffix(".yml")
        assert one["metadata"]["name"] == f"{uid}-dashboard"
        assert one["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert one["data"] == {f"{uid}.json": PACKAGED[f"{uid}.json"].decode()}
        assert len(yaml.safe_dump(one)) < 1 << 20


def test_a_dashboard_that_differs_is_left_alone_with_all_others_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "stack-errors.json").write_text("mine")
    done = command("dashboards", str(tmp_path))
    said = f"{tmp_path}: stack-errors.json is there already and differs; --force writes over it. Nothing was written\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"stack-exporter: {said}")
    assert written(tmp_path) == {"stack-errors.json": b"mine"}
    assert command("dashboards", str(tmp_path), "--force").returncode == 0
    assert written(tmp_path) == PACKAGED


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["new", "--exporter-url=status"], "--exporter-url: is an address such as https://status.example.com, without a query"),
        (["new", '--exporter-url=http://a"b'], "--exporter-url: is an address such as https://status.example.com, without a query"),
        (["new", "--exporter-url=http://a\x01b"], "--exporter-url: is an address such as https://status.example.com, without a query"),
        (["new", "--exporter-url=http://a/$b"], "--exporter-url: is an address such as https://status.example.com, without a query"),
        (["new", "--exporter-url=http://:80"], "--exporter-url: is an address such as https://status.example.com, without a query"),
        (["new", "--exporter-url=http://a:99999"], "--exporter-url: is an address such as https://status.example.com, without a query"),
        (["file"], "file: is a file; a folder is expected"),
        ([""], "dashboards: the folder's name is empty"),
    ],
)  # fmt: skip
def test_what_can_not_be_is_refused_and_nothing_is_written(arguments: list[str], said: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = command("dashboards", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"stack-exporter: {said}\n")
    assert list(written(tmp_path)) == ["file"]


def test_a_wheel_has_the_dashboards_where_they_are_looked_for_and_nothing_that_writes_them() -> None:
    inside = {name: data for name, data in wheel().items() if "dashboards/" in name}
    assert inside == {f"exporter/rules/dashboards/{name}": data for name, data in PACKAGED.items()}
    assert dashboards() == ROOT / "dashboards"
