"""The OpenAPI 3.1 document of the admin API, made of the table of its endpoints and the types that they name."""

from collections.abc import Sequence
from typing import Any

import msgspec

from exporter import __version__
from exporter.web import openapi_events, openapi_others
from exporter.web.api.endpoint import Endpoint
from exporter.web.api.moment import SCHEMA, Moment

_REFS = "#/components/schemas/"
_PATH = {
    "id": {
        "name": "id", "in": "path", "required": True, "description": "32 hexadecimal digits in lower case.",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    },
    "component": {
        "name": "component", "in": "path", "required": True, "description": "Its name.",
        "schema": {"type": "string", "minLength": 1, "pattern": "^[^/]+$"},
    },
}  # fmt: skip
_REFUSED_BY = {"admin": (400, 401, 403, 429), "look": (400, 401, 429), "open": (400,)}
_ACTOR = {
    "name": "X-Actor", "in": "header", "required": False,
    "description": "Who does it, for the audit trail, where the body does not say it.",
    "schema": {"type": "string", "maxLength": 100, "pattern": "^[\x20-\x7e]*$"},
}  # fmt: skip
_REFUSALS = {
    400: "A parameter, the body or a header is wrong; `errors` names each.",
    401: "The token is missing or wrong.",
    403: "No admin token is configured, the Host is not known, or a web page asks.",
    404: "There is none.",
    409: "What is asked contradicts itself or the time.",
    413: "The body is larger than 64 KiB.",
    415: "The body is compressed.",
    422: "The configuration is refused; `errors` has every problem.",
    429: "Too many requests, or too many wrong tokens.",
    503: "Not now: the store can't be used, or what is asked about is not well.",
}
_HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    429: {"Retry-After": {"description": "Seconds.", "schema": {"type": "string"}}},
    503: {"Retry-After": {"description": "Seconds.", "schema": {"type": "string"}}},
}
_TIME = {"type": "string", "format": "date-time"}
_FORM: dict[str, Any] = {
    "success": {"type": "boolean"},
    "message": {"type": "string"},
    "data": {},
    "errors": {"type": "array", "items": {"type": "string"}},
    "metadata": {
        "type": "object",
        "properties": {"request_id": {"type": "string"}},
        "required": ["request_id"],
    },
    "timestamp": _TIME,
    "status_code": {"type": "integer"},
}
_PAGED = {
    "type": "object",
    "description": "`next` asks for the following page as `cursor`; `total` is counted to 10,000.",
    "properties": {
        "request_id": {"type": "string"},
        "next": {"type": ["string", "null"]},
        "total": {"type": "integer", "minimum": 0},
        "limit": {"type": "integer", "minimum": 1},
    },
    "required": ["request_id", "next", "total", "limit"],
}


def document(endpoints: Sequence[Endpoint], *, events: bool = False) -> bytes:
    """As JSON, with what beside them has no one JSON form. `events`: of the ingest listener, which takes them."""
    schemas = _Schemas(endpoints)
    components = schemas.components | {"Refusal": _form(None, success=False)}
    configured = "One of ingest.tokens; on this machine none is needed where none is configured."
    paths: dict[str, dict[str, Any]] = {}
    for row in endpoints:
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row, schemas)
    if events:
        paths[openapi_events.PATH] = {"post": openapi_events.operation(_taking())}
        components |= openapi_events.components()
    paths |= openapi_others.INGEST if events else openapi_others.SCRAPING
    used = {operation["tags"][0] for methods in paths.values() for operation in methods.values()}
    whole = {
        "openapi": "3.1.0",
        "info": {
            "title": "stack-exporter, what it takes in" if events else "stack-exporter, the admin API",
            "version": __version__,
            "description": openapi_others.TAKING if events else openapi_others.ADMIN.format(", ".join(_FORM)),
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": [{"name": name, "description": words} for name, words in openapi_others.TAGS.items() if name in used],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": configured if events else "One of web.admin_tokens.",
                }
            },
        },
    }
    return msgspec.json.encode(whole) + b"\n"


