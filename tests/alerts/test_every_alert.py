"""Each fault is made, its alerts arrive where their routes lead, it is mended, and they are resolved.

Everything is real: the daemon, what it watches, Prometheus with the rules that are shipped, Alertmanager with the routes
that are shipped. Every duration in rules and routes is divided by FACTOR, and nothing else is changed.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests import servers
from tests.alerts import fault as faults
from tests.alerts.engines import TOKEN, Engines, engines
from tests.alerts.fault import Config, Fault, Scene, Steps
from tests.servers.notified import Notice
from tests.servers.process import wait_until

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("every_alert"), pytest.mark.timeout(400)]

FACTOR = 60.0
QUIET = 8.0
"""Seconds in which nothing is broken, and nothing may fire."""
LATEST = 120.0
AT_ONCE = 6
"""Faults whose servers start side by side."""
ALWAYS = frozenset({"Watchdog"})
AT_NIGHT = {"sms"}
"""Receivers that are told out of office hours alone, which amtool does not look at."""
BASE = {
    "service": "shop",
    "environment": "production",
    "defaults": {"interval": "500ms", "timeout": "400ms", "rise": 1, "fall": 2},
    "alertmanager": {"token": TOKEN},
}
FAULTS = faults.found()


@dataclass
class Outcome:
    """What became of the run."""

    engines: Engines
    faults: list[Fault]
    noise: set[str] = field(default_factory=set)
    """Alerts while nothing was broken."""
    broken_at: dict[str, float] = field(default_factory=dict)
    mended_at: dict[str, float] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    """Faults whose steps failed, and how."""


@pytest.fixture(scope="module")
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """Of the faults that are to be tested: with `-k NAME` one of them is made."""
    params = [getattr(item, "callspec", None) for item in request.session.items]
    chosen = [one for one in FAULTS if any(p is not None and p.params.get("fault") is one for p in params)]
    folder = tmp_path_factory.mktemp("alerts")
    scene = Scene(folder)
    with ExitStack() as stack, ThreadPoolExecutor(len(chosen)) as pool:
        steps = {fault.name: fault.steps(scene) for fault in chosen}
        for one in steps.values():
            stack.callback(one.close)
        parts, wrong = _prepared(steps)
        scraped = {job: addresses for part in parts for job, addresses in part.get("scraped", {}).items()}
        config = faults.joined([BASE, *({k: v for k, v in part.items() if k != "scraped"} for part in parts)])
        scene.daemon = daemon = stack.enter_context(servers.daemon(json.dumps(config), check=False))
        started = stack.enter_context(
            engines(
                folder,
                {"stack-exporter": [f"127.0.0.1:{daemon.port}"]} | scraped,
                factor=FACTOR,
                scrape="500ms",
                evaluation="1s",
                hook=f"{daemon.url}/hooks/alertmanager",
            )
        )
        result = Outcome(started, chosen, wrong=wrong)
        wait_until(lambda: started.notified.of("Watchdog"), 60, "the watchdog barks")
        time.sleep(QUIET)
        result.noise = {one.name for one in started.notified.notices} - ALWAYS
        _all(pool, steps, result.broken_at, result.wrong)
        _wait(result, "firing", result.broken_at)
        _all(pool, steps, result.mended_at, result.wrong)
        _wait(result, "resolved", result.mended_at)
        yield result


def _prepared(steps: dict[str, Steps]) -> tuple[list[Config], dict[str, str]]:
    """What each fault wants to be configured, and the faults that could not be prepared."""
    parts: list[Config] = []
    wrong: dict[str, str] = {}

    def prepare(name: str) -> None:
        try:
            parts.append(next(steps[name]) or {})
        except Exception as error:
            wrong[name] = f"{error!r} {getattr(error, '__notes__', '')}"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(prepare, steps))
    return parts, wrong


def _all(pool: ThreadPoolExecutor, steps: dict[str, Steps], at: dict[str, float], wrong: dict[str, str]) -> None:
    """The next step of each, side by side."""

    def step(name: str) -> None:
        if name in wrong:
            return
        try:
            at[name] = time.time()
            next(steps[name])
        except Exception as error:
            wrong[name] = repr(error)

    list(pool.map(step, steps))


def _wait(result: Outcome, status: str, since: dict[str, float]) -> None:
    """Until all that is expected has arrived, or nothing more is to be expected."""
    end = time.monotonic() + LATEST
    while time.monotonic() < end and any(not _found(result, fault, status, since) for fault in result.faults):
        time.sleep(0.2)


def _found(result: Outcome, fault: Fault, status: str, since: dict[str, float]) -> bool:
    if fault.name in result.wrong:
        return True
    return all(_notices(result, alert, status, since[fault.name]) for alert in fault.expects)


def _notices(result: Outcome, alert: str, status: str, since: float) -> list[Notice]:
    name, _, severity = alert.partition("/")
    return result.engines.notified.of(name, status, since, severity=severity)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_told_where_its_route_leads_and_told_again_when_it_is_mended(outcome: Outcome, fault: Fault) -> None:
    assert fault.name not in outcome.wrong, outcome.wrong
    for alert in fault.expects:
        fired = _notices(outcome, alert, "firing", outcome.broken_at[fault.name])
        assert fired, f"{alert} did not arrive; Prometheus has {_known(outcome.engines)}"
        same = {one.receiver for one in fired if one.labels == fired[0].labels}
        assert same == receivers(outcome.engines, fired[0].labels)
        assert _notices(outcome, alert, "resolved", outcome.mended_at[fault.name]), f"{alert} was not resolved"


def test_nothing_is_told_while_nothing_is_broken(outcome: Outcome) -> None:
    assert outcome.noise == set()


def _known(engines: Engines) -> dict[str, str]:
    return {alert["labels"]["alertname"]: alert["state"] for alert in engines.alerts()}


def receivers(engines: Engines, labels: dict[str, str]) -> set[str]:
    """Where Alertmanager's own tool says that an alert of these labels goes, by day."""
    file = engines.alertmanager.folder / "alertmanager.yml"
    command = ["amtool", "config", "routes", "test", f"--config.file={file}"]
    told = subprocess.run(
        [*command, *(f"{name}={json.dumps(value)}" for name, value in labels.items())],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path("/"),
    )
    return set(told.stdout.strip().split(",")) - AT_NIGHT
