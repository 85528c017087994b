"""A job that reports by a Sentry SDK's check-ins is a heartbeat, kept before it is acknowledged."""

import subprocess
import sys

from tests import servers
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

KEY = "0123456789abcdef0123456789abcdef"
CONFIG = f"""
service: shop
ingest: {{projects: {{"1": {{keys: ["{KEY}"]}}}}}}
components:
  nightly: {{kind: heartbeat, every: 1h, token: a-token-of-ours}}
"""
JOB = """
import sys, sentry_sdk
from sentry_sdk.crons import capture_checkin
sentry_sdk.init(dsn=sys.argv[1])
id = capture_checkin(monitor_slug=sys.argv[2], status="in_progress")
capture_checkin(monitor_slug=sys.argv[2], check_in_id=id, status=sys.argv[3], duration=1.5)
sentry_sdk.flush(5)
"""
REPORTS = 'stack_heartbeat_reports_total{component="nightly",state="%s"}'


def run(daemon: Daemon, monitor: str, status: str) -> None:
    dsn = f"http://{KEY}@127.0.0.1:{daemon.ingest_port}/1"
    subprocess.run([sys.executable, "-c", JOB, dsn, monitor, status], check=True, timeout=60)


def test_check_ins_are_reports_of_the_heartbeat_of_their_name_and_outlive_a_kill_9() -> None:
    with servers.daemon(CONFIG) as daemon:
        run(daemon, "nightly", "ok")
        found = daemon.metrics()
        assert (found[REPORTS % "start"], found[REPORTS % "success"], found[REPORTS % "failure"]) == (1, 1, 0)
        run(daemon, "nightly", "error")
        assert daemon.metrics()[REPORTS % "failure"] == 1
        daemon.kill()
        daemon.start()
        success = 'stack_probe_success{component="nightly",kind="heartbeat"}'
        wait_until(lambda: daemon.metrics().get(success) == 0, what="the failure is remembered")


def test_a_check_in_of_a_monitor_without_a_heartbeat_is_taken_and_counted() -> None:
    with servers.daemon(CONFIG) as daemon:
        run(daemon, "unknown", "ok")
        found = daemon.metrics()
        assert found["stack_exporter_check_ins_unheard_total"] == 2
        assert found['stack_exporter_ingest_events_total{source="sentry",outcome="accepted"}'] >= 2
