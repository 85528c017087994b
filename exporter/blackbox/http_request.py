"""What a request of the prober `http` consists of: its headers, credentials and body, and where a redirect leads."""

import os
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

from exporter.blackbox.http_settings import HTTPSettings
from exporter.blackbox.run import Failed
from exporter.probes._http_request import Target, _agent, basic, target

LARGEST = 8 * 1024 * 1024
"""Bytes of a file that a module names."""
SENSITIVE = frozenset(("authorization", "cookie", "cookie2", "proxy-authorization", "www-authenticate"))
"""Headers that do not go along to another host, as Go has it; credentials of the module do not either."""
_SECRET = ("key", "token", "secret", "auth", "password", "session")

parsed = lru_cache(maxsize=1024)(target)


@dataclass(frozen=True, slots=True)
class Hop:
    """One request on the way."""

    to: Target
    """Host and port are those that are connected to, so that of the first request the host is an address."""
    address: str
    authority: str
    """The Host header."""
    name: str
    """Whom the certificate has to name."""
    method: str
    ours: bool
    """Whether it goes where the module's credentials are meant for."""
    with_body: bool = True
    others: tuple[str, ...] = ()
    """Further addresses, tried when the first one takes no connection."""


class Wanted:
    """What the module says of requests, its files read. Raises Failed for one that can't be."""

    def __init__(self, settings: HTTPSettings, credentials: tuple[str, str] | None) -> None:
        """`credentials`: those in the target's URL."""
        given = {name.lower(): (name, value.reveal()) for name, value in settings.headers.items()}
        self.host = given.pop("host", ("", ""))[1]
        given.setdefault("user-agent", ("User-Agent", _agent()))
        self._headers = list(given.values())
        self._credentials = _credentials(settings, given, credentials)
        self.body = _read(settings.body_file) if settings.body_file else settings.body.reveal().encode()

    def request(self, hop: Hop, asked: str, extra: list[tuple[str, str]]) -> bytes:
        """A request over HTTP/1.1; `asked` is what its first line asks for."""
        lines = [f"{hop.method} {asked} HTTP/1.1", f"Host: {hop.authority}"]
        lines += [f"{name}: {value}" for name, value in self.headers(hop, extra)]
        lines.append("Connection: close\r\n\r\n")
        head = "\r\n".join(lines).encode("utf-8", "surrogateescape")
        return head + self.body if hop.with_body else head

    def headers(self, hop: Hop, extra: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """All but Host."""
        headers = (
            [*self._headers, *self._credentials] if hop.ours else [one for one in self._headers if harmless(one[0])]
        )
        if self.body and hop.with_body:
            headers.append(("Content-Length", str(len(self.body))))
        elif hop.method in ("POST", "PUT", "PATCH"):
            headers.append(("Content-Length", "0"))
        return headers + extra if extra else headers


def harmless(name: str) -> bool:
    """Whether a header goes along to another host."""
    name = name.lower()
    return name not in SENSITIVE and not any(word in name for word in _SECRET)


def method_after(method: str, status: int) -> tuple[str, bool]:
    """The method after a redirect, and whether the body goes along, as Go has it."""
    if status in (307, 308):
        return method, True
    return (method if method in ("GET", "HEAD") else "GET"), False


def same_host(one: Target, other: Target) -> bool:
    """Whether credentials for `one` may go to `other`: the same host and port, or its change to https."""
    if one.host != other.host:
        return False
    return one.origin == other.origin or (one.scheme == "http" and other.scheme == "https")


def leads_to(location: str, base: Target) -> tuple[Target, bool]:
    """Where a redirect leads, and whether it names a host. Raises Failed."""
    try:
        absolute = bool(urlsplit(urljoin("x:", location)).netloc)
        return target(location, base=base.url), absolute
    except ValueError as error:
        raise Failed("Error for HTTP request", err=f"failed to parse Location header: {error}") from None


def _credentials(
    settings: HTTPSettings, given: dict[str, tuple[str, str]], url: tuple[str, str] | None
) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, header in settings.http_headers.items():
        texts = (*header.values, *(secret.reveal() for secret in header.secrets), *map(_line, header.files))
        found += [(name, text) for text in texts]
    if "authorization" in given:
        return found
    value = ""
    if settings.basic_auth is not None:
        auth = settings.basic_auth
        user = _line(auth.username_file) if auth.username_file else auth.username
        password = _line(auth.password_file) if auth.password_file else auth.password.reveal()
        value = basic(user, password)
    elif settings.authorization is not None:
        credentials = settings.authorization
        file = credentials.credentials_file
        value = f"{credentials.type.strip() or 'Bearer'} {_line(file) if file else credentials.credentials.reveal()}"
    elif settings.bearer_token or settings.bearer_token_file:
        file = settings.bearer_token_file
        value = f"Bearer {_line(file) if file else settings.bearer_token.reveal()}"
    elif url is not None:
        value = basic(*url)
    return [*found, ("Authorization", value)] if value else found


def _line(path: str) -> str:
    text = _read(path).decode("utf-8", "surrogateescape").strip()
    if "\n" in text or "\r" in text:
        raise Failed("Error for HTTP request", err=f"unable to read {path}: it has more than one line")
    return text


def _read(path: str) -> bytes:
    try:
        # Not blocking, because a named pipe without a writer would hold up everything.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            content = file.read(LARGEST + 1) or b""
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or "not a path"
        raise Failed("Error for HTTP request", err=f"unable to read {path}: {said}") from None
    if len(content) > LARGEST:
        raise Failed("Error for HTTP request", err=f"unable to read {path}: it is larger than {LARGEST} bytes")
    return content
