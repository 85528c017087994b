"""Can logs be followed, and if not, why?"""

import os
from pathlib import Path

from exporter.probe import Down
from exporter.probes._log_names import Listing
from exporter.probes._log_settings import Files


def check(files: Files, found: Listing, seen: OSError | None) -> None:
    """Raises Down for what can't be followed; `seen` is what reading met."""
    error = seen or (None if found.live else found.error)
    if error is not None:
        raise Down(*told(error, files.path))
    if found.odd and not found.live:
        raise Down("not_a_file", f"{found.odd[0]} is a directory, a device or a socket")
    if not found.live and files.required:
        raise Down("missing", f"no file is there: {files.path}")
    for one in found.live:
        if not os.access(one.path, os.R_OK, effective_ids=True) and Path(one.path).exists():
            raise Down("permission", f"{one.path} may not be read")


def told(error: OSError, path: str) -> tuple[str, str]:
    """Its reason, and what to say of it."""
    reason = "permission" if isinstance(error, PermissionError) else "io"
    return reason, f"{error.filename or path}: {error.strerror or error}"[:200]
