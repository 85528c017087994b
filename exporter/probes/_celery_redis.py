r"""Celery's queues, mailbox and events in a Redis or Valkey, as kombu's transport keeps them there.

A queue is one list for each priority (`queue`, `queue\x06\x163`, …). What workers hold is in one hash for all queues,
with the time since when in a sorted set. A mailbox is a channel of pub/sub and a list for the answers; events are
published too.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from math import isfinite
from typing import NoReturn

from exporter.probe import Down
from exporter.probes import _celery_kombu
from exporter.probes._celery_broker import OTHER, Answer, Backlog, Event, Names, Quote
from exporter.probes._celery_resp import Incomplete, Replies, Reply
from exporter.probes._redis_url import Target
from exporter.probes._resp import ReplyError, command

_SEPARATOR = "\x06\x16"
_AT_ONCE = 64
"""Answers taken with one round trip."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.05
_DOWN = {
    "NOAUTH": "auth",
    "WRONGPASS": "auth",
    "NOPERM": "permission",
    "DENIED": "permission",
    "LOADING": "loading",
    "READONLY": "read_only",
    "OOM": "out_of_memory",
}


class Connection:
    """Commands and their replies; an error among these is an answer. Raises Down."""

    def __init__(self, transport: asyncio.Transport, wire: Replies, target: Target, quote: Quote) -> None:
        self.transport = transport
        self.wire = wire
        self._target = target
        self._quote = quote

    async def enter(self) -> None:
        """Say who one is, and go to the database."""
        target = self._target
        greeting: list[tuple[str, ...]] = []
        if target.password:
            greeting.append(
                ("AUTH", target.username, target.password) if target.username else ("AUTH", target.password)
            )
        if target.db:
            greeting.append(("SELECT", str(target.db)))
        await self.do(*greeting)

    async def do(self, *commands: tuple[str | bytes, ...]) -> list[Reply]:
        self.transport.write(b"".join(command(*words) for words in commands))
        replies: list[Reply] = []
        for words in commands:
            reply = await self.wire.reply()
            if isinstance(reply, ReplyError):  # at once, as it may be the last that comes
                self._refused(str(words[0]), reply)
            replies.append(reply)
        return replies

    async def numbers(self, *commands: tuple[str | bytes, ...]) -> list[int]:
        replies = await self.do(*commands)
        found = [reply for reply in replies if isinstance(reply, int)]
        if len(found) < len(replies):
            raise Down("protocol", f"{self._target.where}: {commands[0][0]!s} was not answered with a number")
        return found

    def _refused(self, name: str, error: ReplyError) -> NoReturn:
        reason = _DOWN.get(error.word, "server_error")
        if "max number of clients" in error:
            reason = "too_many_connections"
        elif name == "AUTH":
            reason = "auth"
        elif name == "SELECT" and error.word == "ERR":
            reason = "no_vhost"
        raise Down(reason, f"{self._target.where}: {name}: {self._quote(error)}")


class Session:
    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._names = names
        self._inbox = ""
        self._left = b""
        self._pause = _FIRST_PAUSE

    async def backlog(self, queues: Sequence[str]) -> Backlog:
        prefix, steps = self._names.prefix, self._names.steps
        lists = [
            ("LLEN", f"{prefix}{queue}{_SEPARATOR}{step}" if step else prefix + queue)
            for queue in queues
            for step in steps
        ]
        *lengths, held = await self._connection.numbers(*lists, ("HLEN", f"{prefix}unacked"))
        counts = iter(lengths)
        found = Backlog({queue: sum(next(counts) for _ in steps) for queue in queues}, unacknowledged=held)
        (oldest,) = await self._connection.do(("ZRANGE", f"{prefix}unacked_index", "0", "0", "WITHSCORES"))
        if isinstance(oldest, list) and len(oldest) == 2 and isinstance(oldest[1], bytes):
            with suppress(ValueError):
                score = float(oldest[1])
                found.oldest = score if isfinite(score) else None
        return found

    async def ask(self, requests: Sequence[bytes], reply_to: str) -> int | None:
        prefix, control = self._names.prefix, self._names.control
        inbox = f"{reply_to}.reply.{control}.pidbox"
        table = f"{prefix}_kombu.binding.reply.{control}.pidbox"
        member = _SEPARATOR.join((reply_to, "", inbox))
        self._inbox = prefix + inbox
        self._left = command("SREM", table, member) + command("DEL", self._inbox)
        channel = f"{prefix}{self._names.fanout}{control}.pidbox"
        # What is left of a round that was cut off would take the place of new answers.
        _, _, *heard = await self._connection.numbers(
            ("SADD", table, member),
            ("DEL", self._inbox),
            *(("PUBLISH", channel, _celery_kombu.wrapped(body, f"{control}.pidbox")) for body in requests),
        )
        return max(heard)

    async def answers(self) -> list[Answer]:
        # No BRPOP: what is sent after it waits until it has come back, the taking away too.
        await asyncio.sleep(self._pause)
        replies = await self._connection.do(*[("RPOP", self._inbox)] * _AT_ONCE)
        came = [reply for reply in replies if isinstance(reply, bytes)]
        self._pause = 0.0 if len(came) == _AT_ONCE else min(_LONGEST_PAUSE, self._pause * 2 or _FIRST_PAUSE)
        return [answer for each in came if (answer := _celery_kombu.answer(each)) is not None]

    async def leave(self) -> None:
        left, self._left = self._left, b""
        if left:
            self._connection.transport.write(left)
            await self._connection.wire.reply()
            await self._connection.wire.reply()

    def close(self) -> None:
        if self._left and not self._connection.transport.is_closing():
            self._connection.transport.write(self._left)
        self._connection.transport.abort()


class Stream:
    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._names = names

    @property
    def heard(self) -> float:
        return self._connection.wire.heard

    async def subscribe(self) -> None:
        """To the events of tasks alone; where `fanout_patterns` is off, all events are in one channel."""
        channel = f"{self._names.prefix}{self._names.fanout}{self._names.events}"
        escaped = "".join(f"\\{letter}" if letter in "*?[]\\" else letter for letter in channel)
        # Each is answered with an array that says so.
        await self._connection.do(("PSUBSCRIBE", f"{escaped}/task.*"), ("SUBSCRIBE", channel))

    def event(self) -> Event | None:
        try:
            reply = self._connection.wire.take()
        except Incomplete:
            return None
        if isinstance(reply, list) and len(reply) > 2 and reply[0] in (b"message", b"pmessage"):
            return _celery_kombu.event(reply[-1])
        return OTHER  # such as PONG

    async def more(self) -> None:
        await self._connection.wire.more()

    def touch(self) -> None:
        self._connection.transport.write(command("PING"))

    def close(self) -> None:
        self._connection.transport.abort()
