"""What kustomize makes of an overlay. `python -m tests.kubernetes.building` writes what is committed of it anew."""

import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.tree import ROOT

Object = dict[str, Any]

FOLDER = ROOT / "deploy" / "kubernetes"
OVERLAYS = sorted(path.name for path in (FOLDER / "overlays").iterdir())
WHOLE = ("central", "replicas", "sidecar")
"""Whose objects are committed; those of the others are files that are there already."""
COMMITTED = Path(__file__).parent / "built"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@functools.cache
def text(overlay: str, folder: Path = FOLDER) -> str:
    """As `kubectl apply -k` would send it."""
    kubectl = Path(sys.executable).with_name("kubectl")
    command = [kubectl, "kustomize", folder / "overlays" / overlay]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


@functools.cache
def _parsed(overlay: str) -> tuple[Object, ...]:
    return tuple(yaml.load_all(text(overlay), LOADER))


def objects(overlay: str) -> list[Object]:
    """The objects; they are shared, so a test that changes one copies it before."""
    return list(_parsed(overlay))


def called(object_: Object) -> str:
    """Kind and name."""
    return f"{object_['kind']} {object_['metadata']['name']}"


def one(found: list[Object], kind: str, name: str) -> Object:
    (only,) = [each for each in found if called(each) == f"{kind} {name}"]
    return only


if __name__ == "__main__":
    for name in WHOLE:
        (COMMITTED / f"{name}.yaml").write_text(text(name))
