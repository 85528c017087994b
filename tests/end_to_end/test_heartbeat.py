"""A job reports by curl; what was answered with 200 outlives kill -9, and a missed report is seen."""

import subprocess

from tests import servers
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

CONFIG = """
components:
  backup: {kind: heartbeat, every: 24h, token: "${BACKUP_TOKEN}", interval: 1s}
  minutely: {kind: heartbeat, every: 1s, grace: 0s, token: "${BACKUP_TOKEN}", interval: 200ms}
"""
TOKEN = "canary-of-the-backup-job"
LAST = 'stack_heartbeat_last_timestamp_seconds{component="backup",state="%s"}'


def curl(daemon: Daemon, *arguments: str) -> str:
    command = [
        "curl",
        "--silent",
        "--show-error",
        "--fail-with-body",
        *arguments,
        f"{daemon.url}/hooks/heartbeat/backup",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_reports_by_curl_outlive_a_kill_and_a_report_that_does_not_come_is_seen() -> None:
    with servers.daemon(CONFIG, env={"BACKUP_TOKEN": TOKEN}) as daemon:
        curl(daemon, "-u", f":{TOKEN}", "-d", "state=start")
        curl(daemon, "-H", f"Authorization: Bearer {TOKEN}", "-X", "POST")
        daemon.kill()  # at once after the 200
        daemon.start()
        wait_until(lambda: LAST % "success" in daemon.metrics(), what="the report is there again")
        assert LAST % "start" in daemon.metrics()
        curl(daemon, "-u", f":{TOKEN}", "-d", "exit=7")
        wait_until(lambda: daemon.get("/health/backup").json()["data"]["reason"] == "failed", timeout=5)
        wait_until(lambda: daemon.metrics()['stack_heartbeat_missed_total{component="minutely"}'] >= 2, timeout=10)
        assert daemon.get("/health/minutely").json()["data"]["reason"] == "missed"
        assert TOKEN not in daemon.log + daemon.get("/metrics").text + daemon.get("/health/detailed").text
