"""A module of blackbox_exporter's configuration as structs: its keys of 0.23 and of the newest release.

Whatever is a secret, or may hold one, is a Secret: headers, bodies, what is sent. Files that a module names are read
when it is used, as blackbox does, so that a file that is missing fails that module's probes and not the load.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import ClassVar, Literal

from msgspec import Struct

from exporter.blackbox.http_settings import HTTPSettings
from exporter.blackbox.regex import Regex
from exporter.blackbox.tls_settings import IPProtocol, TLSSettings
from exporter.probes import _dns_records
from exporter.values import Duration, Secret

__all__ = ["DNS", "GRPC", "ICMP", "TCP", "HTTPSettings", "Module", "TLSSettings"]

# miekg/dns' StringToRcode; DNS classes that it knows.
RCODES: Mapping[str, int] = {
    "NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5, "YXDOMAIN": 6, "YXRRSET": 7,
    "NXRRSET": 8, "NOTAUTH": 9, "NOTZONE": 10, "BADSIG": 16, "BADVERS": 16, "BADKEY": 17, "BADTIME": 18, "BADMODE": 19,
    "BADNAME": 20, "BADALG": 21, "BADTRUNC": 22, "BADCOOKIE": 23,
}  # fmt: skip
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
CLASSES: Mapping[str, int] = {"IN": 1, "CS": 2, "CH": 3, "HS": 4, "NONE": 254, "ANY": 255}


class Label(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A label of probe_expect_info; the value may name groups of the match, such as ${1}."""

    name: str
    value: str = ""

    def __post_init__(self) -> None:
        if not _LABEL.fullmatch(self.name):
            raise ValueError("name: is not the name of a label")


class QueryResponse(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, dict=True):
    """A step of a dialogue: expect, then send, then begin TLS, each if it is given."""

    expect: str | None = None
    expect_bytes: str = ""
    labels: tuple[Label, ...] = ()
    send: Secret = Secret("")
    starttls: bool = False

    def __post_init__(self) -> None:
        if self.expect is not None and self.expect_bytes:
            raise ValueError("expect and expect_bytes are mutually exclusive")
        if self.expect is not None:
            Regex.check("expect", self.expect)

    @cached_property
    def regex(self) -> Regex | None:
        return None if self.expect is None else Regex(self.expect)


class TCP(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    preferred_ip_protocol: IPProtocol = ""
    ip_protocol_fallback: bool = True
    source_ip_address: str = ""
    query_response: tuple[QueryResponse, ...] = ()
    tls: bool = False
    tls_config: TLSSettings = TLSSettings()

    def __post_init__(self) -> None:
        if sum(bool(step.labels) for step in self.query_response) > 1:
            raise ValueError("query_response: labels are given in one step at most")


class ICMP(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    preferred_ip_protocol: IPProtocol = ""
    ip_protocol_fallback: bool = True
    source_ip_address: str = ""
    payload_size: int = 0
    dont_fragment: bool = False
    ttl: int = 64

    def __post_init__(self) -> None:
        if not 0 <= self.ttl <= 255:
            raise ValueError("ttl: expected 0 to 255")
        if not 0 <= self.payload_size <= 65_000:
            raise ValueError("payload_size: expected 0 to 65000")


class Records(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, dict=True):
    """What the records of one section of a DNS answer must and must not be, each as its line in a zone file."""

    fail_if_matches_regexp: tuple[str, ...] = ()
    fail_if_all_match_regexp: tuple[str, ...] = ()
    fail_if_not_matches_regexp: tuple[str, ...] = ()
    fail_if_none_matches_regexp: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for key in self.__struct_fields__:
            for text in getattr(self, key):
                Regex.check(key, text)

    @cached_property
    def regexes(self) -> Mapping[str, tuple[Regex, ...]]:
        """The compiled ones by key."""
        return {key: tuple(map(Regex, getattr(self, key))) for key in self.__struct_fields__}


class DNS(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    query_name: str
    query_type: str = ""
    """By default ANY."""
    query_class: str = ""
    """By default IN."""
    recursion_desired: bool = True
    preferred_ip_protocol: IPProtocol = ""
    ip_protocol_fallback: bool = True
    source_ip_address: str = ""
    transport_protocol: Literal["", "udp", "tcp"] = ""
    dns_over_tls: bool = False
    tls_config: TLSSettings = TLSSettings()
    valid_rcodes: tuple[str, ...] | None = None
    """None stands for NOERROR."""
    validate_answer_rrs: Records = Records()
    validate_authority_rrs: Records = Records()
    validate_additional_rrs: Records = Records()

    def __post_init__(self) -> None:
        if not self.query_name:
            raise ValueError("query_name: must be set")
        if self.query_class and self.query_class not in CLASSES:
            raise ValueError("query_class: is not a class of DNS")
        if self.query_type:
            _check_type(self.query_type)
        if any(name not in RCODES for name in self.valid_rcodes or ()):
            raise ValueError("valid_rcodes: one of them is no rcode")
        if self.dns_over_tls and self.transport_protocol != "tcp":
            raise ValueError("dns_over_tls: takes transport_protocol tcp")


def _check_type(text: str) -> None:
    """Raises ValueError, which begins with the key."""
    with suppress(ImportError):  # which the load reports itself
        try:
            _dns_records.number(text)
        except ValueError as error:
            raise ValueError(f"query_type: {error}") from None
        if text != text.upper():
            raise ValueError("query_type: is not a type of DNS records, which are in capitals")


class GRPC(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    service: str = ""
    tls: bool = False
    tls_config: TLSSettings = TLSSettings()
    preferred_ip_protocol: IPProtocol = ""
    ip_protocol_fallback: bool = True
    metadata: dict[str, tuple[Secret, ...]] = {}


class Module(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A way to probe, by the name that `?module=` asks for."""

    unsupported: ClassVar[Mapping[str, str]] = {
        "unix": "the prober unix is not supported: http, tcp, icmp, dns and grpc are",
        "websocket": "the prober websocket is not supported: http, tcp, icmp, dns and grpc are",
    }

    prober: Literal["http", "tcp", "icmp", "dns", "grpc"]
    timeout: Duration = 0.0
    http: HTTPSettings = HTTPSettings()
    tcp: TCP = TCP()
    icmp: ICMP = ICMP()
    dns: DNS | None = None
    grpc: GRPC = GRPC()

    def __post_init__(self) -> None:
        if self.prober == "dns" and self.dns is None:
            raise ValueError("prober: dns takes a section dns with a query_name")
