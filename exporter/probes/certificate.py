"""Are certificates in files valid, for how long, and does each chain hold and fit its key?"""

import glob
import os
import stat
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta

from exporter.metric import gauge, info
from exporter.probe import Down, Probe, Readings, Signal
from exporter.probes import _threads, _tls
from exporter.probes._threads import Lane

if TYPE_CHECKING:
    from cryptography import x509

NOT_BEFORE = gauge(
    "stack_certificate_not_before_timestamp_seconds",
    "From when on a file's first certificate is valid.",
    "component",
    "file",
)
NOT_AFTER = gauge(
    "stack_certificate_not_after_timestamp_seconds",
    "When the first of a file's certificates expires.",
    "component",
    "file",
)
REMAINING = gauge(
    "stack_certificate_remaining_seconds",
    "Time until the first of a file's certificates expires; negative after.",
    "component",
    "file",
)
CERTIFICATES = gauge("stack_certificate_certificates", "Certificates in a file.", "component", "file")
FILES = gauge("stack_certificate_files", "Files that the patterns match.", "component")
INFO = info("stack_certificate_info", "A file's first certificate.", "component", "file", "subject", "issuer", "serial")

MOST_FILES = 200
LARGEST = 1024 * 1024
"""Bytes of a file: the bundle of all public authorities has a quarter of it."""
_LONGEST = 128


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a file."""

    reason: str
    detail: str


class Certificate(Probe, kw_only=True, frozen=True):
    """PEM, also of a chain or a bundle, and DER; read anew each run, in a thread of its own."""

    reasons: ClassVar[Mapping[str, str]] = {
        "missing": "No file matches a pattern.",
        "unreadable": "A file can't be read, or is too large.",
        "invalid": "A file holds no certificate, or one that can't be decoded.",
        "expired": "A certificate has expired.",
        "not_yet_valid": "A certificate is not valid yet.",
        "key": "The private key does not belong to the file's first certificate.",
        "untrusted": "No authority of ca_file issued the last certificate of the chain.",
        "chain": "A certificate was not issued by the one that follows it.",
        "hung": _threads.HUNG,
    }
    signals: ClassVar[tuple[Signal, ...]] = (_tls.expiry(REMAINING),)

    files: Annotated[
        tuple[str, ...],
        Meta(description="Files, or patterns with * and ?.", min_length=1, examples=[["/etc/tls/*.pem"]]),
    ]
    key_file: Annotated[str, Meta(description="Private key, PEM, that belongs to the one file.")] = ""
    ca_file: Annotated[str, Meta(description="Authorities, PEM, one of which issued each chain.")] = ""
    bundle: Annotated[bool, Meta(description="The files are collections, not chains: each stands for itself.")] = False

    def __post_init__(self) -> None:
        if any(not pattern or "\0" in pattern for pattern in self.files):
            raise ValueError("files: a file has a name")
        if self.key_file and (len(self.files) > 1 or glob.has_magic(self.files[0])):
            raise ValueError("key_file: belongs to one file, not to a pattern")
        if self.bundle and (self.ca_file or self.key_file):
            raise ValueError("bundle: has no ca_file and no key_file")

    async def run(self, out: Readings) -> None:
        found, troubles = await self._lane.call(out.deadline, "reading certificates", self._read)
        out.set(FILES, len(found))
        for file, chain in found.items():
            first = chain[0]
            until = min(one.not_valid_after_utc.timestamp() for one in chain)
            out.set(NOT_BEFORE, first.not_valid_before_utc.timestamp(), file)
            out.set(NOT_AFTER, until, file)
            out.set(REMAINING, until - time.time(), file)
            out.set(CERTIFICATES, len(chain), file)
            if not self.bundle:
                names = (first.subject.rfc4514_string()[:_LONGEST], first.issuer.rfc4514_string()[:_LONGEST])
                out.set(INFO, 1, file, *names, f"{first.serial_number:x}")
        worst = sorted(troubles, key=lambda one: list(self.reasons).index(one.reason))
        if worst and worst[0].reason != "chain":
            raise Down(worst[0].reason, worst[0].detail)
        if worst:
            out.degraded("chain", worst[0].detail)

    def _read(self) -> tuple["dict[str, list[x509.Certificate]]", list[Trouble]]:
        """The certificates by file, and what is wrong. In the lane's thread."""
        troubles: list[Trouble] = []
        names: list[str] = []
        for pattern in self.files:
            matched = sorted(glob.glob(pattern, recursive=True)) if glob.has_magic(pattern) else [pattern]  # noqa: PTH207
            names += [name for name in matched if glob.has_magic(pattern) <= Path(name).is_file()]
            if not matched:
                troubles.append(Trouble("missing", f"no file matches {pattern}"))
        found: dict[str, list[x509.Certificate]] = {}
        if len(set(names)) > MOST_FILES:
            troubles.append(Trouble("unreadable", f"more than {MOST_FILES} files match; the rest is not read"))
        for name in list(dict.fromkeys(names))[:MOST_FILES]:
            try:
                found[name] = _certificates(name)
                troubles += self._judge(name, found[name])
            except Down as down:
                troubles.append(Trouble(down.reason, down.detail))
        return found, troubles

    def _judge(self, name: str, chain: "Sequence[x509.Certificate]") -> list[Trouble]:
        troubles = []
        now = time.time()
        for one in chain:
            shown = f"{name}: {one.subject.rfc4514_string()[:_LONGEST]}"
            if one.not_valid_after_utc.timestamp() <= now:
                troubles.append(Trouble("expired", f"{shown} expired on {one.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"))
            elif one.not_valid_before_utc.timestamp() > now:
                troubles.append(
                    Trouble("not_yet_valid", f"{shown} is valid from {one.not_valid_before_utc:%Y-%m-%d} on")
                )
        if self.bundle:
            return troubles
        for one, issuer in pairwise(chain):
            if not _issued(one, issuer):
                told = f"{one.subject.rfc4514_string()[:60]} was not issued by {issuer.subject.rfc4514_string()[:60]}"
                troubles.append(Trouble("chain", f"{name}: {told}, which follows it"))
        if self.key_file and not _fits(chain[0], self.key_file):
            troubles.append(Trouble("key", f"{self.key_file} is not the key of {name}"))
        if self.ca_file:
            trusted = _certificates(self.ca_file)
            if not any(chain[-1] == authority or _issued(chain[-1], authority) for authority in trusted):
                told = chain[-1].issuer.rfc4514_string()[:_LONGEST]
                troubles.append(Trouble("untrusted", f"{name}: {told} is not in {self.ca_file}"))
        return troubles

    @cached_property
    def _lane(self) -> Lane:
        return Lane()


