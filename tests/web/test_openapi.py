"""The OpenAPI document: it has every endpoint of the one JSON form, and says what each takes and gives."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from exporter.ingest import events_forms
from exporter.web import openapi, openapi_events, openapi_others, routes
from exporter.web.api import table
from exporter.web.otlp import Otlp
from tests.web.client import ask, bearer
from tests.web.kept import Rows
from tests.web.stand import TOKEN, stand

DOCUMENT = json.loads(openapi.document((*table.HEALTH, *table.endpoints())))
TAKEN = json.loads(openapi.document(table.HEALTH[:2], events=True))


def operations(document: dict[str, Any] = DOCUMENT) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_it_has_every_endpoint_of_the_api_and_no_other() -> None:
    served = {(route.method, route.path): route.handler for route in routes.scraping()}
    described = {(method, path): operation["operationId"] for method, path, operation in operations()}
    ours = {key for key in served if key[1].startswith("/api/v1/")} - {("GET", "/api/v1/openapi.json")}
    assert ours <= set(described) <= set(served)
    assert all(served[key].startswith(name) for key, name in described.items())


def test_each_endpoint_says_who_refuses_and_in_which_form() -> None:
    for method, path, operation in operations():
        if path in openapi_others.SCRAPING:
            continue
        assert {"200", "400"} <= set(operation["responses"]), path
        assert ("401" in operation["responses"]) is (path not in ("/livez", "/readyz")), path
        assert ({"413", "415"} <= set(operation["responses"])) is (method != "GET"), path
        assert operation["summary"] and operation["tags"], (method, path)
        for response in operation["responses"].values():
            assert list(response["content"]) == ["application/json"]


def test_what_has_another_form_is_described_too() -> None:
    own = {path for _, path, operation in operations() if path in openapi_others.SCRAPING}
    assert own == {"/metrics", "/probe", "/hooks/alertmanager", "/hooks/heartbeat/{name}"}
    served = {route.path: route.handler for route in routes.ingest(Otlp()) if route.method != "OPTIONS"}
    described = {path: operation["operationId"] for _, path, operation in operations(TAKEN)}
    # A Sentry SDK may leave the last slash out.
    assert set(served) - set(described) == {f"/api/{{project}}/{end}" for end in ("envelope", "store")} | {
        "/api/v1/openapi.json"
    }
    assert all(name.startswith(served[path]) for path, name in described.items())


@pytest.mark.parametrize("document", [DOCUMENT, TAKEN])
def test_it_is_valid_openapi_and_says_of_each_what_it_is_and_what_comes(document: dict[str, Any]) -> None:
    named = {tag["name"] for tag in document["tags"]}
    identifiers = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(identifiers)) == len(identifiers)
    for _, path, operation in operations(document):
        assert set(operation["tags"]) <= named and operation["summary"], path
        assert len(operation["responses"]["200"]["description"]) > 8, path
        for parameter in operation.get("parameters", ()):
            assert f"{{{parameter['name']}}}" in path or parameter["in"] != "path"
    assert all(tag["description"] for tag in document["tags"])


def test_its_examples_are_right_by_its_schemas() -> None:
    checked = 0
    for document in (DOCUMENT, TAKEN):
        for _, _, operation in operations(document):
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            for example in content.get("examples", {}).values():
                schema = {"components": document["components"], **content["schema"]}
                jsonschema.Draft202012Validator(schema).validate(example["value"])
                checked += 1
    assert checked == 6


@pytest.mark.parametrize("document", [DOCUMENT, TAKEN])
def test_every_reference_leads_to_a_schema_and_every_schema_is_referred_to(document: dict[str, Any]) -> None:
    referred = {part.split('"')[0] for part in json.dumps(document).split('"#/components/schemas/')[1:]}
    assert referred == set(document["components"]["schemas"])


async def test_the_ingest_listener_describes_the_events_that_it_takes() -> None:
    async with stand(ingest=True) as s:
        reply = await ask(s.port, "GET /api/v1/openapi.json")
        assert (reply.status, reply.json) == (200, TAKEN)
    assert len(openapi_events.components()) == len(events_forms.schema()["$defs"]) + 1
    body = TAKEN["paths"]["/api/v1/events"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    validator = jsonschema.Draft202012Validator({"components": TAKEN["components"], **body})
    assert validator.is_valid({"type": "error", "message": "no price"})
    assert validator.is_valid({"events": [{"type": "deploy", "release": "1.2"}]})
    assert not validator.is_valid({"type": "nothing"}) and not validator.is_valid([])


def test_a_time_has_three_forms_and_an_enumeration_no_null() -> None:
    parameters = {one["name"]: one for one in DOCUMENT["paths"]["/api/v1/errors"]["get"]["parameters"]}
    forms = parameters["since"]["schema"]["anyOf"]
    assert [form["type"] for form in forms] == ["string", "number", "string"]
    assert parameters["severity"]["schema"] == {"enum": ["critical", "high", "low", "medium"]}
    assert parameters["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}


def test_every_schema_is_valid_json_schema() -> None:
    for schema in (DOCUMENT["components"]["schemas"] | TAKEN["components"]["schemas"]).values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for _, _, operation in operations():
        for parameter in operation.get("parameters", ()):
            jsonschema.Draft202012Validator.check_schema(parameter["schema"])


async def test_it_is_served_without_a_token_and_says_nothing_of_what_is_kept() -> None:
    async with stand() as s:
        s.use(records=Rows(), service="canary")
        reply = await ask(s.port, "GET /api/v1/openapi.json")
        assert (reply.status, reply.json) == (200, DOCUMENT)
        assert b"canary" not in reply.body


@pytest.mark.parametrize(
    "path", ["/api/v1/errors", f"/api/v1/errors/{1:032x}", "/api/v1/nothing", "/api/v1/errors?limit=0", "/livez"]
)
async def test_every_answer_has_the_one_form(path: str) -> None:
    async with stand() as s:
        s.use(records=Rows())
        for line in (bearer(TOKEN), bearer("wrong"), "X-Nothing: 1"):
            reply = await ask(s.port, f"GET {path}", line)
            form = reply.json
            assert list(form) == ["success", "message", "data", "errors", "metadata", "timestamp", "status_code"]
            assert (form["success"], form["status_code"]) == (reply.status < 400, reply.status)
            assert bool(form["errors"]) is (reply.status >= 400)
