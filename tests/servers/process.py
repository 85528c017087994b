"""One server process: started, stopped, killed, paused and started again on the same port."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import psutil


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


def wait_until(claim: Callable[[], Any], timeout: float = 10.0, what: str = "") -> Any:
    """What `claim` returns as soon as it is true; fails after `timeout` seconds."""
    end = time.monotonic() + timeout
    while not (found := claim()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what or claim}")
        time.sleep(0.02)
    return found


class Server:
    """A process that listens on `host`:`port`; `ready` says when it can be used."""

    host = "127.0.0.1"
    stop_signal = signal.SIGTERM
    start_timeout = 30.0
    """Seconds; far more than any needs on an idle machine, for machines that are not."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        port: int,
        folder: Path,
        *,
        url: str,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.port = port
        self.folder = folder
        self.url = url
        self.env = dict(env) if env is not None else None
        self.log_file = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} is not running"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Of its newest run, once it has ended."""
        return self._process.poll() if self._process is not None else None

    @property
    def log(self) -> str:
        """What it wrote since its newest start."""
        return self.log_file.read_bytes()[self._log_start :].decode(errors="replace") if self.log_file.exists() else ""

    def ready(self) -> bool:
        return self.get("/").status < 500

    def start(self) -> None:
        """Start it (again) on its port, and wait until it is ready."""
        assert not self.running, f"{self.name} is running"
        self._log_start = self.log_file.stat().st_size if self.log_file.exists() else 0
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env, cwd=self.folder
            )
        try:
            wait_until(self._ready, self.start_timeout, f"{self.name} is ready")
        except BaseException as error:
            self.kill()
            error.add_note(f"{' '.join(self.command)}\n{self.log[-4000:]}")
            raise

    def _ready(self) -> bool:
        if not self.running:
            raise AssertionError(f"{self.name} ended at its start")
        try:
            return self.ready()
        except (OSError, HTTPException):
            return False

    def stop(self, timeout: float = 10.0) -> int | None:
        """Ask it to end, wait, and return its exit code; None when it was not running."""
        if not self.running:
            return None
        self._process.send_signal(self.stop_signal)
        self._process.send_signal(signal.SIGCONT)
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            self.kill()
            error.add_note(self.log[-4000:])
            raise

    def kill(self) -> None:
        """SIGKILL to it and its children, as when memory runs out; returns when all are gone."""
        if self._process is None or not self.running:
            return
        children = psutil.Process(self.pid).children(recursive=True)
        self._process.kill()
        self._process.wait()
        for child in children:
            try:
                child.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(children, timeout=10)

    def pause(self) -> None:
        """SIGSTOP: it takes connections (its kernel does) and answers none. Returns when it has stopped."""
        os.kill(self.pid, signal.SIGSTOP)
        wait_until(lambda: psutil.Process(self.pid).status() == psutil.STATUS_STOPPED, what=f"{self.name} is paused")

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def get(self, path: str, headers: Mapping[str, str] | None = None, *, timeout: float = 10.0) -> Reply:
        return self.request("GET", path, headers=headers, timeout=timeout)

    def post(
        self, path: str, body: bytes | str = b"", headers: Mapping[str, str] | None = None, *, timeout: float = 10.0
    ) -> Reply:
        return self.request("POST", path, body, headers, timeout=timeout)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        port: int = 0,
        timeout: float = 10.0,
    ) -> Reply:
        """One HTTP request on a connection of its own; any status is an answer."""
        connection = HTTPConnection(self.host, port or self.port, timeout=timeout)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, found, response.read())
        finally:
            connection.close()

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
