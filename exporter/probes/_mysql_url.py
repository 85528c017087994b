"""Reads the address of a MySQL or MariaDB in the forms that applications write it."""

import re
import ssl
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import Struct

from exporter.probes._tls import TLS

MODES = ("disabled", "preferred", "required", "verify_ca", "verify_identity")
# libpq's words and MariaDB Connector/J's, which URLs have too.
_MODES = {
    "disable": "disabled",
    "prefer": "preferred",
    "require": "required",
    "trust": "required",
    "verify_full": "verify_identity",
}
# MySQL's and MariaDB's own, Rails' and Django's; each may name a driver: mysql+pymysql, mysql-connector.
_SCHEME = re.compile(r"(?:jdbc:)?(?:mysqlx?2?|mysqlgis|mariadb)(?:[+-][a-z0-9_]+)?", re.IGNORECASE)
_FORMS = "expected a URL such as mysql://user:password@host:3306/database"
_ON = ("1", "true", "on", "yes")
_OFF = ("0", "false", "off", "no")


class AnyName(TLS, Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """ssl-mode=verify_ca: the authority counts, the name does not."""

    def context(self, alpn: tuple[str, ...] = (), *, verify: bool = True) -> ssl.SSLContext:
        shared = super().context(alpn, verify=verify)  # raises Down for a file that can't be read
        if not verify:
            return shared
        # One of its own, because TLS shares its contexts with components that do check the name.
        context = ssl.create_default_context(cafile=self.ca_file or None)
        context.check_hostname = False
        if self.cert_file:
            context.load_cert_chain(self.cert_file, self.key_file or None)
        return context


@dataclass(frozen=True, slots=True)
class Target:
    """Where and as whom: a host and port, or the path of a Unix socket."""

    host: str
    port: int
    path: str
    user: str
    password: str = field(repr=False)
    database: str
    tls: TLS | None
    """What to ask for, None when encryption is not wanted."""
    required: bool
    """Whether a server without TLS is refused."""

    @property
    def where(self) -> str:
        return self.path or (f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}")


def parse(text: str, username: str = "", password: str = "", tls: TLS | None = None) -> Target:
    """The target of a URL, in which the other arguments take precedence; TLS that is given is required.

    Raises ValueError, whose message holds nothing of the URL but names of its options.
    """
    scheme, separator, _ = text.partition("://")
    if not separator or not _SCHEME.fullmatch(scheme):
        raise ValueError(_FORMS)
    try:
        url = urlsplit(text.removeprefix("jdbc:"))
        query = {_option(key): value for key, value in parse_qsl(url.query)}
        # From the right: an @ inside a password is often left as it is.
        credentials, _, place = url.netloc.rpartition("@")
        path = query.get("unixsocket") or query.get("socket") or ""
        if not path and place.lower().startswith("%2f"):
            path = unquote(place)
        host, port = ("", 0) if path else _place(place)
    except ValueError:
        raise ValueError(f"{_FORMS}; special characters in a password are percent-encoded") from None
    if path and not path.startswith("/"):
        raise ValueError("unix_socket is an absolute path, such as /run/mysqld/mysqld.sock")
    user, _, secret = credentials.partition(":")
    user = username or unquote(user) or query.get("user", "")
    if not user:
        raise ValueError("the URL names no user")
    mode = _mode(query)
    if tls and (path or mode == "disabled"):
        raise ValueError("tls needs a host, and a URL without ssl-mode=disabled")
    return Target(
        host,
        port,
        path,
        user,
        password or unquote(secret) or query.get("password", ""),
        unquote(url.path.removeprefix("/")),
        tls or (None if path else _tls(mode, query)),
        tls is not None or mode not in ("disabled", "preferred"),
    )


def _option(key: str) -> str:
    """One spelling for ssl-mode, ssl_mode and sslMode; mysqlclient's dotted ssl.ca is PyMySQL's ssl_ca."""
    return re.sub(r"[-_.]", "", key).lower()


def _mode(query: dict[str, str]) -> str:
    said = query.get("sslmode", "").replace("-", "_").lower()
    if said:
        mode = _MODES.get(said, said)
        if mode not in MODES:
            raise ValueError(f"ssl-mode is one of {', '.join(MODES)}")
        return mode
    on = {name for name, value in query.items() if value.lower() in _ON}
    off = {name for name, value in query.items() if value.lower() in _OFF}
    if "ssldisabled" in on or off & {"ssl", "usessl"}:
        return "disabled"
    if on & {"sslverifyidentity", "sslcheckhostname"}:
        return "verify_identity"
    # As the mysql client has it: naming an authority without a mode asks to verify.
    if "sslverifycert" in on or query.get("sslca"):
        return "verify_ca"
    return "required" if on & {"ssl", "usessl", "requiressl"} else "preferred"


def _tls(mode: str, query: dict[str, str]) -> TLS | None:
    if mode == "disabled":
        return None
    ca, cert, key = query.get("sslca", ""), query.get("sslcert", ""), query.get("sslkey", "")
    if mode == "verify_identity":
        return TLS(ca_file=ca, cert_file=cert, key_file=key)
    if mode == "verify_ca":
        return AnyName(ca_file=ca, cert_file=cert, key_file=key)
    return TLS(cert_file=cert, key_file=key, insecure_skip_verify=True)


def _place(place: str) -> tuple[str, int]:
    host, port = place, ""
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
        port = port.removeprefix(":")
    elif ":" in place:
        host, _, port = place.rpartition(":")
    if "," in place or (":" in host and not place.startswith("[")):
        raise ValueError
    number = int(port) if port else 3306
    if not 0 < number < 65536:
        raise ValueError
    return unquote(host) or "localhost", number
