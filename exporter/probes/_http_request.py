"""What is asked of whom: a URL taken apart, and the bytes of a request."""

import base64
import importlib.metadata
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote, unquote, urljoin, urlsplit

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f]")
_ASKED = "/:?@!$&'()*+,;=%[]~-._|"  # what stays as it is in a request's target


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes and what it asks for."""

    scheme: str
    host: str
    port: int
    asked: str
    """Path and query, as the request line has them."""
    credentials: tuple[str, str] | None = None
    """User and password, if the URL held them."""

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host.partition('%')[0]}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def where(self) -> str:
        """Host and port, for people."""
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Without credentials."""
        return f"{self.scheme}://{self.authority}{self.asked}"


_PORTS = {"http": 80, "https": 443}


def target(url: str, *, base: str = "") -> Target:
    """A URL taken apart, relative to `base`. Raises ValueError, whose message never holds the URL: it may be secret."""
    if _UNSAFE.search(url):
        raise ValueError("a URL has no spaces or control characters")
    try:
        parts = urlsplit(urljoin(base, url) if base else url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("not a URL: expected http://host:port/path or https://…") from None
    if parts.scheme not in _PORTS:
        raise ValueError("the URL's scheme is neither http nor https")
    try:
        host = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        host = ""
    if not host or not re.fullmatch(r"[0-9A-Za-z._~%:-]+", host):
        raise ValueError("the URL has no valid host")
    asked = quote(parts.path or "/", safe=_ASKED) + ("?" + quote(parts.query, safe=_ASKED) if parts.query else "")
    user = (unquote(parts.username or ""), unquote(parts.password or "")) if "@" in parts.netloc else None
    return Target(parts.scheme, host, _PORTS[parts.scheme] if port is None else port, asked, user)


def basic(user: str, password: str) -> str:
    """The value of an Authorization header (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def request(method: str, asked: str, authority: str, headers: Iterable[tuple[str, str]], body: bytes = b"") -> bytes:
    """A request up to the blank line after its headers, so that a header can be added.

    `headers` win over those that are sent by themselves.
    """
    given = {name.lower(): (name, value) for name, value in headers}
    own = [("Host", authority), ("User-Agent", _agent()), ("Accept", "*/*"), ("Connection", "close")]
    if body or method in {"POST", "PUT", "PATCH"}:
        own.append(("Content-Length", str(len(body))))
    lines = [f"{method} {asked} HTTP/1.1", *(f"{n}: {v}" for n, v in own if n.lower() not in given)]
    lines += [f"{name}: {value}" for name, value in given.values()]
    return "\r\n".join([*lines, ""]).encode()


def problem(name: str, value: str) -> str:
    """What is wrong with a header, without its value; '' if nothing is."""
    if not TOKEN.fullmatch(name):
        return f"{name[:40]!r} is not the name of a header"
    if name.lower() in {"content-length", "transfer-encoding", "connection"}:
        return f"{name} is set by the probe"
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
        return f"the value of {name} has control characters"
    return ""


@cache
def _agent() -> str:
    return "stack-exporter/" + importlib.metadata.version("stack-exporter")
