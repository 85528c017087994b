"""Applications that lose what they send, send what can't be taken, or send far too many different things."""

import json
import time
from typing import Any
from uuid import uuid4

from tests.alerts.application import JSON, envelope, repeating, say
from tests.alerts.fault import Scene, Steps, provokes

ID = "a" * 32
REPORT = {"discarded_events": [{"reason": "queue_overflow", "category": "error", "quantity": 50}]}
CHECK_IN = {"check_in_id": ID, "monitor_slug": "nobody-knows", "status": "ok"}


@provokes(
    *("ClientsLosingEvents/warning", "CheckInsUnheard/warning", "SamplingUnknown/info"),
    *("DatapointsRefused/warning", "SeriesOverflow/warning"),
)
def clients_send_what_can_not_be_taken(scene: Scene) -> Steps:
    yield {}
    assert scene.daemon is not None
    daemon = scene.daemon

    def send(number: int) -> None:
        envelope(daemon, ("client_report", REPORT), ("check_in", CHECK_IN), ("transaction", _transaction()))
        daemon.request("POST", "/v1/metrics", json.dumps(_reserved()), JSON, port=daemon.ingest_port)
        routes = range(50 * number, 50 * number + 50)
        request = {"type": "request", "service": "wiki", "method": "GET", "status": 200, "duration": 0.1}
        say(daemon, [request | {"route": f"/page-of-{_letters(route)}"} for route in routes])

    with repeating(send, 0.5):
        yield None
    yield None


def _transaction() -> dict[str, Any]:
    """A request, of which nobody says how many it stands for."""
    trace = {"op": "http.server", "trace_id": "b" * 32, "span_id": "c" * 16, "status": "ok"}
    now = time.time()
    times = {"event_id": uuid4().hex, "start_timestamp": now - 0.5, "timestamp": now}
    return times | {"type": "transaction", "transaction": "/cart", "contexts": {"trace": trace}}


def _reserved() -> dict[str, Any]:
    """A metric of a name that is the daemon's own."""
    points = {"dataPoints": [{"asDouble": 1.0, "timeUnixNano": "1"}]}
    return {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "stack_health_score", "gauge": points}]}]}]}


def _letters(number: int) -> str:
    """A name that is no number, which a route would be shortened for."""
    return "".join(chr(97 + int(digit)) for digit in str(number))
