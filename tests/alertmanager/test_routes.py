"""Every alert that is shipped goes where docs/alerting.md says, in a real Alertmanager of both generations."""

import subprocess
from typing import Any

import pytest

from tests.alertmanager import shipped
from tests.servers.generations import NAMES, generation
from tests.servers.telemetry import Alertmanager
from tests.tree import rule_groups

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("alertmanager_shipped")]
TEAMS = ("", "platform", "web", "somebody")
RULES = [rule for group in rule_groups() for rule in group["rules"] if "alert" in rule]
EXAMPLES = {
    "alertname=ComponentDown severity=critical subject=components": "history,sms,page",
    "alertname=ComponentDown severity=critical subject=components team=web": "history,sms,page-web",
    "alertname=DiskFull severity=warning subject=storage team=platform": "history,tickets-platform",
    "alertname=DiskFull severity=warning subject=storage team=somebody": "history,tickets",
    "alertname=BruteForce severity=critical subject=security": "history,security-page,sms,page",
    "alertname=BruteForce severity=warning subject=security team=web": "history,security-tickets,tickets-web",
    "alertname=AlertUnresolved severity=critical subject=monitoring escalated=true": "history,next-level",
    "alertname=CacheRestarted severity=info subject=cache": "history,nobody",
    "alertname=Watchdog severity=none subject=monitoring": "dead-mans-switch",
    "alertname=SomebodyElses": "history,tickets",
}


def receivers(labels: dict[str, str]) -> set[str]:
    """Who is told, derived from severity, subject, escalation and team."""
    severity, team = labels["severity"], labels.get("team")
    if labels["alertname"] == "Watchdog":
        return {"dead-mans-switch"}
    if severity == "info":
        return {"history", "nobody"}
    named = {"critical": "page", "warning": "tickets"}[severity]
    security = {f"security-{named}"} if labels["subject"] == "security" else set()
    if labels.get("escalated") == "true":
        return {"history", "next-level"} | security
    sms = {"sms"} if severity == "critical" else set()
    return {"history", f"{named}-{team}" if team in ("platform", "web") else named} | security | sms


def test_every_alert_goes_to_the_receivers_of_its_severity_team_and_subject(silent: Alertmanager) -> None:
    wanted: dict[tuple[str, ...], set[str]] = {}
    given = []
    for rule in RULES:
        for team in TEAMS:
            labels = {"alertname": rule["alert"], **rule["labels"], "namespace": "routes", "team": team}
            wanted[_key(labels)] = receivers(labels)
            own = {name: text for name, text in labels.items() if name not in ("alertname", "severity")}
            given.append(shipped.alert(rule["alert"], rule["labels"]["severity"], **own))
    shipped.tell(silent, *given)
    found: list[dict[str, Any]] = silent.get('/api/v2/alerts?filter=namespace="routes"').json()
    assert {_key(one["labels"]): {receiver["name"] for receiver in one["receivers"]} for one in found} == wanted


@pytest.mark.parametrize("name", NAMES)
def test_amtool_takes_the_file_and_finds_the_same(name: str) -> None:
    amtool = generation(name).amtool
    checked = subprocess.run([amtool, "check-config", shipped.FILE], capture_output=True, text=True, timeout=30)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    test = [amtool, "config", "routes", "test", f"--config.file={shipped.FILE}"]
    found = {
        labels: subprocess.run([*test, *labels.split()], capture_output=True, text=True, timeout=30).stdout.strip()
        for labels in EXAMPLES
    }
    assert found == EXAMPLES


def test_each_hour_of_the_week_is_either_an_office_hour_or_none() -> None:
    days = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]

    def covers(interval: dict[str, Any], day: str, time: str) -> bool:
        spans = [span.split(":") for span in interval.get("weekdays", ["sunday:saturday"])]
        whole = [{"start_time": "00:00", "end_time": "24:00"}]
        return any(days.index(span[0]) <= days.index(day) <= days.index(span[-1]) for span in spans) and any(
            one["start_time"] <= time < one["end_time"] for one in interval.get("times", whole)
        )

    named = {one["name"]: one["time_intervals"] for one in shipped.config()["time_intervals"]}
    hours = {
        (day, f"{hour:02}:00"): [
            name for name, all_ in named.items() for one in all_ if covers(one, day, f"{hour:02}:00")
        ]
        for day in days
        for hour in range(24)
    }
    office = {(day, f"{hour:02}:00") for day in days[1:6] for hour in range(9, 17)}
    assert hours == {hour: ["office-hours" if hour in office else "out-of-hours"] for hour in hours}


def test_every_receiver_is_of_a_route_and_only_the_mutable_ones_are_muted() -> None:
    config = shipped.config()
    every = list(shipped.routes(config["route"]))
    assert {route["receiver"] for route in every} == {one["name"] for one in config["receivers"]}
    muted = {route["receiver"] for route in every if "mute_time_intervals" in route}
    assert muted == {"tickets", "tickets-platform", "tickets-web"}
    assert {route["receiver"] for route in every if "active_time_intervals" in route} == {"sms"}


def _key(labels: dict[str, str]) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in ("alertname", "severity", "team", "escalated"))
