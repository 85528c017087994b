"""A reload touches what changed and nothing else: counters, runs, watches and requests of the rest go on."""

import base64
import os
import re
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest

from tests import certificates, hostile, servers
from tests.forward.sink import sink
from tests.polling import polling
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

MORE_KINDS = Path(__file__).parent / "programs" / "more_kinds.py"
TOKEN = {"Authorization": "Bearer a-token-of-ours"}
RUNS, BEGAN = 'stack_follower_runs_total{component="%s"}', 'stack_follower_began_seconds{component="%s"}'
WEB = "web: {admin_tokens: [a-token-of-ours]}\n"
FOLLOWER = '''
"""Has a watch, which says when it began."""
import asyncio, time
from typing import ClassVar
from exporter.metric import gauge, counter
from exporter.probe import Probe
BEGAN = gauge("stack_follower_began_seconds", "When.", "component")
RUNS = counter("stack_follower_runs_total", "Runs.", "component")
class Follower(Probe, kw_only=True, frozen=True):
    reasons: ClassVar = {}
    async def run(self, out):
        out.count(RUNS)
        out.keep("runs", (out.kept("runs") or 0) + 1)
    async def watch(self, out):
        out.set(BEGAN, time.monotonic())
        await asyncio.Event().wait()
'''


def fast(*components: str, more: str = WEB) -> str:
    return f"{more}defaults: {{interval: 100ms, timeout: 100ms}}\ncomponents:\n" + "".join(
        f"  {one}\n" for one in components
    )


def reload(daemon: Daemon, config: str, within: float = 5.0) -> None:
    """`within`: seconds; a busy machine needs more than the second that it takes else."""
    daemon.config_file.write_text(config)
    began = time.monotonic()
    answer = daemon.post("/-/reload", headers=TOKEN)
    assert (answer.status, answer.json()["success"]) == (200, True), answer.text
    assert time.monotonic() - began <= within


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    (tmp_path / "follower.py").write_text(FOLLOWER)
    program = [sys.executable, str(MORE_KINDS), str(tmp_path)]
    first = fast("same: {kind: follower}", "changed: {kind: follower}", "gone: {kind: follower}")
    with servers.daemon(first, program=program) as running:
        for name in ("same", "changed", "gone"):
            wait_until(lambda name=name: running.metrics().get(RUNS % name, 0) >= 3)
        yield running


@pytest.mark.parametrize("how", ["SIGHUP", "POST"])
def test_what_is_unchanged_goes_on_and_what_is_gone_takes_its_series_along(daemon: Daemon, how: str) -> None:
    before, history = daemon.metrics(), daemon.get("/health/same", TOKEN).json()["data"]
    new = fast("new: {kind: follower}", "changed: {kind: follower, team: ours}", "same: {kind: follower}")
    with polling(daemon, "/livez", "/metrics", "/readyz") as polled:
        if how == "POST":
            reload(daemon, new)
        else:
            daemon.config_file.write_text(new)
            os.kill(daemon.pid, signal.SIGHUP)
        wait_until(lambda: daemon.metrics().get(RUNS % "new", 0) >= 1, 2)
    assert polled.bad == []
    after = daemon.metrics()
    assert after[BEGAN % "same"] == before[BEGAN % "same"]
    assert after[RUNS % "same"] >= before[RUNS % "same"] >= 3
    assert after[BEGAN % "changed"] > before[BEGAN % "changed"]
    assert after[RUNS % "changed"] <= before[RUNS % "changed"]
    assert [series for series in after if '"gone"' in series] == []
    later = daemon.get("/health/same", TOKEN).json()["data"]
    assert later["since"] == history["since"]
    assert daemon.get("/health/gone", TOKEN).status == 404
    assert after["stack_exporter_config_last_reload_successful"] == 1
    assert [name for name in after if name.startswith("stack_exporter_task_restarts") and after[name]] == []


def test_the_same_text_again_changes_nothing(daemon: Daemon) -> None:
    before = {k: v for k, v in daemon.metrics().items() if k.startswith("stack_follower_began")}
    at = daemon.metrics()["stack_exporter_config_last_reload_success_timestamp_seconds"]
    reload(daemon, daemon.config_file.read_text())
    after = daemon.metrics()
    assert {k: v for k, v in after.items() if k.startswith("stack_follower_began")} == before
    assert after["stack_exporter_config_last_reload_success_timestamp_seconds"] > at


def test_a_component_whose_run_hangs_is_removed_within_the_second() -> None:
    with hostile.serving(hostile.mute) as mute:
        hung = f'mute: {{kind: http, url: "{mute.url}", interval: 60s, timeout: 60s}}'
        with servers.daemon(fast(hung, "host: {kind: host}")) as running:
            wait_until(lambda: mute.requests)
            reload(running, fast("host: {kind: host}"))
            metrics = running.metrics()
            assert [series for series in metrics if '"mute"' in series] == []
            assert metrics["stack_exporter_probes_running"] <= 1


