"""Does memcached answer and, if asked to, keep a key, and how full and busy is it?"""

import os
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, ClassVar

from msgspec import Meta

from exporter.metric import Metric, counter, gauge, info
from exporter.probe import Down, Probe, Readings, Signal
from exporter.probes import _net, _tls
from exporter.probes._memcached_wire import Replies, Reply, ReplyError, store
from exporter.probes._tls import TLS
from exporter.redact import quoted
from exporter.values import Secret

INFO = info("stack_memcached_info", "The server's version.", "component", "version")
UPTIME = gauge("stack_memcached_uptime_seconds", "Time since the server started.", "component")
MEMORY_USED = gauge("stack_memcached_memory_used_bytes", "Memory that items take.", "component")
MEMORY_MAX = gauge("stack_memcached_memory_max_bytes", "Memory that items may take.", "component")
MEMORY_RATIO = gauge(
    "stack_memcached_memory_ratio", "Memory that items take, of what they may; a cache in use is full.", "component"
)
ITEMS = gauge("stack_memcached_items", "Items in the cache.", "component")
HITS = counter("stack_memcached_hits_total", "Gets that found their key.", "component")
MISSES = counter("stack_memcached_misses_total", "Gets that did not.", "component")
HIT_RATIO = gauge("stack_memcached_hit_ratio", "Gets that found their key, of all since the start.", "component")
SETS = counter("stack_memcached_sets_total", "Items stored.", "component")
EVICTIONS = counter(
    "stack_memcached_evictions_total", "Items that made room for others before they expired.", "component"
)
CONNECTIONS = gauge("stack_memcached_connections", "Connections that are open, the server's own too.", "component")
CONNECTIONS_MAX = gauge("stack_memcached_connections_max", "Connections that may be open.", "component")
CONNECTIONS_RATIO = gauge("stack_memcached_connections_ratio", "Connections, of how many may be open.", "component")
ACCEPTED = counter("stack_memcached_connections_accepted_total", "Connections accepted.", "component")
REJECTED = counter(
    "stack_memcached_connections_rejected_total", "Connections refused because too many were open.", "component"
)
LISTEN_DISABLED = counter(
    "stack_memcached_listen_disabled_total", "How often too many connections were open.", "component"
)
READ = counter("stack_memcached_read_bytes_total", "Bytes that clients sent.", "component")
WRITTEN = counter("stack_memcached_written_bytes_total", "Bytes sent to clients.", "component")
CERTIFICATE_NOT_AFTER = gauge(
    "stack_memcached_certificate_not_after_timestamp_seconds",
    "When the server's certificate expires, if it is verified.",
    "component",
)
CERTIFICATE_REMAINING = gauge(
    "stack_memcached_certificate_remaining_seconds",
    "Time until the server's certificate expires, if it is verified; negative after.",
    "component",
)

_NUMBERS: Mapping[str, Metric] = {
    "uptime": UPTIME,
    "bytes": MEMORY_USED,
    "limit_maxbytes": MEMORY_MAX,
    "curr_items": ITEMS,
    "get_hits": HITS,
    "get_misses": MISSES,
    "cmd_set": SETS,
    "evictions": EVICTIONS,
    "curr_connections": CONNECTIONS,
    "max_connections": CONNECTIONS_MAX,
    "total_connections": ACCEPTED,
    "rejected_connections": REJECTED,
    "listen_disabled_num": LISTEN_DISABLED,
    "bytes_read": READ,
    "bytes_written": WRITTEN,
}
_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^\s:/@\[\]]+))(?::(?P<port>[0-9]{1,5}))?")
_VERSION = re.compile(r"[0-9][0-9A-Za-z.\-_]{0,29}")
_KEY = re.compile(r"[\x21-\x7e]{0,200}")
_EXPIRY = 60


