"""sentry-sdk itself, as a script uses it: what it captures arrives once and is scrubbed."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests import servers
from tests.servers.exporters import Daemon
from tests.web.sentry_captures import KEY

PROGRAM = """
import sys
import sentry_sdk
from sentry_sdk.crons import monitor

sentry_sdk.init(
    dsn=sys.argv[1],
    release="shop@1.0",
    environment="production",
    traces_sample_rate=1.0,
    enable_logs=True,
    auto_enabling_integrations=False,
)


def charge(card):
    password = "canary-password"
    raise ValueError(f"card {card} of jane.doe@example.com refused")


@monitor(monitor_slug="nightly")
def nightly():
    with sentry_sdk.start_transaction(op="http.server", name="/orders/{id}", source="route") as root:
        root.set_http_status(200)
        with sentry_sdk.start_span(op="db", name="SELECT 1") as span:
            span.set_data("db.system", "postgresql")


sentry_sdk.set_user({"id": "7", "email": "jane.doe@example.com"})
for number in range(3):
    try:
        charge("4111 1111 1111 1111")
    except ValueError as error:
        sentry_sdk.capture_exception(error)
sentry_sdk.capture_message("no stock", level="warning")
nightly()
sentry_sdk.logger.warning("stock is low")
sentry_sdk.flush(10)
"""
TOTALS = {
    'stack_errors_total{service="shop",environment="production",severity="medium",type="ValueError"}': 3,
    'stack_errors_total{service="shop",environment="production",severity="low",type="message"}': 1,
    'stack_http_server_requests_total{service="shop",method="_OTHER",route="/orders/{id}",status="200"}': 1,
    'stack_db_client_operation_duration_seconds_count'
    '{service="shop",system="postgresql",operation="SELECT",outcome="success"}': 1,
    'stack_logged_lines_total{service="shop",level="warning"}': 1,
    "stack_exporter_check_ins_unheard_total": 2,
}  # fmt: skip


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with servers.daemon(f'ingest: {{projects: {{"1": {{keys: ["{KEY}"], service: shop}}}}}}') as made:
        yield made


def test_what_the_sdk_captures_arrives_grouped_counted_and_scrubbed(daemon: Daemon) -> None:
    dsn = f"http://{KEY}@127.0.0.1:{daemon.ingest_port}/1"
    program = [sys.executable, "-c", PROGRAM, dsn]
    clean = {"PATH": os.environ["PATH"]}
    ended = subprocess.run(program, capture_output=True, text=True, timeout=60, env=clean)
    assert (ended.returncode, ended.stderr) == (0, "")
    found = daemon.metrics()
    families = {name.partition("{")[0] for name in TOTALS}
    assert {name: value for name, value in found.items() if value and name.partition("{")[0] in families} == TOTALS
    assert found['stack_error_groups_new_total{service="shop",severity="medium",team=""}'] == 1
    kept = b"".join(file.read_bytes() for file in (daemon.folder / "state").iterdir() if file.is_file())
    for secret in (b"canary-password", b"jane.doe@example.com", b"4111 1111 1111 1111"):
        assert secret not in kept
