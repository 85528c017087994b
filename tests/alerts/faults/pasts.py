"""What is compared with six hours of the past, or has to last for hours: these are divided by more than those of others."""

import json
import os
import sqlite3
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from tests import servers
from tests.alerts.application import Events, repeating, say
from tests.alerts.fault import Scene, Steps, provokes
from tests.mounts import mounted
from tests.servers.exporters import Daemon

FACTOR = 120.0
"""What every duration is divided by: six hours are three minutes."""
PAST = 6 * 3600 / FACTOR
"""Seconds."""
KNOWN = PAST + 15
MIB = 1 << 20


@provokes(
    *("ErrorsSpiking/critical", "ErrorsSpiking/warning", "ErrorCodeSpiking/warning"),
    *("SecurityEventsSpiking/warning", "HttpClientErrorsHigh/warning"),
)
def a_service_breaks_that_never_did(scene: Scene) -> Steps:
    """The warning by a daemon without a critical threshold, since what is critical silences it."""
    warned = {"thresholds": {"error_spike": {"critical": "off"}}, "services": {"archive": {}}}
    with servers.daemon(json.dumps(warned), check=False) as other:
        yield {"services": {"archive": {}}, "scraped": {"of-another-archive": [f"127.0.0.1:{other.port}"]}}
        assert scene.daemon is not None
        daemons = (scene.daemon, other)
        with repeating(lambda _: _say(daemons, _asked(200))):
            time.sleep(KNOWN)
        errors: Events = [{"type": "error", "exception": "Torn", "message": "page", "code": "E42"}] * 10
        wrong: Events = [{"type": "security", "name": "permission_denied", "severity": "low"}] * 10
        with repeating(lambda _: _say(daemons, [*errors, *wrong, *_asked(404)])):
            yield None
        with repeating(lambda _: _say(daemons, _asked(200))):
            yield None


def _asked(status: int) -> Events:
    return [{"type": "request", "method": "GET", "route": "/plan", "status": status, "duration": 0.1}] * 20


def _say(daemons: tuple[Daemon, ...], events: Events) -> None:
    for daemon in daemons:
        say(daemon, [event | {"service": "archive"} for event in events])


@provokes("StorageFullSoon/warning")
def a_disk_fills_slowly(scene: Scene) -> Steps:
    with mounted(scene.folder / "slowly", "tmpfs", "size=32m") as folder:
        yield {"components": {"disk_slowly": {"kind": "disk", "path": str(folder)}}}
        file = folder / "filling"
        file.write_bytes(b"x" * (17 * MIB))
        with repeating(lambda _: _append(file, b"x" * (MIB // 64))):
            time.sleep(KNOWN)
            yield None
        file.unlink()
        yield None


def _append(file: Path, more: bytes) -> None:
    with file.open("ab") as filling:
        filling.write(more)


@provokes("StorageUsageUnknown/warning", "SqliteCheckIncomplete/warning")
def nobody_can_add_up_or_check(scene: Scene) -> Steps:
    """A directory can't be read, and a file is so large that no check of it ends in time."""
    plans, broken, parts = scene.folder / "plans", scene.folder / "broken", scene.folder / "parts.db"
    plans.mkdir()
    broken.mkdir()
    link = scene.folder / "link"
    _lead(link, plans)
    with (
        closing(sqlite3.connect(parts, isolation_level=None, check_same_thread=False)) as database,
        ExitStack() as stack,
    ):
        database.execute("CREATE TABLE parts (n INTEGER, name TEXT)")
        database.execute("CREATE INDEX names ON parts (name)")
        walked: dict[str, Any] = {"path": str(link), "quota": "1GiB", "walk_interval": "1s"}
        checked = {"path": str(parts), "check_interval": "1s", "check_timeout": "50ms"}
        yield {
            "components": {
                "plans": {"kind": "disk", **walked},
                "parts_of_plans": {"kind": "sqlite", **checked},
            }
        }
        # Input/output error, whatever one asks of it.
        unreadable = stack.enter_context(mounted(broken / "unreadable", "fuse", "5"))
        _lead(link, unreadable.parent)
        many = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 400000)"
        database.execute(f"{many} INSERT INTO parts SELECT n, hex(randomblob(20)) FROM c")
        yield None
        _lead(link, plans)
        database.execute("DELETE FROM parts")
        database.execute("VACUUM")
        yield None


def _lead(link: Path, to: Path) -> None:
    new = link.with_suffix(".new")
    new.symlink_to(to)
    os.replace(new, link)
