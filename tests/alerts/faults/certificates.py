"""Certificates that nobody renews."""

import os
import shutil
from pathlib import Path

from tests.alerts.fault import Scene, Steps, provokes
from tests.certificates import expired, pair


@provokes(
    "CertificateExpiring/warning",
    "CertificateExpiring/critical",
    "CertificateExpired/critical",
    quick=True,
)
def certificates_run_out(scene: Scene) -> Steps:
    files = {
        name: scene.folder / f"{name}.pem" for name in ("certificate_old", "certificate_ending", "certificate_ended")
    }
    for file in files.values():
        _put(pair().certificate, file)
    yield {"components": {name: {"kind": "certificate", "files": [str(file)]} for name, file in files.items()}}
    for file, worse in zip(files.values(), (pair(ends=10), pair(ends=2), expired()), strict=True):
        _put(worse.certificate, file)
    yield None
    for file in files.values():
        _put(pair().certificate, file)
    yield None


def _put(certificate: Path, file: Path) -> None:
    """In one step, as certbot does: the probe never sees half of it."""
    new = file.with_suffix(".new")
    shutil.copy(certificate, new)
    os.replace(new, file)
