"""Logs that say bad things, nothing, or what nobody understands."""

import json
from pathlib import Path

from tests.alerts.fault import Scene, Steps, provokes
from tests.alerts.repeating import repeating

REQUEST = '127.0.0.1 - - [23/Nov/2026:03:00:00 +0000] "GET / HTTP/1.1" 200 2 "-" "-" 20.5\n'


def _write(file: Path, text: str, times: int = 1) -> None:
    with file.open("a") as log:
        log.write(text * times)


@provokes(
    *("LogErrors/warning", "LogRequestsSlow/warning", "LogRequestsSlow/critical"),
    *("LogFormatBroken/warning", "LogLinesTruncated/info"),
)
def logs_say_that_much_fails(scene: Scene) -> Steps:
    app, access, odd = (scene.folder / f"{name}.log" for name in ("app", "access", "odd"))
    for file in (app, access, odd):
        file.touch()
    requests = {"access": {"path": str(access), "format": "combined"}}
    yield {
        "components": {
            "log_app": {"kind": "logs", "files": {"app": {"path": str(app), "loggers": ["shop"]}}},
            "log_odd": {"kind": "logs", "files": {"odd": {"path": str(odd), "format": "json"}}},
            "log_slow": {
                "kind": "logs",
                "files": requests,
                "thresholds": {"request_duration": {"warning": "5s"}},
            },
            "log_slower": {"kind": "logs", "files": requests, "thresholds": {"request_duration": {"critical": "5s"}}},
        }
    }

    def fail() -> None:
        _write(app, "2026-11-23 03:00:00 ERROR shop: no connection\n", 20)
        _write(access, REQUEST, 5)
        _write(odd, "this is no JSON\n", 20)
        _write(app, "INFO " + "x" * (70 << 10) + "\n")

    with repeating(fail):
        yield None
    _write(odd, '{"level": "info", "message": "again"}\n', 20)
    yield None


@provokes("LogSilent/warning", "LogSilent/critical", "LogUnreadable/warning")
def logs_end(scene: Scene) -> Steps:
    quiet, gone = (scene.folder / f"{name}.log" for name in ("quiet", "gone"))
    quiet.touch()
    gone.touch()
    logs = {"kind": "logs", "files": {"quiet": {"path": str(quiet)}}}

    with repeating(lambda: _write(quiet, "INFO all is well\n")):
        yield {
            "components": {
                "log_quiet": logs | {"thresholds": {"silence": {"warning": "3s"}}},
                "log_silent": logs | {"thresholds": {"silence": {"critical": "3s"}}},
                "log_gone": {"kind": "logs", "files": {"gone": {"path": str(gone)}}},
            }
        }
    gone.unlink()
    yield None
    gone.touch()
    with repeating(lambda: _write(quiet, "INFO all is well again\n")):
        yield None


@provokes("LogPolicyBroken/warning", "LogPolicyBroken/critical", "LogsLarge/warning", "LogsLarge/critical", quick=True)
def logs_are_not_rotated(scene: Scene) -> Steps:
    log = scene.folder / "large.log"
    log.touch()
    files = {"large": {"path": str(log), "policy": {"size": "1KiB"}}}
    yield {
        "components": {
            "log_large": {"kind": "logs", "files": files, "thresholds": {"stored": {"warning": "2KiB"}}},
            "log_larger": {
                "kind": "logs",
                "files": files,
                "thresholds": {"stored": {"critical": "2KiB"}, "policy": {"critical": "200%"}},
            },
        }
    }
    _write(log, "INFO it is not rotated\n", 200)
    yield None
    log.write_text("")
    yield None


@provokes("ServiceLogErrors/warning")
def a_service_logs_errors(scene: Scene) -> Steps:
    yield {"services": {"logging": {"team": "web"}}}
    with repeating(lambda: _tell(scene, "logging", 17)):
        yield None
    yield None


@provokes("LogIngestionStopped/warning")
def a_service_logs_nothing_more(scene: Scene) -> Steps:
    with repeating(lambda: _tell(scene, "silenced", 9)):
        yield {"services": {"silenced": {"team": "web"}}}
    yield None
    with repeating(lambda: _tell(scene, "silenced", 9)):
        yield None


def _tell(scene: Scene, service: str, severity: int) -> None:
    """Twenty lines, over OTLP; none before the daemon is there."""
    if scene.daemon is None:
        return
    attributes = [{"key": "service.name", "value": {"stringValue": service}}]
    record = {"severityNumber": severity, "body": {"stringValue": "no connection"}}
    body = {"resourceLogs": [{"resource": {"attributes": attributes}, "scopeLogs": [{"logRecords": [record] * 20}]}]}
    port, headers = scene.daemon.ingest_port, {"Content-Type": "application/json"}
    reply = scene.daemon.request("POST", "/v1/logs", json.dumps(body), headers, port=port)
    assert reply.status == 200, reply.text
