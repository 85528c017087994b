"""The alerts whose other severity is provoked elsewhere: the same troubles, where thresholds are set the other way round."""

import json
import os
import signal

import yaml

from tests import servers
from tests.alerts.application import JSON, repeating, say
from tests.alerts.fault import Scene, Steps, provokes

WARNINGS = {"error_rate": "5%", "task_failures": "10%", "ai_cost": 10, "health_score": "80%"}
PAGES = {"response_time": "5s", "cache_hits": "50%", "log_errors": 20}
THRESHOLDS = {name: {"warning": limit, "critical": "off"} for name, limit in WARNINGS.items()} | {
    name: {"warning": "off", "critical": limit} for name, limit in PAGES.items()
}
WELL = {"duration": 0.1, "status": 200, "state": "success"}


@provokes(
    *("HttpErrorRateHigh/warning", "HttpResponsesSlow/critical", "TasksFailing/warning", "AiCostHigh/warning"),
    *("CacheHitsFew/critical", "LogErrors/critical", "ServiceLogErrors/critical", "HealthScoreLow/warning"),
)
def what_is_a_ticket_elsewhere_pages_and_the_reverse(scene: Scene) -> Steps:
    log = scene.folder / "app.log"
    log.touch()
    files = [scene.folder / name for name in ("one", "other")]
    for file in files:
        file.mkdir()
    config = {
        "service": "till",
        "defaults": {"interval": "1s", "timeout": "900ms", "rise": 1, "fall": 1},
        "thresholds": THRESHOLDS,
        "components": {"till_log": {"kind": "logs", "files": {"app": {"path": str(log)}}}}
        | {f"till_{file.name}": {"kind": "disk", "path": str(file)} for file in files},
    }
    with servers.daemon(yaml.safe_dump(config), check=False) as daemon:
        yield {"scraped": {"of-the-till": [f"127.0.0.1:{daemon.port}"]}}
        attributes = [{"key": "service.name", "value": {"stringValue": "till"}}]
        record = {"severityNumber": 17, "body": {"stringValue": "no connection"}}
        lines = {
            "resourceLogs": [{"resource": {"attributes": attributes}, "scopeLogs": [{"logRecords": [record] * 20}]}]
        }
        request = {"type": "request", "service": "till", "method": "GET", "route": "/", "duration": 8.0}
        events = [
            *(request | {"status": status} for status in (200, 503)),
            {"type": "task", "service": "till", "name": "mail", "duration": 0.1, "state": "failure"},
            *[{"type": "task", "service": "till", "name": "mail", "duration": 0.1, "state": "success"}] * 2,
            {"type": "ai_call", "service": "till", "model": "gpt-4o", "provider": "openai", "cost": 5.0},
            {"type": "cache", "service": "till", "misses": 50},
        ]

        def fail(_: int) -> None:
            say(daemon, events)
            daemon.request("POST", "/v1/logs", json.dumps(lines), JSON, port=daemon.ingest_port)
            with log.open("a") as text:
                text.write("2026-11-23 03:00:00 ERROR till: no connection\n" * 20)

        for file in files:
            file.rmdir()
        with repeating(fail):
            yield None
        for file in files:
            file.mkdir()
        # What a day has cost is over after a day: who has looked at it takes the threshold away.
        daemon.config_file.write_text(yaml.safe_dump(config | {"thresholds": {}}))
        os.kill(daemon.pid, signal.SIGHUP)
        with repeating(lambda _: say(daemon, [event | WELL for event in events[:4]])):
            yield None
