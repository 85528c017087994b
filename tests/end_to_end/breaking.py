"""One component is broken and mended while the daemon runs, and what each scrape says of it meanwhile."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

SLACK = 0.3
"""Seconds that our own polling may add."""


@dataclass(frozen=True)
class Pace:
    """As the configuration has it."""

    interval: float
    timeout: float
    rise: int
    fall: int

    @property
    def defaults(self) -> str:
        times = f"interval: {self.interval * 1000:.0f}ms, timeout: {self.timeout * 1000:.0f}ms"
        return f"{{{times}, rise: {self.rise}, fall: {self.fall}}}"


@dataclass(frozen=True)
class Case:
    """How a component is broken and mended, and the reason that it then has."""

    break_: Callable[[], object]
    mend: Callable[[], object]
    reason: str = "refused"


@dataclass(frozen=True)
class Moment:
    """What one scrape says of a component, and when."""

    at: float
    success: float
    up: float
    bad_runs: float
    good_runs: float


def look(daemon: Daemon, name: str) -> Moment:
    found = daemon.get(f"/metrics?component={name}").text
    lines = dict(line.rpartition(" ")[::2] for line in found.splitlines() if not line.startswith("#"))
    series = {key: float(value) for key, value in lines.items()}

    def total(metric: str, *having: str) -> float:
        return sum(v for key, v in series.items() if key.startswith(metric + "{") and all(h in key for h in having))

    return Moment(
        time.monotonic(),
        total("stack_probe_success"),
        total("stack_component_up"),
        total("stack_probe_runs_total", 'result="unhealthy"'),
        total("stack_probe_runs_total", 'result="healthy"') + total("stack_probe_runs_total", 'result="degraded"'),
    )


def follow(daemon: Daemon, name: str, until: Callable[[Moment], bool], timeout: float = 15.0) -> list[Moment]:
    seen = [look(daemon, name)]
    end = time.monotonic() + timeout
    while not until(seen[-1]):
        assert time.monotonic() < end, seen[-5:]
        time.sleep(0.03)
        seen.append(look(daemon, name))
    return seen


def falls(daemon: Daemon, name: str, case: Case, pace: Pace) -> None:
    """Break it: that shows at once, and the verdict follows after as many bad runs as it should."""
    wait_until(lambda: look(daemon, name).up == 1 and look(daemon, name).success == 1)
    began = look(daemon, name)
    broken = time.monotonic()
    # Aside, because a server that is killed is waited for, and what happens meanwhile is the point.
    breaking = threading.Thread(target=case.break_)
    breaking.start()
    down = follow(daemon, name, lambda moment: moment.up == 0)
    breaking.join()
    first = next(moment for moment in down if moment.success == 0)
    # The next run begins within an interval and lasts at most its deadline.
    assert first.at - broken <= pace.interval + pace.timeout + SLACK
    assert {m.up for m in down if m.bad_runs - began.bad_runs < pace.fall} == {1}
    assert down[-1].bad_runs - began.bad_runs >= pace.fall
    shown = daemon.get(f"/health/{name}").json()["data"]
    assert (shown["status"], shown["reason"]) == ("unhealthy", case.reason)


def rises(daemon: Daemon, name: str, case: Case, pace: Pace) -> None:
    """Mend it: the same the other way round."""
    bad = look(daemon, name)
    case.mend()
    started = time.monotonic()
    up = follow(daemon, name, lambda moment: moment.up == 1)
    first_good = next(moment for moment in up if moment.success == 1)
    assert first_good.at - started <= pace.interval + pace.timeout + SLACK
    assert {m.up for m in up if m.good_runs - bad.good_runs < pace.rise} <= {0}
    assert up[-1].good_runs - bad.good_runs >= pace.rise
