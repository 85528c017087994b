"""A server's certificate in the words of Go's crypto/x509, which are the labels of probe_ssl_last_chain_info."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from exporter.probes import _tls

if TYPE_CHECKING:
    from cryptography import x509

# Of pkix.Name.String, which writes the attributes that it knows in this order, whatever theirs is in the certificate.
_KNOWN = {
    "2.5.4.5": "SERIALNUMBER",
    "2.5.4.3": "CN",
    "2.5.4.11": "OU",
    "2.5.4.10": "O",
    "2.5.4.17": "POSTALCODE",
    "2.5.4.9": "STREET",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.6": "C",
}
_SINGLE = {"2.5.4.5", "2.5.4.3"}
"""Of these the last one counts; the others are joined by +."""
_PRINTABLE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?")


@dataclass(frozen=True, slots=True)
class Leaf:
    """The labels of probe_ssl_last_chain_info."""

    fingerprint: str
    subject: str
    issuer: str
    names: str
    serial: str


@lru_cache(maxsize=1024)  # reading one takes 0.1 ms
def leaf(der: bytes) -> Leaf:
    """What there is to tell of a certificate."""
    from cryptography import x509  # noqa: PLC0415 - 40 ms that only TLS needs

    _tls.silence()
    found = x509.load_der_x509_certificate(der)
    try:
        alternatives = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = alternatives.get_values_for_type(x509.DNSName)
    except (x509.ExtensionNotFound, ValueError):  # a malformed extension is no reason to know nothing
        names = []
    serial = found.serial_number
    return Leaf(
        hashlib.sha256(der).hexdigest(),
        written(found.subject),
        written(found.issuer),
        ",".join(names),
        abs(serial).to_bytes((abs(serial).bit_length() + 7) // 8, "big").hex(),
    )


@lru_cache(maxsize=1024)
def expires(der: bytes) -> float:
    """Until when a certificate is valid, in Unix seconds."""
    from cryptography import x509  # noqa: PLC0415

    _tls.silence()
    return x509.load_der_x509_certificate(der).not_valid_after_utc.timestamp()


def written(name: "x509.Name") -> str:
    """A name as pkix.Name.String writes it: RFC 2253 in an order of its own, attributes that it does not know last."""
    values: dict[str, list[str]] = {}
    unknown: list[str] = []
    for attribute in name:
        oid = attribute.oid.dotted_string
        text = attribute.value if isinstance(attribute.value, str) else attribute.value.hex()
        if oid not in _KNOWN:
            unknown.append(f"{oid}=#{_der(text)}")
        elif oid in _SINGLE:
            values[oid] = [text]
        else:
            values.setdefault(oid, []).append(text)
    known = [
        "+".join(f"{word}={_escaped(text)}" for text in values[oid]) for oid, word in _KNOWN.items() if oid in values
    ]
    return ",".join(known + unknown[::-1])


def _escaped(text: str) -> str:
    """RFC 2253, section 2.4."""
    last = len(text) - 1
    return "".join(
        f"\\{letter}"
        if letter in ',+"\\<>;' or (letter == " " and at in (0, last)) or (letter == "#" and at == 0)
        else letter
        for at, letter in enumerate(text)
    )


def _der(text: str) -> str:
    """As Go's asn1.Marshal encodes a string: PrintableString (19) where that does, else UTF8String (12)."""
    raw = text.encode()
    size = len(raw)
    head = bytes([size]) if size < 0x80 else b"\x82" + size.to_bytes(2, "big") if size > 0xFF else bytes([0x81, size])
    return (bytes([19 if _PRINTABLE.issuperset(text) else 12]) + head + raw).hex()
