"""The admin API over all that was told to a running daemon; and schemathesis sends it what its own description allows and forbids."""

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.servers.exporters import Daemon
from tests.servers.process import Reply, wait_until

pytestmark = pytest.mark.xdist_group("admin-api")
TOKEN, HOOK = "canary-of-the-admin-token", "canary-of-the-hook-token"
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
CONFIG = f"""
service: shop
components:
  self: {{kind: disk, path: /, interval: 1s}}
web: {{admin_tokens: ["{TOKEN}"]}}
alertmanager: {{token: "{HOOK}"}}
owners: [{{team: cad, path: "shop/**"}}]
"""


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.debian)])
def daemon(request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """One whose errors are in its own file, and one whose errors are in PostgreSQL."""
    with ExitStack() as stack:
        config = CONFIG
        if request.param == "postgres":
            config += f"store: {stack.enter_context(servers.postgres()).dsn()}\n"
        found = stack.enter_context(servers.daemon(config))
        for n in range(24):
            raised(found, f"Kind{n % 4}Error", f"no price for {n}", release=f"1.{n % 3}")
        alerted(found, "ComponentDown", "firing")
        yield found


def sent(daemon: Daemon, path: str, body: object, headers: dict[str, str], port: int = 0) -> Reply:
    headers = {"Content-Type": "application/json"} | headers
    return daemon.request("POST", path, json.dumps(body).encode(), headers, port=port)


def raised(daemon: Daemon, kind: str, value: str, **fields: Any) -> str:
    """An error as a Sentry SDK sends it."""
    frames = [
        {"filename": "shop/web.py", "module": "shop.web", "function": "view", "lineno": 30, "in_app": True},
        {"filename": "shop/cart.py", "module": "shop.cart", "function": f"total_{kind}", "lineno": 12, "in_app": True},
    ]
    event = {
        "event_id": uuid.uuid4().hex,
        "timestamp": time.time(),
        "level": "error",
        "platform": "python",
        "environment": "production",
        "contexts": {"trace": {"trace_id": "cd" * 16, "span_id": "ab" * 8}},
        "tags": {"region": "eu"},
        "exception": {"values": [{"type": kind, "value": value, "stacktrace": {"frames": frames}}]},
    }
    reply = sent(daemon, "/api/1/store/?sentry_key=abcdef0123456789", event | fields, {}, daemon.ingest_port)
    assert reply.status == 200, reply.text
    return event["event_id"]  # type: ignore[return-value]


def alerted(daemon: Daemon, name: str, status: str) -> None:
    """A notification as Alertmanager's webhook sends it."""
    began = "2026-05-01T12:00:00Z"
    alert = {
        "status": status,
        "labels": {"alertname": name, "severity": "critical", "team": "cad"},
        "annotations": {"summary": "db is down"},
        "startsAt": began,
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": name.encode().hex()[:16],
        "generatorURL": "http://prometheus:9090/graph",
    }
    body = {"version": "4", "receiver": "stack", "status": status, "alerts": [alert]}
    reply = sent(daemon, "/hooks/alertmanager", body, {"Authorization": f"Bearer {HOOK}"})
    assert reply.status == 200, reply.text


def data(daemon: Daemon, path: str) -> Any:
    reply = daemon.get(f"/api/v1/{path}", ADMIN)
    assert reply.status == 200, reply.text
    return reply.json()["data"]


def changed(daemon: Daemon, path: str, body: object, method: str = "PATCH") -> Any:
    headers = ADMIN | {"Content-Type": "application/json", "X-Actor": "ada"}
    reply = daemon.request(method, f"/api/v1/{path}", json.dumps(body).encode(), headers)
    assert reply.status == 200, reply.text
    return reply.json()["data"]


def test_an_error_is_found_with_its_stack_resolved_and_comes_back(daemon: Daemon) -> None:
    event = raised(daemon, "PaymentError", "card of order 4711 was refused", release="2.0")
    (group,) = data(daemon, "errors?type=PaymentError")
    assert (group["service"], group["team"], group["status"], group["count"], group["new"]) == (
        "shop",
        "cad",
        "unresolved",
        1,
        True,
    )
    found = data(daemon, f"errors/{group['id']}")
    assert (found["latest"]["id"], found["latest"]["trace_id"], found["releases"]) == (event, "cd" * 16, ["2.0"])
    assert found["latest"]["stack"][1:] == ["  shop/cart.py:12 in total_PaymentError", "  shop/web.py:30 in view"]
    assert found["latest"]["detail"]["tags"] == {"region": "eu"}
    assert [hour["count"] for hour in found["hours"]] == [1]
    assert changed(daemon, f"errors/{group['id']}", {"status": "resolved", "note": "2.1"})["status"] == "resolved"
    raised(daemon, "PaymentError", "card of order 4712 was refused", release="2.2")
    again = data(daemon, f"errors/{group['id']}")
    assert (again["status"], again["regressed"], again["count"]) == ("unresolved", True, 2)
    assert [(act["actor"], act["action"]) for act in again["audit"]] == [
        ("stack-exporter", "regressed"),
        ("ada", "resolved"),
    ]
    assert [one["id"] for one in data(daemon, "report")["regressed"]] == [group["id"]]


def test_pages_of_the_store_follow_each_other_without_a_gap(daemon: Daemon) -> None:
    seen: list[str] = []
    cursor = ""
    while True:
        reply = daemon.get(f"/api/v1/errors?q=no%20price&limit=3&cursor={cursor}", ADMIN).json()
        seen += [group["id"] for group in reply["data"]]
        cursor = reply["metadata"]["next"]
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == 4 == reply["metadata"]["total"]
    group = next(one for one in data(daemon, "errors?q=no%20price") if one["type"] == "Kind0Error")
    assert group["count"] == 6 == len(data(daemon, f"errors/{group['id']}/occurrences"))
    for path in ("errors?cursor=x", f"errors/{group['id']}/occurrences?cursor=x", "alerts?cursor=x", "events?cursor=x"):
        assert daemon.get(f"/api/v1/{path}", ADMIN).status == 400, path


def test_an_alert_is_resolved_by_hand_and_is_in_the_history_as_a_false_alarm(daemon: Daemon) -> None:
    alerted(daemon, "DiskFull", "firing")
    alert = next(one for one in data(daemon, "alerts") if one["name"] == "DiskFull")
    over = changed(
        daemon, f"alerts/{alert['id']}/resolve", {"false_alarm": True, "note": "a test of ada@example.com"}, "POST"
    )
    assert (over["firing"], over["resolved_by"], over["false_alarm"]) == (False, "ada", True)
    assert over["note"] == "a test of [email]"
    assert "DiskFull" not in [one["name"] for one in data(daemon, "alerts")]
    assert over in data(daemon, "alerts/history?name=DiskFull")
    counted = 'stack_alert_false_alarms_total{severity="critical"}'
    assert daemon.metrics()[counted] == 1


def test_the_status_and_the_page_have_it_all_and_the_log_has_no_token(daemon: Daemon) -> None:
    status = data(daemon, "status")
    assert status["errors"]["shop"]["unresolved"] >= 4
    assert status["ingest"]["sentry"]["accepted"] >= 24
    assert status["store"]["available"] and status["store"]["bytes"] > 0
    assert status["alerts"]["total"] >= 1
    page = daemon.get("/", {"Authorization": f"Bearer {TOKEN}"}).text
    assert "Alerts firing (" in page and "Errors (" in page and "no price for" in page
    assert "no price for" not in daemon.get("/").text
    lines = daemon.get("/api/v1/logs", ADMIN)
    assert lines.json()["data"] and TOKEN not in lines.text and HOOK not in lines.text


def schemathesis(url: str, *arguments: str, folder: Path) -> None:
    """Bounded, by a fixed seed. Wrong tokens are left out: after ten of them the daemon answers nobody for a minute."""
    # Any other cursor is one that the store never gave.
    (folder / "schemathesis.toml").write_text('[parameters]\ncursor = ""\ncomponent = "self"\n')
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        f"--config-file={folder / 'schemathesis.toml'}",
        "run",
        f"{url}/api/v1/openapi.json",
        *arguments,
        f"--header=Authorization: Bearer {TOKEN}",
        "--seed=1",
        "--no-color",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@pytest.mark.parametrize("daemon", ["sqlite"], indirect=True)
def test_schemathesis_finds_no_answer_that_the_description_does_not_have(daemon: Daemon, tmp_path: Path) -> None:
    wait_until(lambda: data(daemon, "status")["components"][0]["status"] != "unknown")
    bounds = ("--phases=coverage,fuzzing", "--max-examples=2", "--include-path-regex=^/api/")
    schemathesis(daemon.url, *bounds, "--exclude-checks=ignored_auth", folder=tmp_path)
    assert data(daemon, "logs?level=error") == []


@pytest.mark.parametrize("daemon", ["sqlite"], indirect=True)
def test_schemathesis_finds_none_of_the_ingest_listener_either(daemon: Daemon, tmp_path: Path) -> None:
    # What is right among the events is taken, whatever else there is; and an error without a word is none.
    left_out = "ignored_auth,negative_data_rejection,positive_data_acceptance"
    # Sentry's and OTLP's own forms have tests of their own.
    bounds = ("--phases=fuzzing", "--max-examples=5", "--include-path-regex=^/(livez|readyz|api/v1/)")
    url = f"http://127.0.0.1:{daemon.ingest_port}"
    schemathesis(url, *bounds, f"--exclude-checks={left_out}", folder=tmp_path)
    assert data(daemon, "logs?level=error") == []
