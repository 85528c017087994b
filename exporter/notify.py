"""Tells systemd when the daemon is ready, reloads and stops, and that it lives: sd_notify(3)."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

log = logging.getLogger(__name__)

PATIENCE = 1.0
"""Seconds for a socket that is full; systemd reads it as long as it runs."""
OFTEN = 0.01
"""Seconds between two signs of life, at least, whatever is asked."""


class Notify:
    """Says nothing where nobody asked, which is everywhere but under systemd."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        given = environ.get("NOTIFY_SOCKET", "")
        # @ stands for the zero byte with which an abstract socket's name begins; vsock: is of virtual machines.
        self._address = f"\0{given[1:]}" if given.startswith("@") else given if given.startswith("/") else ""
        self._watchdog = _microseconds(environ) / 1e6 if self._address else 0.0
        # Kept: whoever has run out of descriptors by then can say that it lives all the same.
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if self._address else None
        if self._socket:
            self._socket.settimeout(PATIENCE)

    def ready(self, status: str) -> None:
        """It has started, or it has reloaded, well or not; the status is what `systemctl status` shows."""
        self._say("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """Until `ready`. With the time, without which systemd 253 does not take it of a Type=notify-reload."""
        self._say("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        self._say("STOPPING=1", "STATUS=finishing what is under way")

    async def watchdog(self, ailments: Callable[[], Sequence[str]]) -> None:
        """Say that it lives, as often as asked, while nothing ails it. That this runs shows that the loop turns."""
        ailed = False
        while self._watchdog:
            found = ailments()
            if not found:
                self._say("WATCHDOG=1")
            elif not ailed:
                log.error(
                    "not alive: systemd is not told otherwise, and starts it anew", extra={"ailments": list(found)}
                )
            ailed = bool(found)
            await asyncio.sleep(max(OFTEN, self._watchdog / 2))

    def close(self) -> None:
        """Nothing is said after it."""
        if self._socket:
            self._socket.close()
            self._socket = None

    def _say(self, *lines: str) -> None:
        # Whoever does not hear it has gone; the daemon goes on.
        with suppress(OSError):
            if self._socket:
                self._socket.sendto("\n".join(lines).encode(), self._address)


def _microseconds(environ: Mapping[str, str]) -> int:
    """Within which it is to say that it lives; 0 when that is asked of nobody, or of another process."""
    asked, of = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    mine = not of or of == str(os.getpid())
    return int(asked) if mine and asked.isascii() and asked.isdigit() and len(asked) < 20 else 0
