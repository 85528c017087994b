"""The way of a fault, from its beginning to the notification and back, each step as soon as it is seen."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.client import HTTPException

from demo.stage import Stage
from demo.story import Story

LOOK = 0.05
PATIENCE = 180.0
"""Seconds for one step; far more than any takes."""


@dataclass(frozen=True)
class Step:
    """What happened, who says so, and how many seconds after the fault was made, or mended."""

    after: float
    who: str
    what: str


class Stuck(Exception):
    """A step did not come."""


def breaking(stage: Stage, story: Story) -> Iterator[Step]:
    """Break it, and give each step of the way to the receiver. Raises Stuck."""
    before = stage.daemon.metrics()
    began = time.time()
    story.break_(stage)
    yield Step(0.0, "you", story.what)
    yield _step(began, "stack-exporter", story.noticed, lambda: story.sees(stage.daemon.metrics(), before))
    yield _step(began, "Prometheus", f"{story.alert} is pending or firing", lambda: _state(stage, story) != "")
    fires = _step(began, "Prometheus", f"{story.alert} fires", lambda: _state(stage, story) == "firing")
    arrived = list(_arrivals(stage, story, "firing", began))
    # It is looked for some times a second, and a notification may be quicker than that.
    yield replace(fires, after=min([fires.after, *(step.after for step in arrived)]))
    yield from arrived


def mending(stage: Stage, story: Story) -> Iterator[Step]:
    """Mend it, and give each step of the way back. Raises Stuck."""
    began = time.time()
    story.mend(stage)
    yield Step(0.0, "you", "mended")
    over = _step(began, "Prometheus", f"{story.alert} is over", lambda: _state(stage, story) == "")
    arrived = list(_arrivals(stage, story, "resolved", began))
    yield replace(over, after=min([over.after, *(step.after for step in arrived)]))
    yield from arrived


def _arrivals(stage: Stage, story: Story, status: str, began: float) -> Iterator[Step]:
    told = stage.engines.notified
    labels = dict(story.labels)
    _step(began, "", f"{story.alert} is {status}", lambda: told.of(story.alert, status, began, **labels))
    # Other receivers of the same alert are told in the same moment.
    time.sleep(0.5)
    seen = set()
    for one in told.of(story.alert, status, began, **labels):
        if one.receiver not in seen:
            seen.add(one.receiver)
            what = one.annotations.get("summary", "") if status == "firing" else "resolved"
            yield Step(one.at - began, f"receiver {one.receiver}", what)


def _step(began: float, who: str, what: str, happened: Callable[[], object]) -> Step:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            if happened():
                return Step(time.time() - began, who, what)
        except (OSError, HTTPException):
            pass
        if time.monotonic() > end:
            raise Stuck(f"not within {PATIENCE:.0f} s: {what}")
        time.sleep(LOOK)


def _state(stage: Stage, story: Story) -> str:
    wanted = {"alertname": story.alert, **story.labels}
    states = {one["state"] for one in stage.engines.alerts() if wanted.items() <= one["labels"].items()}
    return "firing" if "firing" in states else "pending" if states else ""
