"""Secrets are planted in every field that takes one, every target fails in a way that quotes them, and none is seen."""

import base64
import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import bcrypt
import pytest

from exporter import catalogue
from exporter.blackbox.settings import Module
from tests import servers
from tests.command import command
from tests.end_to_end import planting
from tests.end_to_end.planting import SECRET_LIKE, Planted
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

pytestmark = pytest.mark.xdist_group("secrets")
ADMIN = {"Authorization": "Bearer hushed-admin-token"}


@dataclass
class Stage:
    daemon: Daemon
    web: Path
    planted: Planted
    modules: dict
    at: dict[str, str]
    config: str
    hash: str


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("secrets")
    file, web, blackbox = folder / "secret", folder / "web.yaml", folder / "blackbox.yml"
    file.write_text("hushed-in-a-file\n")
    word = bcrypt.hashpw(b"hushed-password", bcrypt.gensalt(4)).decode()
    web.write_text(f"basic_auth_users: {{ann: '{word}'}}\n")
    with ExitStack() as stack:
        planted, at = Planted(), planting.targets(stack)
        planting.plant(planted, at, str(file))
        modules = planting.modules(planted, at)
        blackbox.write_text(json.dumps({"modules": modules}))
        traces = [
            {"endpoint": f"http://{at[name]}", "protocol": protocol, "headers": {"authorization": planted.secret}}
            for name, protocol in (("echo", "http"), ("refused", "http"), ("refused", "grpc"), ("mute", "grpc"))
        ]
        sections = {
            "web": {"admin_tokens": ["hushed-admin-token"]},
            "forward": {"traces": traces},
            "probe": {"modules": str(blackbox), "allow": ["127.0.0.0/8"]},
        }
        config = "".join(f"{name}: {json.dumps(section)}\n" for name, section in sections.items()) + "components:\n"
        config += "".join(f"  c{number}: {json.dumps(one)}\n" for number, one in enumerate(planted.components))
        env = {"HUSH": "hushed-variable", "OTEL_EXPORTER_OTLP_HEADERS": "authorization=hushed-otel"}
        flags = ("--log.level=debug", f"--web.config.file={web}")
        daemon = stack.enter_context(servers.daemon(config, *flags, env=env))
        wait_until(lambda: _all_have_run(daemon, len(planted.components)), 30)
        yield Stage(daemon, web, planted, modules, at, config, word)


def _all_have_run(daemon: Daemon, count: int) -> bool:
    return daemon.get("/metrics", ADMIN).text.count("\nstack_component_up{") == count


def clean(text: str, stage: Stage) -> None:
    for word in (*SECRET_LIKE, stage.hash):
        place = text.find(word)
        assert place == -1, text[max(0, place - 300) : place + 60]


def test_there_is_one_in_every_field_that_takes_one(stage: Stage) -> None:
    every = {kind: set(planting.secret_fields(catalogue.load(kind))) for kind in catalogue.kinds()}
    planted: dict[str, set[str]] = {kind: set() for kind in every}
    for one in stage.planted.components:
        planted[one["kind"]].update(planting.planted_fields(one))
    missing = {kind: fields - {_known(name, fields) for name in planted[kind]} for kind, fields in every.items()}
    assert {kind: fields for kind, fields in missing.items() if fields} == {}
    fields = set(planting.secret_fields(Module))
    assert (
        fields - {_known(name, fields) for one in stage.modules.values() for name in planting.planted_fields(one)}
        == set()
    )


def _known(name: str, fields: set[str]) -> str:
    """Without the keys of mappings, which are the user's own."""
    parts = name.split(".")
    ways = (".".join(part for at, part in enumerate(parts) if at != left) for left in reversed(range(len(parts) + 1)))
    return next((way for way in ways if way in fields), name)


def test_they_are_not_in_what_is_served_to_an_administrator(stage: Stage) -> None:
    names = [f"c{number}" for number in range(len(stage.planted.components))]
    paths = ["/metrics", "/health", "/health/detailed", "/", "/api/v1/status", "/livez", "/readyz", "/nothing"]
    for path in (*paths, *(f"/health/{name}" for name in names)):
        clean(stage.daemon.get(path, ADMIN).text, stage)
    clean(stage.daemon.get("/metrics", {**ADMIN, "Accept": "application/openmetrics-text"}).text, stage)
    cycled = stage.daemon.post("/api/v1/cycle", headers=ADMIN)
    assert cycled.status == 200
    assert len(cycled.json()["data"]["results"]) == len(names)
    clean(cycled.text, stage)


