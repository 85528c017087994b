"""What shop's Sentry SDK sends in a second: the lines of an envelope."""

import random
import secrets
import time
from typing import Any

Event = dict[str, Any]

RELEASES = ("2.0.3", "2.1.0")
"""What runs while all is well, and when it is broken."""


def shop(number: int, chance: random.Random, *, broken: bool) -> list[Event]:
    """The lines of an envelope: its header, and each item with its own."""
    release = RELEASES[broken]
    paying = chance.uniform(4, 8) if broken else chance.uniform(0.1, 0.8)
    items: list[tuple[str, Event]] = [
        ("transaction", _transaction("GET", "/products", chance.uniform(0.02, 0.2), release)),
        ("transaction", _transaction("GET", "/products/{id}", chance.uniform(0.02, 0.2), release)),
        ("transaction", _transaction("POST", "/checkout", paying, release, failed=broken)),
        ("transaction", _task("shop.receipt", chance.uniform(0.1, 0.5), release, failed=broken)),
        (
            "sessions",
            {"aggregates": [_ended(broken=broken)], "attrs": {"release": release, "environment": "production"}},
        ),
    ]
    if number % 5 == 1:
        items.append(
            ("client_report", {"discarded_events": [{"category": "error", "reason": "sample", "quantity": 1}]})
        )
        items.append(("feedback", _feedback(release)))
        items.append(("check_in", {"check_in_id": secrets.token_hex(16), **_check_in(broken=broken)}))
    if broken:
        items.append(("event", _exception("PaymentRefused", f"the bank refuses payment {number}", release)))
    return [{}, *(line for sort, item in items for line in ({"type": sort}, item))]


def _transaction(method: str, route: str, seconds: float, release: str, *, failed: bool = False) -> Event:
    end = time.time()
    traced = {"op": "http.server", "trace_id": secrets.token_hex(16), "span_id": secrets.token_hex(8)}
    data = {
        "sentry.sample_rate": 1.0,
        "http.request.method": method,
        "http.response.status_code": 503 if failed else 200,
    }
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
    return {
        "started": "2026-11-23T03:00:00Z",
        "exited": 40,
        "crashed": 6 if broken else 0,
        "errored": 3 if broken else 1,
    }


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
