"""The image, built from the Dockerfile without an engine: buildah's chroot isolation, on a Debian that mmdebstrap makes."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.tree import ROOT

PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
"""What the Dockerfile asks of its base; python:3.11-slim, its default, has them too."""
BASE, NAME = "localhost/base:test", "localhost/stack-exporter:test"
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
FOLLOWED = ("index-url", "extra-index-url", "cert", "trusted-host", "proxy", "timeout")
"""Settings of this machine's pip that say where packages come from, unless that is a folder of this machine."""


@dataclass(frozen=True)
class Image:
    root: Path
    """Its file system, unpacked."""
    config: dict[str, Any]
    size: int
    base_size: int

    @property
    def environ(self) -> dict[str, str]:
        return dict(one.split("=", 1) for one in self.config["Env"])


def built(folder: Path) -> Image:
    """Build it, which takes two minutes, most of which are downloads; all of it is in the folder."""
    base = debian(folder / "base.tar", PACKAGES)
    # vfs copies layers where overlayfs would need what not every machine allows.
    store = ["--root", str(folder / "storage"), "--runroot", str(folder / "run"), "--storage-driver", "vfs"]

    def buildah(verb: str, *args: str, timeout: float = 300) -> str:
        return _run("buildah", *store, verb, *args, timeout=timeout).strip()

    container = buildah("from", "scratch")
    buildah("add", container, str(base), "/")
    buildah("commit", "--quiet", container, BASE)
    mounts = [f"--volume={path}:{inside}:ro" for inside, path in _pip(folder).items()]
    how = ["--isolation=chroot", "--network=host", "--format=docker", "--pull-never", f"--build-arg=BASE={BASE}"]
    buildah("bud", *how, *mounts, f"--tag={NAME}", str(ROOT), timeout=900)
    sizes = {name: one["size"] for one in json.loads(buildah("images", "--json")) for name in one["names"] or []}
    root = buildah("mount", buildah("from", "--pull-never", NAME))
    config = json.loads(buildah("inspect", "--type", "image", NAME))["Docker"]["config"]
    return Image(Path(root), config, _bytes(sizes[NAME]), _bytes(sizes[BASE]))


def debian(target: Path, packages: str) -> Path:
    """A Debian 12 with these packages and little else: a folder, or an archive if that is what its name says."""
    command = [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        f"--include={packages}",
        "bookworm",
        str(target),
        _mirror(),
    ]
    _run(*command, timeout=600)
    return target


def _mirror() -> str:
    """Of Debian, the one that this machine uses."""
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"]
    found = _run(*asked, "Label: Debian", timeout=60).split()
    assert found, "apt has no source of Debian's own packages"
    return found[0]


def _pip(folder: Path) -> dict[str, Path]:
    """What to mount so that pip finds packages as it does here: path inside -> path of ours. The image has none of it."""
    settings = {"cert": str(AUTHORITIES)}
    for line in _run(sys.executable, "-m", "pip", "config", "list", timeout=60).splitlines():
        key, _, value = line.partition("=")
        name, words = key.rpartition(".")[2], value.strip("'\"").replace("\\n", " ").split()
        if name in FOLLOWED and (words := [word for word in words if not word.startswith("file:")]):
            settings[name] = " ".join(words)
    file = folder / "pip.conf"
    file.write_text("[global]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))
    return {"/etc/pip.conf": file, settings["cert"]: Path(settings["cert"])}


def _bytes(written: str | int) -> int:
    """Of `403 MB`, as buildah writes it."""
    number, _, unit = str(written).partition(" ")
    return round(float(number) * {"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9}[unit.upper()])


def _run(program: str, *args: str, timeout: float) -> str:
    assert shutil.which(program), f"{program} is not installed: make image-test installs it"
    done = subprocess.run([program, *args], capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, f"{program} {' '.join(args)}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout
