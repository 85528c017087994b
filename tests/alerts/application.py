"""What applications tell the daemon while something is wrong with them: events and sessions, again and again."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from tests.alerts.repeating import repeating as beside
from tests.servers.exporters import Daemon

JSON = {"Content-Type": "application/json"}
Events = list[dict[str, Any]]


@contextmanager
def repeating(work: Callable[[int], object], every: float = 1.0) -> Iterator[None]:
    """`work` is called with 1, 2, 3, … in a thread."""
    numbers = count(1)
    with beside(lambda: work(next(numbers)), every):
        yield


def say(daemon: Daemon, events: Events) -> None:
    reply = daemon.request("POST", "/api/v1/events", json.dumps(events).encode(), JSON, port=daemon.ingest_port)
    assert reply.status in (200, 202), reply.text


def envelope(daemon: Daemon, *items: tuple[str, dict[str, Any]]) -> None:
    """What a Sentry SDK sends, by the types of the items."""
    lines = [{}, *(line for type_, item in items for line in ({"type": type_}, item))]
    key = {"X-Sentry-Auth": "Sentry sentry_version=7, sentry_key=any"}
    body = "\n".join(map(json.dumps, lines)).encode()
    daemon.request("POST", "/api/1/envelope/", body, key, port=daemon.ingest_port)


def end_sessions(daemon: Daemon, release: str, **ended: int) -> None:
    """How many exited, crashed, …"""
    item = {"aggregates": [ended], "attrs": {"release": release, "environment": "production"}}
    envelope(daemon, ("sessions", item))


def work_of(service: str, failing: int, of: int, seconds: float) -> Events:
    """`failing` of so many operations, uploads, reads, calls of a database and of a model, each as long."""
    kinds: Events = [
        {"type": "operation", "name": "bom_extraction"},
        {"type": "upload", "file_type": "step", "bytes": 10},
        {"type": "file", "operation": "read", "file_type": "pdf"},
        {"type": "query", "system": "postgresql"},
        {"type": "ai_call", "model": "gpt-4o", "provider": "openai", "cost": 1.0},
    ]
    all_ = {"service": service, "duration": seconds}
    return [kind | all_ | {"failed": number < failing} for kind in kinds for number in range(of)]
