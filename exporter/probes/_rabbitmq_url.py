"""Reads the address of a RabbitMQ in the forms that applications write it."""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

# With and without TLS, and their ports; pyamqp is Celery's name for the driver that it takes for amqp anyway.
_SCHEMES = {"amqp": 5672, "amqps": 5671, "pyamqp": 5672}
_FORMS = "expected a URL such as amqp://user:password@host:5672/vhost or amqps://host"


@dataclass(frozen=True, slots=True)
class Target:
    """Where and as whom, and which virtual host."""

    host: str
    port: int
    encrypted: bool
    username: str
    password: str = field(repr=False)
    vhost: str

    @property
    def where(self) -> str:
        return f"{self.host}:{self.port}"


def parse(text: str) -> Target:
    """The target of a URL. Raises ValueError, whose message holds nothing of the URL.

    No path, / and // are the virtual host /, as Celery and pika read them.
    """
    scheme, separator, _ = text.partition("://")
    if not separator or scheme.lower() not in _SCHEMES:
        raise ValueError(_FORMS)
    try:
        url = urlsplit(text)
        # From the right: an @ inside a password is often left as it is.
        credentials, _, place = url.netloc.rpartition("@")
        port = urlsplit(f"//{place}").port
        host = urlsplit(f"//{place}").hostname or ""
    except ValueError:
        raise ValueError(f"{_FORMS}; special characters in a password are percent-encoded") from None
    if not host or port == 0 or url.fragment or (":" in host and not place.startswith("[")):
        raise ValueError(_FORMS)
    username, colon, password = credentials.partition(":")
    vhost = unquote(url.path.removeprefix("/")) or "/"
    if len(vhost.encode()) > 255:
        raise ValueError("the virtual host's name has more than 255 bytes")
    return Target(
        host,
        port or _SCHEMES[scheme.lower()],
        scheme.lower() == "amqps",
        unquote(username),
        unquote(password) if colon else "",
        vhost,
    )