@pytest.mark.parametrize("within", [5.0, pytest.param(1.0, marks=pytest.mark.slow)])
def test_200_components_are_reloaded_and_every_request_is_answered(within: float) -> None:
    port = hostile.unused()
    many = [f'c{n}: {{kind: tcp, address: "127.0.0.1:{port}", interval: 2s}}' for n in range(200)]
    with servers.daemon(fast(*many)) as running:
        with polling(running, "/livez", "/metrics", every=0.02) as polled:
            reload(running, fast(*[one.replace("2s", "3s") for one in many[::2]], *many[1::2]), within)
        assert polled.bad == []
        info = re.findall(r'^stack_component_info\{component="(c\d+)"', running.get("/metrics").text, re.M)
        assert len(info) == len(set(info)) == 200


def test_spans_go_where_the_configuration_says_and_those_that_wait_to_where_it_said() -> None:
    with sink() as first, sink() as second, servers.daemon(fast("host: {kind: host}")) as running:
        for to in (first, second):
            reload(running, fast("host: {kind: host}", more=f"{WEB}forward: {{traces: [{{endpoint: '{to.url}'}}]}}\n"))
            time.sleep(0.5)
        counts = len(first.spans), len(second.spans)
        reload(running, fast("host: {kind: host}"))
        assert counts[0] >= 2
        assert len(second.spans) >= 2
        assert len(first.spans) == counts[0]


def test_a_back_end_that_hangs_holds_up_neither_the_reload_nor_a_request() -> None:
    with sink() as mute:
        mute.released.clear()
        to = f"forward: {{traces: [{{endpoint: '{mute.url}'}}]}}\n{WEB}"
        with servers.daemon(fast("host: {kind: host}", more=to)) as running:
            wait_until(lambda: "probe_success" in running.get("/metrics").text)
            with polling(running, "/livez", every=0.01) as polled:
                reload(running, fast("host: {kind: host}"))
            assert mute.paths
            assert polled.bad == []
            assert polled.slowest < 0.5
            mute.released.set()


def test_a_password_of_the_web_configuration_changes_and_tls_does_not_come_or_go(tmp_path: Path) -> None:
    def basic(word: str) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(f"ann:{word}".encode()).decode()}

    def write(word: str, more: str = "") -> None:
        web.write_text(
            f"basic_auth_users: {{ann: '{bcrypt.hashpw(word.encode(), bcrypt.gensalt(4)).decode()}'}}\n{more}"
        )

    web = tmp_path / "web.yaml"
    write("first")
    with servers.daemon(WEB, f"--web.config.file={web}") as running:
        assert running.get("/metrics", basic("first")).status == 200
        write("second")
        reload(running, WEB)
        assert running.get("/metrics", basic("first")).status == 401
        assert running.get("/metrics", basic("second")).status == 200
        web.write_text("basic_auth_users: {ann: nonsense}")
        refused = running.post("/-/reload", headers=TOKEN)
        assert (refused.status, refused.json()["errors"]) == (
            422, [f"{web}:1: basic_auth_users.ann: is not a bcrypt hash, such as htpasswd -nBC 10 makes"],
        )  # fmt: skip
        pair = certificates.pair()
        write("third", f"tls_server_config: {{cert_file: {pair.certificate}, key_file: {pair.key}}}\n")
        refused = running.post("/-/reload", headers=TOKEN)
        said = f"{web}: tls_server_config: comes or goes with a restart only"
        assert (refused.status, refused.json()["errors"]) == (422, [said])
        assert running.get("/metrics", basic("second")).status == 200
        assert running.get("/livez").status == 200


def test_a_token_that_is_gone_is_refused_and_the_new_one_is_taken(daemon: Daemon) -> None:
    reload(daemon, daemon.config_file.read_text().replace("a-token-of-ours", "another-token"))
    assert daemon.get("/api/v1/status", TOKEN).status == 401
    assert daemon.get("/api/v1/status", {"Authorization": "Bearer another-token"}).status == 200


def test_a_changed_store_is_refused_as_it_takes_a_restart(daemon: Daemon) -> None:
    daemon.config_file.write_text(f"{daemon.config_file.read_text()}\nstore: sqlite:{daemon.folder}/other.db\n")
    refused = daemon.post("/-/reload", headers=TOKEN)
    assert (refused.status, refused.json()["errors"]) == (
        422, [f"{daemon.config_file}: store: changes with a restart only"],
    )  # fmt: skip


def test_what_a_component_kept_outlives_the_daemon(daemon: Daemon) -> None:
    kept = wait_until(lambda: _kept(daemon))
    daemon.kill()
    daemon.start()
    wait_until(lambda: daemon.metrics().get(RUNS % "same", 0) >= 1)
    wait_until(lambda: _kept(daemon) > kept)


def _kept(daemon: Daemon) -> int:
    file = f"file:{daemon.folder}/state/stack-exporter.db?mode=ro"
    connection = sqlite3.connect(file, uri=True)
    try:
        found = connection.execute("SELECT value FROM kept WHERE component = 'same' AND key = 'runs'").fetchone()
        return int(found[0]) if found else 0
    finally:
        connection.close()
