"""stack-exporter rules: the packaged rules into a folder, as they are or with what was asked to differ."""

import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from exporter.rules.divide import divided
from exporter.rules.shipped import alert_rules, runbooks
from tests.command import command
from tests.tree import ROOT
from tests.wheel import wheel

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
PACKAGED = {path.name: path.read_bytes() for path in sorted((ROOT / "alert_rules").glob("*.yml"))}
DURATION = r"^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$"
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}


def closed(required: str, **properties: object) -> dict[str, object]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required.split(),
        "properties": properties,
    }


# After the custom resource definition of Prometheus Operator 0.76, prometheusrules.monitoring.coreos.com/v1; closed, so
# that a field that it would drop is found.
PROMETHEUS_RULE = closed(
    "apiVersion kind metadata spec",
    apiVersion={"const": "monitoring.coreos.com/v1"},
    kind={"const": "PrometheusRule"},
    metadata=closed(
        "name labels", name={"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"}, labels=TEXTS
    ),
    spec=closed(
        "groups",
        groups={
            "type": "array",
            "items": closed(
                "name rules",
                name={"type": "string", "minLength": 1},
                interval={"type": "string", "pattern": DURATION},
                limit={"type": "integer"},
                rules={
                    "type": "array",
                    "items": closed(
                        "expr",
                        alert={"type": "string"},
                        record={"type": "string"},
                        expr={"type": ["integer", "string"]},
                        **{"for": {"type": "string", "pattern": DURATION}},
                        keep_firing_for={"type": "string", "pattern": DURATION, "minLength": 1},
                        labels=TEXTS,
                        annotations=TEXTS,
                    ),
                },
            ),
        },
    ),
)


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_without_options_the_files_are_the_packaged_ones_byte_for_byte(tmp_path: Path) -> None:
    done = command("rules", "etc/rules", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert written(tmp_path / "etc" / "rules") == PACKAGED
    lines = done.stdout.splitlines()
    assert lines[-4:] == [
        "in prometheus.yml:",
        "  rule_files:",
        f"    - {tmp_path}/etc/rules/*.yml",
        "next:  promtool check rules etc/rules/*.yml, then let Prometheus reload (SIGHUP)",
    ]
    alerts = len(re.findall(rb"(?m)^ *- alert:", PACKAGED["slo.yml"]))
    assert re.search(rf"(?m)^  slo.yml +{alerts} alerts, \d+ recording rules$", done.stdout)
    assert f"{len(PACKAGED)} files in etc/rules" in lines

    again = command("rules", "etc/rules", cwd=tmp_path)
    assert again.returncode == 0
    assert len(re.findall(r", there already$", again.stdout, re.MULTILINE)) == len(PACKAGED)


def test_a_file_that_differs_is_left_alone_with_all_others_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "slo.yml").write_text("mine")
    done = command("rules", str(tmp_path))
    said = f"stack-exporter: {tmp_path}: slo.yml is there already and differs; --force writes over it. Nothing was written\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)
    assert written(tmp_path) == {"slo.yml": b"mine"}
    assert command("rules", str(tmp_path), "--force").returncode == 0
    assert written(tmp_path) == PACKAGED


def test_links_lead_where_they_are_asked_to(tmp_path: Path) -> None:
    told = command(
        "rules", str(tmp_path), "--exporter-url=https://watch.example/stack/", "--grafana-url=https://grafana.example"
    )
    assert "links lead to" not in told.stdout
    text = b"".join(written(tmp_path).values())
    assert b"localhost:9676" not in text
    assert b"localhost:3000" not in text
    assert b"runbook_url: https://watch.example/stack/runbooks/ComponentDown\n" in text
    assert b"dashboard_url: https://grafana.example/d/stack-components" in text


def test_waits_are_divided_and_the_rest_is_the_same(tmp_path: Path) -> None:
    assert command("rules", str(tmp_path), "--divide-durations=60").returncode == 0
    assert written(tmp_path) == {name: divided(data.decode(), 60).encode() for name, data in PACKAGED.items()}


def test_for_kubernetes_each_file_is_an_object_of_prometheus_operator_with_the_same_groups(tmp_path: Path) -> None:
    done = command("rules", str(tmp_path), "--kubernetes")
    assert f"next:  kubectl apply -f {tmp_path}" in done.stdout
    made = {name: yaml.load(data, LOADER) for name, data in written(tmp_path).items()}
    assert set(made) == set(PACKAGED)
    names = []
    for name, one in made.items():
        jsonschema.validate(one, PROMETHEUS_RULE)
        assert one["metadata"]["name"] == f"stack-{name.removesuffix('.yml')}"
        assert one["spec"] == yaml.load(PACKAGED[name], LOADER)
        names += [group["name"] for group in one["spec"]["groups"]]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--grafana-url=grafana.example"],
            "--grafana-url: is an address such as https://grafana.example.com, without a query",
        ),
        (
            ["--exporter-url=http://a'b"],
            "--exporter-url: is an address such as https://status.example.com, without a query",
        ),
        (
            ["--exporter-url=http://[::1"],
            "--exporter-url: is an address such as https://status.example.com, without a query",
        ),
        (
            ["--divide-durations=0"],
            "--divide-durations: is a number above 0 and up to 1000000, such as 60: minutes become seconds",
        ),
        (
            ["--divide-durations=nan"],
            "--divide-durations: is a number above 0 and up to 1000000, such as 60: minutes become seconds",
        ),
        (
            ["--divide-durations=fast"],
            "--divide-durations: is a number above 0 and up to 1000000, such as 60: minutes become seconds",
        ),
    ],
)
def test_what_can_not_be_is_refused_with_the_flag_and_nothing_is_written(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    done = command("rules", str(tmp_path / "new"), *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"stack-exporter: {said}\n")
    assert not (tmp_path / "new").exists()


def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = command("rules", str(tmp_path / "file" / "rules"))
    assert (done.returncode, done.stderr) == (
        2,
        f"stack-exporter: {tmp_path}/file/rules: can't be written: Not a directory\n",
    )
    done = command("rules", str(tmp_path / "file"))
    assert (done.returncode, done.stderr) == (2, f"stack-exporter: {tmp_path}/file: is a file; a folder is expected\n")


def test_without_a_folder_the_usage_is_said() -> None:
    done = command("rules")
    assert done.returncode == 2
    assert "the following arguments are required: FOLDER" in done.stderr
    done = command("rules", "")
    assert (done.returncode, done.stderr) == (2, "stack-exporter: rules: the folder's name is empty\n")


def test_a_wheel_has_rules_and_runbooks_where_they_are_looked_for() -> None:
    inside = {name: data for name, data in wheel().items() if name.startswith("exporter/rules/")}
    assert {name.rpartition("/")[2]: data for name, data in inside.items() if "/alert_rules/" in name} == PACKAGED
    books = {f"exporter/rules/runbooks/{path.name}" for path in runbooks().glob("*.md")}
    assert {name for name in inside if "/runbooks/" in name} == books
    assert (alert_rules(), runbooks()) == (ROOT / "alert_rules", ROOT / "docs" / "runbooks")
