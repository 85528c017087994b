"""What systemd is told over its socket, by a real daemon: ready, reloading, stopping, and that it lives."""

import asyncio
import logging
import os
import signal
import socket
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from exporter.notify import Notify
from tests import servers
from tests.servers.process import wait_until

CONFIG = "components: {files: {kind: disk, path: /tmp}}\n"
# The loop's own thread sleeps: the process lives, its threads go on, and nothing that the loop has to do is done.
HANGS = (
    "import signal, sys, time\n"
    "signal.signal(signal.SIGUSR1, lambda *_: time.sleep(60))\n"
    "from exporter.cli import main\n"
    "main(sys.argv[1:])"
)


class Told:
    """Systemd's end of the socket."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self.close = self._socket.close

    def next(self, timeout: float = 10.0) -> dict[str, str]:
        """The next message but for those of the watchdog. Raises TimeoutError."""
        while (found := self.any(timeout)) == {"WATCHDOG": "1"}:
            continue
        return found

    def any(self, timeout: float = 10.0) -> dict[str, str]:
        self._socket.settimeout(timeout)
        return dict(line.split("=", 1) for line in self._socket.recv(4096).decode().split("\n"))

    def silent(self, seconds: float) -> bool:
        """Whether nothing comes for so long, once what is there already is read."""
        try:
            while True:
                self.any(0.01)
        except TimeoutError:
            pass
        try:
            self.any(seconds)
        except TimeoutError:
            return True
        return False


@contextmanager
def told(address: str) -> Iterator[Told]:
    heard = Told(address)
    try:
        yield heard
    finally:
        heard.close()


def test_it_says_when_it_is_ready_reloads_and_stops() -> None:
    path = f"{tempfile.gettempdir()}/notify-{uuid.uuid4().hex}"  # of 107 bytes at most
    with told(path) as systemd:
        env = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"}
        try:
            with servers.daemon(CONFIG, env=env) as daemon:
                status = f"1 component, http://127.0.0.1:{daemon.port}"
                assert systemd.any() == {"READY": "1", "STATUS": status}
                assert [systemd.any(1.0) for _ in range(3)] == [{"WATCHDOG": "1"}] * 3

                before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
                os.kill(daemon.pid, signal.SIGHUP)
                reloading = systemd.next()
                assert (
                    before
                    <= int(reloading.pop("MONOTONIC_USEC"))
                    <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
                )
                assert reloading == {"RELOADING": "1"}
                assert systemd.next() == {"READY": "1", "STATUS": status}

                daemon.config_file.write_text("components: {files: {kind: none}}\n")
                os.kill(daemon.pid, signal.SIGHUP)
                assert systemd.next()["RELOADING"] == "1"
                assert systemd.next() == {"READY": "1", "STATUS": f"{status}; the last reload was refused"}

                os.kill(daemon.pid, signal.SIGTERM)
                assert systemd.next() == {"STOPPING": "1", "STATUS": "finishing what is under way"}
                wait_until(lambda: not daemon.running, 8.0, "it has ended")
        finally:
            Path(path).unlink()


def test_the_watchdog_hears_nothing_from_a_loop_that_hangs_and_again_when_it_turns() -> None:
    name = f"notify-{uuid.uuid4().hex}"
    env = {"NOTIFY_SOCKET": f"@{name}", "WATCHDOG_USEC": "200000"}
    with (
        told(f"\0{name}") as systemd,
        servers.daemon(CONFIG, env=env, program=(sys.executable, "-c", HANGS), check=False) as daemon,
    ):
        assert systemd.any()["READY"] == "1"
        assert systemd.any(1.0) == {"WATCHDOG": "1"}
        os.kill(daemon.pid, signal.SIGUSR1)
        wait_until(lambda: systemd.silent(0.5), 5.0, "nothing is said any more")
        assert daemon.running
        daemon.kill()


def test_the_watchdog_hears_nothing_while_something_ails_the_daemon(caplog: pytest.LogCaptureFixture) -> None:
    """What /livez answers 503 for."""
    ailments: list[str] = []

    async def run(systemd: Told, notify: Notify) -> None:
        task = asyncio.create_task(notify.watchdog(lambda: ailments))
        await asyncio.sleep(0.05)
        assert await asyncio.to_thread(systemd.any, 1.0) == {"WATCHDOG": "1"}
        ailments.append("background task spools is stuck")
        await asyncio.sleep(0.05)
        assert await asyncio.to_thread(systemd.silent, 0.1)
        ailments.clear()
        assert await asyncio.to_thread(systemd.any, 1.0) == {"WATCHDOG": "1"}
        task.cancel()

    name = f"notify-{uuid.uuid4().hex}"
    with (
        told(f"\0{name}") as systemd,
        caplog.at_level(logging.ERROR),
        closing(Notify({"NOTIFY_SOCKET": f"@{name}", "WATCHDOG_USEC": "20000"})) as notify,
    ):
        asyncio.run(run(systemd, notify))
    assert [record.getMessage() for record in caplog.records] == [
        "not alive: systemd is not told otherwise, and starts it anew"
    ]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "20000"},
        {"NOTIFY_SOCKET": ""},
        {"NOTIFY_SOCKET": "vsock:2:1234", "WATCHDOG_USEC": "20000"},
        {"NOTIFY_SOCKET": "/there/is/none", "WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"},
        {"NOTIFY_SOCKET": f"/{'x' * 200}", "WATCHDOG_USEC": "-1"},
        {"NOTIFY_SOCKET": "/there/is/none", "WATCHDOG_USEC": "²"},
    ],
)
def test_without_systemd_or_for_another_process_nothing_is_said_and_nothing_fails(environ: dict[str, str]) -> None:
    with closing(Notify(environ)) as notify:
        notify.ready("1 component")
        notify.reloading()
        notify.stopping()
        asyncio.run(asyncio.wait_for(notify.watchdog(lambda: []), 1.0))
