"""stack-exporter rules: the packaged alert rules into a folder, as Prometheus or as Prometheus Operator takes them."""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from exporter.leave import refuse
from exporter.rules.divide import divided
from exporter.rules.folder import Unfit, put
from exporter.rules.kubernetes import prometheus_rule
from exporter.rules.link import EXPORTER, GRAFANA, checked
from exporter.rules.shipped import alert_rules


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to differ from the packaged files."""

    kubernetes: bool = False
    exporter_url: str = EXPORTER
    grafana_url: str = GRAFANA
    divide: str = "1"


def files(changes: Changes) -> dict[str, str]:
    """Each file's name and text; byte for byte the packaged ones without changes. Raises Unfit."""
    links = {
        EXPORTER: checked("--exporter-url", changes.exporter_url),
        GRAFANA: checked("--grafana-url", changes.grafana_url),
    }
    # In one pass: one of them may lead to where the other led.
    place = re.compile("|".join(map(re.escape, links)))
    factor = _factor(changes.divide)
    found = {}
    for path in sorted(alert_rules().glob("*.yml")):
        # As bytes: reading as text would turn another system's line ends into our own.
        text = path.read_bytes().decode()
        text = divided(place.sub(lambda match: links[match[0]], text), factor)
        found[path.name] = prometheus_rule(path.stem, text) if changes.kubernetes else text
    return found


def write(folder: Path, changes: Changes, *, force: bool) -> int:
    """Write them; the exit status. A file that is there and differs is left alone, with all others, without `force`."""
    try:
        made = files(changes)
        if not made:
            return refuse(f"{alert_rules()}: no rule files there: the installation is not whole")
        same = put(folder, made, force=force)
    except Unfit as error:
        return refuse(error)
    _say(folder, made, same, changes)
    return 0


def _factor(text: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = 0
    if not 0 < factor <= 1e6:
        raise Unfit("--divide-durations: is a number above 0 and up to 1000000, such as 60: minutes become seconds")
    return factor


def _say(folder: Path, made: Mapping[str, str], same: frozenset[str], changes: Changes) -> None:
    width = max(map(len, made))
    for name, text in made.items():
        alerts = sum(line.lstrip().startswith("- alert:") for line in text.splitlines())
        records = sum(line.lstrip().startswith("- record:") for line in text.splitlines())
        held = ", ".join(_many(n, what) for n, what in ((alerts, "alert"), (records, "recording rule")) if n)
        _print(f"  {name.ljust(width)}  {held}{', there already' if name in same else ''}")
    _print(f"{len(made)} files in {folder}")
    for place, url, flag in (
        (EXPORTER, changes.exporter_url, "--exporter-url"),
        (GRAFANA, changes.grafana_url, "--grafana-url"),
    ):
        if url == place:
            _print(f"links lead to {place}; {flag}=URL changes that")
    if changes.kubernetes:
        _print(f"next:  kubectl apply -f {folder}  (the labels must match the ruleSelector of your Prometheus object)")
        return
    everything = os.path.join(folder.absolute(), "*.yml")  # noqa: PTH118 - a pattern is no path
    _print(f"\nin prometheus.yml:\n  rule_files:\n    - {everything}")
    _print(f"next:  promtool check rules {folder}/*.yml, then let Prometheus reload (SIGHUP)")


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
