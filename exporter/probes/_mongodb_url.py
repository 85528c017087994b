"""Reads MongoDB's connection string: who is to be asked, as whom, and what it says about TLS."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from exporter.probes._tls import TLS

_FORMS = (
    "url: expected mongodb://user:password@host:27017/database?option=value or mongodb+srv://host; special characters "
    "in a password are percent-encoded"
)
_URL = re.compile(r"(mongodb(?:\+srv)?)://(?:([^/?#]*)@)?([^/?#@]+)(?:/([^?#]*))?(?:\?([^#]*))?")
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]]+))(?::([0-9]{1,5}))?")
_PORT = 27017
_SEVERAL = {"replicaset", "loadbalanced"}
"""Options by which one host stands for more."""


@dataclass(frozen=True, slots=True)
class Target:
    """`seeds` are hosts and ports; a host that ends in .sock is the path of a Unix socket."""

    seeds: tuple[tuple[str, int], ...]
    service: str
    """The name below which mongodb+srv finds the hosts, or ''."""
    database: str
    named: bool
    """Whether it names a user or another way to prove who we are."""
    direct: bool
    """Whether this one server is meant, whatever set it belongs to."""
    tls: TLS | None
    """For a look at the certificate; None without TLS, or if the key has a password, which only the driver is given."""
    encrypted: bool
    srv: str
    """The first label of the SRV record's name."""

    @property
    def where(self) -> str:
        """For people."""
        return self.service or ",".join(
            host if host.endswith(".sock") else f"{host}:{port}" for host, port in self.seeds
        )


def parse(url: str) -> Target:
    """Raises ValueError, whose message holds nothing of the URL but the name of an option."""
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError(_FORMS)
    scheme, login, hosts, database, query = match.groups()
    options = {name.lower(): value for name, value in parse_qsl(query or "", keep_blank_values=True)}
    service = scheme.endswith("+srv")
    seeds = tuple(_seed(host) for host in hosts.split(","))
    if service and (len(seeds) > 1 or ":" in hosts):
        raise ValueError("url: mongodb+srv has one host and no port")
    encrypted = _true(options, "tls", _true(options, "ssl", service))
    return Target(
        () if service else seeds,
        hosts if service else "",
        unquote(database or ""),
        bool(login) or "authmechanism" in options,
        _true(options, "directconnection", not service and len(seeds) == 1 and not _SEVERAL & options.keys()),
        _tls(options) if encrypted else None,
        encrypted,
        options.get("srvservicename", "mongodb"),
    )


def _seed(host: str) -> tuple[str, int]:
    host = unquote(host)
    if host.endswith(".sock"):
        return host, 0
    match = _HOST.fullmatch(host)
    port = int(match[3] or _PORT) if match else 0
    if match is None or not 0 < port < 65536:
        raise ValueError(_FORMS)
    return match[1] or match[2], port


def _tls(options: dict[str, str]) -> TLS | None:
    if options.get("tlscertificatekeyfilepassword"):
        return None
    lax = ("tlsinsecure", "tlsallowinvalidcertificates", "tlsallowinvalidhostnames")
    try:
        return TLS(
            ca_file=options.get("tlscafile", ""),
            cert_file=options.get("tlscertificatekeyfile", ""),
            insecure_skip_verify=any(_true(options, name, default=False) for name in lax),
        )
    except ValueError as error:
        raise ValueError(f"url: tlsCAFile or tlsCertificateKeyFile: {error}") from None


def _true(options: dict[str, str], name: str, default: bool) -> bool:
    value = options.get(name, "").lower()
    if value not in ("", "true", "false"):
        raise ValueError(f"url: the option {name} is true or false")
    return value == "true" if value else default
