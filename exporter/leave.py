"""How the process ends: at once, with what was said flushed; and with which status."""

import os
import sys
from contextlib import suppress
from typing import NoReturn

REFUSED = 2
"""Exit status for what the user has to mend: arguments, configuration, addresses, the folder for state."""


def leave(status: int) -> NoReturn:
    """End at once: a probe stuck in a thread must not hold up the process."""
    for stream in (sys.stdout, sys.stderr):
        # Whoever read it has gone; or a signal came while it was being written.
        with suppress(OSError, RuntimeError):
            stream.flush()
    if (logging := sys.modules.get("logging")) is not None:
        logging.shutdown()
    os._exit(status)


def refuse(why: object) -> int:
    """Say why nothing was done; gives the exit status."""
    print(f"stack-exporter: {why}", file=sys.stderr)  # noqa: T201 - read by people
    return REFUSED
