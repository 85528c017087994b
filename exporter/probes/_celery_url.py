"""Reads the address of a broker in the forms that CELERY_BROKER_URL has."""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from exporter.probes import _redis_url
from exporter.probes._tls import TLS

_REDIS = ("redis", "rediss", "redis+socket", "valkey", "valkeys", "unix")
_AMQP = {"amqp": False, "pyamqp": False, "librabbitmq": False, "amqps": True}
_FORMS = "expected the URL of a broker, such as redis://host:6379/0 or amqp://user:password@host:5672/vhost"
_PERCENT = "special characters in a password are percent-encoded"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a RabbitMQ is, and as whom and to which virtual host one goes in."""

    host: str
    port: int
    encrypted: bool
    username: str
    password: str = field(repr=False)
    vhost: str
    ca_file: str
    unverified: bool

    @property
    def where(self) -> str:
        return f"{self.host}:{self.port}"


Target = _redis_url.Target | Place


def parse(text: str) -> tuple[Target, ...]:
    """The brokers of a URL; several are separated by semicolons. Raises ValueError that shows nothing of them."""
    found = tuple(_one(part.strip()) for part in text.split(";") if part.strip())
    if not found:
        raise ValueError(_FORMS)
    return found


def tls(target: Target) -> TLS | None:
    """How to do TLS, as far as the URL says."""
    if not target.encrypted:
        return None
    return TLS(ca_file=target.ca_file, insecure_skip_verify=target.unverified)


def _one(text: str) -> Target:
    scheme, separator, _ = text.partition("://")
    scheme = scheme.lower()
    if not separator or not scheme.replace("+", "").replace("-", "").isalnum():
        raise ValueError(_FORMS)
    if scheme in _REDIS:
        return _redis_url.parse(text)
    if scheme not in _AMQP:
        raise ValueError(f"brokers are Redis and RabbitMQ; the transport {scheme[:20]} is not supported")
    try:
        url = urlsplit(text)
        query = dict(parse_qsl(url.query))
        # From the right: an @ inside a password is often left as it is.
        credentials, _, place = url.netloc.rpartition("@")
        host, port = _place(place)
    except ValueError:
        raise ValueError(f"{_FORMS}; {_PERCENT}") from None
    # As kombu: //vhost and /vhost are two, and none is /.
    vhost = unquote(url.path[1:]) or "/"
    if len(vhost.encode(errors="replace")) > 255:
        raise ValueError("the name of a virtual host has 255 bytes at most")
    encrypted = _AMQP[scheme]
    username, _, password = credentials.partition(":")
    return Place(
        host or "localhost",
        port or (5671 if encrypted else 5672),
        encrypted,
        unquote(username) or "guest",
        unquote(password) or ("" if username else "guest"),
        vhost,
        query.get("ssl_ca_certs", "") or query.get("cacertfile", ""),
        query.get("ssl_cert_reqs", query.get("verify", "")).lower() in ("none", "cert_none", "verify_none"),
    )


def _place(place: str) -> tuple[str, int]:
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = place.partition(":")
    number = int(port) if port else 0
    if not 0 <= number < 65536 or any(character in host for character in " /?#@"):
        raise ValueError
    return host, number
