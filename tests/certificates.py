"""Certificates of every sort: a CA of our own, and what it signs well, badly, too early and too late."""

import atexit
import datetime
import ipaddress
import shutil
import ssl
import tempfile
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key: PEM files, and when it is valid, in Unix seconds."""

    certificate: Path
    key: Path
    not_before: float
    not_after: float

    def context(self, *, client_ca: Path | None = None, newest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """For a server; with `client_ca` it asks clients for a certificate, with `newest` it speaks nothing newer."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if newest is not None:
            context.set_ciphers("DEFAULT@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
                context.maximum_version = newest
        context.load_cert_chain(self.certificate, self.key)
        if client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_ca)
        return context


def authority() -> Path:
    """The PEM file of the CA that signs all but the self-signed."""
    return _authority()[2]


@cache
def pair(*names: str, begins: int = -1, ends: int = 90, self_signed: bool = False) -> Pair:
    """For these names (by default localhost and 127.0.0.1), valid from and until so many days from now."""
    names = names or ("localhost", "127.0.0.1")
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(names[0])
    issuer, signer = (name, key) if self_signed else _authority()[:2]
    alternatives = [
        x509.IPAddress(ipaddress.ip_address(n)) if n[0].isdigit() or ":" in n else x509.DNSName(n) for n in names
    ]
    certificate = (
        _builder(name, issuer, key, begins, ends)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(signer, hashes.SHA256())
    )
    folder = Path(tempfile.mkdtemp(dir=_folder()))
    return Pair(
        _write(folder / "certificate.pem", certificate.public_bytes(serialization.Encoding.PEM)),
        _write(folder / "key.pem", _pem(key)),
        certificate.not_valid_before_utc.timestamp(),
        certificate.not_valid_after_utc.timestamp(),
    )


def expired() -> Pair:
    return pair(begins=-30, ends=-2)


def not_yet_valid() -> Pair:
    return pair(begins=2)


def self_signed() -> Pair:
    return pair(self_signed=True)


def wrong_host() -> Pair:
    return pair("elsewhere.example")


def negative_serial() -> bytes:
    """DER, with a serial number that RFC 5280 forbids and authorities have given; its signature does not hold."""
    one = x509.load_pem_x509_certificate(pair().certificate.read_bytes())
    serial = one.serial_number.to_bytes((one.serial_number.bit_length() + 8) // 8, "big")
    return one.public_bytes(serialization.Encoding.DER).replace(serial, b"\x80" + serial[1:], 1)


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="certificates-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def _authority() -> tuple[x509.Name, ec.EllipticCurvePrivateKey, Path]:
    key, name = ec.generate_private_key(ec.SECP256R1()), _name("An authority for tests")
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    certificate = (
        _builder(name, name, key, -365, 3650)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    return name, key, _write(_folder() / "authority.pem", certificate.public_bytes(serialization.Encoding.PEM))


def _builder(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begins: int, ends: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + begins * DAY)
        .not_valid_after(NOW + ends * DAY)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
