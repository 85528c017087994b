"""Three services at work, as they tell of it: cad by OpenTelemetry, shop by a Sentry SDK, office by JSON events."""

import json
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tests.dashboards.envelope import RELEASES, shop
from tests.dashboards.opentelemetry import VERSION, logs, metrics, resource, spans
from tests.servers.exporters import Daemon

JSON = {"Content-Type": "application/json"}
KEY = "5b0c2f4f1d2e4a6c9e8b7a6f5d4c3b2a"
DEPLOYED = {"cad": VERSION, "shop": RELEASES[0], "office": "1.9.0"}

Event = dict[str, Any]


@dataclass
class Traffic:
    """A second's worth at a time. `broken`: whether they are in trouble."""

    daemon: Daemon
    broken: bool = False

    def second(self, number: int) -> None:
        """The `number`th. What it is made of varies, and is the same in every run."""
        chance = random.Random(number)
        self._post("/api/v1/events", json.dumps(office(number, chance, broken=self.broken)), JSON)
        self._post("/v1/traces", json.dumps(resource("spans", spans(number, chance, broken=self.broken))), JSON)
        self._post("/v1/logs", json.dumps(resource("logRecords", logs(number, broken=self.broken))), JSON)
        self._post("/v1/metrics", json.dumps(resource("metrics", metrics(number))), JSON)
        auth = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={KEY}"}
        self._post("/api/1/envelope/", "\n".join(map(json.dumps, shop(number, chance, broken=self.broken))), auth)

    def say(self, *events: Event) -> None:
        self._post("/api/v1/events", json.dumps(events), JSON)

    def _post(self, path: str, body: str, headers: Mapping[str, str]) -> None:
        # Like any sender: what the daemon is too busy for (429, or no answer) is not sent again. Else this would end.
        with suppress(OSError):
            reply = self.daemon.request("POST", path, body.encode(), headers, port=self.daemon.ingest_port)
            assert reply.status in (200, 429), f"{path}: {reply.text}"


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
    if number % 12 == 1:
        found.append(_error("TimeoutError", "the archive does not answer", "low"))
    if broken:
        found += [{"type": "security", "name": "login_failed", "severity": "medium"}] * 30
        found += [_error("TimeoutError", "the archive does not answer", "low")] * 12
        found.append(_error("ImportFailed", "a drawing can't be read", "high", code="IMPORT_FAILED"))
        found.append(_error("ExportViolation", "a restricted part was shown", "high"))
    return [{"service": "office", "release": DEPLOYED["office"]} | one for one in found]


def first() -> list[Event]:
    """What was there before anybody looked: deploys, and errors that are known."""
    deploys = [
        {"type": "deploy", "service": service, "release": release, "at": time.time() - 7200}
        for service, release in DEPLOYED.items()
    ]
    yesterday = time.time() - 90_000
    # Some every hour since: what comes as often as it did is no spike.
    known = [
        *(
            _error("TimeoutError", "the archive does not answer", "low", at=yesterday + at)
            for at in range(0, 86_000, 300)
        ),
        _error("ImportFailed", "a drawing can't be read", "high", code="IMPORT_FAILED", at=yesterday),
    ]
    return [*deploys, *({"service": "office"} | one for one in known)]


def _error(exception: str, message: str, severity: str, **more: Any) -> Event:
    return {"type": "error", "exception": exception, "message": message, "severity": severity} | more


def _ai(
    model: str,
    provider: str,
    chance: random.Random,
    operation: str = "chat",
    *,
    failed: bool = False,
    slow: bool = False,
) -> Event:
    used = {"input_tokens": chance.randrange(200, 2000), "output_tokens": chance.randrange(50, 500)}
    duration = chance.uniform(35, 50) if slow else chance.uniform(0.4, 3)
    how = {"duration": duration, "failed": failed, "cost": 0.002}
    return {"type": "ai_call", "model": model, "provider": provider, "operation": operation} | used | how
