"""The Compose file is what the specification allows, and all that it names is there."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.command import command
from tests.tree import ROOT

FOLDER = ROOT / "deploy" / "compose"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("stack-exporter:")]
WATCHED = {"database", "cache"}
"""Examples, which keep their images' ways."""


def mounts(service: dict[str, Any]) -> list[list[str]]:
    return [written.split(":") for written in service.get("volumes", [])]


def test_it_is_valid_by_the_specifications_schema() -> None:
    schema = json.loads((ROOT / "tests" / "fixtures" / "compose-spec.json").read_text())
    validator = jsonschema.Draft7Validator(schema)
    assert [error.message for error in validator.iter_errors(COMPOSE)] == []
    wrong = {**COMPOSE, "services": {**SERVICES, "cache": {**SERVICES["cache"], "helthcheck": {}}}}
    assert not validator.is_valid(wrong)


def test_every_folder_volume_network_secret_and_dependency_that_it_names_is_there() -> None:
    for name, service in SERVICES.items():
        for source, *_ in mounts(service):
            there = (FOLDER / source).is_dir() if source.startswith(".") else source in COMPOSE["volumes"]
            assert there, f"{name}: {source}"
        assert set(service.get("networks", [])) <= COMPOSE["networks"].keys()
        assert set(service.get("secrets", [])) <= COMPOSE["secrets"].keys()
        assert service.get("depends_on", {}).keys() <= SERVICES.keys()
    assert (FOLDER / SERVICES["stack-exporter"]["build"] / "Dockerfile").is_file()
    used = {source for service in SERVICES.values() for source, *_ in mounts(service)}
    assert COMPOSE["volumes"].keys() <= used


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_of_a_named_version_listens_on_this_machine_alone_and_says_how_it_is(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[a-z-]+(/[a-z-]+)?:v?\d+(\.\d+)+(-alpine)?", service["image"])
    assert [port for port in service.get("ports", []) if not port.startswith("127.0.0.1:")] == []
    assert service["restart"] == ("unless-stopped" if service.get("networks") else "no")
    check = service["healthcheck"]
    assert check == {"disable": True} if service["restart"] == "no" else check["test"][0] == "CMD"
    if name not in WATCHED:
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]
    if name in OURS:
        assert service["user"] == "65532:65532"


def test_the_versions_are_those_of_the_project_and_of_what_rules_and_routes_were_tested_on() -> None:
    version = re.search(r'(?m)^version = "(.+)"$', (ROOT / "pyproject.toml").read_text())
    assert version
    assert {SERVICES[name]["image"] for name in OURS} == {f"stack-exporter:{version[1]}"}
    assert SERVICES["prometheus"]["image"].startswith("prom/prometheus:v2.53.")
    assert SERVICES["alertmanager"]["image"].startswith("prom/alertmanager:v0.28.")


def test_prometheus_and_grafana_are_configured_as_shipped_but_for_names() -> None:
    shipped = (ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text()
    names = {"localhost:9676": "stack-exporter:9676", "localhost:9093": "alertmanager:9093"}
    for theirs, ours in names.items():
        assert theirs in shipped
        shipped = shipped.replace(theirs, ours)
    assert (FOLDER / "prometheus" / "prometheus.yml").read_text() == shipped
    (rules,) = yaml.safe_load(shipped)["rule_files"]
    assert ["rules", str(Path(rules).parent), "ro"] in mounts(SERVICES["prometheus"])

    provisioned = ROOT / "deploy" / "grafana" / "provisioning"
    source = yaml.safe_load((provisioned / "datasources" / "stack-exporter.yml").read_text())["datasources"][0]
    source["url"] = "http://prometheus:9090"
    source["jsonData"].pop("exemplarTraceIdDestinations")
    ours = yaml.safe_load((FOLDER / "grafana" / "datasources" / "stack-exporter.yml").read_text())
    assert ours == {"apiVersion": 1, "datasources": [source]}
    (provider,) = yaml.safe_load((provisioned / "dashboards" / "stack-exporter.yml").read_text())["providers"]
    (place,) = [inside for source, inside, *_ in mounts(SERVICES["grafana"]) if source == "dashboards"]
    written = SERVICES["dashboards"]["command"][1]
    assert provider["options"]["path"] == written.replace("/state", place)


def test_alerts_come_to_the_history_with_the_token_that_the_daemon_takes() -> None:
    ours = yaml.safe_load((FOLDER / "alertmanager" / "alertmanager.yml").read_text())
    shipped = yaml.safe_load((ROOT / "deploy" / "alertmanager" / "alertmanager.yml").read_text())
    (history,) = [one for one in ours["receivers"] if one["name"] == "history"]
    (theirs,) = [one for one in shipped["receivers"] if one["name"] == "history"]
    (hook,) = theirs["webhook_configs"]
    hook["url"] = hook["url"].replace("localhost", "stack-exporter")
    hook["http_config"]["authorization"]["credentials_file"] = "/run/secrets/hook_token"
    assert history == theirs


def test_the_daemons_configuration_is_valid_with_the_secrets_that_it_is_given(tmp_path: Path) -> None:
    text = (FOLDER / "stack-exporter" / "exporter.yaml").read_text()
    named = set(re.findall(r"\$\{file:/run/secrets/(\w+)\}", text))
    assert named == set(SERVICES["stack-exporter"]["secrets"])
    for name in named:
        (tmp_path / name).write_text("0123456789abcdef" * 2 + "\n")
    (tmp_path / "exporter.yaml").write_text(text.replace("/run/secrets", str(tmp_path)))
    done = command("check", f"--config.file={tmp_path}/exporter.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert "valid, 6 components" in done.stdout
    assert set(yaml.safe_load(text)["components"]) >= WATCHED


def test_the_page_on_it_makes_every_secret() -> None:
    page = (ROOT / "docs" / "compose.md").read_text()
    (made,) = re.findall(r"for name in ([\w ]+); do", page)
    assert set(made.split()) == COMPOSE["secrets"].keys()
