"""The `tls` section of a component, the handshake, and in which of a few words it failed."""

import asyncio
import re
import ssl
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, cast

from msgspec import Meta, Struct

from exporter.metric import Metric
from exporter.probe import Down, Readings, Signal

REASONS: Mapping[str, str] = {
    "tls_expired": "The server's certificate, or one that vouches for it, has expired.",
    "tls_not_yet_valid": "The server's certificate, or one that vouches for it, is not valid yet.",
    "tls_untrusted": "No trusted authority vouches for the server's certificate: self-signed, or by an unknown CA.",
    "tls_hostname": "The server's certificate is for another name.",
    "tls_version": "Client and server have no TLS version in common.",
    "tls_plaintext": "The server does not speak TLS on this port.",
    "tls": "The TLS handshake failed for another reason, which the detail names.",
}

# X509_V_ERR_… of OpenSSL's x509_vfy.h; any other code is a matter of trust.
_VERIFICATION = {9: "tls_not_yet_valid", 10: "tls_expired", 62: "tls_hostname", 64: "tls_hostname"}
# What OpenSSL finds when it reads an answer such as "HTTP/1.1 400" or "-ERR" as the head of a TLS record.
_PLAINTEXT = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}
_VERSION = {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE", "WRONG_SSL_VERSION"}

_DAY = 86400.0


def expiry(remaining: Metric) -> Signal:
    """The signal `certificate` of a kind that does TLS, whose gauge `remaining` counts the seconds left."""
    return Signal(
        "certificate",
        remaining,
        "seconds",
        "How long the server's certificate is still valid.",
        direction="below",
        warning=20 * _DAY,
        critical=3 * _DAY,
    )


def dates(
    out: Readings,
    not_after: Metric,
    remaining: Metric,
    not_before: Metric | None = None,
    verified: Metric | None = None,
) -> "Callable[[Certificate], None]":
    """What to hand to `connect` as `show`, so that the server's certificate sets these gauges."""

    def show(found: Certificate) -> None:
        out.set(not_after, found.not_after)
        out.set(remaining, found.not_after - time.time())
        if not_before is not None:
            out.set(not_before, found.not_before)
        if verified is not None:
            out.set(verified, float(found.verified))

    return show


class TLS(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Its keys are those of Prometheus' tls_config, so that people know them."""

    ca_file: Annotated[str, Meta(description="PEM file of the authorities to trust in place of the system's.")] = ""
    cert_file: Annotated[str, Meta(description="PEM file of the client's certificate, with its chain.")] = ""
    key_file: Annotated[str, Meta(description="PEM file of the client's private key.")] = ""
    server_name: Annotated[str, Meta(description="Name to ask for and to verify, if it is not the host's.")] = ""
    insecure_skip_verify: Annotated[bool, Meta(description="Take any certificate; its dates are still reported.")] = (
        False
    )
    min_version: Annotated[
        Literal["TLS10", "TLS11", "TLS12", "TLS13"], Meta(description="Oldest version of TLS to take.")
    ] = "TLS12"

    def __post_init__(self) -> None:
        if self.key_file and not self.cert_file:
            raise ValueError("key_file needs cert_file")
        if self.ca_file or self.cert_file:
            try:
                self.context()
            except Down as down:
                raise ValueError(down.detail) from None

    def context(self, alpn: tuple[str, ...] = (), *, verify: bool = True) -> ssl.SSLContext:
        """The context for a handshake: shared by all components with the same fields, made anew when a file changes."""
        files = (self.ca_file, self.cert_file, self.key_file)
        try:
            changed = tuple(Path(file).stat().st_mtime_ns for file in files if file)
            return _context((*files, self.min_version), alpn, changed, verify=verify and not self.insecure_skip_verify)
        except ssl.SSLError as error:
            raise Down("tls", f"ca_file, cert_file or key_file: {_words(error)}") from None
        except OSError as error:
            raise Down("tls", f"{error.filename or 'ca_file, cert_file or key_file'}: {error.strerror}") from None


@dataclass(frozen=True, slots=True)
class Certificate:
    """The server's own certificate: from when until when it is valid, in Unix seconds."""

    not_before: float
    not_after: float
    verified: bool
    """Whether it was verified: false also when the configuration says to skip that."""


def certificate(tls: ssl.SSLObject) -> Certificate | None:
    """What the server showed in a handshake that is over."""
    if fields := tls.getpeercert():
        before, after = cast("str", fields["notBefore"]), cast("str", fields["notAfter"])
        return Certificate(_seconds(before), _seconds(after), verified=True)
    # Unverified, Python's ssl gives the bytes alone.
    der = tls.getpeercert(binary_form=True)
    return Certificate(*_dates(der), verified=False) if der else None


def failure(error: BaseException, where: str) -> Down | None:
    """The answer that a failed handshake, or an alert after it, amounts to; None for what is no matter of TLS."""
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = _VERIFICATION.get(error.verify_code, "tls_untrusted")
        return Down(reason, f"{where}: {error.verify_message or 'certificate verification failed'}"[:200])
    if isinstance(error, ssl.SSLEOFError):
        return Down("closed", f"{where} closed the connection in the TLS handshake")
    if not isinstance(error, ssl.SSLError):
        return None
    code = getattr(error, "reason", "") or ""  # missing in errors that are not OpenSSL's own
    reason = "tls_plaintext" if code in _PLAINTEXT else "tls_version" if code in _VERSION else "tls"
    return Down(reason, f"{where}: {_words(error)}"[:200])


async def handshake(
    transport: asyncio.Transport, protocol: asyncio.BaseProtocol, context: ssl.SSLContext, name: str
) -> asyncio.Transport:
    """Make a connection a TLS one; the protocol stays and is not told. Raises OSError, ssl.SSLError among them."""
    loop = asyncio.get_running_loop()
    try:
        secure = await loop.start_tls(transport, protocol, context, server_hostname=name)
    except ssl.SSLError:  # one of them is a ValueError too
        raise
    except ValueError as error:  # a name that is none, such as one with a label of 64 letters
        raise ssl.SSLError(1, f"server name {name!r}: {error}"[:160]) from None
    if secure is None:  # what asyncio answers for a connection that was lost before
        raise ConnectionResetError
    return secure


@lru_cache(maxsize=64)  # a context with the system's authorities takes 10 ms and half a megabyte
def _context(
    fields: tuple[str, str, str, str], alpn: tuple[str, ...], _changed: tuple[int, ...], *, verify: bool
) -> ssl.SSLContext:
    ca, cert, key, version = fields
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    minimum = ssl.TLSVersion[version.replace("TLS1", "TLSv1_")] if version != "TLS10" else ssl.TLSVersion.TLSv1
    if minimum < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("DEFAULT@SECLEVEL=0")  # OpenSSL 3 signs nothing older than 1.2 above level 0
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # 1.0 and 1.1, as was asked for
        context.minimum_version = minimum
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca:
        context.load_verify_locations(ca)
    else:
        context.load_default_certs()
    if cert:
        context.load_cert_chain(cert, key or None, password=_no_password)
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


def _no_password() -> str:
    """Without it OpenSSL asks at the terminal for the password of an encrypted key."""
    raise ssl.SSLError(1, "the private key is encrypted")


def silence() -> None:
    """Have cryptography not warn of certificates that break RFC 5280, such as by a negative serial number.

    They are others' certificates, and public authorities are among them. For the process and not by catch_warnings,
    which in one thread takes back what another has set; and anew each time, as it may be what took this back.
    """
    from cryptography.utils import CryptographyDeprecationWarning  # noqa: PLC0415 - after x509, which takes 40 ms

    if ("ignore", None, CryptographyDeprecationWarning, None, 0) not in warnings.filters:
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)


@lru_cache(maxsize=1024)
def _seconds(text: str) -> float:
    return float(ssl.cert_time_to_seconds(text))


@lru_cache(maxsize=256)
def _dates(der: bytes) -> tuple[float, float]:
    from cryptography import x509  # noqa: PLC0415 - 40 ms that only unverified certificates need

    silence()
    found = x509.load_der_x509_certificate(der)
    return found.not_valid_before_utc.timestamp(), found.not_valid_after_utc.timestamp()


def _words(error: ssl.SSLError) -> str:
    if reason := getattr(error, "reason", ""):
        return str(reason).lower().replace("_", " ")
    return re.sub(r"\s+", " ", str(error.args[-1] if error.args else error))[:160]
