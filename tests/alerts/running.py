"""Faults while they are made: their steps, side by side, and what the receivers of the routes have heard of each alert."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.alerts.engines import ROUTES, Engines
from tests.alerts.fault import Config, Fault, Steps
from tests.servers.notified import Notice

Labels = tuple[tuple[str, str], ...]
Heard = dict[Labels, float]
"""Label sets of an alert that every receiver of their route was told of, and when the last of them was."""
SHARED = "stack-exporter"
"""The job of the daemon that is shared by the faults."""
LATEST = 180.0
"""Seconds within which every alert has been told of, and as many for their ends: a busy machine is slow."""
AT_NIGHT = {"sms"}
"""Receivers that are told out of office hours alone, which amtool does not look at."""
ROUTED_BY = frozenset(re.findall(r'[\[ ](\w+)=~?"', ROUTES.read_text().partition("inhibit_rules:")[0]))


@dataclass
class Running:
    engines: Engines
    steps: dict[str, Steps]
    faults: list[Fault]
    failed: dict[str, str]
    """Faults whose steps failed, and how."""
    parts: dict[str, Config]
    """What each fault has configured."""
    routed: dict[Labels, frozenset[str]] = field(default_factory=dict)

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

    def of(self, fault: Fault, labels: Mapping[str, str]) -> bool:
        """Whether it is about a component or a daemon of that fault, and not of another; what names neither is anybody's."""
        part = self.parts[fault.name]
        if labels.get("job", SHARED) != SHARED:
            return labels["job"] in part.get("scraped", {})
        return not labels.get("component") or labels["component"] in part.get("components", {})

    def everywhere(self, fault: Fault, alert: str, status: str, since: float) -> Heard:
        name, _, severity = alert.partition("/")
        by_labels: dict[Labels, dict[str, Notice]] = {}
        for notice in self.engines.notified.of(name, status, since, severity=severity):
            if not self.of(fault, notice.labels):
                continue
            by_labels.setdefault(tuple(sorted(notice.labels.items())), {}).setdefault(notice.receiver, notice)
        return {
            labels: max(one.at for one in found.values())
            for labels, found in by_labels.items()
            if found.keys() == self.receivers(dict(labels))
        }

    def active(self) -> set[Labels]:
        """What fires now, or is about to."""
        return {tuple(sorted(one["labels"].items())) for one in self.engines.alerts()}

    def step(self, pool: ThreadPoolExecutor) -> dict[str, float]:
        """The next step of each, side by side, and when it began."""
        at: dict[str, float] = {}

        def one(name: str) -> None:
            if name not in self.failed:
                at[name] = time.time()
                try:
                    next(self.steps[name])
                except Exception as error:
                    self.failed[name] = said(error)

        list(pool.map(one, self.steps))
        return at

    def wait(
        self, wanted: Sequence[tuple[Fault, str]], heard: Callable[[Fault, str], Heard]
    ) -> dict[tuple[str, str], Heard]:
        """By fault and alert: as soon as of all of them at once something is heard, or nothing more is to be expected."""
        end = time.monotonic() + LATEST
        whole = [(one, alert) for one, alert in wanted if one.name not in self.failed]
        missing = whole
        while True:
            # Those that are missing alone, again and again; then all once more, as what has ended may have begun anew.
            missing = [(one, alert) for one, alert in missing if not heard(one, alert)]
            late = time.monotonic() > end
            if not missing or late:
                found = {(one.name, alert): heard(one, alert) for one, alert in whole}
                missing = [(one, alert) for one, alert in whole if not found[one.name, alert]]
                if not missing or late:
                    return found
            time.sleep(0.3)


def said(error: Exception) -> str:
    return f"{error!r} {getattr(error, '__notes__', '')}"
