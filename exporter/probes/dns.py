"""Does a name server answer a question, and as it should?"""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from exporter.metric import gauge
from exporter.probe import Down, Probe, Readings, Signal
from exporter.probes import _address, _dns_exchange, _dns_records, _net, _tls
from exporter.probes._dns_exchange import Server, exchange
from exporter.probes._dns_message import SOA, Malformed, Message, Query
from exporter.probes._dns_records import same, text
from exporter.probes._pattern import LINE, Pattern, utf8
from exporter.probes._tls import TLS
from exporter.redact import quoted

ANSWERS = gauge("stack_dns_answers", "Records of the type that answer the question.", "component")
TTL = gauge("stack_dns_ttl_seconds", "The least time that an answer may be kept for.", "component")
SERIAL = gauge("stack_dns_serial", "Serial number of the zone: of the SOA record that was asked for.", "component")
BYTES = gauge("stack_dns_response_bytes", "Size of the answer.", "component")
TRUNCATED = gauge("stack_dns_truncated", "Whether UDP was too small, so that TCP was used: 1 or 0.", "component")
AUTHORITATIVE = gauge("stack_dns_authoritative", "Whether the server is an authority (AA): 1 or 0.", "component")
VALIDATED = gauge("stack_dns_validated", "Whether the server validated the answer (AD): 1 or 0.", "component")
NOT_BEFORE = gauge(
    "stack_dns_certificate_not_before_timestamp_seconds", "From when on the certificate is valid.", "component"
)
NOT_AFTER = gauge("stack_dns_certificate_not_after_timestamp_seconds", "When the certificate expires.", "component")
REMAINING = gauge(
    "stack_dns_certificate_remaining_seconds", "Time until the certificate expires; negative after.", "component"
)
VERIFIED = gauge("stack_dns_certificate_verified", "Whether the certificate was verified: 1 or 0.", "component")

RESOLVER = Path("/etc/resolv.conf")
_RCODES = {
    "FORMERR": "malformed",
    "SERVFAIL": "server_failure",
    "NXDOMAIN": "no_name",
    "NOTIMP": "not_implemented",
    "REFUSED": "denied",
}
Type = Literal[
    "A", "AAAA", "CAA", "CNAME", "DNSKEY", "DS", "HTTPS", "MX",
    "NAPTR", "NS", "PTR", "SOA", "SRV", "SVCB", "TLSA", "TXT",
]  # fmt: skip


