"""Reads a PostgreSQL address in the forms that applications write it, and keeps what a session needs of it."""

import os
import re
import ssl
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import Struct

from exporter.probes._tls import TLS

MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
ATTRIBUTES = ("any", "primary", "standby", "prefer-standby", "read-write", "read-only")
# PostgreSQL's own, Django's and django-environ's; each may name a driver, as SQLAlchemy's do: postgresql+asyncpg.
_SCHEMES = {"postgres", "postgresql", "postgis", "pgsql", "psql", "timescale", "timescalegis"}
_PERCENT = "special characters in a password are percent-encoded"
_PORT = re.compile(r"[0-9]{1,5}")


class AnyName(TLS, Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """sslmode=verify-ca: the authority counts, the name does not."""

    def context(self, alpn: tuple[str, ...] = (), *, verify: bool = True) -> ssl.SSLContext:
        if not verify:
            return super().context(alpn, verify=False)
        # One of its own, because TLS shares its contexts with components that do check the name.
        context = ssl.create_default_context(cafile=self.ca_file or None)
        context.check_hostname = False
        if self.cert_file:
            context.load_cert_chain(self.cert_file, self.key_file or None)
        if alpn:
            context.set_alpn_protocols(alpn)
        return context


@dataclass(frozen=True, slots=True)
class Target:
    """Where and as whom. None stands for what libpq's environment (PGHOST, PGUSER, …) or its defaults say."""

    hosts: tuple[str, ...] | None
    ports: tuple[int, ...] | None
    user: str | None
    password: str | None = field(repr=False)
    database: str | None
    tls: TLS | None
    """What to ask for, None when encryption is not wanted."""
    required: bool
    """Whether a server that declines TLS is refused."""
    direct: bool
    """Whether TLS starts at once, without the SSLRequest message (sslnegotiation=direct, PostgreSQL 17)."""
    extra: dict[str, str]
    """Other arguments of asyncpg.connect, such as target_session_attrs."""
    options: str
    """The startup message's `options`."""


def parse(dsn: str) -> Target:
    """The target of a URL. Raises ValueError, whose message holds nothing of the URL but names of its options."""
    scheme, separator, _ = dsn.partition("://")
    if not separator or scheme.lower().partition("+")[0] not in _SCHEMES:
        raise ValueError("expected a URL such as postgresql://user:password@host:5432/database")
    try:
        url = urlsplit(dsn)
        query = dict(parse_qsl(url.query))
    except ValueError:
        raise ValueError(f"the URL can't be read; {_PERCENT}") from None
    # From the right: an @ inside a password is often left as it is.
    credentials, _, places = url.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    hosts, ports = _places(unquote(places) or query.get("host", ""), query.get("port", ""))
    mode = query.get("sslmode") or query.get("ssl") or os.environ.get("PGSSLMODE") or "prefer"
    mode = {"true": "require", "1": "require", "on": "require", "false": "disable", "0": "disable"}.get(mode, mode)
    if mode not in MODES:
        raise ValueError(f"sslmode is one of {', '.join(MODES)}")
    # What else a URL carries is meant for the application's driver or its pool (connect_timeout, pool_size, schema):
    # sent on, the server would refuse it as an unknown setting.
    extra: dict[str, str] = {key: query[key] for key in ("target_session_attrs", "passfile") if key in query}
    if extra.get("target_session_attrs", "any") not in ATTRIBUTES:
        raise ValueError(f"target_session_attrs is one of {', '.join(ATTRIBUTES)}")
    return Target(
        hosts,
        ports,
        unquote(user) or query.get("user"),
        unquote(password) or query.get("password"),
        unquote(url.path.removeprefix("/")) or query.get("dbname") or query.get("database"),
        _tls(mode, query),
        mode.startswith(("require", "verify")),
        query.get("sslnegotiation") == "direct",
        extra,
        query.get("options", ""),
    )


def _tls(mode: str, query: dict[str, str]) -> TLS | None:
    if mode == "disable":
        return None
    root = query.get("sslrootcert") or os.environ.get("PGSSLROOTCERT", "")
    ca = "" if root == "system" else root
    cert, key = query.get("sslcert", ""), query.get("sslkey", "")
    if mode == "verify-full":
        return TLS(ca_file=ca, cert_file=cert, key_file=key)
    # libpq: with a root certificate at hand, require is verify-ca.
    if mode == "verify-ca" or (mode == "require" and root):
        return AnyName(ca_file=ca, cert_file=cert, key_file=key)
    return TLS(cert_file=cert, key_file=key, insecure_skip_verify=True)


def _places(hosts: str, ports: str) -> tuple[tuple[str, ...] | None, tuple[int, ...] | None]:
    if not hosts:
        return None, (_port(ports),) if ports else None
    names, numbers = [], []
    fallback = ports.split(",") if ports else [os.environ.get("PGPORT") or "5432"]
    places = hosts.split(",")
    for index, place in enumerate(places):
        if place.startswith("/"):
            name, port = place, ""
        elif place.startswith("["):
            name, _, port = place[1:].partition("]")
        else:
            name, _, port = place.partition(":")
        names.append(name)
        numbers.append(_port(port.removeprefix(":") or fallback[min(index, len(fallback) - 1)]))
    return tuple(names), tuple(numbers)


def _port(text: str) -> int:
    if not _PORT.fullmatch(text) or not 0 < int(text) < 65536:
        raise ValueError(f"a port is a number from 1 to 65535; {_PERCENT}")
    return int(text)
