"""Each fault is made, its alerts arrive where their routes lead, it is mended, and they are resolved.

Everything is real: the daemon, what it watches, Prometheus with the rules that are shipped, Alertmanager with the routes
that are shipped. Every duration in rules and routes is divided by FACTOR, and nothing else is changed. `-k NAME` makes
that fault alone. With ALERTS_SEEN=FILE in the environment, what was seen is written there (see seen.py).
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.alerts import seen, wave
from tests.alerts.fault import Fault, found
from tests.alerts.faults import pasts
from tests.alerts.wave import Wave

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("every_alert"), pytest.mark.timeout(900)]

WAVES = {
    "applications": ("applications", "errors", "heartbeats", "logfiles", "slos", "tasks"),
    "databases": ("cache_states", "caches", "databases", "mariadb", "mongodb", "schemas"),
    "pasts": ("pasts",),
    "workers": ("brokers", "clusters", "hosts", "storage", "waiting", "workers"),
}
"""Faults that are made side by side, by their modules; all others are a wave too. More than these outrun two cores."""
FACTORS = {"pasts": pasts.FACTOR}
"""What durations are divided by in a wave, if not by what they are in all others."""
BUSY = {"ComponentSlow", "ExporterLoopLag"}
"""What fires where nothing is broken but the machine is busy with something else."""


def wave_of(fault: Fault) -> str:
    if fault.quick:
        return "a quick one"
    if fault.alone:
        return fault.name
    return next((name for name, modules in WAVES.items() if fault.subject in modules), "the rest")


FAULTS = sorted(found(), key=wave_of)


@dataclass
class Waves:
    """Each is run when one of its faults is asked for, with those of its faults that are tested."""

    chosen: list[Fault]
    folder: Path
    done: dict[str, Wave] = field(default_factory=dict)

    def of(self, fault: Fault) -> Wave:
        name = wave_of(fault)
        if name not in self.done:
            together = [one for one in self.chosen if wave_of(one) == name]
            self.done[name] = wave.run(together, self.folder / name.replace(" ", "-"), FACTORS.get(name, wave.FACTOR))
            print(f"\n{name}: {wave.spent():.0f} s of a core so far\n" + seen.table(self.done[name].told))
        return self.done[name]


@pytest.fixture(scope="module")
def waves(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waves]:
    """Of the faults that are to be tested."""
    params = [getattr(item, "callspec", None) for item in request.session.items]
    chosen = [one for one in FAULTS if any(p is not None and p.params.get("fault") is one for p in params)]
    made = Waves(chosen, tmp_path_factory.mktemp("alerts"))
    yield made
    if file := os.environ.get("ALERTS_SEEN"):
        passed = (told for one in made.done.values() for told in one.told if not wrong_with(one, told.fault))
        seen.write(Path(file), list(passed))


def wrong_with(ran: Wave, fault: Fault) -> object:
    """What did not happen though it should, or did though nothing was broken."""
    return ran.wrong[fault.name] or {one for one in ran.noise if one[0] not in BUSY}


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(one, id=f"{one.subject}-{one.name}", marks=[] if one.quick else [pytest.mark.slow])
        for one in FAULTS
    ],
)
def test_a_fault_is_told_where_its_route_leads_and_told_again_when_it_is_mended(waves: Waves, fault: Fault) -> None:
    wrong = wrong_with(waves.of(fault), fault)
    assert not wrong, wrong
