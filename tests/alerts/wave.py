"""Faults that are made side by side, in engines and a daemon of their own: when each alert was told, where, and when its end."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests import servers
from tests.alerts import fault as faults
from tests.alerts.engines import ROUTES, TOKEN, Engines, engines
from tests.alerts.fault import Config, Fault, Scene, Steps
from tests.servers.notified import Notice
from tests.servers.process import wait_until

FACTOR = 60.0
QUIET = 8.0
"""Seconds in which nothing is broken, and nothing may fire."""
SETTLED = 2.0
"""Seconds that notifications of what was before may take."""
LATEST = 120.0
"""Seconds within which every alert has been told of, and as many for their ends."""
AT_ONCE = 4
"""Faults whose servers start side by side."""
BASE = {
    "service": "shop",
    "environment": "production",
    "defaults": {"interval": "1s", "timeout": "900ms", "rise": 1, "fall": 2},
    "alertmanager": {"token": TOKEN},
}
AT_NIGHT = {"sms"}
"""Receivers that are told out of office hours alone, which amtool does not look at."""
ROUTED_BY = frozenset(re.findall(r'[\[ ](\w+)=~?"', ROUTES.read_text().partition("inhibit_rules:")[0]))


@dataclass(frozen=True)
class Told:
    """Of one alert: the seconds from the fault until every receiver of its route had it, and from the mending to its end."""

    fault: Fault
    alert: str
    firing: float
    receivers: frozenset[str]
    resolved: float


@dataclass
class Wave:
    """What came of it. `noise`: alerts while nothing was broken; `wrong`: what did not happen, by fault and alert."""

    noise: set[str] = field(default_factory=set)
    wrong: dict[str, dict[str, str]] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)


@dataclass
class Running:
    engines: Engines
    steps: dict[str, Steps]
    faults: list[Fault]
    failed: dict[str, str]
    """Faults whose steps failed, and how."""
    routed: dict[tuple[tuple[str, str], ...], frozenset[str]] = field(default_factory=dict)

    def receivers(self, labels: dict[str, str]) -> frozenset[str]:
        """Where Alertmanager's own tool says that an alert of these labels goes, by day."""
        key = tuple(sorted((name, value) for name, value in labels.items() if name in ROUTED_BY - {"alertname"}))
        if key not in self.routed:
            file = self.engines.alertmanager.folder / "alertmanager.yml"
            command = ["amtool", "config", "routes", "test", f"--config.file={file}"]
            command += [f"{name}={json.dumps(value)}" for name, value in labels.items()]
            told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path("/"))
            self.routed[key] = frozenset(told.stdout.strip().split(",")) - AT_NIGHT
        return self.routed[key]

    def everywhere(self, alert: str, status: str, since: float) -> dict[tuple[tuple[str, str], ...], float]:
        """The label sets of an alert that every receiver of their route was told of, and when the last of them was."""
        name, _, severity = alert.partition("/")
        by_labels: dict[tuple[tuple[str, str], ...], dict[str, Notice]] = {}
        for notice in self.engines.notified.of(name, status, since, severity=severity):
            by_labels.setdefault(tuple(sorted(notice.labels.items())), {}).setdefault(notice.receiver, notice)
        return {
            labels: max(one.at for one in found.values())
            for labels, found in by_labels.items()
            if found.keys() == self.receivers(dict(labels))
        }

    def firing(self, alert: str) -> set[tuple[tuple[str, str], ...]]:
        """The label sets with which it fires now."""
        name, _, severity = alert.partition("/")
        wanted = {"alertname": name, "severity": severity}.items()
        found = [one["labels"] for one in self.engines.alerts() if one["state"] == "firing"]
        return {tuple(sorted(labels.items())) for labels in found if wanted <= labels.items()}

    def step(self, pool: ThreadPoolExecutor) -> dict[str, float]:
        """The next step of each, side by side, and when it began."""
        at: dict[str, float] = {}

        def one(name: str) -> None:
            if name not in self.failed:
                at[name] = time.time()
                try:
                    next(self.steps[name])
                except Exception as error:
                    self.failed[name] = _said(error)

        list(pool.map(one, self.steps))
        return at

    def wait(self, arrived: Callable[[Fault, str], bool]) -> None:
        """Until all that is expected has arrived, or nothing more is to be expected."""
        end = time.monotonic() + LATEST
        missing = [(one, alert) for one in self.faults for alert in one.expects if one.name not in self.failed]
        while missing and time.monotonic() < end:
            time.sleep(0.3)
            missing = [(one, alert) for one, alert in missing if not arrived(one, alert)]


