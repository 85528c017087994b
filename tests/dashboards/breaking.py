"""What goes wrong in one night, all of it at once."""

import json
import os
import shutil
import signal
import sqlite3
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection, HTTPException

from tests import certificates
from tests.alerts.application import JSON, repeating
from tests.dashboards.envelope import RELEASES
from tests.dashboards.surroundings import ADMIN, CONNECTIONS, Surroundings, opened, revision
from tests.dashboards.traffic import Traffic
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

FIRING = frozenset(
    {
        "BruteForce",
        "CeleryWorkersNone",
        "CertificateExpiring",
        "ComponentDown",
        "DatabaseConnectionsHigh",
        "HttpErrorRateHigh",
    }
)
"""Alerts that are waited for."""
SUBJECTS = (
    *("certificates", "components", "databases", "errors", "exporter", "forwarding", "http", "security", "slo"),
    *("storage", "workers"),
)
"""Those of their rules, and of what dashboards ask of what rules record. All are a third of a core."""


def break_all(around: Surroundings, daemon: Daemon, traffic: Traffic, held: ExitStack) -> None:
    """`held`: what has to stay as it is, until it is left."""
    folder = around.folder
    traffic.broken = True
    with around.lock:
        around.worker.kill()
        around.sessions.kill()
        around.orders.kill()
        around.collector.kill()
    traffic.say({"type": "deploy", "service": "shop", "release": RELEASES[True]})
    around.website.status = 503
    _crowd(around, held)
    (folder / "files" / "upload").write_bytes(b"x" * 3_000_000)
    around.storage.put("/uploads/tenant-1/film", b"x" * 780_000)
    shutil.copy(certificates.pair(ends=2).certificate, folder / "shop.pem")
    revision(folder, "c3", "b2")
    held.enter_context(repeating(lambda _: _misuse(around, daemon)))
    with closing(sqlite3.connect(folder / "ledger.db")) as ledger, ledger:
        ledger.executescript("INSERT INTO entries (state) VALUES ('open'), ('open'), ('lost')")
    daemon.config_file.write_text("components: {nonsense: {}}\n")
    os.kill(daemon.pid, signal.SIGHUP)


def _crowd(around: Surroundings, held: ExitStack) -> None:
    """Sessions until hardly any is left, of which one keeps a table and others wait for it."""
    sessions = opened(held, around.database, CONNECTIONS - 5)
    sessions[0].begin("BEGIN; LOCK TABLE designs")
    wait_until(lambda: around.database.sql("SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock'"))
    for session in sessions[1:4]:
        session.begin("SELECT count(*) FROM designs")
    sessions[4].begin("SELECT pg_sleep(3600)")


def _misuse(around: Surroundings, daemon: Daemon) -> None:
    """The application complains, somebody tries keys of the daemon's, and somebody sends what is no event."""
    with (around.folder / "app.log").open("a") as app:
        app.write("2026-11-23 03:10:00 ERROR shop: no session\n" * 12)
    with suppress(OSError, HTTPException):
        # Not from where Alertmanager speaks to it: who tries too many keys is not heard for a while.
        stranger = HTTPConnection(daemon.host, daemon.port, timeout=10, source_address=("127.0.0.2", 0))
        with closing(stranger):
            stranger.request("GET", "/api/v1/errors", headers={"Authorization": "Bearer the-wrong-one"})
            stranger.getresponse().read()
        daemon.request("POST", "/api/v1/events", '[{"type": "nonsense"}]', JSON, port=daemon.ingest_port)


def resolve(daemon: Daemon) -> None:
    """Somebody has resolved an error, which will come back."""
    admin = JSON | {"Authorization": f"Bearer {ADMIN}"}
    found = daemon.request("GET", "/api/v1/errors?status=unresolved&q=ImportFailed", headers=admin).json()["data"]
    for group in found:
        reply = daemon.request("PATCH", f"/api/v1/errors/{group['id']}", json.dumps({"status": "resolved"}), admin)
        assert reply.status == 200, reply.text