@pytest.mark.parametrize("name", ["echo", "redirect", "reset", "mute", "refused", "repeat", "guarded"])
def test_they_are_not_in_what_probe_says_of_a_target(stage: Stage, name: str) -> None:
    for module, settings in stage.modules.items():
        prefix = "http://" if settings["prober"] == "http" else ""
        for debug in ("true", "false"):
            query = urlencode({"target": prefix + stage.at[name], "module": module, "debug": debug})
            answer = stage.daemon.get(f"/probe?{query}", ADMIN)
            assert (answer.status, "probe_success 0" in answer.text) == (200, True), answer.text
            # Where a target leads to is its own to say, and debug's to show.
            clean(answer.text.replace(planting.ELSEWHERE, ""), stage)


def test_every_sort_of_failure_was_met_and_none_was_our_own_fault(stage: Stage) -> None:
    found = stage.daemon.get("/api/v1/status", ADMIN).json()["data"]["components"]
    reasons = {one["reason"] for one in found}
    assert "internal" not in reasons, [one for one in found if one["reason"] == "internal"]
    assert {"refused", "timeout", "status", "reset", "auth", "resolve", "protocol"} <= reasons


def test_they_are_not_in_what_a_stranger_gets(stage: Stage) -> None:
    daemon = stage.daemon
    wrong = {"Authorization": "Basic " + base64.b64encode(b"ann:hushed-guess").decode()}
    for path, headers in (
        ("/metrics", wrong), ("/metrics", {"Authorization": "Bearer hushed-guess"}), ("/", {}),
        ("/?token=hushed-query", {}), ("/hushed-path-of-a-request", {}), ("/health/x?password=hushed-query", {}),
    ):  # fmt: skip
        answer = daemon.get(path, headers)
        assert answer.status in (400, 401, 404), path
        clean(answer.text + str(answer.headers), stage)
    number = next(n for n, one in enumerate(stage.planted.components) if one["kind"] == "heartbeat")
    answer = daemon.post(f"/hooks/heartbeat/c{number}", headers={"Authorization": "Bearer hushed-guess"})
    assert answer.status == 401
    clean(answer.text + str(answer.headers), stage)


def test_they_are_not_in_refused_reloads(stage: Stage) -> None:
    for wrong in (
        "  z: {kind: redis, url: 'hushed://:hushed@h'}\n",
        "  z: {kind: postgres, dsn: [hushed]}\n",
        "hushed: [hushed\n",
    ):
        stage.daemon.config_file.write_text(stage.config + wrong)
        answer = stage.daemon.post("/-/reload", headers=ADMIN)
        assert answer.status == 422
        clean(answer.text, stage)
    stage.web.write_text("basic_auth_users: {ann: hushed}")
    answer = stage.daemon.post("/-/reload", headers=ADMIN)
    assert answer.status == 422
    clean(answer.text, stage)


def test_they_are_not_in_the_table_of_once_or_what_check_says(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "exporter.yaml"
    file.write_text(stage.config)
    env = {"HUSH": "hushed-variable", "HOME": str(tmp_path)}
    for args in (["once"], ["once", "--output=json"], ["check"], ["check", f"--web.config.file={stage.web}"]):
        ended = command(*args, f"--config.file={file}", env=env)
        assert ended.returncode in (0, 1, 2)
        clean(ended.stdout + ended.stderr, stage)


def test_they_are_not_in_the_log_the_process_list_or_the_state_file(stage: Stage) -> None:
    daemon = stage.daemon
    os.kill(daemon.pid, signal.SIGHUP)
    wait_until(lambda: "a back end can't be sent to" in daemon.log, 15)
    assert '"reason":"refused"' in daemon.log
    clean(daemon.log, stage)
    process = Path(f"/proc/{daemon.pid}")
    threads = [(thread / "comm").read_text() for thread in (process / "task").iterdir()]
    clean((process / "cmdline").read_text() + (process / "comm").read_text() + "".join(threads), stage)
    files = [file for file in (daemon.folder / "state").rglob("*") if file.is_file()]
    assert [file for file in files if file.suffix == ".spool"]
    for kept in files:
        clean(kept.read_bytes().decode("latin-1"), stage)
