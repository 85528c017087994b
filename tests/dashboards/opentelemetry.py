"""What cad sends by OpenTelemetry: a second's spans, log records and metrics, in OTLP's JSON."""

import random
import secrets
import time
from collections.abc import Mapping
from typing import Any

Event = dict[str, Any]

VERSION = "4.7.1"
SERVER, CLIENT, CONSUMER, INTERNAL = 2, 3, 5, 1


def spans(number: int, chance: random.Random, *, broken: bool) -> list[Event]:
    """Of cad: requests with calls of a database below them, a model, operations, and what its workers do."""
    found: list[Event] = []
    for method, route in [("GET", "/designs/{id}"), ("GET", "/parts"), ("POST", "/designs")] * 2:
        status = 500 if broken and method == "POST" else 200
        took = chance.uniform(6, 9) if broken and route == "/parts" else chance.uniform(0.03, 0.4)
        request = {"http.request.method": method, "http.route": route, "http.response.status_code": status}
        root = _span(f"{method} {route}", SERVER, took, request, failed=status == 500)
        found.append(root)
        query = {"db.system.name": "postgresql", "db.operation.name": "SELECT" if method == "GET" else "INSERT"}
        found.append(_span("query", CLIENT, took / 3, query, root, failed=broken and method == "POST"))
    for name, usual in (("geometry_extraction", 2.0), ("bom_extraction", 1.0)):
        took = usual * chance.uniform(0.5, 1.5) * (12 if broken else 1)
        found.append(_span(name, INTERNAL, took, {}, failed=broken and number % 2 == 0))
    model: dict[str, object] = {"gen_ai.provider.name": "anthropic", "gen_ai.request.model": "claude-haiku"}
    tokens: dict[str, object] = {"gen_ai.usage.input_tokens": 900, "gen_ai.usage.output_tokens": 120}
    asked: dict[str, object] = {"gen_ai.operation.name": "chat"}
    found.append(_span("chat claude-haiku", CLIENT, chance.uniform(0.5, 4), model | tokens | asked))
    task = {"messaging.system": "redis", "celery.task_name": "cad.thumbnail"}
    found.append(_span("run/cad.thumbnail", CONSUMER, chance.uniform(0.1, 0.9), task | {"celery.state": "SUCCESS"}))
    return found


def _span(
    name: str,
    kind: int,
    seconds: float,
    attributes: Mapping[str, object],
    above: Event | None = None,
    *,
    failed: bool = False,
) -> Event:
    end = time.time_ns()
    return {
        "traceId": above["traceId"] if above else secrets.token_hex(16),
        "spanId": secrets.token_hex(8),
        **({"parentSpanId": above["spanId"]} if above else {}),
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(end - int(seconds * 1e9)),
        "endTimeUnixNano": str(end),
        "attributes": _attributes(attributes),
        "status": {"code": 2 if failed else 0},
    }


def logs(number: int, *, broken: bool) -> list[Event]:
    levels = ["INFO"] * 6 + ["WARN"] * (number % 3 == 0) + ["ERROR"] * (8 if broken else 0)
    bodies = [("no answer from the geometry kernel" if level == "ERROR" else "a design was opened") for level in levels]
    numbers = {"INFO": 9, "WARN": 13, "ERROR": 17}
    return [
        {
            "timeUnixNano": str(time.time_ns()),
            "severityText": level,
            "severityNumber": numbers[level],
            "body": {"stringValue": body},
        }
        for level, body in zip(levels, bodies, strict=True)
    ]


def metrics(number: int) -> list[Event]:
    """A gauge of the application's own."""
    point = {"timeUnixNano": str(time.time_ns()), "asDouble": 40 + number % 7}
    return [{"name": "cad.designs.open", "gauge": {"dataPoints": [point]}}]


def resource(sort: str, found: list[Event]) -> Event:
    """The body of a request."""
    whole = {"spans": "resourceSpans", "logRecords": "resourceLogs", "metrics": "resourceMetrics"}[sort]
    scope = whole.replace("resource", "scope")
    named = _attributes({"service.name": "cad", "service.version": VERSION})
    return {whole: [{"resource": {"attributes": named}, scope: [{sort: found}]}]}


def _attributes(values: Mapping[str, object]) -> list[Event]:
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": str(value)}}
        for key, value in values.items()
    ]
