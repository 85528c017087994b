"""Faults that are made side by side, in engines and a daemon of their own: when each alert was told, where, and when its end."""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests import servers
from tests.alerts import fault as faults
from tests.alerts.engines import TOKEN, engines
from tests.alerts.fault import Config, Fault, Scene, Steps
from tests.alerts.running import SHARED, Heard, Running, said
from tests.servers.process import wait_until

FACTOR = 60.0
"""What every duration in rules and routes is divided by, where no wave has a factor of its own."""
QUIET = 8.0
"""Seconds in which nothing is broken, and nothing may fire."""
SETTLED = 2.0
"""Seconds that notifications of what was before may take."""
AT_ONCE = 4
"""Faults whose servers start side by side."""
BASE = {
    "service": "shop",
    "environment": "production",
    "defaults": {"interval": "1s", "timeout": "900ms", "rise": 1, "fall": 2},
    "alertmanager": {"token": TOKEN},
    # All applications of the faults are on one machine, and send at once what others send in a day.
    "ingest": {"events_per_minute": 1_000_000, "burst": 1_000_000},
}


@dataclass(frozen=True)
class Told:
    """Of one alert: the seconds from the fault until every receiver of its route had it, and from the mending to its end.

    `resolved`: None where the end of what can't end in time was not waited for.
    """

    fault: Fault
    alert: str
    firing: float
    receivers: frozenset[str]
    resolved: float | None
    factor: float = FACTOR


@dataclass
class Wave:
    """What came of it. `wrong`: what did not happen, by fault and alert."""

    noise: set[tuple[str, str]] = field(default_factory=set)
    """Alerts while nothing was broken, and their descriptions."""
    wrong: dict[str, dict[str, str]] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)


def run(chosen: list[Fault], folder: Path, factor: float = FACTOR) -> Wave:
    """All that is wrong with them is in what is returned."""
    folder.mkdir()
    with _running(chosen, folder, factor) as running, ThreadPoolExecutor(len(chosen)) as pool:
        wait_until(lambda: running.engines.notified.of("Watchdog"), 60, "the watchdog barks")
        # Until the first scrape there is no exporter, and an alert says so: in production it waits for five minutes.
        wait_until(lambda: running.engines.prometheus.query("stack_exporter_build_info"), 60, "the first scrape")
        time.sleep(SETTLED)
        since = time.time()
        time.sleep(QUIET)
        told = [one for one in running.engines.notified.notices if one.at >= since and one.status == "firing"]
        wave = Wave({(one.name, one.annotations["description"]) for one in told if one.name != "Watchdog"})
        broken_at = running.step(pool)
        expected = [(one, alert) for one in chosen for alert in one.expects]
        fired = running.wait(expected, lambda one, alert: running.everywhere(one, alert, "firing", broken_at[one.name]))
        known = {f"{one['labels']['alertname']}: {one['state']}" for one in running.engines.alerts()}
        mended_at = running.step(pool)

        def ended(fault: Fault, alert: str) -> Heard:
            """What fired, everybody was told of its end, and it does not fire any more.

            On a machine that is busy a rate over 5 s may miss its samples, and the alert ends before the mending.
            """
            before = fired[fault.name, alert]
            after = running.everywhere(fault, alert, "resolved", broken_at[fault.name]) if before else {}
            active = running.active() if after else set()
            found = sorted(before, key=before.__getitem__)
            return {labels: after[labels] for labels in found if labels in after and labels not in active}

        hoped = [one for one in expected if fired.get((one[0].name, one[1])) and not one[0].endless]
        over = running.wait(hoped, ended)
        for fault in chosen:
            wrong = wave.wrong[fault.name] = {}
            if fault.name in running.failed:
                wrong["steps"] = running.failed[fault.name]
                continue
            for alert in fault.expects:
                before, after = fired[fault.name, alert], over.get((fault.name, alert), {})
                if after or (before and fault.endless):
                    first = next(iter(after or before))
                    took = before[first] - broken_at[fault.name]
                    end = max(0.0, after[first] - mended_at[fault.name]) if after else None
                    wave.told.append(Told(fault, alert, took, running.receivers(dict(first)), end, factor))
                else:
                    wrong[alert] = "was not resolved" if before else f"did not arrive; Prometheus has {sorted(known)}"
        return wave


@contextmanager
def _running(chosen: list[Fault], folder: Path, factor: float) -> Iterator[Running]:
    scenes: list[Scene] = []
    # Of a rate over five minutes five samples, whatever they are divided by.
    pace = f"{FACTOR / factor * 1000:.0f}ms"
    with ExitStack() as stack:
        steps: dict[str, Steps] = {}
        stack.callback(_close, steps)
        parts, failed = _prepared(chosen, steps, scenes, folder)
        scraped = {job: addresses for part in parts.values() for job, addresses in part.get("scraped", {}).items()}
        config = faults.joined([BASE, *({k: v for k, v in part.items() if k != "scraped"} for part in parts.values())])
        daemon = stack.enter_context(servers.daemon(json.dumps(config), check=False))
        for scene in scenes:
            scene.daemon = daemon
        started = stack.enter_context(
            engines(
                folder,
                {SHARED: [f"127.0.0.1:{daemon.port}"]} | scraped,
                factor=factor,
                scrape=pace,
                evaluation=pace,
                hook=f"{daemon.url}/hooks/alertmanager",
            )
        )
        for scene in scenes:
            scene.engines = started
        # What goes on beside a fault speaks to the daemon: it ends first.
        stack.callback(_close, steps)
        yield Running(started, steps, chosen, failed, parts)


def _prepared(
    chosen: list[Fault], steps: dict[str, Steps], scenes: list[Scene], folder: Path
) -> tuple[dict[str, Config], dict[str, str]]:
    """What each fault wants to be configured, and the faults that could not be prepared."""
    parts: dict[str, Config] = {}
    failed: dict[str, str] = {}

    def prepare(fault: Fault) -> None:
        # Twice: between being found free and being listened on, a port can be taken by somebody else.
        for attempt in ("first", "second"):
            scene = Scene(folder / f"{fault.name}-{attempt}")
            scene.folder.mkdir()
            steps[fault.name] = fault.steps(scene)
            try:
                parts[fault.name] = next(steps[fault.name]) or {}
            except Exception as error:
                failed[fault.name] = said(error)
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


def spent() -> float:
    """Seconds of a core that this process and what it has started (and that has ended) took."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
