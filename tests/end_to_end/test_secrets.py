"""Secrets are planted in every field that takes one, every target fails in a way that quotes them, and none is seen."""

import base64
import itertools
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import bcrypt
import pytest

from tests import hostile, servers
from tests.command import command
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

ADMIN = {"Authorization": "Bearer hushed-admin-token"}
SECRET_LIKE = ("hushed", *(base64.b64encode(b" " * n + b"hushed").decode()[-7:-1] for n in range(3)))


def echoes(connection: socket.socket, request: bytes) -> None:
    """A status line, a header and a body that repeat the request."""
    flat = request.replace(b"\r\n", b" ")
    connection.sendall(b"HTTP/1.1 500 %s\r\nX-Echo: %s\r\nContent-Length: %d\r\n\r\n%s" % (flat, flat, len(flat), flat))


def errs(connection: socket.socket, request: bytes) -> None:
    """As Redis and PostgreSQL say no, repeating what they were told."""
    data = connection.recv(4096)
    if data.startswith(b"*"):
        connection.sendall(b"-ERR no such thing as '" + data.replace(b"\r\n", b" ") + b"'\r\n")
        return
    if data[4:8] == b"\x04\xd2\x16\x2f":  # SSLRequest
        connection.sendall(b"N")
        data = connection.recv(4096)
    connection.sendall(b"R\0\0\0\x08\0\0\0\x03")  # AuthenticationCleartextPassword
    data += connection.recv(4096)
    said = b"SFATAL\0C28P01\0Mwrong: " + data.replace(b"\0", b" ") + b"\0\0"
    connection.sendall(b"E" + (len(said) + 4).to_bytes(4, "big") + said)


def repeats(connection: socket.socket, request: bytes) -> None:
    """A line for each line, the same."""
    connection.sendall(b"hello\r\n")
    while data := connection.recv(4096):
        connection.sendall(b"you said " + data)


def redirects(connection: socket.socket, request: bytes) -> None:
    connection.sendall(
        b"HTTP/1.1 302 Found\r\nLocation: file:///hushed-in-location?hushed\r\nContent-Length: 0\r\n\r\n"
    )


@dataclass
class Planted:
    yaml: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def secret(self) -> str:
        return f"hushed-{next(self.numbers)}"

    def add(self, fields: str) -> None:
        self.yaml.append(f"  c{len(self.yaml)}: {{{fields}, fall: 1, interval: 400ms, timeout: 300ms}}\n")


def plant(planted: Planted, ports: dict[str, int]) -> None:
    """Every field of a kind that takes a secret, at every target that fails."""
    for name in ("refused", "mute", "echo", "redirect", "reset"):
        at = f"127.0.0.1:{ports[name]}"
        planted.add(f'kind: http, url: "http://ann:{planted.secret}@{at}/"')
        planted.add(
            f'kind: http, url: "http://{at}/", bearer_token: {planted.secret}, body: {planted.secret}, method: POST'
        )
        planted.add(f'kind: http, url: "http://{at}/", headers: {{X-Key: {planted.secret}}}, expect: {{status: [200]}}')
        planted.add(f'kind: http, url: "http://{at}/", basic_auth: {{username: ann, password: {planted.secret}}}')
        planted.add(f'kind: http, url: "http://a.invalid/", proxy: "http://ann:{planted.secret}@{at}"')
        planted.add(f'kind: http, url: "https://{at}/", bearer_token: {planted.secret}')
        planted.add(f'kind: tcp, address: "{at}", dialogue: [{{send: {planted.secret}}}, {{expect: never}}]')
    for name in ("refused", "mute", "wire", "reset", "echo"):
        at = f"127.0.0.1:{ports[name]}"
        planted.add(f'kind: postgres, dsn: "postgresql://ann:{planted.secret}@{at}/x?sslmode=disable"')
        planted.add(f'kind: postgres, dsn: "postgresql://ann@{at}/x", password: {planted.secret}')
        planted.add(f'kind: redis, url: "redis://ann:{planted.secret}@{at}/0"')
        planted.add(f'kind: redis, url: "redis://{at}/0", password: {planted.secret}, canary: true')
        planted.add(f'kind: redis, url: "rediss://:{planted.secret}@{at}/0"')
    planted.add(
        f'kind: tcp, address: "127.0.0.1:{ports["repeat"]}", dialogue: [{{expect: hello, send: {planted.secret}}}, {{expect: never}}]'
    )
    planted.add(f'kind: redis, url: "redis://:{planted.secret}@127.0.0.1:{ports["repeat"]}/0"')
    planted.add(f'kind: postgres, dsn: "postgresql://ann:{planted.secret}@127.0.0.1:{ports["repeat"]}/x"')
    planted.add('kind: redis, url: "redis://:${HUSH}@a.invalid/0"')
    planted.add('kind: redis, url: "redis://a.invalid/0", password: "${file:%s}"' % ports["file"])


