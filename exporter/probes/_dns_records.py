"""What DNS records hold, through dnspython: names and records from text, and text from records."""

import asyncio
import ipaddress
from collections.abc import Iterable
from typing import Any

from exporter.probe import Down
from exporter.probes._dns_message import Record

_BATCH = 100

# dnspython is imported in functions: 90 ms, for those only that have such a component.


def number(type_: str) -> int:
    """The number of a type of records. Raises ValueError."""
    from dns import rdatatype  # noqa: PLC0415
    from dns.exception import DNSException  # noqa: PLC0415

    try:
        return int(rdatatype.from_text(type_))
    except DNSException:
        raise ValueError("is not a type of DNS records") from None


def name(text: str, *, pointer: bool = False) -> bytes:
    """A name as it stands on the wire; with `pointer` an address's is where its own name is. Raises ValueError."""
    from dns import name as names  # noqa: PLC0415
    from dns.exception import DNSException  # noqa: PLC0415

    if pointer:
        try:
            text = ipaddress.ip_address(text).reverse_pointer
        except ValueError:
            pointer = False
    try:
        return names.from_text(text).to_wire() or b""
    except (DNSException, UnicodeError) as error:
        raise ValueError(f"query: not a name: {error}") from None


def expected(text: str, type_: str) -> Any:
    """A record as somebody wrote it, to compare; of a text without quotes its bytes. Raises ValueError."""
    from dns import name as names  # noqa: PLC0415
    from dns import rdata, rdataclass  # noqa: PLC0415
    from dns.exception import DNSException  # noqa: PLC0415

    if type_ == "TXT" and not text.startswith('"'):
        return text.encode()
    try:
        return rdata.from_text(rdataclass.IN, type_, text, names.root, relativize=False)
    except (DNSException, ValueError) as error:
        raise ValueError(f"answers: {text[:60]!r} is no {type_} record: {error}"[:200]) from None


async def read(records: Iterable[Record], where: str) -> list[Any]:
    """What the records hold, as dnspython's objects. Raises Down."""
    from dns import rdata, rdataclass, rdatatype  # noqa: PLC0415
    from dns.exception import DNSException  # noqa: PLC0415

    found = []
    for index, each in enumerate(records, 1):
        kind, type_ = rdataclass.RdataClass.make(each.kind), rdatatype.RdataType.make(each.type)
        try:
            found.append(rdata.from_wire(kind, type_, each.wire, each.at, each.size))
        except DNSException as error:
            raise Down("protocol", f"{where}: not a record of type {type_.name}: {error}"[:200]) from None
        if not index % _BATCH:
            await asyncio.sleep(0)  # a record can take 0.1 ms, and an answer has thousands
    return found


def same(one: Any, found: Any) -> bool:
    """Whether a record found is the one expected; names are compared without regard to case."""
    return bool(b"".join(found.strings) == one if isinstance(one, bytes) else found == one)


def text(record: Any) -> str:
    """As a zone file has it; a text without its quotes, its parts joined."""
    strings = getattr(record, "strings", None)
    return b"".join(strings).decode(errors="replace") if strings else str(record.to_text(chunksize=0))


def line(record: Record, held: Any) -> str:
    """All of a record as a zone file has it, by tabs, and as Go programs write it: on one line, digests in capitals."""
    from dns import name as names  # noqa: PLC0415
    from dns import rdataclass, rdatatype  # noqa: PLC0415

    owner = names.Name((*record.owner, b"")).to_text()
    kind, type_ = rdataclass.to_text(held.rdclass), rdatatype.to_text(held.rdtype)
    shown = str(held.to_text(chunksize=0))
    if type_ in ("DS", "CDS", "SSHFP"):
        shown = shown.upper()
    return f"{owner}\t{record.ttl}\t{kind}\t{type_}\t{shown}"
