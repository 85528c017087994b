"""Applications in trouble, as they tell it in JSON events: tickets of all sorts, and what pages at once.

Where a service pages, its own ticket is held back by Alertmanager, and whether it comes first is chance. So tickets are
provoked here, and the pages of the same alerts in errors.py, by a daemon without thresholds for tickets.
"""

import time

from tests.alerts.application import end_sessions, repeating, say, work_of
from tests.alerts.fault import Scene, Steps, provokes

KNOWN = 62.0
"""Seconds."""


@provokes("HttpErrorRateHigh/critical", "HttpResponsesSlow/warning", quick=True)
def a_shop_window_is_slow_and_fails(scene: Scene) -> Steps:
    request = {"type": "request", "service": "window", "method": "GET", "route": "/"}
    bad = [request | {"status": status, "duration": 8.0} for status in (200, 503)]
    yield {}
    assert scene.daemon is not None
    daemon = scene.daemon
    with repeating(lambda _: say(daemon, bad)):
        yield None
    with repeating(lambda _: say(daemon, [request | {"status": 200, "duration": 0.1}] * 4)):
        yield None


@provokes("HttpRouteFailing/warning")
def one_route_of_many_fails(scene: Scene) -> Steps:
    request = {"type": "request", "service": "reports", "method": "GET", "duration": 0.1}
    others = [request | {"route": "/cart", "status": 200}] * 25
    yield {}
    assert scene.daemon is not None
    daemon = scene.daemon
    with repeating(lambda _: say(daemon, [*others, request | {"route": "/report", "status": 502}])):
        yield None
    with repeating(lambda _: say(daemon, [request | {"route": "/report", "status": 200}])):
        yield None


@provokes(
    *("OperationSlow/warning", "OperationsFailing/warning", "UploadsFailing/warning", "FileOperationsFailing/warning"),
    *("DatabaseCallsFailing/warning", "DatabaseCallsSlow/warning", "CacheHitsFew/warning"),
    *("AiCallsFailing/warning", "AiCallsSlow/warning", "AiCallsUnpriced/info", "SessionsCrashing/warning"),
    quick=True,
)
def a_quarter_fails_and_the_rest_is_slow(scene: Scene) -> Steps:
    more = [
        {"type": "operation", "service": "cad", "name": "geometry_extraction", "duration": 31.0},
        {"type": "cache", "service": "cad", "misses": 50},
        {"type": "ai_call", "service": "cad", "provider": "openai", "model": "unheard-of", "duration": 40.0},
        *({"type": "query", "service": "orders", "system": "postgresql", "duration": 2.0} for _ in range(2)),
    ]
    yield {"operations": {"geometry_extraction": {"slow": "30s"}}}
    assert scene.daemon is not None
    daemon = scene.daemon

    def work(number: int) -> None:
        say(daemon, [*work_of("cad", 1, 4, 0.1), *more])
        end_sessions(daemon, "1.4.1", exited=95, crashed=5)

    with repeating(work):
        yield None
    end_sessions(daemon, "1.4.1", exited=100_000)
    yield None


@provokes(
    *("SecurityEventCritical/critical", "SecurityEventHigh/warning", "BruteForce/warning"),
    *("ComplianceViolation/critical", "ComplianceViolation/warning"),
    quick=True,
)
def somebody_breaks_in(scene: Scene) -> Steps:
    security = {"type": "security", "service": "vault"}
    classes = {"ITARViolation": {"severity": "critical"}, "ExportHint": {"severity": "low"}}
    events = [
        security | {"name": "admin_created", "severity": "critical"},
        security | {"name": "role_changed", "severity": "high"},
        *[security | {"name": "login_failed"}] * 8,
        *({"type": "error", "service": "vault", "exception": name, "message": "refused"} for name in classes),
    ]
    yield {"classes": {name: fields | {"security": True} for name, fields in classes.items()}}
    assert scene.daemon is not None
    daemon = scene.daemon
    with repeating(lambda _: say(daemon, events)):
        yield None
    yield None


@provokes("HttpTrafficGone/warning")
def nobody_comes_any_more(scene: Scene) -> Steps:
    request = {"type": "request", "service": "fair", "method": "GET", "route": "/", "status": 200, "duration": 0.1}

    def come(_: int) -> None:
        if scene.daemon is not None:
            say(scene.daemon, [request] * 5)

    with repeating(come, 0.2):
        yield {}
    yield None
    with repeating(come, 0.2):
        yield None


@provokes("ReleaseFailing/critical")
def a_release_is_worse_than_the_one_before(scene: Scene) -> Steps:
    """Errors have to be known for an hour, a minute here: or else they are no worse than they were."""
    error = {"type": "error", "service": "press", "exception": "Jam", "message": "paper"}
    yield {}
    assert scene.daemon is not None
    daemon = scene.daemon
    say(daemon, [error])
    time.sleep(KNOWN)
    say(daemon, [{"type": "deploy", "service": "press", "release": "2.0.0"}])
    with repeating(lambda _: say(daemon, [error] * 50)):
        yield None
    yield None
