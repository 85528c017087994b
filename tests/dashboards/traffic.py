"""Three services at work, as they tell of it: cad by OpenTelemetry, shop by a Sentry SDK, office by JSON events."""

import json
import random
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.servers.exporters import Daemon

JSON = {"Content-Type": "application/json"}
KEY = "5b0c2f4f1d2e4a6c9e8b7a6f5d4c3b2a"
RELEASES = {"cad": ("4.7.1", "4.7.1"), "shop": ("2.0.3", "2.1.0"), "office": ("1.9.0", "1.9.0")}
"""What runs while all is well, and when it is broken."""
SERVER, CLIENT, CONSUMER, INTERNAL = 2, 3, 5, 1

Event = dict[str, Any]


@dataclass
class Traffic:
    """A second's worth at a time. `broken`: whether they are in trouble."""

    daemon: Daemon
    broken: bool = False
    _told: list[str] = field(default_factory=list)

    def second(self, number: int) -> None:
        """The `number`th. What it is made of varies, and is the same in every run."""
        chance = random.Random(number)
        self._post("/api/v1/events", json.dumps(office(number, chance, broken=self.broken)), JSON)
        self._post("/v1/traces", json.dumps(_resource("spans", spans(number, chance, broken=self.broken))), JSON)
        self._post("/v1/logs", json.dumps(_resource("logRecords", logs(number, broken=self.broken))), JSON)
        self._post("/v1/metrics", json.dumps(_resource("metrics", metrics(number))), JSON)
        auth = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={KEY}"}
        self._post("/api/1/envelope/", "\n".join(map(json.dumps, shop(number, chance, broken=self.broken))), auth)

    def say(self, *events: Event) -> None:
        self._post("/api/v1/events", json.dumps(events), JSON)

    def _post(self, path: str, body: str, headers: Mapping[str, str]) -> None:
        reply = self.daemon.request("POST", path, body.encode(), headers, port=self.daemon.ingest_port)
        assert reply.status == 200, f"{path}: {reply.text}"


def office(number: int, chance: random.Random, *, broken: bool) -> list[Event]:
    """What it and others report by JSON events."""
    routes = [("GET", "/documents/{id}"), ("GET", "/documents"), ("POST", "/documents"), ("GET", "/search")]
    found: list[Event] = [
        {"type": "request", "method": method, "route": route, "status": 200, "duration": chance.uniform(0.02, 0.3)}
        for method, route in routes
        for _ in range(2)
    ]
    found.append({"type": "request", "method": "GET", "route": "/documents/{id}", "status": 404, "duration": 0.02})
    failing = broken and number % 2 == 0
    found += [
        {"type": "upload", "file_type": "step", "bytes": 90_000, "duration": chance.uniform(0.2, 2), "failed": failing},
        {"type": "upload", "file_type": "pdf", "bytes": 40_000, "duration": chance.uniform(0.1, 1)},
        {"type": "file", "operation": "read", "file_type": "pdf", "bytes": 40_000, "duration": 0.02},
        {"type": "file", "operation": "write", "file_type": "dxf", "bytes": 8_000, "duration": 0.05, "failed": failing},
        {"type": "cache", "name": "documents", "hits": 2 if broken else 19, "misses": 18 if broken else 1},
        {"type": "query", "system": "postgresql", "operation": "SELECT", "duration": chance.uniform(0.001, 0.02)},
        {"type": "query", "system": "redis", "operation": "GET", "duration": 0.001, "failed": broken},
        {"type": "operation", "name": "pdf_render", "duration": chance.uniform(0.2, 1.5)},
        {"type": "task", "name": "office.mail", "duration": 0.2, "state": "failure" if failing else "success"},
        {"type": "task", "name": "office.archive", "duration": chance.uniform(1, 4)},
        {"type": "business", "name": "order_placed"},
        {"type": "business", "name": "document_signed"},
        _ai("gpt-4o-mini", "openai", chance, failed=broken and number % 3 > 0, slow=broken),
        _ai("text-embedding-3-small", "openai", chance, operation="embeddings"),
    ]
    if number % 4 == 1:
        found.append({"type": "security", "name": "login_failed", "severity": "medium"})
        found.append({"type": "security", "name": "role_changed", "severity": "low"})
    if number % 8 == 1:
        found.append(_error("TimeoutError", "the archive does not answer", "low"))
    if broken:
        found += [{"type": "security", "name": "login_failed", "severity": "medium"}] * 30
        found += [_error("TimeoutError", "the archive does not answer", "low")] * 12
        found.append(_error("ImportFailed", "a drawing can't be read", "high", code="IMPORT_FAILED"))
        found.append(_error("ExportViolation", "a restricted part was shown", "high"))
    return [{"service": "office", "release": RELEASES["office"][broken]} | one for one in found]


def first() -> list[Event]:
    """What was there before anybody looked: deploys, and errors that are known."""
    deploys = [
        {"type": "deploy", "service": service, "release": release, "at": time.time() - 7200}
        for service, (release, _) in RELEASES.items()
    ]
    known = [
        _error("TimeoutError", "the archive does not answer", "low", at=time.time() - 90_000),
        _error("ImportFailed", "a drawing can't be read", "high", code="IMPORT_FAILED"),
    ]
    return [*deploys, *({"service": "office"} | one for one in known)]


