"""What an installation brings along: the files of the wheel that is built of this tree."""

import functools
import os
import tempfile
import zipfile
from pathlib import Path

from hatchling import build

from tests.tree import ROOT


@functools.cache
def wheel() -> dict[str, bytes]:
    """Its files by their names; built once, as the working directory has to be the tree meanwhile."""
    here = Path.cwd()
    os.chdir(ROOT)
    try:
        with tempfile.TemporaryDirectory() as folder:
            name = build.build_wheel(folder)
            with zipfile.ZipFile(Path(folder, name)) as archive:
                return {inside: archive.read(inside) for inside in archive.namelist()}
    finally:
        os.chdir(here)