def run(chosen: list[Fault], folder: Path) -> Wave:
    """All that is wrong with them is in what is returned."""
    folder.mkdir()
    with _running(chosen, folder) as running, ThreadPoolExecutor(len(chosen)) as pool:
        wait_until(lambda: running.engines.notified.of("Watchdog"), 60, "the watchdog barks")
        # Until the first scrape there is no exporter, and an alert says so: in production it waits for five minutes.
        wait_until(lambda: running.engines.prometheus.query("stack_exporter_build_info"), 60, "the first scrape")
        time.sleep(SETTLED)
        since = time.time()
        time.sleep(QUIET)
        noise = {one.name for one in running.engines.notified.notices if one.at >= since and one.status == "firing"}
        wave = Wave(noise - {"Watchdog"})
        broken_at = running.step(pool)
        running.wait(lambda fault, alert: bool(running.everywhere(alert, "firing", broken_at[fault.name])))
        fired = {
            (one.name, alert): running.everywhere(alert, "firing", broken_at[one.name])
            for one in chosen
            for alert in one.expects
            if one.name in broken_at
        }
        known = {f"{one['labels']['alertname']}: {one['state']}" for one in running.engines.alerts()}
        mended_at = running.step(pool)

        def ended(fault: Fault, alert: str) -> dict[tuple[tuple[str, str], ...], float]:
            """What fired, everybody was told of its end, and it does not fire any more.

            On a machine that is busy a rate over 5 s may miss its samples, and the alert ends before the mending.
            """
            before = fired[fault.name, alert]
            after = running.everywhere(alert, "resolved", broken_at[fault.name]) if before else {}
            firing = running.firing(alert) if after else set()
            found = sorted(before, key=before.__getitem__)
            return {labels: after[labels] for labels in found if labels in after and labels not in firing}

        running.wait(lambda fault, alert: not fired[fault.name, alert] or bool(ended(fault, alert)))
        for one in chosen:
            wrong = wave.wrong[one.name] = {}
            if one.name in running.failed:
                wrong["steps"] = running.failed[one.name]
                continue
            for alert in one.expects:
                before = fired[one.name, alert]
                if after := ended(one, alert):
                    first, at = next(iter(after.items()))
                    took = before[first] - broken_at[one.name], max(0.0, at - mended_at[one.name])
                    wave.told.append(Told(one, alert, took[0], running.receivers(dict(first)), took[1]))
                else:
                    wrong[alert] = "was not resolved" if before else f"did not arrive; Prometheus has {sorted(known)}"
        return wave


@contextmanager
def _running(chosen: list[Fault], folder: Path) -> Iterator[Running]:
    scenes: list[Scene] = []
    with ExitStack() as stack:
        steps: dict[str, Steps] = {}
        stack.callback(_close, steps)
        parts, failed = _prepared(chosen, steps, scenes, folder)
        scraped = {job: addresses for part in parts for job, addresses in part.get("scraped", {}).items()}
        config = faults.joined([BASE, *({k: v for k, v in part.items() if k != "scraped"} for part in parts)])
        daemon = stack.enter_context(servers.daemon(json.dumps(config), check=False))
        for scene in scenes:
            scene.daemon = daemon
        started = stack.enter_context(
            engines(
                folder,
                {"stack-exporter": [f"127.0.0.1:{daemon.port}"]} | scraped,
                factor=FACTOR,
                scrape="1s",
                evaluation="1s",
                hook=f"{daemon.url}/hooks/alertmanager",
            )
        )
        for scene in scenes:
            scene.engines = started
        # What goes on beside a fault speaks to the daemon: it ends first.
        stack.callback(_close, steps)
        yield Running(started, steps, chosen, failed)


def _prepared(
    chosen: list[Fault], steps: dict[str, Steps], scenes: list[Scene], folder: Path
) -> tuple[list[Config], dict[str, str]]:
    """What each fault wants to be configured, and the faults that could not be prepared."""
    parts: list[Config] = []
    failed: dict[str, str] = {}

    def prepare(fault: Fault) -> None:
        # Twice: between being found free and being listened on, a port can be taken by somebody else.
        for attempt in ("first", "second"):
            scene = Scene(folder / f"{fault.name}-{attempt}")
            scene.folder.mkdir()
            steps[fault.name] = fault.steps(scene)
            try:
                parts.append(next(steps[fault.name]) or {})
            except Exception as error:
                failed[fault.name] = _said(error)
            else:
                scenes.append(scene)
                failed.pop(fault.name, None)
                return

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(prepare, chosen))
    return parts, failed


def _close(steps: dict[str, Steps]) -> None:
    for one in steps.values():
        one.close()


def _said(error: Exception) -> str:
    return f"{error!r} {getattr(error, '__notes__', '')}"


def spent() -> float:
    """Seconds of a core that this process and what it has started (and that has ended) took."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
