"""How the kind mongodb does TLS: as the URL says, with a look at the certificate where only we can have one."""

import asyncio
from pathlib import Path

import pytest
import uvloop
from cryptography.hazmat.primitives import serialization

from tests import certificates, probing, servers
from tests.fakes import tlsfront
from tests.probing import probe, readings
from tests.servers.mongodb import MongoDB

pytestmark = pytest.mark.xdist_group("mongodb")


def test_tls_has_a_verified_certificate_with_its_dates() -> None:
    pair = certificates.pair()
    flags = ("--tls-cert-file", str(pair.certificate), "--tls-key-file", str(pair.key))
    with servers.mongodb(*flags) as server:
        url = f"mongodb://localhost:{server.port}/?tls=true"
        for loop in (asyncio.run, uvloop.run):
            result = loop(probing.run("mongodb", url=f"{url}&tlsCAFile={certificates.authority()}"))
            assert (result.outcome, result.detail) == ("healthy", "")
            assert readings(result)["stack_mongodb_certificate_not_after_timestamp_seconds"] == pair.not_after
            lax = loop(probing.run("mongodb", url=f"{url}&tlsInsecure=true"))
            assert (lax.outcome, [name for name in readings(lax) if "certificate" in name]) == ("healthy", [])


def test_an_expired_certificate_still_shows_its_dates(mongodb_server: MongoDB) -> None:
    pair = certificates.expired()
    with tlsfront.before(mongodb_server.port, pair.context()) as front:
        result = probe("mongodb", url=f"mongodb://{front.address}/?tls=true&tlsCAFile={certificates.authority()}")
    assert result.reason == "tls_expired"
    assert readings(result)["stack_mongodb_certificate_not_after_timestamp_seconds"] == pair.not_after


def locked(pair: certificates.Pair, path: Path) -> str:
    """Its certificate and its key in one file, as MongoDB's URLs have them, the key with the password `pass`."""
    key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.BestAvailableEncryption(b"pass"))
    path.write_bytes(pair.certificate.read_bytes() + pem)
    return f"tlsCertificateKeyFile={path}&tlsCertificateKeyFilePassword=pass"


# The driver alone can open a key with a password, and keeps of what fails nothing but OpenSSL's words.
DRIVEN: dict[str, certificates.Pair] = {
    "": certificates.pair(),
    "tls_expired": certificates.expired(),
    "tls_not_yet_valid": certificates.not_yet_valid(),
    "tls_untrusted": certificates.self_signed(),
    "tls_hostname": certificates.wrong_host(),
}


@pytest.mark.parametrize("reason", DRIVEN)
def test_a_clients_key_with_a_password_is_used_and_failures_have_their_reasons_all_the_same(
    reason: str, mongodb_server: MongoDB, tmp_path: Path
) -> None:
    options = f"tls=true&tlsCAFile={certificates.authority()}&{locked(certificates.pair(), tmp_path / 'client.pem')}"
    asks = DRIVEN[reason].context(client_ca=certificates.authority())
    with tlsfront.before(mongodb_server.port, asks) as front:
        result = probe("mongodb", url=f"mongodb://{front.address}/?{options}")
    assert result.reason == reason, result.detail


def test_a_clients_key_without_a_password_is_shown_from_the_first_connection_on(
    mongodb_server: MongoDB, tmp_path: Path
) -> None:
    pair, both = certificates.pair(), tmp_path / "client.pem"
    both.write_bytes(pair.certificate.read_bytes() + pair.key.read_bytes())
    url = f"/?tls=true&tlsCAFile={certificates.authority()}"
    with tlsfront.before(mongodb_server.port, pair.context(client_ca=certificates.authority())) as front:
        known = probe("mongodb", url=f"mongodb://{front.address}{url}&tlsCertificateKeyFile={both}")
        unknown = probe("mongodb", url=f"mongodb://{front.address}{url}")
    assert (known.outcome, known.detail) == ("healthy", "")
    # In TLS 1.3 the server says so after the handshake, and what it says may be lost with the connection.
    assert (unknown.outcome, unknown.reason in ("tls", "reset", "closed")) == ("unhealthy", True)
