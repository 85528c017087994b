"""Real workers of Celery 5 on a broker that a test has started, and their beat: some 2 s to start."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.servers.process import Server

_PROGRAMS = Path(__file__).parent / "programs"


class Worker(Server):
    """`name` is its node's."""

    start_timeout = 60.0
    mark = " ready."

    def ready(self) -> bool:
        return self.mark in self.log

    def __exit__(self, *_: object) -> None:
        # In good order it waits for its tasks, and nothing of it is kept.
        self.kill()


class Beat(Worker):
    mark = "beat: Starting..."


@contextmanager
def celery_worker(
    broker: str,
    *args: str,
    name: str = "one@test",
    pool: str = "threads",
    concurrency: int = 2,
    events: bool = True,
    settings: dict[str, Any] | None = None,
) -> Iterator[Worker]:
    """One node; `settings` are the application's, over those of celery_jobs.py."""
    options = ["-n", name, "-P", pool, "-c", str(concurrency), "-l", "INFO", "--without-mingle", "--without-gossip"]
    options += ["-E"] if events else []
    with _program(Worker, name, ["worker", *options, *args], broker, settings) as worker:
        yield worker


@contextmanager
def celery_beat(broker: str) -> Iterator[Beat]:
    """Sends jobs.tick five times a second."""
    with _program(Beat, "beat", ["beat", "-l", "INFO", "--max-interval", "1"], broker, None) as beat:
        yield beat


@contextmanager
def _program(
    cls: type[Any], name: str, words: list[str], broker: str, settings: dict[str, Any] | None
) -> Iterator[Any]:
    with tempfile.TemporaryDirectory(prefix="celery-", ignore_cleanup_errors=True) as made:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": made,
            "PYTHONPATH": str(_PROGRAMS),
            "PYTHONDONTWRITEBYTECODE": "1",
            "C_FORCE_ROOT": "1",
            "BROKER": broker,
            "SETTINGS": json.dumps(settings or {}),
        }
        command = [sys.executable, "-m", "celery", "-A", "celery_jobs", *words]
        with cls(name.replace("@", "-"), command, 0, Path(made), url=broker, env=env) as server:
            yield server


def send(broker: str, *tasks: str, queue: str = "celery", args: tuple[Any, ...] = (), **options: Any) -> None:
    """As an application sends them, with the event that says so."""
    from celery import Celery

    app = Celery("sender", broker=broker, set_as_current=False)
    app.conf.task_send_sent_event = True
    app.conf.update(options.pop("settings", {}))
    try:
        with app.connection_for_write() as connection, app.amqp.Producer(connection) as producer:
            for task in tasks:
                app.send_task(task, args, queue=queue, producer=producer, ignore_result=True, **options)
    finally:
        app.close()