def _error(exception: str, message: str, severity: str, **more: Any) -> Event:
    return {"type": "error", "exception": exception, "message": message, "severity": severity} | more


def _ai(
    model: str, provider: str, chance: random.Random, operation: str = "chat", *, failed: bool = False, slow: bool = False
) -> Event:
    used = {"input_tokens": chance.randrange(200, 2000), "output_tokens": chance.randrange(50, 500)}
    duration = chance.uniform(35, 50) if slow else chance.uniform(0.4, 3)
    how = {"duration": duration, "failed": failed, "cost": 0.002}
    return {"type": "ai_call", "model": model, "provider": provider, "operation": operation} | used | how


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
    model = {"gen_ai.provider.name": "anthropic", "gen_ai.request.model": "claude-haiku"}
    tokens = {"gen_ai.usage.input_tokens": 900, "gen_ai.usage.output_tokens": 120}
    asked = {"gen_ai.operation.name": "chat"}
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


def _resource(sort: str, found: list[Event]) -> Event:
    whole = {"spans": "resourceSpans", "logRecords": "resourceLogs", "metrics": "resourceMetrics"}[sort]
    scope = whole.replace("resource", "scope")
    named = _attributes({"service.name": "cad", "service.version": RELEASES["cad"][0]})
    return {whole: [{"resource": {"attributes": named}, scope: [{sort: found}]}]}


def _attributes(values: Mapping[str, object]) -> list[Event]:
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": str(value)}}
        for key, value in values.items()
    ]


def shop(number: int, chance: random.Random, *, broken: bool) -> list[Event]:
    """The lines of an envelope: its header, and each item with its own."""
    release = RELEASES["shop"][broken]
    paying = chance.uniform(4, 8) if broken else chance.uniform(0.1, 0.8)
    items: list[tuple[str, Event]] = [
        ("transaction", _transaction("GET", "/products", chance.uniform(0.02, 0.2), release)),
        ("transaction", _transaction("GET", "/products/{id}", chance.uniform(0.02, 0.2), release)),
        ("transaction", _transaction("POST", "/checkout", paying, release, failed=broken)),
        ("transaction", _task("shop.receipt", chance.uniform(0.1, 0.5), release, failed=broken)),
        ("sessions", {"aggregates": [_ended(broken=broken)], "attrs": {"release": release, "environment": "production"}}),
    ]
    if number % 5 == 1:
        items.append(("client_report", {"discarded_events": [{"category": "error", "reason": "sample", "quantity": 1}]}))
        items.append(("feedback", _feedback(release)))
        items.append(("check_in", {"check_in_id": secrets.token_hex(16), **_check_in(broken=broken)}))
    if broken:
        items.append(("event", _exception("PaymentRefused", f"the bank refuses payment {number}", release)))
    return [{}, *(line for sort, item in items for line in ({"type": sort}, item))]


def _transaction(method: str, route: str, seconds: float, release: str, *, failed: bool = False) -> Event:
    end = time.time()
    traced = {"op": "http.server", "trace_id": secrets.token_hex(16), "span_id": secrets.token_hex(8)}
    data = {"sentry.sample_rate": 1.0, "http.request.method": method, "http.response.status_code": 503 if failed else 200}
    below = [("db.redis", "GET basket", {"db.system": "redis"}), ("cache.get", "products", {"cache.hit": not failed})]
    return {
        "transaction": route,
        "transaction_info": {"source": "route"},
        "start_timestamp": end - seconds,
        "timestamp": end,
        "release": release,
        "environment": "production",
        "contexts": {"trace": traced | {"data": data, "status": "unavailable" if failed else "ok"}},
        "spans": [
            {"op": op, "description": said, "data": more, "start_timestamp": end - seconds / 9, "timestamp": end}
            for op, said, more in below
        ],
    }


def _task(name: str, seconds: float, release: str, *, failed: bool) -> Event:
    found = _transaction("", name, seconds, release)
    trace = {"op": "queue.task.celery", "status": "internal_error" if failed else "ok"}
    data = {"sentry.sample_rate": 1.0}
    return found | {"contexts": {"trace": found["contexts"]["trace"] | trace | {"data": data}}, "spans": []}


def _ended(*, broken: bool) -> dict[str, object]:
    return {"started": "2026-11-23T03:00:00Z", "exited": 40, "crashed": 6 if broken else 0, "errored": 3 if broken else 1}


def _check_in(*, broken: bool) -> dict[str, object]:
    return {"monitor_slug": "backup", "status": "error" if broken else "ok", "duration": 240}


def _exception(type_: str, value: str, release: str) -> Event:
    frame = {"function": "pay", "module": "shop.payment", "filename": "shop/payment.py", "lineno": 7, "in_app": True}
    thrown = {"type": type_, "value": value, "stacktrace": {"frames": [frame]}}
    where = {"release": release, "environment": "production", "level": "error", "platform": "python"}
    return {"event_id": secrets.token_hex(16), "exception": {"values": [thrown]}, "timestamp": time.time()} | where


def _feedback(release: str) -> Event:
    said = {"message": "the basket is slow", "contact_email": "a@shop.example"}
    return {"event_id": secrets.token_hex(16), "release": release, "contexts": {"feedback": said}}
