"""Does Redis or Valkey take a connection, answer PING and, if asked to, keep a key, and how full and busy is it?"""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, ClassVar

from msgspec import Meta

from exporter.probe import Down, Probe, Readings, Signal
from exporter.probes import _net, _redis_info, _redis_url, _tls
from exporter.probes._resp import Replies, Reply, ReplyError, command
from exporter.probes._tls import TLS
from exporter.redact import quoted
from exporter.values import Secret

# Words that a Redis error begins with. The first two sorts mean that it works, but not for everything.
_DEGRADED = {
    "LOADING": "loading",
    "READONLY": "read_only",
    "MISCONF": "misconfigured",
    "OOM": "out_of_memory",
    "MASTERDOWN": "master_down",
}
_DOWN = {"NOAUTH": "auth", "WRONGPASS": "auth", "NOPERM": "permission", "DENIED": "permission", "BUSY": "busy"}
Number = Annotated[int, Meta(ge=0)]
_EXPIRY = "60"


class Redis(Probe, kw_only=True, frozen=True):
    """A new connection each run, as a kept one hides a server that takes none; one write, one round trip."""

    reasons: ClassVar[Mapping[str, str]] = {
        **_net.REASONS,
        **_tls.REASONS,
        "auth": "The server wants a password, or refuses the one it was given.",
        "permission": "The user may not run a command (ACL), or clients from elsewhere are barred (protected mode).",
        "no_database": "The server has no database of that number.",
        "too_many_connections": "maxclients is reached.",
        "loading": "The server is loading its data.",
        "read_only": "The server is a replica that takes no writes.",
        "misconfigured": "The server takes no writes because it can't save to its disk.",
        "out_of_memory": "The server takes no writes because maxmemory is reached.",
        "master_down": "The server is a replica that has lost its master: what it has is stale.",
        "busy": "A script or function has been running for longer than the server allows.",
        "canary": "A key was not kept, read back or deleted as it should.",
        "protocol": "What answers does not keep to Redis' protocol.",
        "server_error": "The server answered with another error, which the detail quotes.",
    }
    signals: ClassVar[tuple[Signal, ...]] = (
        Signal(
            "memory",
            _redis_info.MEMORY_RATIO,
            "ratio",
            "Memory used, where nothing is evicted.",
            warning=0.8,
            critical=0.95,
        ),
        Signal(
            "clients", _redis_info.CLIENTS_RATIO, "ratio", "Connections, of maxclients.", warning=0.8, critical=0.95
        ),
        Signal("blocked_clients", _redis_info.BLOCKED, "number", "Clients in a blocking call."),
        # One refusal within five minutes is 0.0033 a second.
        Signal(
            "rejected", _redis_info.REJECTED, "number", "Connections refused a second.", statistic="rate", warning=0.003
        ),
        Signal("evictions", _redis_info.EVICTED, "number", "Keys evicted a second.", statistic="rate"),
        Signal("hit_ratio", _redis_info.HIT_RATIO, "ratio", "Lookups that found their key.", direction="below"),
        Signal("fragmentation", _redis_info.FRAGMENTATION, "ratio", "Resident to allocated memory."),
        Signal(
            "master_link", _redis_info.LINK_IDLE, "seconds", "Silence of a replica's master.", warning=30, critical=120
        ),
        Signal("replica_lag", _redis_info.REPLICA_LAG_BYTES, "bytes", "What a replica has yet to apply."),
        _tls.expiry(_redis_info.CERTIFICATE_REMAINING),
        Signal("save_age", _redis_info.SAVE_AGE, "seconds", "Time since the last save."),
        Signal("save", _redis_info.SAVE_OK, "number", "Whether the last save succeeded.", direction="below", warning=0),
        Signal(
            "append", _redis_info.AOF_OK, "number", "Whether the last append succeeded.", direction="below", warning=0
        ),
    )

    url: Annotated[
        Secret,
        Meta(
            description="redis://user:password@host:6379/0, rediss:// for TLS, or unix:///path?db=0.",
            examples=["rediss://cache:6379/0"],
        ),
    ]
    username: Annotated[str, Meta(description="The user; it wins over one in the URL.")] = ""
    password: Annotated[Secret, Meta(description="The password; it wins over one in the URL.")] = Secret("")
    db: Annotated[Number | None, Meta(description="Number of the database, if it is not in the URL.")] = None
    tls: Annotated[TLS | None, Meta(description="How to do TLS with rediss.")] = None
    info: Annotated[bool, Meta(description="Read INFO; without it the server is only pinged.")] = True
    canary: Annotated[bool, Meta(description="Set, get and delete a key that expires.")] = False
    canary_prefix: Annotated[str, Meta(description="What the canary's key begins with.")] = "stack-exporter:canary:"

    def __post_init__(self) -> None:
        target = _redis_url.parse(self.url.reveal())
        if self.tls and not target.encrypted:
            raise ValueError("tls needs a URL with rediss")
        if target.ca_file:
            TLS(ca_file=target.ca_file)

    @cached_property
    def _target(self) -> _redis_url.Target:
        return _redis_url.parse(self.url.reveal())

    @cached_property
    def _asked(self) -> tuple[tuple[str, ...], bytes]:
        """What every run asks: the commands' names, and their bytes."""
        target = self._target
        username, password = self.username or target.username, self.password.reveal() or target.password
        commands: list[tuple[str, ...]] = []
        if password:
            commands.append(("AUTH", username, password) if username else ("AUTH", password))
        if self._db:
            commands.append(("SELECT", str(self._db)))
        commands.append(("PING",))
        if self.info:
            commands.append(("INFO",))
        return tuple(words[0] for words in commands), b"".join(command(*words) for words in commands)

    @property
    def _db(self) -> int:
        return self._target.db if self.db is None else self.db

    @cached_property
    def _tls(self) -> TLS | None:
        target = self._target
        if not target.encrypted:
            return None
        return self.tls or TLS(ca_file=target.ca_file, insecure_skip_verify=target.unverified)

    async def run(self, out: Readings) -> None:
        names, request = self._asked
        value = b""
        if self.canary:
            value = os.urandom(16).hex().encode()
            key = self.canary_prefix.encode() + os.urandom(8).hex().encode()
            names = (*names, "SET", "GET", "DEL")
            request += command("SET", key, value, "EX", _EXPIRY) + command("GET", key) + command("DEL", key)
        replies = await self._ask(out, request, len(names))
        self._judge(dict(zip(names, replies.came, strict=False)), value, out)
        if len(replies.came) < len(names):
            if replies.malformed:
                raise Down("protocol", f"{self._target.where}: {replies.malformed}")
            raise _net.failure(replies.lost, self._target.where)

    async def _ask(self, out: Readings, request: bytes, count: int) -> Replies:
        show = _tls.dates(out, _redis_info.CERTIFICATE_NOT_AFTER, _redis_info.CERTIFICATE_REMAINING)

        target, tls = self._target, self._tls
        if target.path:
            transport, replies = await _net.connect_unix(out, target.path, lambda: Replies(count))
        else:
            # What nobody verifies may well be expired.
            seen = None if tls is None or tls.insecure_skip_verify else show
            transport, replies = await _net.connect(
                out, target.host, target.port, lambda: Replies(count), tls=tls, show=seen
            )
        try:
            with out.phase("command"):
                transport.write(request)
                await replies.ended
        finally:
            transport.abort()
        return replies

    def _judge(self, came: dict[str, Reply], value: bytes, out: Readings) -> None:
        """What the replies mean. Raises Down."""
        if isinstance(told := came.get("INFO"), bytes) and _redis_info.report(told, self._db, out):
            out.degraded("master_down", f"{self._target.where} has lost its master")
        for name, reply in came.items():
            if isinstance(reply, ReplyError):
                self._refused(name, reply, out)
        if not isinstance(pong := came.get("PING", b"PONG"), ReplyError) and pong != b"PONG":
            said = quoted(pong.decode(errors="replace"), self, 40) if isinstance(pong, bytes) else pong
            raise Down("protocol", f"{self._target.where}: PING was answered with {said!r}")
        if "DEL" in came and not out.degradations:
            kept = came["GET"]
            if kept != value:
                found = "nothing" if kept is None else "another value"
                out.degraded("canary", f"{self._target.where}: a key was set, and GET found {found}")
            elif came["DEL"] != 1:
                out.degraded("canary", f"{self._target.where}: a key was set, and DEL did not find it")

    def _refused(self, name: str, error: ReplyError, out: Readings) -> None:
        word, detail = error.word, f"{self._target.where}: {name}: {quoted(error, self)}"
        if "max number of clients" in error:
            raise Down("too_many_connections", detail)
        if reason := _DEGRADED.get(word):
            out.degraded(reason, detail)
        elif name == "AUTH":
            raise Down("auth", detail)
        elif name == "SELECT" and word == "ERR":
            raise Down("no_database", detail)
        elif word == "NOPERM" and name not in ("PING", "SELECT"):
            out.degraded("permission", detail)
        elif name in ("SET", "GET", "DEL") and word not in _DOWN:
            out.degraded("canary", detail)
        else:
            raise Down(_DOWN.get(word, "server_error"), detail)
