"""What the listeners serve beside the one JSON form, in short, and the words of the documents as wholes."""

from typing import Any

ADMIN = (
    "What came in and was found, to read and to act on. Every answer of /api, /health and /-/ has one form: {}. "
    "Send an admin token (web.admin_tokens) as `Authorization: Bearer`. /metrics, /probe and the hooks are as "
    "Prometheus, its blackbox_exporter and Alertmanager have them."
)
TAKING = (
    "What applications send: errors of Sentry's SDKs, OpenTelemetry's traces, metrics and logs (also by gRPC), and "
    "events as JSON. A 200 says that what was taken is kept."
)
TAGS = {
    "errors": "Groups of errors that are alike, their occurrences, and what becomes of them.",
    "alerts": "Alerts as Alertmanager told of them.",
    "events": "What happened and is no error: security and business events, deploys, feedback.",
    "performance": "How long requests, tasks, operations and AI calls took in the last hour.",
    "daemon": "The daemon itself: its state, log, components and configuration.",
    "health": "Whether the daemon and what it watches are well; for load balancers and people.",
    "metrics": "For Prometheus to scrape.",
    "hooks": "For Alertmanager and for jobs, each with a token of its own.",
    "ingest": "What applications send.",
}
_TEXT = {"type": "string"}
_JSON = {"type": "object"}


def _said(words: str, media: str = "application/json", schema: dict[str, Any] = _JSON) -> dict[str, Any]:
    return {"description": words, "content": {media: {"schema": schema}}}


def _refused(**codes: str) -> dict[str, Any]:
    return {code.lstrip("_"): _said(words) for code, words in codes.items()}


def _query(name: str, words: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": words, "schema": {"type": "string"} | schema}


_PROJECT = {
    "name": "project", "in": "path", "required": True, "description": "The number in the DSN.", "schema": _TEXT,
}  # fmt: skip
_NAME = {"name": "name", "in": "path", "required": True, "description": "The component's name.", "schema": _TEXT}
_SCRAPED = "text/plain; version=0.0.4; charset=utf-8"
_TOKEN: list[dict[str, list[str]]] = [{"token": []}]
_ANYBODY: list[dict[str, list[str]]] = [{}]
_DOWN = _refused(_429="The sender's limit, or too much at once.", _503="Not now; send it again after Retry-After.")

SCRAPING: dict[str, dict[str, Any]] = {
    "/metrics": {
        "get": {
            "operationId": "metrics",
            "summary": "All series",
            "description": "As OpenMetrics where Accept asks for it. Open, unless the web configuration has users.",
            "tags": ["metrics"],
            "security": _ANYBODY,
            "responses": {"200": _said("The series.", _SCRAPED, _TEXT)},
        }
    },
    "/probe": {
        "get": {
            "operationId": "probe",
            "summary": "Ask a target now, as blackbox_exporter does; or show a component's series",
            "description": "`probe_success` says whether it did well: also a target that is down is answered with 200.",
            "tags": ["metrics"],
            "security": _ANYBODY,
            "parameters": [
                _query("target", "What to ask; this or `component`."),
                _query("module", "How, by a name of probe.modules.", default="http_2xx"),
                _query("hostname", "Host header and TLS server name."),
                _query("debug", "Tell what was done; takes an admin token.", enum=["true"]),
                _query("component", "A configured component, whose series are shown."),
            ],
            "responses": {
                "200": _said("The series of this target alone.", _SCRAPED, _TEXT),
                **_refused(
                    _400="A parameter is missing or wrong.",
                    _403="The target is not allowed.",
                    _404="It is off.",
                    _503="Too many are under way.",
                ),
            },
        }
    },
    "/hooks/alertmanager": {
        "post": {
            "operationId": "alertmanager",
            "summary": "Alertmanager's webhook (version 4): alerts that fire and are resolved",
            "description": "With alertmanager.token as Bearer, or as the password of http_config.basic_auth.",
            "tags": ["hooks"],
            "security": _TOKEN,
            "requestBody": {"required": True, "content": {"application/json": {"schema": _JSON}}},
            "responses": {
                "200": _said("All are kept; those that were known already count once."),
                **_refused(_400="The body is malformed.", _401="The token is wrong.", _403="No token is configured."),
                **_DOWN,
            },
        }
    },
    "/hooks/heartbeat/{name}": {
        "post": {
            "operationId": "heartbeat",
            "summary": "A job says that it begins, has ended well, or has failed",
            "description": "With the token of the component, of kind heartbeat; fields in the query or in the body.",
            "tags": ["hooks"],
            "security": _TOKEN,
            "parameters": [_NAME],
            "requestBody": {"content": {"application/x-www-form-urlencoded": {"example": "state=success"}}},
            "responses": {
                "200": _said("It was heard and is kept."),
                **_refused(_400="A field is wrong.", _401="The name or the token is wrong.", _503="Send it again."),
            },
        }
    },
}
"""Of the scrape listener."""


def _sentry(name: str, summary: str, media: str) -> dict[str, Any]:
    key = "The key is in the query as sentry_key, in X-Sentry-Auth, or in the envelope's dsn, as SDKs send it."
    return {
        "post": {
            "operationId": name,
            "summary": summary,
            "description": f"{key} Compressed by gzip, deflate, br or zstd, or not.",
            "tags": ["ingest"],
            "security": _ANYBODY,
            "parameters": [_PROJECT, _query("sentry_key", "The DSN's public key.")],
            "requestBody": {"required": True, "content": {media: {"schema": _TEXT}}},
            "responses": {
                "200": _said("What is right in it is kept; `id` is the event's."),
                **_refused(_400="Malformed.", _403="The key or the project is not known.", _413="It is too large."),
                **_DOWN,
            },
        }
    }


def _otlp(signal: str) -> dict[str, Any]:
    return {
        "post": {
            "operationId": f"otlp_{signal}",
            "summary": f"OpenTelemetry's {signal} by OTLP/HTTP",
            "description": "As protobuf or JSON; the same port takes OTLP/gRPC.",
            "tags": ["ingest"],
            "security": [{}, {"token": []}],
            "requestBody": {
                "required": True,
                "content": {"application/x-protobuf": {"schema": _TEXT}, "application/json": {"schema": _JSON}},
            },
            "responses": {
                "200": _said("It is kept; `partialSuccess` counts what was wrong. In the form that was sent."),
                **_refused(_400="Malformed.", _401="The token is wrong.", _403="A token is needed."),
                **_refused(_413="It is too large.", _415="Neither protobuf nor JSON."),
                **_DOWN,
            },
        }
    }


INGEST: dict[str, dict[str, Any]] = {
    "/api/{project}/envelope/": _sentry("sentry_envelope", "Sentry's envelopes", "application/x-sentry-envelope"),
    "/api/{project}/store/": _sentry("sentry_store", "A Sentry event, as older SDKs send it", "application/json"),
    **{f"/v1/{signal}": _otlp(signal) for signal in ("traces", "metrics", "logs")},
    "/api/v1/events/schema": {
        "get": {
            "operationId": "events_schema",
            "summary": "The JSON Schema of POST /api/v1/events",
            "tags": ["ingest"],
            "security": [],
            "responses": {"200": _said("The schema, draft 2020-12.", "application/schema+json")},
        }
    },
}
"""Of the ingest listener."""
