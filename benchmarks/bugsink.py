"""Bugsink, an error tracker that takes Sentry's protocol: installed into a folder of its own, run as its authors advise.

gunicorn and its background worker; what it takes in it has digested only when neither uses CPU any more.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks import envelopes, usage
from benchmarks.row import Missing
from tests.servers import Server, free_port

UNLIMITED = """
for name in ("PER_5_MINUTES", "PER_HOUR", "PER_MONTH"):
    BUGSINK["MAX_EVENTS_PER_PROJECT_" + name] = 10**9
    BUGSINK["MAX_EVENTS_" + name] = 10**9
"""
PROJECT = "from projects.models import Project; print('key', Project.objects.create(name='shop').sentry_key.hex)"
QUIET = 0.02
"""CPU in a second below which it is done."""


class Bugsink(Server):
    path = "/api/1/envelope/"
    key = ""
    version = ""

    @property
    def headers(self) -> dict[str, str]:
        return {**envelopes.SENTRY, "X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={self.key}"}

    def ready(self) -> bool:
        return self.get("/health/ready").status < 500

    def pids(self) -> list[int]:
        """Of all its processes."""
        return [self.pid, *(child.pid for child in psutil.Process(self.pid).children(recursive=True))]

    def rest(self) -> None:
        """Wait until it has digested what it has taken in."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            before = self.spent()
            time.sleep(1.0)
            if self.spent() - before < QUIET:
                return
        raise AssertionError("Bugsink has not digested what it took in within two minutes")

    def spent(self) -> float:
        return sum(map(usage.cpu, self.pids()))


def installed() -> Path:
    """The folder of its programs. Raises Missing when it can't be installed."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "stack-exporter-bench" / "bugsink"
    if not (cache / "complete").exists():
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(cache)], check=True, capture_output=True)
            command = [str(cache / "bin" / "pip"), "install", "--quiet", "bugsink"]
            subprocess.run(command, check=True, capture_output=True, timeout=300)
        except (OSError, subprocess.SubprocessError) as error:
            raise Missing(f"Bugsink can't be installed: {type(error).__name__}") from None
        (cache / "complete").touch()
    return cache / "bin"


@contextmanager
def running() -> Iterator[Bugsink]:
    programs = installed()
    with tempfile.TemporaryDirectory(prefix="bugsink-") as made:
        folder, port = Path(made), free_port()
        env = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": made}

        def run(*command: str) -> str:
            done = subprocess.run(command, cwd=made, env=env, check=True, capture_output=True, text=True, timeout=120)
            return done.stdout

        run("bugsink-create-conf", "--template=singleserver", "--host=127.0.0.1", f"--base-dir={made}")
        with (folder / "bugsink_conf.py").open("a") as file:
            file.write(UNLIMITED)
        run("bugsink-manage", "migrate")
        run("bugsink-manage", "migrate", "snappea", "--database=snappea")
        key = run("bugsink-manage", "shell", "-c", PROJECT).split("key ")[1].split()[0]
        serve = f"gunicorn --bind=127.0.0.1:{port} --workers=2 --log-level=error bugsink.wsgi"
        command = ["sh", "-c", f"cd {made}; bugsink-runsnappea & {serve} & wait"]
        with Bugsink("bugsink", command, port, folder, url=f"http://127.0.0.1:{port}", env=env) as server:
            server.key, server.version = key, run("bugsink-show-version").strip()
            try:
                yield server
            finally:
                for child in psutil.Process(server.pid).children(recursive=True):
                    child.terminate()
