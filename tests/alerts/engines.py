"""Prometheus with the rules that are shipped, Alertmanager with the routes that are shipped, and where they lead to."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from exporter.rules.divide import divided
from tests import servers
from tests.servers.notified import Notified, notified
from tests.servers.telemetry import Alertmanager, Prometheus
from tests.tree import ROOT

RULES = ROOT / "alert_rules"
ROUTES = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"


@dataclass
class Engines:
    prometheus: Prometheus
    alertmanager: Alertmanager
    notified: Notified
    folder: Path

    def scrape(self, job: str, targets: Sequence[str]) -> None:
        """These alone are the job's targets, from seconds later on."""
        _put(self.folder, job, targets)

    def alerts(self) -> list[dict[str, Any]]:
        """Those that Prometheus has, pending ones too."""
        found: list[dict[str, Any]] = self.prometheus.get("/api/v1/alerts").json()["data"]["alerts"]
        return found


def routes(to: str, factor: float, hook: str = "") -> dict[str, Any]:
    """The shipped routes, whose receivers all are webhooks at `to`/NAME, with every wait divided.

    `hook`: the daemon's webhook, which then gets the history as it does in production.
    """
    found: dict[str, Any] = yaml.safe_load(divided(ROUTES.read_text(), factor))
    found.pop("templates", None)
    # It is office hours, whenever the test runs; what the hours do is tested in tests/alertmanager.
    never = [{"years": ["1970"]}]
    found["time_intervals"] = [
        one | {"time_intervals": never if one["name"] == "out-of-hours" else [{}]} for one in found["time_intervals"]
    ]
    found["global"] = {"resolve_timeout": found.get("global", {}).get("resolve_timeout", "5m")}
    for receiver in found["receivers"]:
        name = receiver["name"]
        resolved = {"send_resolved": True}
        ours = [one for one in receiver.get("webhook_configs", []) if "/hooks/alertmanager" in one.get("url", "")]
        receiver_configs: list[dict[str, Any]] = [{"url": f"{to}/{name}", **resolved}]
        if ours and hook:
            receiver_configs.append({"url": hook, **resolved, "http_config": {"authorization": {"credentials": TOKEN}}})
        receiver.clear()
        receiver.update(name=name, webhook_configs=receiver_configs)
    return found


def _put(folder: Path, job: str, targets: Sequence[str]) -> Path:
    """The file of a job's targets, written in one step."""
    file = folder / f"{job}.json"
    new = file.with_suffix(".new")
    new.write_text(json.dumps([{"targets": list(targets)}]))
    new.replace(file)
    return file


TOKEN = "the-token-of-alertmanager"


@contextmanager
def engines(
    folder: Path,
    scraped: Mapping[str, Sequence[str]],
    *,
    factor: float = 1.0,
    only: Sequence[str] = (),
    scrape: str = "250ms",
    evaluation: str = "500ms",
    hook: str = "",
    prometheus: str | None = None,
    alertmanager: str | None = None,
) -> Iterator[Engines]:
    """They run. `scraped`: targets by job; `factor`: what every duration in rules and routes is divided by.

    `only`: the subjects whose rules are evaluated; all, if there are none.
    """
    rules = folder / "rules"
    rules.mkdir()
    for file in (RULES / f"{subject}.yml" for subject in only) if only else RULES.glob("*.yml"):
        (rules / file.name).write_text(divided(file.read_text(), factor))
    with ExitStack() as stack:
        told = stack.enter_context(notified())
        routed = yaml.safe_dump(routes(told.url, factor, hook), sort_keys=False)
        second = stack.enter_context(servers.alertmanager(routed, program=alertmanager))
        config = {
            "global": {"scrape_interval": scrape, "scrape_timeout": scrape, "evaluation_interval": evaluation},
            "rule_files": [f"{rules}/*.yml"],
            "alerting": {
                "alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{second.port}"]}]}],
            },
            "scrape_configs": [
                {"job_name": job, "file_sd_configs": [{"files": [str(_put(folder, job, targets))]}]}
                for job, targets in scraped.items()
            ],
        }
        # What fires before Prometheus has found Alertmanager, some seconds after its start, is told when it is sent again.
        resend = f"--rules.alert.resend-delay={60_000 / factor:.0f}ms"
        first = stack.enter_context(servers.prometheus(yaml.safe_dump(config), resend, program=prometheus))
        yield Engines(first, second, told, folder)
