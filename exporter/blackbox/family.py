"""The `probe_*` families by blackbox's names, types and help, and a page of them as client_golang writes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite, isnan

from exporter.metric import label_value

Labels = tuple[str, ...]
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """A gauge, as all of blackbox's are. Equal to itself alone."""

    name: str
    help: str
    labels: Labels = ()


def gauge(name: str, help: str, *labels: str) -> Family:  # noqa: A002 - the format's own word
    return Family(name, help, labels)


SUCCESS = gauge("probe_success", "Displays whether or not the probe was a success")
DURATION = gauge("probe_duration_seconds", "Returns how long the probe took to complete in seconds")
TIMEOUT = gauge("probe_timeout_seconds", "Returns how long the probe timeout is in seconds")
DNS_LOOKUP_TIME = gauge("probe_dns_lookup_time_seconds", "Returns the time taken for probe dns lookup in seconds")
IP_PROTOCOL = gauge("probe_ip_protocol", "Specifies whether probe ip protocol is IP4 or IP6")
IP_ADDR_HASH = gauge(
    "probe_ip_addr_hash",
    "Specifies the hash of IP address. It's useful to detect if the IP address changes.",
)
FAILED_DUE_TO_REGEX = gauge("probe_failed_due_to_regex", "Indicates if probe failed due to regex")
FAILED_DUE_TO_BYTES = gauge("probe_failed_due_to_bytes", "Indicates if probe failed due to bytes")
CERT_EXPIRY = gauge("probe_ssl_earliest_cert_expiry", "Returns last SSL chain expiry in unixtime")
CHAIN_EXPIRY = gauge("probe_ssl_last_chain_expiry_timestamp_seconds", "Returns last SSL chain expiry in timestamp")
CHAIN_INFO = gauge(
    "probe_ssl_last_chain_info",
    "Contains SSL leaf certificate information",
    *("fingerprint_sha256", "subject", "issuer", "subjectalternative", "serialnumber"),
)
TLS_VERSION = gauge("probe_tls_version_info", "Returns the TLS version used or NaN when unknown", "version")
TLS_CIPHER = gauge("probe_tls_cipher_info", "Returns the TLS cipher negotiated during handshake", "cipher")

Key = tuple[Family, Labels]


def page(values: Mapping[Key, float]) -> bytes:
    """Families by name, their series by label values, labels by name, as client_golang orders them."""
    template, order = _layout(tuple(values))
    numbers = list(values.values())
    return (template % tuple([number(numbers[index]) for index in order])).encode()


def number(value: float) -> str:
    """As Go's strconv spells it with 'g' and the shortest precision: with an exponent from 1e+06 on and below 1e-04."""
    if 1e-4 <= value < 1e6 and value % 1:
        return repr(value)
    return _spelt(value)


@lru_cache(maxsize=4096)
def _spelt(value: float) -> str:
    if value == 0 or not isfinite(value):
        return "0" if value == 0 else "NaN" if isnan(value) else "+Inf" if value > 0 else "-Inf"
    text = repr(float(value))
    if "e" in text:
        mantissa, _, exponent = text.partition("e")
        return f"{mantissa.removesuffix('.0')}e{exponent}"
    if abs(value) < 1e6:
        return text.removesuffix(".0")
    whole, _, rest = text.lstrip("-").partition(".")
    digits = (whole + rest).rstrip("0")
    point = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{'-' if value < 0 else ''}{digits[0]}{point}e+{len(whole) - 1:02}"


@lru_cache(maxsize=512)
def _layout(keys: tuple[Key, ...]) -> tuple[str, tuple[int, ...]]:
    """A page as a template, and which of the values goes where: the same series come again and again."""
    parts: list[str] = []
    order: list[int] = []
    before: Family | None = None
    for index in sorted(range(len(keys)), key=lambda index: (keys[index][0].name, _sorted(keys[index]))):
        family, _ = keys[index]
        if family is not before:
            parts.append(f"# HELP {family.name} {family.help}\n# TYPE {family.name} gauge\n".replace("%", "%%"))
            before = family
        pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in _sorted(keys[index]))
        parts.append(f"{family.name}{f'{{{pairs}}}' if pairs else ''}".replace("%", "%%") + " %s\n")
        order.append(index)
    return "".join(parts), tuple(order)


def _sorted(key: Key) -> list[tuple[str, str]]:
    family, labels = key
    return sorted(zip(family.labels, labels, strict=True))


def _escaped(text: str) -> str:
    return label_value(text).translate(_ESCAPES)