class _Schemas:
    """JSON Schemas of all types that endpoints name: those of bodies and answers are components."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._types = [row.gives for row in endpoints if row.gives is not None]
        self._types += [row.asks for row in endpoints if row.asks is not None and row.method != "GET"]
        self._made, self.components = _made(*self._types)

    def of(self, wanted: Any) -> dict[str, Any]:
        return self._made[self._types.index(wanted)] if wanted is not None else {"type": "null"}


def _made(*types: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    made, components = msgspec.json.schema_components(types, schema_hook=_hook, ref_template=_REFS + "{name}")
    return list(made), components


def _parameters(wanted: type) -> list[dict[str, Any]]:
    """The fields of a struct as parameters of a query."""
    _, components = _made(wanted)
    properties = components[wanted.__name__]["properties"]
    return [{"name": name, "in": "query", **_described(schema)} for name, schema in properties.items()]


def _hook(found: type) -> dict[str, Any]:
    if found is Moment:
        return dict(SCHEMA)
    raise NotImplementedError(found)


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    """A field's schema without null, which a query has not, and its description beside it."""
    given = dict(schema)
    if given.get("default", "") in (None, ""):
        given.pop("default", None)
    if parts := [part for part in given.get("anyOf", ()) if part != {"type": "null"}]:
        given.pop("anyOf")
        given |= parts[0] if len(parts) == 1 else {"anyOf": parts}
    description = given.pop("description", "")
    return {"schema": given} | ({"description": description} if description else {})


def _operation(row: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    by_query = row.asks if row.method == "GET" else row.query
    found: dict[str, Any] = {"operationId": row.name, "summary": row.summary, "tags": [row.subject]}
    found |= {"description": row.description} if row.description else {}
    parameters = [_PATH[name] for name in _PATH if f"{{{name}}}" in row.path]
    codes = {*_REFUSED_BY[row.access], *row.refuses, *([404] if parameters else []), *([503] if row.kept else [])}
    parameters += _parameters(by_query) if by_query is not None else []
    if row.method != "GET":
        codes |= {413, 415}
        if row.asks is not None:
            parameters.append(_ACTOR)
            found["requestBody"] = _body(row, schemas.of(row.asks))
    if row.access != "admin":
        found["security"] = [{}, {"token": []}] if row.access == "look" else []
    responses: dict[str, Any] = {"200": _response(row.comes, _form(row, schema=schemas.of(row.gives)))}
    for code in sorted(codes):
        refusal = {"$ref": f"{_REFS}Refusal"}
        headers = {"headers": _HEADERS[code]} if code in _HEADERS and row.access != "open" else {}
        responses[str(code)] = _response(_REFUSALS[code], refusal) | headers
    return found | ({"parameters": parameters} if parameters else {}) | {"responses": responses}


def _body(row: Endpoint, schema: dict[str, Any]) -> dict[str, Any]:
    if row.any_of:
        parts = [{"required": [name], "properties": {name: form}} for name, form in row.any_of.items()]
        schema = schema | {"anyOf": parts}
    content = {"schema": schema, "examples": {name: {"value": value} for name, value in row.examples.items()}}
    return {"required": bool(row.any_of), "content": {"application/json": content}}


def _taking() -> dict[str, Any]:
    refusal = {"$ref": f"{_REFS}Refusal"}
    taken = _response("What is right among them is kept and counted.", _form(None, schema=openapi_events.TAKEN))
    return {"200": taken} | {str(code): _response(why, refusal) for code, why in openapi_events.REFUSALS.items()}


def _response(words: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": words, "content": {"application/json": {"schema": schema}}}


def _form(row: Endpoint | None, *, success: bool = True, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    properties = _FORM | {"success": {"const": success}, "data": schema or {}}
    if row is not None and row.paged:
        properties |= {"metadata": _PAGED}
    return {
        "type": "object",
        "properties": properties,
        "required": list(_FORM),
        "additionalProperties": False,
    } | ({} if success else {"description": "What is refused, and why."})