class Memcached(Probe, kw_only=True, frozen=True):
    """By the text protocol, on a new connection each run. SASL, which the binary protocol alone has, is not spoken."""

    reasons: ClassVar[Mapping[str, str]] = {
        **_net.REASONS,
        **_tls.REASONS,
        "auth": "The server wants a user and a password, or refuses those it was given.",
        "too_many_connections": "As many connections are open as may be.",
        "out_of_memory": "The server takes no items because its memory is full and nothing may be evicted.",
        "canary": "A key was not kept, read back or deleted as it should.",
        "protocol": "What answers does not keep to memcached's text protocol.",
        "server_error": "The server answered with another error, which the detail quotes.",
    }
    signals: ClassVar[tuple[Signal, ...]] = (
        Signal("connections", CONNECTIONS_RATIO, "ratio", "Connections of what may be.", warning=0.8, critical=0.95),
        # One refusal within five minutes is 0.0033 a second.
        Signal("rejected", REJECTED, "number", "Connections refused a second.", statistic="rate", warning=0.003),
        Signal("evictions", EVICTIONS, "number", "Items evicted a second.", statistic="rate"),
        Signal("hit_ratio", HIT_RATIO, "ratio", "Gets that found their key.", direction="below"),
        Signal("memory", MEMORY_RATIO, "ratio", "Memory used; of use where nothing is evicted (option -M)."),
        _tls.expiry(CERTIFICATE_REMAINING),
    )

    address: Annotated[
        str,
        Meta(description="Where to connect: host:port, [::1]:port or /path/of/socket.", examples=["memcached:11211"]),
    ]
    username: Annotated[str, Meta(description="The user, where the server runs with -Y; SASL is not spoken.")] = ""
    password: Annotated[Secret, Meta(description="The user's password.")] = Secret("")
    tls: Annotated[TLS | None, Meta(description="Do TLS.")] = None
    stats: Annotated[bool, Meta(description="Read stats; without it, as for a proxy, only the version is asked.")] = (
        True
    )
    canary: Annotated[bool, Meta(description="Set, get and delete a key that expires.")] = False
    canary_prefix: Annotated[str, Meta(description="What the canary's key begins with.")] = "stack-exporter:canary:"

    def __post_init__(self) -> None:
        if not self.address.startswith("/"):
            match = _ADDRESS.fullmatch(self.address)
            if match is None or not 0 < int(match["port"] or 11211) < 65536:
                raise ValueError("address: expected host:port or the path of a socket")
        elif self.tls is not None:
            raise ValueError("tls: a socket in the file system has none")
        if not _KEY.fullmatch(self.canary_prefix):
            raise ValueError("canary_prefix: expected 200 printable ASCII characters at most, without spaces")
        if bool(self.username) != bool(self.password):
            raise ValueError("username: it goes with password")
        # The file that -Y names has user:password a line, and the login a space between them.
        if re.search(r"[\s:]", self.username) or re.search(r"[\0\r\n]", self.password.reveal()):
            raise ValueError("username: expected neither spaces nor colons in it, and no line's end in password")

    async def run(self, out: Readings) -> None:
        commands: list[tuple[str, bytes]] = []
        if self.username:
            # Gone at once where the server has no authentication and takes this for an item.
            login = f"{self.username} {self.password.reveal()}".encode()
            commands.append(("auth", store("stack-exporter:auth", login, -1)))
        commands.append(("stats", b"stats\r\n") if self.stats else ("version", b"version\r\n"))
        value = b""
        if self.canary:
            key, value = self.canary_prefix + os.urandom(8).hex(), os.urandom(16).hex().encode()
            named = key.encode()
            commands += [("set", store(key, value, _EXPIRY))]
            commands += [("get", b"get %b\r\n" % named), ("delete", b"delete %b\r\n" % named)]
        names = tuple(name for name, _ in commands)
        replies = await self._ask(out, names, b"".join(asked for _, asked in commands))
        self._judge(dict(zip(names, replies.came, strict=False)), value, out)
        if len(replies.came) < len(names):
            if replies.malformed:
                raise Down("protocol", f"{self.address}: {replies.malformed}")
            raise _net.failure(replies.lost, self.address)

    @cached_property
    def _place(self) -> tuple[str, int]:
        match = _ADDRESS.fullmatch(self.address)
        return (match["v6"] or match["host"], int(match["port"] or 11211)) if match else ("", 0)

    async def _ask(self, out: Readings, names: tuple[str, ...], request: bytes) -> Replies:
        show = _tls.dates(out, CERTIFICATE_NOT_AFTER, CERTIFICATE_REMAINING)

        host, port = self._place
        if not host:
            transport, replies = await _net.connect_unix(out, self.address, lambda: Replies(names))
        else:
            # What nobody verifies may well be expired.
            seen = None if self.tls is None or self.tls.insecure_skip_verify else show
            transport, replies = await _net.connect(out, host, port, lambda: Replies(names), tls=self.tls, show=seen)
        try:
            with out.phase("command"):
                transport.write(request)
                await replies.ended
        finally:
            transport.abort()
        return replies

    def _judge(self, came: dict[str, Reply], value: bytes, out: Readings) -> None:
        """What the replies mean. Raises Down."""
        for name, reply in came.items():
            if isinstance(reply, ReplyError):
                self._refused(name, reply, out)
        if isinstance(told := came.get("stats"), dict):
            _report(told, out)
        version = came.get("version", "VERSION")
        if isinstance(version, str) and not isinstance(version, ReplyError):
            if not version.startswith("VERSION"):
                raise Down("protocol", f"{self.address}: version was answered with {quoted(version, self, 40)!r}")
            _show_version(version.removeprefix("VERSION").strip(), out)
        if (logged_in := came.get("auth", "STORED")) != "STORED":
            raise Down("protocol", f"{self.address}: the login was answered with {quoted(str(logged_in), self, 40)!r}")
        if "delete" in came and not out.degradations:
            stored, kept, deleted = came["set"], came["get"], came["delete"]
            if stored != "STORED":
                out.degraded("canary", f"{self.address}: set was answered with {quoted(str(stored), self, 40)!r}")
            elif kept != value:
                found = "nothing" if kept is None else "another value"
                out.degraded("canary", f"{self.address}: a key was set, and get found {found}")
            elif deleted != "DELETED":
                out.degraded("canary", f"{self.address}: a key was set, and delete did not find it")

    def _refused(self, name: str, error: ReplyError, out: Readings) -> None:
        detail = f"{self.address}: {name}: {quoted(error, self)}"
        if "Too many open connections" in error:
            raise Down("too_many_connections", detail)
        if name == "auth" or "authenticat" in error:
            raise Down("auth", detail)
        if "out of memory" in error:
            out.degraded("out_of_memory", detail)
        elif name in ("set", "get", "delete"):
            out.degraded("canary", detail)
        else:
            raise Down("server_error", detail)


def _report(told: dict[str, str], out: Readings) -> None:
    """Every figure is optional: versions and proxies differ."""
    found = {name: float(text) for name in _NUMBERS if (text := told.get(name, "")).isdecimal() and len(text) <= 20}
    for name, value in found.items():
        out.set(_NUMBERS[name], value)
    for metric, part, whole in (
        (MEMORY_RATIO, "bytes", "limit_maxbytes"),
        (CONNECTIONS_RATIO, "curr_connections", "max_connections"),
    ):
        if part in found and found.get(whole):
            out.set(metric, found[part] / found[whole])
    hits, misses = found.get("get_hits", 0), found.get("get_misses", 0)
    if hits + misses:
        out.set(HIT_RATIO, hits / (hits + misses))
    _show_version(told.get("version", ""), out)


def _show_version(text: str, out: Readings) -> None:
    if found := _VERSION.match(text):
        out.set(INFO, 1, found[0])
