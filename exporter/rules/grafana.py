"""stack-exporter dashboards: the packaged ones into a folder, as Grafana or as the sidecar of its chart takes them."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from exporter.leave import refuse
from exporter.rules.folder import Unfit, put
from exporter.rules.kubernetes import config_map
from exporter.rules.link import EXPORTER, checked
from exporter.rules.shipped import dashboards


def files(exporter_url: str, *, kubernetes: bool) -> dict[str, str]:
    """Each file's name and text; byte for byte the packaged ones without changes. Raises Unfit."""
    url = checked("--exporter-url", exporter_url)
    found = {}
    for path in sorted(dashboards().glob("stack-*.json")):
        # In the text, so that nothing else of it changes; the address can hold nothing that JSON would escape.
        text = path.read_bytes().decode().replace(EXPORTER, url)
        found[f"{path.stem}.yml" if kubernetes else path.name] = config_map(path.stem, text) if kubernetes else text
    return found


def write(folder: Path, exporter_url: str, *, kubernetes: bool, force: bool) -> int:
    """Write them; the exit status. A file that is there and differs is left alone, with all others, without `force`."""
    try:
        made = files(exporter_url, kubernetes=kubernetes)
        if not made:
            return refuse(f"{dashboards()}: no dashboards there: the installation is not whole")
        same = put(folder, made, force=force)
    except Unfit as error:
        return refuse(error)
    _say(folder, made, same)
    if exporter_url == EXPORTER:
        _print(f"links to stack-exporter lead to {EXPORTER}; --exporter-url=URL changes that")
    _print(f"next:  {_next(folder, kubernetes=kubernetes)}")
    return 0


def _say(folder: Path, made: Mapping[str, str], same: frozenset[str]) -> None:
    titles = {path.stem: json.loads(path.read_bytes())["title"] for path in dashboards().glob("stack-*.json")}
    width = max(map(len, made))
    for name in made:
        _print(f"  {name.ljust(width)}  {titles[Path(name).stem]}{', there already' if name in same else ''}")
    _print(f"{len(made)} files in {folder}")


def _next(folder: Path, *, kubernetes: bool) -> str:
    if kubernetes:
        # By the server: the client would put each object into an annotation of itself, which has 256 KiB at most.
        return f"kubectl apply --server-side -f {folder}  (in the namespace where Grafana's sidecar looks)"
    return f"a provider of Grafana's with path: {folder.absolute()}, or import each by hand (Dashboards, New, Import)"


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
