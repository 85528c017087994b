"""Errors that are new, come back, pile up and are left lying; an AI model that fails, costs and is slow; crashes."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from tests import servers
from tests.alerts.fault import Scene, Steps, provokes
from tests.servers.exporters import Daemon

TOKEN = "a-token-of-the-test"
JSON = {"Content-Type": "application/json"}
BOTH = ("warning", "critical")
CONFIG: dict[str, Any] = {
    "service": "desk",
    "web": {"admin_tokens": [TOKEN]},
    "thresholds": {
        "unresolved": {"warning": "1s", "critical": "2s"},
        "ai_cost": {"warning": 10, "critical": 50},
        "ai_latency": {"critical": "40s"},
    },
}


@provokes(
    *("ErrorGroupNew/critical", "ErrorGroupNew/warning", "ErrorGroupNew/info"),
    *("ErrorGroupRegressed/critical", "ErrorGroupRegressed/warning", "ErrorGroupRegressed/info"),
    *("ErrorsRecurring/critical", "ErrorsRecurring/warning", "ErrorGroupSpiking/warning"),
    *("ErrorGroupUnresolved/warning", "ErrorGroupUnresolved/critical"),
    *(f"{alert}/{severity}" for alert in ("AiCallsFailing", "AiCallsSlow", "AiCostHigh") for severity in BOTH),
    *("AiCallsUnpriced/info", "SessionsCrashing/warning", "SessionsCrashing/critical"),
)
def a_release_is_broken(scene: Scene) -> Steps:
    with servers.daemon(yaml.safe_dump(CONFIG), check=False) as daemon:
        yield {"scraped": {"of-the-desk": [f"127.0.0.1:{daemon.port}"]}}
        with _broken(daemon):
            yield None
        _sessions(daemon, exited=100_000)
        _resolve(daemon)
        # What a day has cost is over after a day: who has looked at it raises the threshold.
        daemon.config_file.write_text(yaml.safe_dump(CONFIG | {"thresholds": {}}))
        os.kill(daemon.pid, signal.SIGHUP)
        yield None


@contextmanager
def _broken(daemon: Daemon) -> Iterator[None]:
    over = threading.Event()

    def work() -> None:
        number = 0
        while not over.wait(0.5):
            number += 1
            _say(daemon, [*_errors(number), *_calls()])
            _sessions(daemon, exited=10, crashed=10)
            if number % 4 == 0:
                _resolve(daemon, "Again")

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)


def _errors(number: int) -> list[dict[str, Any]]:
    """One never seen before and one that comes again and again, of each severity."""
    return [
        {"type": "error", "service": "desk", "exception": f"{name}{severity}", "message": name, "severity": severity}
        for severity in ("critical", "high", "low")
        for name in ("New" + chr(97 + number % 26) * (1 + number // 26), "Again", "Often")
    ]


def _calls() -> list[dict[str, Any]]:
    call = {"type": "ai_call", "service": "desk", "provider": "openai", "duration": 50.0}
    return [call | {"model": "gpt-4o", "cost": 5.0}, call | {"model": "gpt-4o-mini", "failed": True}]


def _say(daemon: Daemon, events: list[dict[str, Any]]) -> None:
    daemon.request("POST", "/api/v1/events", json.dumps(events).encode(), JSON, port=daemon.ingest_port)


def _sessions(daemon: Daemon, **ended: int) -> None:
    """What a Sentry SDK tells of sessions."""
    item = {"aggregates": [ended], "attrs": {"release": "1.4.2", "environment": "production"}}
    lines = [{}, {"type": "sessions"}, item]
    body = "\n".join(map(json.dumps, lines)).encode()
    key = {"X-Sentry-Auth": "Sentry sentry_version=7, sentry_key=desk"}
    daemon.request("POST", "/api/1/envelope/", body, key, port=daemon.ingest_port)


def _resolve(daemon: Daemon, name: str = "") -> None:
    """Somebody resolves the groups that are open, or those of a name."""
    admin = JSON | {"Authorization": f"Bearer {TOKEN}"}
    reply = daemon.request("GET", f"/api/v1/errors?status=unresolved&limit=500&q={name}", headers=admin)
    for group in json.loads(reply.body)["data"]:
        daemon.request("PATCH", f"/api/v1/errors/{group['id']}", b'{"status": "resolved"}', admin)
