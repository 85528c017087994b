"""Both generations of Prometheus and Alertmanager that rules must hold on: this machine's, and Debian trixie's (`debian`)."""

import fcntl
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.tree import ROOT

NAMES = ("system", "trixie")
"""`system`: what `make packages` installed (2.42 and 0.25 on Debian 12); `trixie`: 2.53 and 0.28."""
FOLDER = Path(sys.prefix, "trixie")


@dataclass(frozen=True, slots=True)
class Generation:
    """Paths of programs; `servers.prometheus` and `servers.alertmanager` take them as `program`."""

    name: str
    prometheus: str
    promtool: str
    alertmanager: str
    amtool: str


def generation(name: str) -> Generation:
    """That of NAMES; trixie's is fetched into the virtual environment when it is not there yet (6 s)."""
    folder = None
    if name == "trixie":
        FOLDER.parent.mkdir(parents=True, exist_ok=True)
        with Path(f"{FOLDER}.lock").open("w") as lock:  # workers begin at once
            fcntl.flock(lock, fcntl.LOCK_EX)
            subprocess.run([str(ROOT / "scripts" / "trixie.sh"), str(FOLDER)], check=True, timeout=100)
        folder = str(FOLDER / "usr" / "bin")
    programs = ("prometheus", "promtool", "prometheus-alertmanager", "amtool")
    found = {program: shutil.which(program, path=folder) for program in programs}
    missing = [program for program, path in found.items() if path is None]
    assert not missing, f"{', '.join(missing)}: not installed: make packages"
    return Generation(name, *(str(path) for path in found.values()))
