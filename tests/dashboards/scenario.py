"""A team's daemon with all that it watches and hears, real, and a real Prometheus that scrapes it: healthy, then broken.

`python -m tests.dashboards.scenario [--whole]` runs it: lines of JSON say where; it breaks when a line comes in, and ends
with the second, or when there are no more.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from tests import servers
from tests.alerts.application import repeating
from tests.alerts.engines import Engines, engines
from tests.dashboards.breaking import FIRING, SUBJECTS, break_all, resolve
from tests.dashboards.surroundings import ADMIN, Surroundings, surroundings
from tests.dashboards.traffic import Traffic, first
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until
from tests.servers.telemetry import Prometheus

CONFIG = Path(__file__).with_name("exporter.yaml")
PATIENT = {"warning": "2s", "critical": "5s"}
"""Thresholds of how long a run takes: a machine that runs tests is busy, and that is no fault here."""
FACTOR = 60.0
"""What the durations in rules and routes are divided by."""
RECORDED_LAST = "slo:stack_slo_error_budget:remaining_ratio"
JOB, PLATFORM = "stack-exporter", {"team": "platform"}
SCRAPED = f'up{{job="{JOB}"}}'
HEALTHY, BROKEN = 11.0, 5.0
LONG_HEALTHY, LONG_BROKEN = 300.0, 180.0
"""Seconds, the latter of a scenario that is whole."""


@dataclass
class Scenario:
    """It runs. Windows are start and end in Unix time; the broken one begins a while before the break."""

    daemon: Daemon
    engines: Engines
    around: Surroundings
    traffic: Traffic
    rate_interval: str
    healthy_window: tuple[float, float]
    broken_window: tuple[float, float]
    _broken: float
    _stack: ExitStack = field(repr=False)

    @property
    def prometheus(self) -> Prometheus:
        return self.engines.prometheus

    @property
    def variables(self) -> dict[str, str]:
        """What stands for the dashboards' variables."""
        names = ("service", "environment", "component", "kind", "team")
        return dict.fromkeys(names, ".*") | {"exporter_url": self.daemon.url}

    def break_(self) -> None:
        """Everything that can be, and wait until Prometheus has it."""
        start, end = self.healthy_window
        break_all(self.around, self.daemon, self.traffic, self._stack)
        wait_until(lambda: FIRING <= self._firing(), 90, f"firing: {FIRING}")
        time.sleep(self._broken)
        self.broken_window = (end - (end - start) / 3, _scraped(self.prometheus))

    def _firing(self) -> set[str]:
        return {one["labels"]["alertname"] for one in self.engines.alerts() if one["state"] == "firing"}

    def query(self, expr: str, at: float) -> list[dict[str, Any]]:
        return self._asked("query", query=expr, time=at)

    def query_range(self, expr: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        return self._asked("query_range", query=expr, start=start, end=end, step=step)

    def exemplars(self, selector: str) -> set[str]:
        """Names of the labels that exemplars have."""
        given = {"query": selector, "start": self.healthy_window[0], "end": time.time()}
        found = self.prometheus.get(f"/api/v1/query_exemplars?{urlencode(given)}").json()["data"]
        return {name for series in found for one in series["exemplars"] for name in one["labels"]}

    def _asked(self, path: str, **given: object) -> list[dict[str, Any]]:
        reply = self.prometheus.get(f"/api/v1/{path}?{urlencode(given)}", timeout=30)
        assert reply.status == 200, f"{given['query']}: {reply.text}"
        data = reply.json()["data"]
        found: list[dict[str, Any]] = (
            data["result"] if isinstance(data["result"], list) and data["resultType"] != "scalar" else [data]
        )
        return found


@contextmanager
def scenario(
    folder: Path, whole: bool = False, *, healthy: float | None = None, broken: float | None = None
) -> Iterator[Scenario]:
    """All runs, and has been used for `healthy` seconds. `whole`: with a broker that takes long to start, and a longer past."""
    healthy = healthy or (LONG_HEALTHY if whole else HEALTHY)
    broken = broken or (LONG_BROKEN if whole else BROKEN)
    with ExitStack() as stack:
        around = stack.enter_context(surroundings(folder, whole=whole))
        config = _configured(around.more)
        daemon = stack.enter_context(servers.daemon(config, env=around.environment, check=False))
        traffic = Traffic(daemon)
        traffic.say(*first())
        running = stack.enter_context(
            engines(
                folder,
                {JOB: [f"127.0.0.1:{daemon.port}"]},
                factor=FACTOR,
                scrape="1s",
                evaluation="1s" if whole else "2s",
                only=() if whole else SUBJECTS,
                hook=f"{daemon.url}/hooks/alertmanager",
            )
        )
        watchers: dict[str, dict[str, Any]] = {
            "metrics": {"kind": "prometheus", "url": running.prometheus.url, "target": {"job": JOB}},
            "alerts": {"kind": "alertmanager", "url": running.alertmanager.url},
        }
        _reload(daemon, _configured(around.more | {name: one | PLATFORM for name, one in watchers.items()}))
        resolve(daemon)
        held = stack.enter_context(ExitStack())
        stack.enter_context(repeating(traffic.second))
        stack.enter_context(repeating(lambda _: around.second()))
        wait_until(lambda: running.prometheus.query("stack_exporter_build_info"), 60, "the first scrape")
        start = time.time()
        # Of the last that rules record, which need others first.
        wait_until(lambda: running.prometheus.query(RECORDED_LAST), 90, RECORDED_LAST)
        time.sleep(max(0.0, start + healthy - time.time()))
        window = (start, _scraped(running.prometheus))
        interval = f"{min(30, int(healthy) - 2)}s"
        yield Scenario(daemon, running, around, traffic, interval, window, window, broken, held)


def _configured(more: Mapping[str, Any]) -> str:
    """The file, with more components."""
    config = yaml.safe_load(CONFIG.read_text())
    config["components"] |= more
    for component in config["components"].values():
        component.setdefault("thresholds", {}).setdefault("latency", PATIENT)
    return json.dumps(config)


def _scraped(prometheus: Prometheus) -> float:
    """When the newest scrape was one that worked: on a machine that is busy one takes longer than it may."""
    return float(wait_until(lambda: prometheus.query(f"{SCRAPED} > 0"), 60, "a scrape")[0]["value"][0])


def _reload(daemon: Daemon, config: str) -> None:
    daemon.config_file.write_text(config)
    reply = daemon.post("/-/reload", headers={"Authorization": f"Bearer {ADMIN}"})
    assert reply.status == 200, reply.text


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.dashboards.scenario", description=__doc__)
    options.add_argument("--whole", action="store_true", help="with what takes long to start, and a longer past")
    options.add_argument("--healthy", type=float, help="seconds before it is told that all is there")
    options.add_argument("--broken", type=float, help="seconds after all that is broken shows")
    options.add_argument(
        "--keep", type=Path, help="break it at once, and leave here what Prometheus has, and the windows"
    )
    given = options.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="scenario-", ignore_cleanup_errors=True) as folder,
        scenario(Path(folder), given.whole, healthy=given.healthy, broken=given.broken) as running,
    ):
        addresses = {"prometheus": running.prometheus.url, "daemon": running.daemon.url}
        addresses |= {"alertmanager": running.engines.alertmanager.url, "rate_interval": running.rate_interval}
        told = addresses | {"healthy": running.healthy_window, "variables": running.variables}
        _tell(told)
        if given.keep or sys.stdin.readline():
            running.break_()
            told |= {"broken": running.broken_window}
            _tell({"broken": running.broken_window})
        if given.keep:
            running.prometheus.stop()
            shutil.copytree(running.prometheus.folder / "data", given.keep / "data")
            (given.keep / "windows.json").write_text(json.dumps(told))
        else:
            sys.stdin.readline()


def _tell(what: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
