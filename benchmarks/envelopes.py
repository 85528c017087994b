"""Requests as Sentry's and OpenTelemetry's SDKs for Python send them, each with ids of its own, and their sender."""

import gzip
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection
from uuid import UUID

from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

WORKERS = 4
KEY = "b" * 32
SENTRY = {
    "Content-Type": "application/x-sentry-envelope",
    "Content-Encoding": "gzip",
    "X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={KEY}, sentry_client=sentry.python/2.40.0",
}
OTLP = {"Content-Type": "application/x-protobuf"}
OTLP_GZIP = OTLP | {"Content-Encoding": "gzip"}
SPANS = 100
"""Spans of a request."""


def envelopes(count: int, seed: int = 0) -> list[bytes]:
    """Errors with their stack and breadcrumbs: 10 KB of JSON each, zipped."""
    chance = random.Random(seed)
    return [gzip.compress(_envelope(UUID(int=chance.getrandbits(128), version=4).hex, chance)) for _ in range(count)]


def _envelope(id_: str, chance: random.Random) -> bytes:
    now = time.time()
    frames = [
        {
            "filename": f"shop/part_{n}.py", "abs_path": f"/srv/shop/part_{n}.py", "module": f"shop.part_{n}",
            "function": f"step_{n}", "lineno": 10 + n, "in_app": n > 6, "context_line": f"        return step_{n + 1}(order)",
            "pre_context": ["", f"    def step_{n}(order):", "        check(order)"], "post_context": ["", "    return None"],
            "vars": {"order": str(chance.randrange(10**6)), "total": "12.50", "user": "<User: 7>"},
        }
        for n in range(14)
    ]  # fmt: skip
    crumbs = [
        {"type": "http", "category": "httplib", "timestamp": now - n, "message": f"GET /api/items/{n}",
         "data": {"url": f"https://api.example.com/items/{n}", "method": "GET", "status_code": 200}}
        for n in range(12)
    ]  # fmt: skip
    event = {
        "event_id": id_, "timestamp": now, "platform": "python", "level": "error", "environment": "production",
        "release": "shop@1.4.2", "server_name": "web-3", "transaction": "/orders/{order}",
        "exception": {"values": [{"type": "KeyError", "value": f"'order {chance.randrange(10**6)}'", "module": None,
                                  "mechanism": {"type": "django", "handled": False}, "stacktrace": {"frames": frames}}]},
        "breadcrumbs": {"values": crumbs},
        "request": {"url": "https://shop.example.com/orders/7", "method": "POST",
                    "headers": {"Host": "shop.example.com", "User-Agent": "Mozilla/5.0", "Authorization": "Bearer abc"}},
        "user": {"id": "7", "email": "ann@example.com"}, "tags": {"tenant": "north"},
        "contexts": {"trace": {"trace_id": id_, "span_id": id_[:16]}, "runtime": {"name": "CPython", "version": "3.11"}},
        "modules": {f"package-{n}": "1.2.3" for n in range(30)},
    }  # fmt: skip
    payload = json.dumps(event).encode()
    header = json.dumps({"event_id": id_, "sent_at": "2026-01-01T00:00:00Z"}).encode()
    item = json.dumps({"type": "event", "content_type": "application/json", "length": len(payload)}).encode()
    return b"\n".join((header, item, payload, b""))


def spans(count: int, *, queries: bool, clients: bool = False, seed: int = 0) -> list[bytes]:
    """Requests of SPANS spans of a server; with `queries` half of them are of its database's client.

    With `clients` each says from which address it was asked for, which is personal and is scrubbed.
    """
    chance = random.Random(seed)
    return [_spans(chance, queries=queries, clients=clients) for _ in range(count)]


def _spans(chance: random.Random, *, queries: bool, clients: bool) -> bytes:
    sent = TracesData()
    one = sent.resource_spans.add()
    for key, text in {
        "service.name": "shop",
        "service.version": "1.4.2",
        "deployment.environment.name": "live",
    }.items():
        one.resource.attributes.add(key=key).value.string_value = text
    scope = one.scope_spans.add()
    scope.scope.name = "opentelemetry.instrumentation.django"
    now = time.time_ns()
    for number in range(SPANS):
        server = not queries or number % 2 == 0
        span = scope.spans.add(
            trace_id=chance.randbytes(16),
            span_id=chance.randbytes(8),
            kind=Span.SPAN_KIND_SERVER if server else Span.SPAN_KIND_CLIENT,
            name="GET /orders/{order}" if server else "SELECT orders",
            start_time_unix_nano=now - chance.randrange(10**6, 10**9),
            end_time_unix_nano=now,
        )
        told = (
            {"http.request.method": "GET", "http.route": f"/orders/{{order}}/{number % 20}", "url.path": "/orders/7",
             "server.address": "shop", "url.scheme": "https", "user_agent.original": "Mozilla/5.0"}
            if server
            else {"db.system.name": "postgresql", "db.operation.name": "SELECT", "db.query.text": "SELECT * FROM orders"}
        )  # fmt: skip
        for key, text in told.items():
            span.attributes.add(key=key).value.string_value = text
        if server:
            span.attributes.add(key="http.response.status_code").value.int_value = 200
            if clients:
                span.attributes.add(key="client.address").value.string_value = f"203.0.113.{number}"
    return sent.SerializeToString()


def send(
    port: int,
    path: str,
    bodies: Sequence[bytes],
    headers: Mapping[str, str],
    rate: float,
    statuses: Sequence[int] = (200,),
    answered: Counter[int] | None = None,
) -> float:
    """Each body once, `rate` of them a second over connections that are kept; how long it took.

    Other answers than these statuses are failures; all are counted in `answered`.
    """
    failures: list[BaseException] = []
    start = time.monotonic() + 0.01

    def work(first: int) -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            for number in range(first, len(bodies), WORKERS):
                time.sleep(max(0.0, start + number / rate - time.monotonic()))
                connection.request("POST", path, bodies[number], dict(headers))
                response = connection.getresponse()
                answer = response.read()
                if answered is not None:
                    answered[response.status] += 1
                assert response.status in statuses, f"{path}: {response.status} {answer[:300]!r}"
        except BaseException as error:  # raised again in the caller's thread
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(first,)) for first in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return time.monotonic() - start
