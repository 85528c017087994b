"""A release that is broken in every way: errors that are new, come back, pile up and lie; and all that it does fails."""

import json
import os
import signal
from typing import Any

import yaml

from tests import servers
from tests.alerts.application import JSON, Events, end_sessions, repeating, say, work_of
from tests.alerts.fault import Scene, Steps, provokes
from tests.servers.exporters import Daemon

TOKEN = "a-token-of-the-test"
PAGES = {
    "slow_operations": 20,
    "operation_failures": "50%",
    "database_time": "5s",
    "brute_force": 100,
    "crash_free": "90%",
    "ai_failures": "50%",
    "ai_latency": "60s",
    "ai_cost": 10,
}
CONFIG: dict[str, Any] = {
    "service": "desk",
    "web": {"admin_tokens": [TOKEN]},
    "operations": {"bom_extraction": {"slow": "30s"}},
    "thresholds": {name: {"warning": "off", "critical": value} for name, value in PAGES.items()}
    | {"unresolved": {"warning": "1s", "critical": "2s"}},
}


@provokes(
    *("ErrorGroupNew/critical", "ErrorGroupNew/warning", "ErrorGroupNew/info"),
    *("ErrorGroupRegressed/critical", "ErrorGroupRegressed/warning", "ErrorGroupRegressed/info"),
    *("ErrorsRecurring/critical", "ErrorsRecurring/warning"),
    *("ErrorGroupUnresolved/warning", "ErrorGroupUnresolved/critical"),
    *("OperationSlow/critical", "OperationsFailing/critical", "UploadsFailing/critical"),
    *("FileOperationsFailing/critical", "DatabaseCallsFailing/critical", "DatabaseCallsSlow/critical"),
    *("AiCallsFailing/critical", "AiCallsSlow/critical", "AiCostHigh/critical"),
    *("SessionsCrashing/critical", "BruteForce/critical"),
)
def a_release_is_broken(scene: Scene) -> Steps:
    with servers.daemon(yaml.safe_dump(CONFIG), check=False) as daemon:
        yield {"scraped": {"of-the-desk": [f"127.0.0.1:{daemon.port}"]}}
        refused: Events = [{"type": "security", "service": "desk", "name": "login_failed"}] * 50

        def work(number: int) -> None:
            say(daemon, [*_errors(number), *work_of("desk", 3, 3, 90.0), *refused])
            end_sessions(daemon, "1.4.2", exited=10, crashed=10)
            if number % 4 == 0:
                _resolve(daemon, "Again")

        with repeating(work):
            yield None
        end_sessions(daemon, "1.4.2", exited=100_000)
        _resolve(daemon)
        # What a day has cost is over after a day: who has looked at it takes the threshold away.
        daemon.config_file.write_text(yaml.safe_dump(CONFIG | {"thresholds": {}}))
        os.kill(daemon.pid, signal.SIGHUP)
        yield None


@provokes("ErrorGroupUnresolved/critical", quick=True)
def nobody_resolves_an_error(scene: Scene) -> Steps:
    thresholds = {"unresolved": {"warning": "off", "critical": "2s"}}
    with servers.daemon(yaml.safe_dump(CONFIG | {"thresholds": thresholds}), check=False) as daemon:
        yield {"scraped": {"of-another-desk": [f"127.0.0.1:{daemon.port}"]}}
        say(
            daemon,
            [{"type": "error", "service": "desk", "exception": "Lost", "message": "key", "severity": "critical"}],
        )
        yield None
        _resolve(daemon)
        yield None


def _errors(number: int) -> Events:
    """One never seen before, one that is resolved now and then, and one that stays; of each severity."""
    new = "New" + chr(97 + number % 26) * (1 + number // 26)
    return [
        {"type": "error", "service": "desk", "exception": f"{name}{severity}", "message": name, "severity": severity}
        for severity in ("critical", "high", "low")
        for name in (new, "Again", "Often")
    ]


def _resolve(daemon: Daemon, name: str = "") -> None:
    """Somebody resolves the groups that are open, or those of a name."""
    admin = JSON | {"Authorization": f"Bearer {TOKEN}"}
    asked = f"/api/v1/errors?status=unresolved&limit=200&q={name}"
    while found := daemon.request("GET", asked, headers=admin).json()["data"]:
        for group in found:
            body = json.dumps({"status": "resolved"}).encode()
            daemon.request("PATCH", f"/api/v1/errors/{group['id']}", body, admin)
