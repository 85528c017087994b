"""TLS of a prober: the context that its settings ask for, the handshake, the series about what a server showed."""

import asyncio
import re
import ssl
import warnings
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from exporter.blackbox.certificate import Leaf, expires, leaf
from exporter.blackbox.family import CERT_EXPIRY, CHAIN_EXPIRY, CHAIN_INFO, TLS_CIPHER, TLS_VERSION, Family
from exporter.blackbox.run import Failed, Run
from exporter.blackbox.tls_settings import TLSSettings
from exporter.probes import _tls

HTTP: Sequence[Family] = (CERT_EXPIRY, CHAIN_EXPIRY, CHAIN_INFO, TLS_VERSION, TLS_CIPHER)
TCP: Sequence[Family] = (CERT_EXPIRY, CHAIN_EXPIRY, CHAIN_INFO, TLS_VERSION)
GRPC: Sequence[Family] = (CERT_EXPIRY, CHAIN_INFO, TLS_VERSION)
"""Which of them blackbox's probers show. Its prober for DNS shows none."""

ZERO_TIME = -62135596800.0
"""What Go's time.Time{} is in Unix seconds: the expiry of a chain that nobody verified."""
_VERSIONS = {"TLSv1": "TLS 1.0", "TLSv1.1": "TLS 1.1", "TLSv1.2": "TLS 1.2", "TLSv1.3": "TLS 1.3"}
_WORDS = {"": None} | {name: getattr(ssl.TLSVersion, name.replace("TLS1", "TLSv1_")) for name in ("TLS11", "TLS12")}
_WORDS |= {"TLS10": ssl.TLSVersion.TLSv1, "TLS13": ssl.TLSVersion.TLSv1_3}


def context(settings: TLSSettings, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """The context for a handshake, made anew when a file of it changes. Raises Failed."""
    try:
        files = (settings.ca_file, settings.cert_file, settings.key_file)
        changed = tuple(Path(file).stat().st_mtime_ns for file in files if file)
        return _context(settings, alpn, changed)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise Failed("Error creating TLS configuration", err=_said(error)) from None


async def handshake(
    run: Run,
    transport: asyncio.Transport,
    protocol: asyncio.BaseProtocol,
    settings: TLSSettings,
    host: str,
    alpn: tuple[str, ...] = (),
) -> asyncio.Transport:
    """Make a connection a TLS one; its server name is `host` unless the settings have another.

    Raises Failed, the connection then being closed, and TimeoutError at the deadline.
    """
    try:
        async with asyncio.timeout_at(run.deadline):
            name = settings.server_name or host
            return await _tls.handshake(transport, protocol, context(settings, alpn), name)
    except TimeoutError:
        transport.abort()
        raise
    except OSError as error:
        transport.abort()
        raise Failed("TLS handshake failed", err=_said(error)) from None
    except BaseException:
        transport.abort()
        raise


def show(run: Run, transport: asyncio.Transport, families: Sequence[Family]) -> None:
    """Set the families from what the server showed in a handshake that is over."""
    tls: Any = transport.get_extra_info("ssl_object")
    inner = tls._sslobj  # noqa: SLF001 - get_verified_chain is public from Python 3.13 on
    sent = tuple(_bytes(each) for each in inner.get_unverified_chain() or ())
    verified = tls.context.verify_mode == ssl.CERT_REQUIRED
    trusted = tuple(_bytes(each) for each in inner.get_verified_chain() or ()) if verified else ()
    if not sent:
        return
    found: Leaf = leaf(sent[0])
    for family in families:
        if family is CERT_EXPIRY:
            run.set(family, min(map(expires, sent)))
        elif family is CHAIN_EXPIRY:
            run.set(family, min(map(expires, trusted)) if trusted else ZERO_TIME)
        elif family is CHAIN_INFO:
            run.set(family, 1.0, found.fingerprint, found.subject, found.issuer, found.names, found.serial)
        elif family is TLS_VERSION:
            run.set(family, 1.0, _VERSIONS.get(tls.version(), "unknown"))
        elif family is TLS_CIPHER:
            run.set(family, 1.0, suite((tls.cipher() or ("",))[0]))


@lru_cache(maxsize=256)
def suite(name: str) -> str:
    """A cipher suite by IANA's name, as Go has it, from OpenSSL's."""
    if name.startswith("TLS_"):
        return name
    match = re.fullmatch(r"(?:((?:EC)?DHE)-)?(?:(RSA|ECDSA)-)?(AES(?:128|256)|CHACHA20)-(.*)", name)
    if match is None:
        return name
    exchange, signature, cipher, rest = match.groups()
    cipher = cipher.replace("AES", "AES_")
    rest = {"POLY1305": "POLY1305_SHA256"}.get(rest, rest).replace("-", "_")
    mode = "" if rest.startswith(("GCM", "CCM", "POLY1305")) else "CBC_"
    with_ = "_".join(part for part in (exchange, signature or "RSA") if part)
    return f"TLS_{with_}_WITH_{cipher}_{mode}{rest}"


@lru_cache(maxsize=64)  # one with the system's authorities takes 10 ms and half a megabyte
def _context(settings: TLSSettings, alpn: tuple[str, ...], _changed: tuple[int, ...]) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    oldest = _WORDS[settings.min_version] or ssl.TLSVersion.TLSv1_2
    newest = _WORDS[settings.max_version]
    if oldest < ssl.TLSVersion.TLSv1_2:
        made.set_ciphers("DEFAULT@SECLEVEL=0")  # OpenSSL 3 signs nothing older than 1.2 above level 0
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # 1.0 and 1.1, as was asked for
        made.minimum_version = oldest
        if newest is not None:
            made.maximum_version = newest
    if settings.insecure_skip_verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    elif settings.ca or settings.ca_file:
        made.load_verify_locations(settings.ca_file or None, cadata=settings.ca or None)
    else:
        made.load_default_certs()
    if settings.cert_file:
        made.load_cert_chain(settings.cert_file, settings.key_file or None, password=_no_password)
    if alpn:
        made.set_alpn_protocols(alpn)
    return made


def _no_password() -> str:
    """Without it OpenSSL asks at the terminal for the password of an encrypted key."""
    raise ssl.SSLError(1, "the private key is encrypted")


def _bytes(certificate: Any) -> bytes:
    encoded = certificate if isinstance(certificate, bytes) else certificate.public_bytes(2)  # _ssl.ENCODING_DER
    return bytes(encoded)


def _said(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"tls: {error.verify_message}"
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return str(error)