@dataclass
class Stage:
    daemon: Daemon
    web: Path
    config: str
    hash: str
    seen: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("secrets")
    file, web = folder / "secret", folder / "web.yaml"
    file.write_text("hushed-in-a-file\n")
    word = bcrypt.hashpw(b"hushed-password", bcrypt.gensalt(4)).decode()
    web.write_text(f"basic_auth_users: {{ann: '{word}'}}\n")
    with ExitStack() as stack:
        running = {
            "mute": (hostile.mute, False), "echo": (echoes, True), "redirect": (redirects, True),
            "reset": (hostile.resets(), True), "wire": (errs, False), "repeat": (repeats, False),
        }  # fmt: skip
        ports: dict = {n: stack.enter_context(hostile.serving(a, ask=ask)).port for n, (a, ask) in running.items()}
        ports |= {"refused": hostile.unused(), "file": str(file)}
        planted = Planted()
        plant(planted, ports)
        traces = ", ".join(
            f"{{endpoint: 'http://127.0.0.1:{ports[name]}', protocol: {protocol}, headers: {{authorization: {planted.secret}}}}}"
            for name, protocol in (("echo", "http"), ("refused", "http"), ("refused", "grpc"), ("mute", "grpc"))
        )
        config = f"web: {{admin_tokens: [hushed-admin-token]}}\nforward: {{traces: [{traces}]}}\ncomponents:\n"
        config += "".join(planted.yaml)
        env = {"HUSH": "hushed-variable", "OTEL_EXPORTER_OTLP_HEADERS": "authorization=hushed-otel"}
        flags = ("--log.level=debug", f"--web.config.file={web}")
        daemon = stack.enter_context(servers.daemon(config, *flags, env=env))
        wait_until(lambda: _all_have_run(daemon, len(planted.yaml)), 20)
        yield Stage(daemon, web, config, word)


def _all_have_run(daemon: Daemon, count: int) -> bool:
    return daemon.get("/metrics", ADMIN).text.count("\nstack_component_up{") == count


def clean(text: str, stage: Stage) -> None:
    for word in (*SECRET_LIKE, stage.hash):
        place = text.find(word)
        assert place == -1, text[max(0, place - 300) : place + 60]


def test_they_are_not_in_what_is_served_to_an_administrator(stage: Stage) -> None:
    names = [f"c{number}" for number in range(stage.config.count("\n  c"))]
    paths = ["/metrics", "/health", "/health/detailed", "/", "/api/v1/status", "/livez", "/readyz", "/nothing"]
    for path in (*paths, *(f"/health/{name}" for name in names)):
        clean(stage.daemon.get(path, ADMIN).text, stage)
    clean(stage.daemon.get("/metrics", {**ADMIN, "Accept": "application/openmetrics-text"}).text, stage)
    cycled = stage.daemon.post("/api/v1/cycle", headers=ADMIN)
    assert cycled.status == 200
    assert len(cycled.json()["data"]["results"]) == len(names)
    clean(cycled.text, stage)


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
    wait_until(lambda: "spans can't be exported" in daemon.log, 15)
    assert '"reason":"refused"' in daemon.log
    clean(daemon.log, stage)
    process = Path(f"/proc/{daemon.pid}")
    threads = [(thread / "comm").read_text() for thread in (process / "task").iterdir()]
    clean((process / "cmdline").read_text() + (process / "comm").read_text() + "".join(threads), stage)
    for kept in (daemon.folder / "state").iterdir():
        clean(kept.read_bytes().decode("latin-1"), stage)
