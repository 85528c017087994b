"""Reads the address of a Redis or Valkey in the forms that applications write it."""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

# With and without TLS; redis+socket is Celery's and Flask's name for unix.
_SCHEMES = {
    "redis": False,
    "rediss": True,
    "valkey": False,
    "valkeys": True,
    "unix": False,
    "redis+socket": False,
    "rediscache": False,
}
_FORMS = "expected a URL such as redis://user:password@host:6379/0, rediss://host or unix:///path?db=0"


@dataclass(frozen=True, slots=True)
class Target:
    """Where and as whom: a host and port, or the path of a Unix socket."""

    host: str
    port: int
    path: str
    encrypted: bool
    username: str
    password: str = field(repr=False)
    db: int
    unverified: bool
    """Whether the URL says to take any certificate, as redis-py's ssl_cert_reqs=none does."""
    ca_file: str

    @property
    def where(self) -> str:
        return self.path or f"{self.host}:{self.port}"


def parse(text: str) -> Target:
    """The target of a URL. Raises ValueError, whose message holds nothing of the URL."""
    scheme, separator, _ = text.partition("://")
    if not separator or scheme.lower() not in _SCHEMES:
        raise ValueError(_FORMS)
    try:
        url = urlsplit(text)
        query = dict(parse_qsl(url.query))
        # From the right: an @ inside a password is often left as it is.
        credentials, _, place = url.netloc.rpartition("@")
        host, port = ("", 0) if scheme.lower() in ("unix", "redis+socket") else _place(place)
    except ValueError:
        raise ValueError(f"{_FORMS}; special characters in a password are percent-encoded") from None
    username, _, password = credentials.partition(":")
    path = unquote(url.path) if not host else ""
    db = query.get("db") or query.get("virtual_host") or ("" if path else url.path.strip("/")) or "0"
    if not db.isdigit() or len(db) > 6:
        raise ValueError("the database is a number, such as the 0 in redis://host:6379/0")
    if not host and not path.startswith("/"):
        raise ValueError(_FORMS)
    return Target(
        host,
        port,
        path,
        _SCHEMES[scheme.lower()],
        unquote(username) or query.get("username", ""),
        unquote(password) or query.get("password", ""),
        int(db),
        query.get("ssl_cert_reqs", "").lower() in ("none", "cert_none"),
        query.get("ssl_ca_certs", ""),
    )


def _place(place: str) -> tuple[str, int]:
    host, port = place, ""
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
        port = port.removeprefix(":")
    elif ":" in place:
        host, _, port = place.rpartition(":")
    if ":" in host and not place.startswith("["):
        raise ValueError
    number = int(port) if port else 6379
    if not 0 < number < 65536:
        raise ValueError
    return host or "localhost", number