class DNS(Probe, kw_only=True, frozen=True):
    """Asks one question, once: over UDP, and again over TCP when the answer was truncated; or over TCP or TLS alone."""

    reasons: ClassVar[Mapping[str, str]] = {
        **_net.REASONS,
        **_tls.REASONS,
        **_dns_exchange.REASONS,
        "no_name": "The name does not exist (NXDOMAIN).",
        "no_answer": "The name exists, but has no record of the type.",
        "server_failure": "The name server failed (SERVFAIL): often what it asks itself is down, or DNSSEC is broken.",
        "denied": "The name server refuses to answer us (REFUSED): another's zone, or we are not its client.",
        "malformed": "The name server does not understand the question (FORMERR): try payload: 0, without EDNS.",
        "not_implemented": "The name server does not do this type of question (NOTIMP).",
        "rcode": "The response code is another than the one expected, which the detail names.",
        "unexpected": "The records are not those expected.",
        "truncated": "The answer is truncated over TCP too.",
        "not_authoritative": "The server does not answer as an authority (AA), which was demanded.",
        "not_validated": "The server did not validate the answer by DNSSEC (AD), which was demanded.",
    }
    signals: ClassVar[tuple[Signal, ...]] = (
        Signal("answers", ANSWERS, "number", "Records that answer the question.", direction="below"),
        Signal("ttl", TTL, "seconds", "The least time that an answer may be kept for.", direction="below"),
        _tls.expiry(REMAINING),
    )
    drivers: ClassVar[tuple[str, ...]] = ("dns",)

    query: Annotated[
        str,
        Meta(
            description="The name to ask for; with type PTR also an address.",
            examples=["shop.example"],
            min_length=1,
        ),
    ]
    type: Annotated[Type, Meta(description="Type of the records to ask for.")] = "A"
    server: Annotated[
        str,
        Meta(
            description="Name server to ask: host, host:port, [::1]:53; by default the first of /etc/resolv.conf.",
            examples=["192.0.2.53"],
        ),
    ] = ""
    protocol: Annotated[Literal["udp", "tcp", "tls"], Meta(description="How to ask; tls is DNS over TLS.")] = "udp"
    tls: Annotated[TLS | None, Meta(description="How to do TLS with protocol tls.")] = None
    recursion: Annotated[bool, Meta(description="Ask the server to ask others (RD).")] = True
    payload: Annotated[
        int, Meta(ge=0, le=4096, description="Largest datagram to take (EDNS), in bytes; 0 asks without EDNS.")
    ] = 1232  # what fits everywhere without fragments (DNS flag day 2020)
    authoritative: Annotated[bool, Meta(description="Demand that the server is an authority (AA).")] = False
    validated: Annotated[bool, Meta(description="Demand that the server validated by DNSSEC (AD).")] = False
    rcode: Annotated[
        Literal["NOERROR", "NXDOMAIN", "REFUSED", "SERVFAIL"], Meta(description="The response code expected.")
    ] = "NOERROR"
    answers: Annotated[
        tuple[str, ...],
        Meta(description="Records expected, as a zone file has them: 192.0.2.1, 10 mail.example, v=spf1 -all."),
    ] = ()
    match: Annotated[
        Literal["all", "any", "exact"],
        Meta(description="Of the answers expected, all must be there, or any, or exactly those and no other."),
    ] = "all"
    pattern: Annotated[str, Meta(description="Regular expression (RE2) that a record must match.")] = ""

    def __post_init__(self) -> None:
        if self.server:
            try:
                _address.parse(self.server, self._port)
            except ValueError as error:
                raise ValueError(f"server: {error}") from None
        if self.tls is not None and self.protocol != "tls":
            raise ValueError("tls needs protocol: tls")
        if self.validated and not self.payload:
            raise ValueError("validated needs EDNS: a payload of more than 0")
        if 0 < self.payload < 512:
            raise ValueError("payload: expected 512 to 4096, or 0")
        if self.pattern:
            try:
                _ = self._pattern
            except ValueError as error:
                raise ValueError(f"pattern: {error}") from None
        try:
            _ = self._asked, self._expected
        except ImportError:
            return  # the configuration's report says so already

    async def run(self, out: Readings) -> None:
        host, port = _address.parse(self.server or _system(), self._port)
        server = Server(host, port, self.protocol, self.tls)

        show = _tls.dates(out, NOT_AFTER, REMAINING, NOT_BEFORE, VERIFIED)

        message, truncated = await exchange(out, server, self._asked, show=show)
        out.set(TRUNCATED, truncated)
        out.set(BYTES, message.size)
        out.set(AUTHORITATIVE, message.authoritative)
        out.set(VALIDATED, message.validated)
        self._judge(message, server.where)
        try:
            records = message.answers(self._asked.type)
        except Malformed as error:
            raise Down("protocol", f"{server.where}: no DNS message: {error}") from None
        out.set(ANSWERS, len(records))
        found = await _dns_records.read(records, server.where)
        if records:
            out.set(TTL, min(record.ttl for record in records))
        if found and self._asked.type == SOA:
            out.set(SERIAL, found[0].serial)
        if not found and self.rcode == "NOERROR":
            raise Down("no_answer", f"{server.where}: {self.query} has no {self.type} record")
        self._compare(found, server.where)

    def _judge(self, message: Message, where: str) -> None:
        """Whether it is an answer of the sort that was asked for. Raises Down."""
        said = f"{where}: {self.query} {self.type}: {message.rcode}"
        if message.rcode != self.rcode:
            expected = "" if self.rcode == "NOERROR" else f", expected {self.rcode}"
            raise Down(_RCODES.get(message.rcode, "rcode"), said + expected)
        if message.truncated:
            raise Down("truncated", f"{said}, truncated over TCP too")
        if self.authoritative and not message.authoritative:
            raise Down("not_authoritative", f"{said}, but not as an authority")
        if self.validated and not message.validated:
            raise Down("not_validated", f"{said}, but not validated")

    def _compare(self, found: list[Any], where: str) -> None:
        """Whether the records are those expected. Raises Down."""
        asked = f"{where}: {self.query} {self.type}"
        there = [any(same(each, one) for one in found) for each in self._expected]
        shown = quoted(", ".join(text(one) for one in found[:8]), self, 100)
        if there and not (any(there) if self.match == "any" else all(there)):
            missing = self.answers[there.index(False)]
            raise Down("unexpected", f"{asked}: no {missing[:60]!r} among {shown!r}")
        more = [one for one in found if not any(same(each, one) for each in self._expected)]
        if there and self.match == "exact" and more:
            raise Down("unexpected", f"{asked}: {quoted(text(more[0]), self, 100)!r} was not expected")
        if self.pattern and not any(self._pattern.found(utf8(text(one).encode())) for one in found):
            raise Down("unexpected", f"{asked}: {self.pattern[:60]!r} matches none of {shown!r}")

    @property
    def _port(self) -> int:
        return 853 if self.protocol == "tls" else 53

    @cached_property
    def _asked(self) -> Query:
        type_ = _dns_records.number(self.type)
        name = _dns_records.name(self.query, pointer=self.type == "PTR")
        return Query(name, type_, recursion=self.recursion, payload=self.payload, validated=self.validated)

    @cached_property
    def _expected(self) -> list[Any]:
        return [_dns_records.expected(text, self.type) for text in self.answers]

    @cached_property
    def _pattern(self) -> Pattern:
        return Pattern(self.pattern, LINE)


def _system() -> str:
    """The first name server of the system's resolver, which without one asks its own machine."""
    try:
        lines = RESOLVER.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    words = [line.split() for line in lines]
    return next((line[1] for line in words if len(line) > 1 and line[0] == "nameserver"), "127.0.0.1")
