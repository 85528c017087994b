"""The provisioning files are closed: they have the fields that Grafana's provisioning reads, and no other.

As Grafana's pkg/services/provisioning (types.go of datasources and dashboards) and its Prometheus data source name them.
No Grafana server was at hand to load them.
"""

import copy
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
import yaml

from tests.dashboards.shown import Json
from tests.tree import ROOT

FOLDER = ROOT / "deploy" / "grafana" / "provisioning"
TEXT, YES_NO, SECONDS = {"type": "string", "minLength": 1}, {"type": "boolean"}, {"type": "integer", "minimum": 10}


def closed(required: str, **properties: Any) -> Json:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required.split(),
        "properties": properties,
    }


def list_of(one: Json) -> Json:
    return {"type": "array", "minItems": 1, "items": one}


SOURCE_FIELDS = {
    "name": TEXT,
    "uid": {"type": "string", "pattern": "^[a-zA-Z0-9_-]{1,40}$"},
    "access": {"const": "proxy"},
    "url": {"type": "string", "pattern": "^https?://"},
    "isDefault": YES_NO,
    "editable": YES_NO,
}
EXEMPLARS = closed("name datasourceUid", name=TEXT, datasourceUid=TEXT, urlDisplayLabel=TEXT)
PROMETHEUS = closed(
    "httpMethod timeInterval exemplarTraceIdDestinations",
    httpMethod={"enum": ["GET", "POST"]},
    prometheusType={"enum": ["Prometheus", "Mimir", "Thanos", "Cortex"]},
    timeInterval={"type": "string", "pattern": r"^\d+(ms|s|m)$"},
    exemplarTraceIdDestinations=list_of(EXEMPLARS),
)
NEEDED = "name uid type access url"
SCHEMAS = {
    "datasources": closed(
        "apiVersion datasources",
        apiVersion={"const": 1},
        datasources=list_of(
            {
                "oneOf": [
                    closed(f"{NEEDED} jsonData", **SOURCE_FIELDS, type={"const": "prometheus"}, jsonData=PROMETHEUS),
                    closed(NEEDED, **SOURCE_FIELDS, type={"enum": ["tempo", "jaeger"]}),
                ]
            }
        ),
    ),
    "dashboards": closed(
        "apiVersion providers",
        apiVersion={"const": 1},
        providers=list_of(
            closed(
                "name type options",
                name=TEXT,
                type={"const": "file"},
                orgId={"type": "integer"},
                folder=TEXT,
                disableDeletion=YES_NO,
                allowUiUpdates=YES_NO,
                updateIntervalSeconds=SECONDS,
                options=closed("path", path={"type": "string", "pattern": "^/"}, foldersFromFilesStructure=YES_NO),
            )
        ),
    ),
}


def loaded(what: str) -> Json:
    found: Json = yaml.safe_load((FOLDER / what / "stack-exporter.yml").read_text())
    return found


@pytest.mark.parametrize("what", SCHEMAS)
def test_a_file_has_the_fields_that_grafana_reads(what: str) -> None:
    jsonschema.validate(loaded(what), SCHEMAS[what], cls=jsonschema.Draft202012Validator)


def destinations() -> list[Json]:
    """Where the exemplars of which label lead."""
    (source,) = [one for one in loaded("datasources")["datasources"] if one["uid"] == "prometheus"]
    found: list[Json] = source["jsonData"]["exemplarTraceIdDestinations"]
    return found


def test_exemplars_lead_to_a_data_source_that_there_is() -> None:
    sources = {one["uid"]: one for one in loaded("datasources")["datasources"]}
    (leads,) = destinations()
    assert sources[leads["datasourceUid"]]["type"] == "tempo"


def test_one_data_source_is_the_default() -> None:
    assert [one["uid"] for one in loaded("datasources")["datasources"] if one.get("isDefault")] == ["prometheus"]


def test_scrapes_are_as_often_as_the_shipped_prometheus_makes_them() -> None:
    shipped = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    (source,) = [one for one in loaded("datasources")["datasources"] if one["uid"] == "prometheus"]
    assert source["jsonData"]["timeInterval"] == shipped["global"]["scrape_interval"]


WRONG: dict[str, tuple[str, Callable[[Json], object]]] = {
    "a key in snake case": ("datasources", lambda found: found["datasources"][0].update(is_default=True)),
    "a mistyped key of exemplars": (
        "datasources",
        lambda found: found["datasources"][0]["jsonData"].update(exemplarTraceIdDestination=[]),
    ),
    "another version": ("dashboards", lambda found: found.update(apiVersion=2)),
    "a relative path": ("dashboards", lambda found: found["providers"][0]["options"].update(path="dashboards")),
    "a folder's key that there is not": ("dashboards", lambda found: found["providers"][0].update(folderName="x")),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_grafana_would_not_read_is_refused(name: str) -> None:
    what, change = WRONG[name]
    found = copy.deepcopy(loaded(what))
    change(found)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found, SCHEMAS[what], cls=jsonschema.Draft202012Validator)
