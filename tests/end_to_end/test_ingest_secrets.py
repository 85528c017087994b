"""Keys, tokens and the database's password are planted, every way in is tried with right and wrong ones, and none is seen."""

import asyncio
import json

import pytest

from tests import servers
from tests.command import command
from tests.load import envelope, event, send
from tests.servers.exporters import Daemon

KEY, TOKEN, HOOK, ADMIN = "hushedkey0000001", "hushed-ingest-token", "hushed-hook-token", "hushed-admin-token"
SHOWN = {"Authorization": f"Bearer {ADMIN}"}
CONFIG = f"""
service: shop
web: {{admin_tokens: [{ADMIN}]}}
ingest: {{projects: {{"1": {{keys: [{KEY}]}}}}, tokens: [{TOKEN}]}}
alertmanager: {{token: {HOOK}}}
"""
PLACES = ("/metrics", "/", "/api/v1/status", "/api/v1/errors", "/api/v1/logs", "/api/v1/report", "/health/detailed")


def try_all(daemon: Daemon) -> set[int]:
    """Every way in, with a right and with a wrong credential that looks like it; what was answered, and the statuses."""
    statuses = set()
    for key in (KEY, "hushedwrong00001"):
        id_, body = envelope(event(1), "gzip")
        statuses |= set(asyncio.run(send(daemon.ingest_port, [(id_, "gzip", body)], rate=1, key=key)).statuses)
    posts = [("/v1/traces", "{}"), ("/v1/logs", "["), ("/api/v1/events", '{"type": "deploy"}'), ("/api/v1/events", "{")]
    for path, body in posts:
        for token in (TOKEN, "hushed-wrong-token"):
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            reply = daemon.request("POST", path, body, headers, port=daemon.ingest_port)
            assert "hushed" not in reply.text
            statuses.add(reply.status)
    for token in (HOOK, "hushed-wrong-hook"):
        alert = {"version": "4", "alerts": []}
        reply = daemon.post("/hooks/alertmanager", json.dumps(alert), {"Authorization": f"Bearer {token}"})
        assert "hushed" not in reply.text
        statuses.add(reply.status)
    return statuses


def seen(daemon: Daemon) -> str:
    shown = "".join(daemon.get(place, SHOWN).text for place in PLACES)
    kept = "".join(path.read_bytes().decode("latin-1") for path in (daemon.folder / "state").iterdir())
    return shown + daemon.log + kept


def test_no_credential_of_a_sender_is_shown_logged_or_kept() -> None:
    with servers.daemon(CONFIG, "--log.level=debug") as daemon:
        assert {200, 401, 403} <= try_all(daemon)
        assert "hushed" not in seen(daemon)


def test_the_databases_password_is_not_seen_while_it_is_away() -> None:
    store = f"store: postgresql://shop:hushed-password@127.0.0.1:{servers.free_port()}/errors\n"
    with servers.daemon(CONFIG + store, "--log.level=debug") as daemon:
        assert 429 in try_all(daemon)
        assert "hushed" not in seen(daemon)


@pytest.mark.parametrize(
    "wrong",
    [
        'ingest: {projects: {"1": {keys: [hushed key]}}}',
        "ingest: {projects: {x: {keys: [hushedkey0000001]}}}",
        "ingest: {tokens: [hushed]}",
        "ingest: {tokens: {a: hushed-token}}",
        "alertmanager: {token: [hushed-token]}",
        "alertmanager: {token: hushed}",
        "store: mysql://shop:hushed-password@db/errors",
    ],
)
def test_what_is_wrong_with_one_is_said_without_it(wrong: str, tmp_path) -> None:
    file = tmp_path / "exporter.yaml"
    file.write_text(wrong + "\n")
    done = command("check", f"--config.file={file}")
    assert done.returncode == 2, done.stderr
    assert "hushed" not in done.stdout + done.stderr
