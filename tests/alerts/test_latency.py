"""How long it takes from the moment when a series crosses its threshold until a receiver is told (FH-4).

What is configured to be waited for is left out: until the next scrape, until the rules are next evaluated, Alertmanager's
group_wait. Security events alert at once (`for: 0s`), and each service is a group of its own.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from exporter.values import duration
from tests import servers
from tests.alerts.engines import TOKEN, Engines, engines
from tests.alerts.fault import Scene
from tests.servers.exporters import Daemon
from tests.servers.generations import generation
from tests.servers.process import wait_until

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("notification_latency")]
SCRAPE = EVALUATION = 0.5
FACTOR = 20.0
ALERTS = 30
LIMIT = 1.0


@dataclass
class Told:
    daemon: Daemon
    engines: Engines
    beyond: list[float]
    """Seconds beyond the configured waits, of each alert."""


@pytest.fixture(scope="module", params=["system", pytest.param("trixie", marks=pytest.mark.slow)])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    programs = generation(request.param)
    folder: Path = tmp_path_factory.mktemp("latency")
    with servers.daemon(f"service: shop\nalertmanager: {{token: {TOKEN}}}\n") as daemon:
        with engines(
            folder,
            {"stack-exporter": [f"127.0.0.1:{daemon.port}"]},
            factor=FACTOR,
            only=("security", "monitoring"),
            scrape=f"{SCRAPE * 1000:.0f}ms",
            evaluation=f"{EVALUATION * 1000:.0f}ms",
            hook=f"{daemon.url}/hooks/alertmanager",
            prometheus=programs.prometheus,
            alertmanager=programs.alertmanager,
        ) as started:
            wait_until(lambda: started.notified.of("Watchdog"), 60, "the watchdog barks")
            scene = Scene(folder, daemon)
            crossed = {}
            for number in range(ALERTS):
                service = f"service-{number}"
                scene.event(type="security", name="permission_denied", severity="critical", service=service)
                crossed[service] = time.time()
                time.sleep(0.1)
            beyond = []
            for service, at in crossed.items():
                notice = started.notified.wait("SecurityEventCritical", service=service)
                beyond.append(notice.at - at - SCRAPE - EVALUATION - _group_wait(started, notice.receiver))
            yield Told(daemon, started, beyond)


def test_a_receiver_is_told_within_a_second_of_the_configured_waits(told: Told) -> None:
    print(f"beyond the waits, s: median {sorted(told.beyond)[ALERTS // 2]:.3f}, most {max(told.beyond):.3f}")
    assert max(told.beyond) < LIMIT


def test_how_long_it_took_is_a_histogram(told: Told) -> None:
    name = "stack_alert_notification_latency_seconds"
    wait_until(lambda: told.daemon.metrics().get(f'{name}_count{{severity="critical"}}', 0) >= ALERTS)
    found = told.daemon.metrics()
    within = found[f'{name}_bucket{{severity="critical",le="2.5"}}']
    assert within >= ALERTS


def _group_wait(engines: Engines, receiver: str) -> float:
    """What the route to a receiver waits for more."""
    config = yaml.safe_load((engines.alertmanager.folder / "alertmanager.yml").read_text())

    def waits(route: dict, above: str) -> Iterator[tuple[str, str]]:
        wait = route.get("group_wait", above)
        yield route.get("receiver", ""), wait
        for below in route.get("routes", ()):
            yield from waits(below, wait)

    written = dict(waits(config["route"], "30s"))[receiver]
    return duration(written)
