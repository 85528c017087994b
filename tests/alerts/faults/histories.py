"""What is known only over time: that alerts were false, and that a Prometheus holds more and more series."""

import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import yaml

from tests import hostile, servers
from tests.alerts.application import JSON
from tests.alerts.fault import Scene, Steps, provokes
from tests.alerts.faults.monitoring import TOKEN, notify
from tests.alerts.twice import both, twice
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

ADMIN = "a-token-of-the-test"


@provokes(*twice("FalseAlarmsMany"), imitated=True)
def a_fifth_of_the_alerts_is_false(scene: Scene) -> Steps:
    """The history is told of alerts as by Alertmanager; a week in which more come that are true can't be waited for."""
    with ExitStack() as stack:
        daemons = [stack.enter_context(_historian(severity)) for severity in ("warning", "critical")]
        jobs = ("doubted", "much-doubted")
        yield {"scraped": {job: [f"127.0.0.1:{one.port}"] for job, one in zip(jobs, daemons, strict=True)}}
        for daemon in daemons:
            _tell(daemon, "Doubtful", 25)
            for alert in _known(daemon)[:5]:
                body = json.dumps({"false_alarm": True}).encode()
                headers = JSON | {"Authorization": f"Bearer {ADMIN}"}
                assert daemon.post(f"/api/v1/alerts/{alert['id']}/resolve", body, headers).status == 200
        yield None
        for daemon in daemons:
            _tell(daemon, "True", 200)
        yield None


@contextmanager
def _historian(severity: str) -> Iterator[Daemon]:
    limits = {"false_alarms": {"warning": "off", "critical": "off"} | {severity: "10%"}}
    config = {"alertmanager": {"token": TOKEN}, "web": {"admin_tokens": [ADMIN]}, "thresholds": limits}
    with servers.daemon(json.dumps(config), check=False) as daemon:
        yield daemon


def _tell(daemon: Daemon, name: str, times: int) -> None:
    for number in range(times):
        notify(daemon, f"{name}{number}", began=1)


def _known(daemon: Daemon) -> list[dict[str, str]]:
    def found() -> list[dict[str, str]] | None:
        told = daemon.get("/api/v1/alerts?limit=50", {"Authorization": f"Bearer {ADMIN}"}).json()["data"]
        return told if len(told) >= 25 else None

    known: list[dict[str, str]] = wait_until(found, 20, "the history has the alerts")
    return known


@provokes(*twice("PrometheusSeriesMany"))
def a_prometheus_holds_too_much(scene: Scene) -> Steps:
    """Something shows a label without bounds. What is held goes after two hours, or when who has mended it starts anew."""
    text = "".join(f'visits{{visitor="{number}"}} 1\n' for number in range(5000)).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"

    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(head % len(text) + text)

    with ExitStack() as stack:
        shop = stack.enter_context(hostile.serving(answer))
        told = stack.enter_context(servers.alertmanager("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"))
        config = {"alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{told.port}"]}]}]}}
        server = stack.enter_context(servers.prometheus(yaml.safe_dump(config), "--web.enable-lifecycle"))
        asked = {"kind": "prometheus", "url": server.url}
        yield {"components": both("much_held", asked, {"series": 3000})}
        file = server.folder / "prometheus.yml"
        scraped = {"job_name": "shop", "scrape_interval": "1s", "static_configs": [{"targets": [shop.address]}]}
        file.write_text(yaml.safe_dump(config | {"scrape_configs": [scraped]}))
        assert server.post("/-/reload").status == 200
        yield None
        server.stop()
        file.write_text(yaml.safe_dump(config))
        shutil.rmtree(server.folder / "data")
        server.start()
        yield None
