"""The server's side of TLS: certificates that are renewed while we run, and who must show one to us."""

import logging
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

CLIENT_AUTH = {
    "": ssl.CERT_NONE,
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
LOOK_EVERY = 1.0
"""Seconds between two looks at the files' times, however many handshakes come."""
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
# Go's names of the suites in its tls.CipherSuites(), as OpenSSL calls them. TLS 1.3's can't be chosen, there as here.
_CIPHERS = {
    "TLS_AES_128_GCM_SHA256": "",
    "TLS_AES_256_GCM_SHA384": "",
    "TLS_CHACHA20_POLY1305_SHA256": "",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
}


def version(name: object) -> ssl.TLSVersion | None:
    """TLS12 or TLS13 as Python calls it; what is older is refused by our OpenSSL."""
    return _VERSIONS.get(name) if isinstance(name, str) else None


def cipher(name: object) -> str | None:
    """OpenSSL's name of a suite in Go's; '' for one of TLS 1.3, None for one that is not known."""
    return _CIPHERS.get(name) if isinstance(name, str) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSSettings:
    """tls_server_config, its paths resolved."""

    cert_file: Path
    key_file: Path
    client_ca: str = ""
    client_ca_file: Path | None = None
    client_auth_type: str = ""
    min_version: str = "TLS12"
    max_version: str = "TLS13"
    cipher_suites: Sequence[str] = ()
    prefer_server_cipher_suites: bool = True


class Certificates:
    """`context` serves the newest certificate: when a client connects, the files are looked at again."""

    def __init__(self, settings: TLSSettings) -> None:
        """Raises ValueError, which names the file that is at fault."""
        self._settings = settings
        self._seen = self._times()
        self._looked = time.monotonic()
        self.context = self._newest = self._build()
        self.context.sni_callback = self._choose

    def take(self, other: "Certificates") -> None:
        """Serve from now on as `other` would."""
        self._settings, self._seen, self._newest = other._settings, other._seen, other._newest  # noqa: SLF001

    def _choose(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:  # noqa: ARG002
        now = time.monotonic()
        if now - self._looked >= LOOK_EVERY:
            self._looked = now
            if (times := self._times()) != self._seen:
                try:
                    self._newest, self._seen = self._build(), times
                except ValueError as error:
                    log.warning("the certificate on disk can't be used; the one before still serves: %s", error)
        connection.context = self._newest

    def _times(self) -> tuple[int, ...]:
        files = [self._settings.cert_file, self._settings.key_file, self._settings.client_ca_file]
        try:
            return tuple(file.stat().st_mtime_ns for file in files if file)
        except OSError:
            return ()

    def _build(self) -> ssl.SSLContext:
        wanted = self._settings
        if wanted.client_auth_type not in CLIENT_AUTH:
            raise ValueError(f"client_auth_type is not supported: {', '.join(filter(None, CLIENT_AUTH))}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _VERSIONS[wanted.min_version]
        context.maximum_version = _VERSIONS[wanted.max_version]
        context.set_alpn_protocols(["http/1.1"])
        suites = [found for name in wanted.cipher_suites if (found := _CIPHERS[name])]
        if suites:
            context.set_ciphers(":".join(suites))
        if not wanted.prefer_server_cipher_suites:
            context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
        for key in ("cert_file", "key_file", "client_ca_file"):
            file = getattr(wanted, key)
            if file is not None and (problem := _unreadable(file)):
                raise ValueError(f"{key} {file} {problem}")
        try:
            # A password would be asked for on the terminal; an empty one fails instead.
            context.load_cert_chain(wanted.cert_file, wanted.key_file, password=b"")
        except (ssl.SSLError, ValueError):
            raise ValueError("cert_file and key_file are not a certificate and its key without a passphrase") from None
        mode = CLIENT_AUTH[wanted.client_auth_type]
        if (wanted.client_ca or wanted.client_ca_file) and mode == ssl.CERT_NONE:
            raise ValueError("client_ca_file without a client_auth_type that verifies")
        if mode != ssl.CERT_NONE:
            if not (wanted.client_ca or wanted.client_ca_file):
                raise ValueError("client_auth_type needs client_ca_file")
            try:
                context.load_verify_locations(cafile=wanted.client_ca_file, cadata=wanted.client_ca or None)
            except ssl.SSLError:
                raise ValueError("client_ca_file holds no certificate") from None
            context.verify_mode = mode
        return context


def _unreadable(file: Path) -> str:
    try:
        with file.open("rb"):
            return ""
    except OSError as error:
        return f"can't be read: {error.strerror}"
