"""A bad reload changes nothing and loses nothing: while probes run and requests come, by signal and by request."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from tests import servers
from tests.polling import polling
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

TOKEN = {"Authorization": "Bearer a-token-of-ours"}
GOOD = """\
web: {admin_tokens: [a-token-of-ours]}
defaults: {interval: 100ms, timeout: 100ms}
components:
  one: {kind: host}
  two: {kind: disk, path: /}
"""
OK = "stack_exporter_config_last_reload_successful"
AT = "stack_exporter_config_last_reload_success_timestamp_seconds"
RUNS = 'stack_probe_runs_total{component="one",kind="host",result="%s",reason="%s"}'

# What the file holds, and what the answer begins with after the file's name. hushed is never shown.
BAD: dict[str, tuple[bytes | None, str]] = {
    "bad YAML": (GOOD.encode() + b"  three: {kind: host\n  four: hushed]\n", ":7: "),
    "a tab": (b"components:\n\tone: {kind: hushed}\n", ":2: "),
    "an unknown key": (GOOD.encode() + b"  three: {kind: host, colour: hushed}\n", ":6: components.three.colour: "),
    "an unknown section": (GOOD.encode() + b"hushes: hushed\n", ":6: hushes: "),
    "a key twice": (GOOD.encode() + b"  one: {kind: host, team: hushed}\n", ":6: components.one: is written twice"),
    "a wrong type": (GOOD.encode() + b"  three: {kind: host, critical: hushed}\n", ":6: components.three.critical: "),
    "a wrong interval": (GOOD.replace("100ms, t", "hushed, t").encode(), ":2: defaults.interval: "),
    "a missing variable": (GOOD.encode() + b"  three: {kind: disk, path: '${NOT_THERE}'}\n", ":6: components.three.path: "),
    "a missing file": (
        GOOD.encode() + b"  three: {kind: disk, path: '${file:/no/such}'}\n", ":6: components.three.path: ",
    ),
    "an unknown kind": (GOOD.encode() + b"  three: {kind: hushed}\n", ":6: components.three.kind: unknown kind"),
    "an alias": (GOOD.encode() + b"service: &x hushed\nenvironment: *x\n", ":6: service: "),
    "a list": (b"- hushed\n", ":1: is not a mapping"),
    "two documents": (GOOD.encode() + b"---\nservice: hushed\n", ":6: "),
    "binary garbage": (bytes(range(256)) * 8, ":"),
    "UTF-16": (GOOD.encode("utf-16"), ":1: is not UTF-8"),
    "too much": (GOOD.encode() + b"# hushed\n" * 200_000, ": "),
    "no file": (None, ": can't be read: No such file or directory"),
}  # fmt: skip


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with servers.daemon(GOOD) as running:
        wait_until(lambda: 'component="two"' in running.get("/metrics").text)
        yield running


def write(daemon: Daemon, content: bytes | None) -> None:
    if content is None:
        daemon.config_file.unlink()
    else:
        daemon.config_file.write_bytes(content)


def runs(daemon: Daemon) -> float:
    return sum(v for k, v in daemon.metrics().items() if k.startswith('stack_probe_runs_total{component="one"'))


@pytest.mark.parametrize("what", BAD)
def test_what_is_wrong_is_answered_with_file_line_and_path_and_nothing_changes(daemon: Daemon, what: str) -> None:
    content, begins = BAD[what]
    write(daemon, GOOD.encode())
    assert daemon.post("/-/reload", headers=TOKEN).status == 200
    before, counted = daemon.metrics(), runs(daemon)
    write(daemon, content)
    with polling(daemon, "/metrics", "/livez", "/readyz", every=0.01) as polled:
        answer = daemon.post("/-/reload", headers=TOKEN)
        after = daemon.metrics()
        wait_until(lambda: runs(daemon) > counted, 2)
    assert polled.bad == []
    assert answer.status == 422
    errors = answer.json()["errors"]
    assert errors[0].startswith(f"{daemon.config_file}{begins}"), errors
    assert (after[OK], after[AT]) == (0, before[AT])
    assert [k for k in before.keys() - after.keys() if not k.startswith(("stack_exporter", "python", "process"))] == []
    assert "hushed" not in answer.text + daemon.log


def test_a_signal_does_the_same_and_the_log_has_file_line_and_path(daemon: Daemon) -> None:
    write(daemon, GOOD.encode())
    assert daemon.post("/-/reload", headers=TOKEN).status == 200
    assert daemon.metrics()[OK] == 1
    write(daemon, GOOD.encode() + b"  three: {kind: host, color: hushed}\n")
    os.kill(daemon.pid, signal.SIGHUP)
    wait_until(lambda: daemon.metrics()[OK] == 0)
    assert f"{daemon.config_file}:6: components.three.color: " in daemon.log
    write(daemon, GOOD.encode())
    os.kill(daemon.pid, signal.SIGHUP)
    wait_until(lambda: daemon.metrics()[OK] == 1)


def test_an_empty_file_is_refused_while_components_run(daemon: Daemon) -> None:
    """It is what a file being written in place looks like for a moment, and would lose every counter."""
    write(daemon, b"# nothing\n")
    answer = daemon.post("/-/reload", headers=TOKEN)
    assert (answer.status, answer.json()["errors"]) == (422, [f"{daemon.config_file}: is empty, which takes a restart"])
    assert 'component="one"' in daemon.get("/metrics").text


def test_100_reloads_a_second_good_and_bad_lose_nothing(daemon: Daemon) -> None:
    write(daemon, GOOD.encode())
    assert daemon.post("/-/reload", headers=TOKEN).status == 200
    counted = runs(daemon)
    logged = len(daemon.log.splitlines())
    texts = [GOOD.encode(), GOOD.encode()[:-20], GOOD.encode() + b"x: hushed\n", GOOD.encode() * 2]
    began = time.monotonic()
    with polling(daemon, "/metrics", "/livez", every=0.01) as polled, asking(daemon) as answered:
        for number in range(200):
            write(daemon, texts[number % len(texts)])
            os.kill(daemon.pid, signal.SIGHUP)
            time.sleep(max(0.0, began + number * 0.01 - time.monotonic()))
        took = time.monotonic() - began
    write(daemon, GOOD.encode())
    wait_until(lambda: daemon.post("/-/reload", headers=TOKEN).status == 200)
    assert polled.bad == []
    assert set(answered) <= {200, 422}
    after = daemon.metrics()
    assert after[OK] == 1
    assert runs(daemon) - counted >= took / 0.1 / 2
    # Counted and bounded: each kind of line at most once in ten seconds.
    assert len(daemon.log.splitlines()) - logged < 40
    assert "hushed" not in daemon.log


class asking:
    """Beside it, reloads by request."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.answers: list[int] = []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.ask)

    def ask(self) -> None:
        while not self.ended.is_set():
            self.answers.append(self.daemon.post("/-/reload", headers=TOKEN).status)

    def __enter__(self) -> list[int]:
        self.thread.start()
        return self.answers

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()
