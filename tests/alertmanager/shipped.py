"""The shipped alertmanager.yml in a real Alertmanager, with the addresses of local servers in it, and secrets in files."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tests import servers
from tests.servers.mail import PASSWORD, USER
from tests.servers.telemetry import Alertmanager
from tests.tree import ROOT

FOLDER = ROOT / "deploy" / "alertmanager"
FILE = FOLDER / "alertmanager.yml"
URL = "http://alertmanager.example:9093"
"""What links to Alertmanager begin with."""
SOURCE = "http://prometheus:9090/graph?g0.expr=stack_component_up+%3D%3D+0&g0.tab=1"
WAITS: Mapping[str, Mapping[str, str]] = {
    "shipped": {},
    "short": {"group_wait": "100ms", "group_interval": "200ms"},
    "endless": {"group_wait": "1h", "group_interval": "1h"},
}
"""Of all routes; `endless`: nobody is told anything."""


def config() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return found


@contextmanager
def alertmanager(
    folder: Path, web: str, smtp_port: int = 1, *, waits: str = "short", night: bool = False, program: str | None = None
) -> Iterator[Alertmanager]:
    """It runs. `web` takes what Slack, PagerDuty and all webhooks are sent, each at the path of its own address."""
    text = yaml.safe_dump(_local(folder, web, smtp_port, WAITS[waits], night=night))
    args = [f"--web.external-url={URL}", "--web.route-prefix=/"]
    with servers.alertmanager(text, *args, program=program) as server:
        yield server


def alert(
    name: str,
    severity: str,
    annotations: Mapping[str, str] | None = None,
    *,
    began: float = 0.0,
    ended: bool = False,
    **labels: str,
) -> dict[str, Any]:
    """As Prometheus sends one that began so many seconds ago."""
    now = datetime.now(UTC)
    given = {
        "labels": {"alertname": name, "severity": severity} | labels,
        "annotations": dict(annotations or {}),
        "startsAt": (now - timedelta(seconds=began)).isoformat(),
        "generatorURL": SOURCE,
    }
    return given | ({"endsAt": now.isoformat()} if ended else {})


def tell(server: Alertmanager, *alerts: dict[str, Any]) -> None:
    reply = server.post("/api/v2/alerts", json.dumps(alerts), {"Content-Type": "application/json"})
    assert reply.status == 200, reply.text


def routes(route: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A route and all below it."""
    yield route
    for child in route.get("routes", ()):
        yield from routes(child)


def _local(folder: Path, web: str, smtp_port: int, waits: Mapping[str, str], *, night: bool) -> dict[str, Any]:
    """Where a secret is read from a file, the file holds `secret of FILE`."""
    found = config()
    found["templates"] = [str(FOLDER / path) for path in found["templates"]]
    given = found["global"]
    given |= {"smtp_smarthost": f"localhost:{smtp_port}", "smtp_require_tls": False, "smtp_auth_username": USER}
    _in_file(folder, given, "smtp_auth_password_file", PASSWORD)
    _in_file(folder, given, "slack_api_url_file", f"{web}/slack")
    for interval in found["time_intervals"]:
        is_now = (interval["name"] == "out-of-hours") == night
        interval["time_intervals"] = [{"days_of_month": ["1:31"]} if is_now else {"years": ["1990"]}]
    for receiver in found["receivers"]:
        for one in receiver.get("webhook_configs", ()):
            one["url"] = web + urlsplit(one["url"]).path
            _in_file(folder, one["http_config"]["authorization"], "credentials_file")
        for one in receiver.get("pagerduty_configs", ()):
            one["url"] = f"{web}/pagerduty/v2/enqueue"
            _in_file(folder, one, "routing_key_file")
    for route in routes(found["route"]):
        route.update({wait: length for wait, length in waits.items() if wait in route})
    return found


def _in_file(folder: Path, given: dict[str, Any], key: str, secret: str = "") -> None:
    file = folder / Path(given[key]).name
    file.write_text(secret or f"secret of {file.name}")
    given[key] = str(file)
