"""What workers are asked over Celery's mailbox (kombu's pidbox), and what they answer: bytes and values alone."""

import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

import msgspec
from msgspec import Raw, Struct

PING = ("ping",)
ALL = ("ping", "stats", "active", "reserved", "scheduled", "active_queues")
EXPIRES = 60.0
"""Seconds after which a worker that was held up ignores what it was asked; by its clock, so not too few."""
JSON = "application/json"
MOST = 5_000
"""Workers whose answers are kept; of more, they are only counted."""


class _Pool(Struct):
    size: int | None = msgspec.field(name="max-concurrency", default=None)


class _Stats(Struct):
    pool: _Pool = msgspec.field(default_factory=_Pool)
    total: dict[str, int] = {}
    uptime: float | None = None


class Task(Struct):
    """One that a worker is at; `time_start` in Unix seconds by the worker's clock."""

    id: str = ""
    name: str = ""
    time_start: float | None = None


class _Queue(Struct):
    name: str = ""


@dataclass(slots=True)
class Worker:
    """What one worker said of itself; None is what it did not say."""

    pool: int | None = None
    processed: dict[str, int] | None = None
    uptime: float | None = None
    active: list[Task] | None = None
    reserved: int | None = None
    scheduled: int | None = None
    queues: frozenset[str] | None = None


_replies = msgspec.json.Decoder(dict[str, Raw])
_stats = msgspec.json.Decoder(_Stats)
_tasks = msgspec.json.Decoder(list[Task])
_count = msgspec.json.Decoder(list[Raw])
_queues = msgspec.json.Decoder(list[_Queue])


def request(method: str, round_: str, namespace: str, reply_to: str) -> bytes:
    """The body of a message to every worker; the answers have the ticket `ROUND:METHOD`."""
    return msgspec.json.encode(
        {
            "method": method,
            "arguments": {},
            "destination": None,
            "pattern": None,
            "matcher": None,
            "ticket": f"{round_}:{method}",
            "reply_to": {"exchange": f"reply.{namespace}.pidbox", "routing_key": reply_to},
        }
    )


def headers() -> dict[str, float]:
    """Of a message to workers."""
    return {"clock": 0.0, "expires": time.time() + EXPIRES}


@dataclass(slots=True)
class Answers:
    """The answers of one round, as they come."""

    round_: str
    methods: tuple[str, ...]
    workers: dict[str, Worker] = field(default_factory=dict)
    pings: int = 0
    taken: int = 0
    """Answers of any sort, readable or not."""
    foreign: str = ""
    """The form of an answer that is not JSON, which nothing is known from."""

    def take(self, ticket: str, content_type: str, body: bytes) -> None:
        """One answer; those of earlier rounds are passed over."""
        round_, _, method = ticket.partition(":")
        if round_ != self.round_ or method not in self.methods:
            return
        self.taken += 1
        self.pings += method == "ping"
        if content_type != JSON:
            self.foreign = content_type[:60] or "nothing that says its form"
            return
        try:
            said = _replies.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.foreign = "no JSON, though it says so"
            return
        for name, raw in islice(said.items(), 1):  # a worker speaks for itself alone
            if name in self.workers or len(self.workers) < MOST:
                # An {"error": …}, or another version's form: that figure is missing.
                with suppress(msgspec.DecodeError, UnicodeDecodeError):
                    _fill(self.workers.setdefault(name[:200], Worker()), method, raw)

    def complete(self, listeners: int | None, awaited: Collection[str]) -> bool:
        """Whether all who are asked have answered all: by their number where the broker tells it, else by name."""
        if listeners is not None:
            return self.taken >= listeners * len(self.methods)
        told = self.taken >= len(self.workers) * len(self.methods)
        return told and bool(awaited) and all(name in self.workers for name in awaited)


def _fill(worker: Worker, method: str, raw: Raw) -> None:
    if method == "stats":
        stats = _stats.decode(raw)
        worker.pool, worker.processed, worker.uptime = stats.pool.size, stats.total, stats.uptime
    elif method == "active":
        worker.active = _tasks.decode(raw)
    elif method == "reserved":
        worker.reserved = len(_count.decode(raw))
    elif method == "scheduled":
        worker.scheduled = len(_count.decode(raw))
    elif method == "active_queues":
        worker.queues = frozenset(queue.name for queue in _queues.decode(raw))
