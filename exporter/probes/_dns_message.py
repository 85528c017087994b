"""DNS messages (RFC 1035, 4): a question to its bytes, and the bytes of an answer to their records.

dnspython reads what a record holds, but not the message: 64 KiB of records with a long name keep it busy for 20 s,
and the loop with it; this takes 20 ms.
"""

import struct
from dataclasses import dataclass, field

IN = 1
CNAME, SOA, OPT, ANY = 5, 6, 41, 255
RCODES = dict(
    enumerate(("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET"))
) | {9: "NOTAUTH", 10: "NOTZONE", 16: "BADVERS", 23: "BADCOOKIE"}
_HEADER = struct.Struct("!HHHHHH")
_FIXED = struct.Struct("!HHIH")
_POINTER = 0xC0
_LONGEST = 255
_LABEL = 63

Name = tuple[bytes, ...]
"""Labels as they were written; the root has none."""


class Malformed(Exception):  # noqa: N818 - says the fact
    """The bytes are no DNS message; the text says where they are not."""


@dataclass(frozen=True, slots=True)
class Query:
    """A question; `name` as it stands on the wire. `payload`: bytes of EDNS' largest datagram, 0 for no EDNS."""

    name: bytes
    type: int
    kind: int = IN
    """Its class."""
    recursion: bool = True
    payload: int = 0
    dnssec: bool = False
    """Ask for signatures (DO)."""
    validated: bool = False
    """Ask whether the answer was validated (AD; RFC 6840, 5.7)."""

    def wire(self, id_: int) -> bytes:
        flags = 0x0100 * self.recursion | 0x0020 * self.validated
        head = _HEADER.pack(id_, flags, 1, 0, 0, 1 if self.payload else 0)
        options = b"\0" + _FIXED.pack(OPT, self.payload, 0x8000 * self.dnssec, 0) if self.payload else b""
        return head + self.asked + options

    @property
    def asked(self) -> bytes:
        return self.name + struct.pack("!HH", self.type, self.kind)


@dataclass(frozen=True, slots=True)
class Record:
    """One of an answer; what it holds is at `wire[at : at + size]`, where its names may point back."""

    owner: Name
    type: int
    kind: int
    """Its class; an OPT's largest datagram."""
    ttl: int
    wire: bytes = field(repr=False)
    at: int
    size: int


@dataclass(slots=True)
class Message:
    """An answer, taken apart."""

    id: int
    flags: int
    size: int
    questions: list[tuple[Name, int, int]] = field(default_factory=list)
    answer: list[Record] = field(default_factory=list)
    authority: list[Record] = field(default_factory=list)
    additional: list[Record] = field(default_factory=list)

    @property
    def response(self) -> bool:
        return bool(self.flags & 0x8000)

    @property
    def authoritative(self) -> bool:
        return bool(self.flags & 0x0400)

    @property
    def truncated(self) -> bool:
        return bool(self.flags & 0x0200)

    @property
    def validated(self) -> bool:
        return bool(self.flags & 0x0020)

    @property
    def code(self) -> int:
        """The response code, with its upper bits from EDNS (RFC 6891, 6.1.3)."""
        upper = next((record.ttl >> 24 for record in self.additional if record.type == OPT), 0)
        return upper << 4 | self.flags & 15

    @property
    def rcode(self) -> str:
        return RCODES.get(self.code, f"RCODE{self.code}")

    def answers(self, type_: int) -> list[Record]:
        """The records of a type that answer the question, its aliases followed; all of its name for ANY.

        Raises Malformed.
        """
        known = {id(record.owner): record.owner for record in self.answer}  # mostly it is the same one
        known = {number: plain(owner) for number, owner in known.items()}
        owners = [known[id(record.owner)] for record in self.answer]
        aliases = {owner: record for owner, record in zip(owners, self.answer, strict=True) if record.type == CNAME}
        name = plain(self.questions[0][0])
        for _ in range(len(aliases)):  # a ring of aliases ends here, too
            if type_ in (CNAME, ANY) or name not in aliases:
                break
            alias = aliases[name]
            name = plain(_name(alias.wire, alias.at, {})[0])
        found = zip(owners, self.answer, strict=True)
        return [record for owner, record in found if owner == name and type_ in (record.type, ANY)]


def plain(name: Name) -> Name:
    """The name to compare with others: case tells nothing."""
    return tuple(map(bytes.lower, name))


def parse(wire: bytes) -> Message:
    """Raises Malformed. A truncated message may end where it pleases."""
    if len(wire) < _HEADER.size:
        raise Malformed(f"{len(wire)} bytes have no header")
    id_, flags, *counts = _HEADER.unpack_from(wire)
    message = Message(id_, flags, len(wire))
    at, known = _HEADER.size, dict[int, Name]()
    try:
        for _ in range(counts[0]):
            name, at = _name(wire, at, known)
            message.questions.append((name, *struct.unpack_from("!HH", wire, at)))
            at += 4
        for section, count in zip((message.answer, message.authority, message.additional), counts[1:], strict=True):
            at = _records(wire, at, count, known, section)
    except (Malformed, struct.error) as error:
        if not message.truncated:
            raise Malformed(str(error) if isinstance(error, Malformed) else f"it ends in a record at {at}") from None
    return message


def _records(wire: bytes, at: int, count: int, known: dict[int, Name], into: list[Record]) -> int:
    for _ in range(count):
        owner, at = _name(wire, at, known)
        type_, kind, ttl, size = _FIXED.unpack_from(wire, at)
        at += _FIXED.size
        if at + size > len(wire):
            raise Malformed(f"a record of {size} bytes at {at}, where {len(wire) - at} are left")
        into.append(Record(owner, type_, kind, ttl, wire, at, size))
        at += size
    return at


def _name(wire: bytes, at: int, known: dict[int, Name]) -> tuple[Name, int]:
    """The name at an offset, and the offset after it; `known` are those that were read at theirs."""
    if wire[at : at + 1] >= b"\xc0" and (whole := known.get(_pointer(wire, at))) is not None:
        return whole, at + 2  # as most are: an answer repeats a name for each record
    labels: list[bytes] = []
    begun = [(at, 0)]  # where it and the names that it points to begin, and with which label
    end = 0
    while at not in known:
        if at >= len(wire):
            raise Malformed(f"a name at {begun[0][0]} has no end")
        octet = wire[at]
        if octet >= _POINTER:
            end, to = end or at + 2, _pointer(wire, at)
            if to >= begun[-1][0]:  # further back than any before, so that there is an end to it
                raise Malformed(f"a name at {begun[0][0]} points forward")
            at = to
            begun.append((at, len(labels)))
        elif octet > _LABEL:
            raise Malformed(f"a name at {begun[0][0]} has a label of a reserved type")
        elif octet == 0:
            end = end or at + 1
            break
        else:
            labels.append(wire[at + 1 : at + 1 + octet])
            at += 1 + octet
            if len(labels) > _LONGEST:
                break
    labels.extend(known.get(at, ()) if wire[at] else ())
    name = tuple(labels)
    if sum(map(len, name)) + len(name) >= _LONGEST:
        raise Malformed(f"a name at {begun[0][0]} is longer than {_LONGEST} bytes")
    for start, index in begun:
        known[start] = name[index:]
    return name, end


def _pointer(wire: bytes, at: int) -> int:
    return (wire[at] & 0x3F) << 8 | int.from_bytes(wire[at + 1 : at + 2], "big")