def _certificates(name: str) -> "list[x509.Certificate]":
    """A file's certificates in their order, at least one. Raises Down."""
    from cryptography import x509  # noqa: PLC0415 - 40 ms that only this kind needs

    raw = _bytes(name)
    _tls.silence()
    try:
        found = x509.load_pem_x509_certificates(raw) if b"-----BEGIN" in raw else [x509.load_der_x509_certificate(raw)]
        for one in found:  # these are decoded when they are looked at, and only then found to be wrong
            _ = one.subject, one.issuer, one.not_valid_before_utc, one.not_valid_after_utc
    except (ValueError, x509.InvalidVersion):
        # cryptography's own message may quote the file, which may be a key by mistake.
        raise Down("invalid", f"{name} holds no certificate, neither as PEM nor as DER") from None
    return found


def _fits(certificate: "x509.Certificate", key_file: str) -> bool:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    try:
        key = serialization.load_pem_private_key(_bytes(key_file), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it is encrypted
        raise Down("key", f"{key_file} holds no private key that can be read without a password") from None
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    try:
        return key.public_key().public_bytes(*form) == certificate.public_key().public_bytes(*form)
    except (ValueError, UnsupportedAlgorithm):  # a curve that nobody here knows has no key of ours
        return False


def _issued(one: "x509.Certificate", issuer: "x509.Certificate") -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415

    try:
        one.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _bytes(name: str) -> bytes:
    try:
        # A FIFO by mistake must not hold the thread.
        descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Down("unreadable", f"{name} is not a file")
            raw = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise Down("missing", f"{name} does not exist") from None
    except OSError as error:
        raise Down("unreadable", f"{name}: {error.strerror}") from None
    if len(raw) > LARGEST:
        raise Down("unreadable", f"{name} is larger than {LARGEST} bytes")
    return raw
