"""The way of a fault, from its beginning to the notification and back, each step as soon as it is seen.

Times are those of who did it (Prometheus' activeAt, an alert's startsAt, the receiver's clock), all on one machine;
only what the daemon shows is looked for, 20 times a second.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http.client import HTTPException
from typing import Any
from urllib.parse import quote

from demo.stage import EVALUATION, SCRAPE, Stage
from demo.story import Story
from demo.waits import routed, rule, said
from tests.servers.notified import Notice

LOOK = 0.05


@dataclass(frozen=True)
class Step:
    """What happened, who says so, how many seconds after the fault was made, or mended, and which wait is before it."""

    after: float
    who: str
    what: str
    waits: str = ""


class Stuck(Exception):
    """A step did not come."""


class Watch:
    """One story on a stage, step by step. Steps are never earlier than those before."""

    def __init__(self, stage: Stage, story: Story) -> None:
        self.stage = stage
        self.story = story
        self.labels = {"alertname": story.alert, **story.labels}
        self.rule = rule(story.alert, story.labels["severity"])
        self.began = 0.0
        self.last = 0.0
        self.delay = 0.0
        """Seconds from the alert's firing until the last receiver was told."""
        # Hours, where nothing is divided: the rule's own wait, and what it looks back.
        self.patience = 120 + 3600 / stage.factor

    def breaking(self) -> Iterator[Step]:
        """Break it, and give each step of the way to the receivers. Raises Stuck."""
        stage, story = self.stage, self.story
        before = stage.daemon.metrics()
        yield Step(0.0, "you", story.what)
        self._act(story.break_)
        seen = self._until(lambda: story.sees(stage.daemon.metrics(), before), story.noticed)
        yield self._step(time.time(), "stack-exporter", seen, story.looks)
        if story.verdict:
            yield self._verdict("unhealthy", up=0, waits="fall: 2 bad runs in a row")
        waits = f"scraped, and rules evaluated, every {max(SCRAPE, EVALUATION):g} s"
        pending = self._until(self._active, f"{story.alert} is pending")
        if wait := said("for", self.rule.waits, stage.factor):
            yield self._step(_seconds(pending["activeAt"]), "Prometheus", f"{story.alert} is pending", waits)
        waits = ", ".join(filter(None, [wait or waits, said("looks back", story.looks_back, stage.factor)]))
        taken = self._until(self._taken, f"Alertmanager has {story.alert}")
        fires = f"{story.alert} fires, {story.labels['severity']}"
        yield self._step(_seconds(taken["startsAt"]), "Prometheus", fires, waits)
        fired = self.last
        yield self._step(_seconds(taken["updatedAt"]), "Alertmanager", "takes it")
        yield from self._arrivals("firing", "group_wait")
        self.delay = self.last - fired

    def mending(self) -> Iterator[Step]:
        """Mend it, and give each step of the way back. Raises Stuck."""
        stage, story = self.stage, self.story
        yield Step(0.0, "you", story.mended)
        self._act(story.mend)
        if story.verdict:
            yield self._verdict("healthy", up=1, waits="rise: 2 good runs in a row")
        notice = self._until(lambda: self._heard("resolved"), f"{story.alert} is resolved")[0]
        back = said("looks back", story.looks_back, stage.factor)
        yield self._step(notice.ended, "Prometheus", f"{story.alert} is over", back)
        yield from self._arrivals("resolved", "group_interval")

    def _act(self, act: Callable[[Stage], object]) -> None:
        self.began, self.last = time.time(), 0.0
        act(self.stage)

    def _verdict(self, status: str, *, up: int, waits: str) -> Step:
        name = self.story.verdict

        def decided() -> bool:
            found = self.stage.daemon.metrics()
            (value,) = [v for k, v in found.items() if k.startswith(f'stack_component_up{{component="{name}"')]
            return value == up

        self._until(decided, f"{name} is {status}")
        return self._step(time.time(), "stack-exporter", f"{name} is {status}", waits)

    def _arrivals(self, status: str, waits: str) -> Iterator[Step]:
        for receiver in self.story.receivers:
            said_so = f"{receiver} is told that {self.story.alert} is {status}"
            arrived = self._until(partial(self._heard, status, receiver=receiver), said_so)[0]
            what = arrived.annotations["summary"] if status == "firing" else f"resolved: {self.story.alert}"
            wait = said(waits, routed(receiver)[waits], self.stage.factor)
            yield self._step(arrived.at, f"to {receiver}", what, wait)

    def others(self) -> list[str]:
        """What else people were told of since the fault."""
        told = [one for one in self.stage.engines.notified.notices if one.at >= self.began]
        names = {one.name for one in told if one.receiver not in ("history", "dead-mans-switch")}
        return sorted(names - {self.story.alert})

    def _heard(self, status: str, **receiver: str) -> list[Notice]:
        return self.stage.engines.notified.of(self.story.alert, status, self.began, **self.story.labels, **receiver)

    def _active(self) -> Any:
        """The alert as Prometheus has it, pending or firing."""
        return next((one for one in self.stage.engines.alerts() if self._is(one["labels"])), None)

    def _taken(self) -> Any:
        """The alert as Alertmanager has it."""
        path = f"/api/v2/alerts?filter={quote(f'alertname={self.story.alert}')}"
        found = self.stage.engines.alertmanager.get(path).json()
        return next((one for one in found if self._is(one["labels"])), None)

    def _is(self, labels: dict[str, str]) -> bool:
        return self.labels.items() <= labels.items()

    def _step(self, at: float, who: str, what: str, waits: str = "") -> Step:
        self.last = max(self.last, at - self.began)
        return Step(self.last, who, what, waits)

    def _until(self, happened: Callable[[], Any], what: str) -> Any:
        end = time.monotonic() + self.patience
        while True:
            try:
                if found := happened():
                    return found
            except (OSError, HTTPException):
                pass
            if time.monotonic() > end:
                raise Stuck(f"not within {self.patience:.0f} s: {what}")
            time.sleep(LOOK)


def _seconds(written: str) -> float:
    """Unix time."""
    return datetime.fromisoformat(written).timestamp()
