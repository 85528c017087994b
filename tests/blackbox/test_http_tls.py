"""The prober http over TLS and HTTP/2 beside blackbox_exporter's."""

import datetime
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests import certificates, hostile
from tests.blackbox.side import Pair, assert_alike, both
from tests.servers.http2 import http2

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("blackbox_http_tls")]

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello"


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    authority = f"ca_file: {certificates.authority()}"
    client = certificates.pair("a client")
    settings = {
        "trusts": f"tls_config: {{{authority}}}",
        "trusts_nobody": "",
        "anyone": "tls_config: {insecure_skip_verify: true}",
        "named": f"tls_config: {{{authority}, server_name: elsewhere.example}}",
        "vhost": f"headers: {{Host: elsewhere.example}}, tls_config: {{{authority}}}",
        "http1": f"enable_http2: false, tls_config: {{{authority}}}",
        "wants_http1": f'valid_http_versions: ["HTTP/1.1"], tls_config: {{{authority}}}',
        "no_ssl": f"fail_if_ssl: true, tls_config: {{{authority}}}",
        "ssl": f"fail_if_not_ssl: true, tls_config: {{{authority}}}",
        "no_file": "tls_config: {ca_file: /nowhere/ca.pem}",
        "with_certificate": (f"tls_config: {{{authority}, cert_file: {client.certificate}, key_file: {client.key}}}"),
        "post": f"method: POST, body: a body, basic_auth: {{username: a, password: b}}, tls_config: {{{authority}}}",
        "finds": f"fail_if_body_not_matches_regexp: [needle], tls_config: {{{authority}}}",
    }
    lines = [
        f"  {name}: {{prober: http, timeout: 3s, http: {{preferred_ip_protocol: ip4, {text}}}}}\n"
        for name, text in settings.items()
    ]
    with both("modules:\n" + "".join(lines)) as running:
        yield running


CERTIFICATES = {
    "right": certificates.pair,
    "expired": certificates.expired,
    "not yet valid": certificates.not_yet_valid,
    "self-signed": certificates.self_signed,
    "of another": certificates.wrong_host,
}


@pytest.mark.parametrize("module", ["trusts", "trusts_nobody", "anyone", "named", "vhost"])
@pytest.mark.parametrize("certificate", CERTIFICATES.values(), ids=CERTIFICATES)
def test_a_certificate_gives_the_same_series(certificate, module: str, pair: Pair) -> None:
    with hostile.serving(hostile.says(ANSWER), tls=certificate().context()) as server:
        assert_alike(pair, target=f"https://{server.address}/", module=module)


@pytest.mark.parametrize("module", ["http1", "no_ssl", "ssl", "no_file"])
def test_settings_about_tls_give_the_same_series(module: str, pair: Pair) -> None:
    with hostile.serving(hostile.says(ANSWER), tls=certificates.pair().context()) as server:
        assert_alike(pair, target=f"https://{server.address}/", module=module)


def test_names_of_all_sorts_are_written_as_go_does(pair: Pair, tmp_path: Path) -> None:
    attributes = [
        (NameOID.COUNTRY_NAME, "DE"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "Second"),
        (NameOID.EMAIL_ADDRESS, "a@example.org"),
        (NameOID.ORGANIZATION_NAME, ' #1, "Söhne" + <Co>; \\'),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "First"),
        (NameOID.COMMON_NAME, "older.example"),
        (NameOID.COMMON_NAME, "#newer.example "),
        (NameOID.SERIAL_NUMBER, "42"),
        (NameOID.LOCALITY_NAME, "Ulm"),
        (NameOID.STATE_OR_PROVINCE_NAME, "BW"),
        (NameOID.STREET_ADDRESS, "Am Platz 1"),
        (NameOID.POSTAL_CODE, "89073"),
        (NameOID.USER_ID, "someone"),
    ]
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(oid, text) for oid, text in attributes])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(0x00F00D)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("a.example"), x509.DNSName("*.b.example")]), False)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "c.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "k.pem").write_bytes(certificates._pem(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c.pem", tmp_path / "k.pem")
    with hostile.serving(hostile.says(ANSWER), tls=context) as server:
        _, ours = assert_alike(pair, target=f"https://{server.address}/", module="anyone")
    assert 'serialnumber="f00d"' in ours.text


def test_a_name_is_asked_for_and_verified(pair: Pair) -> None:
    with hostile.serving(hostile.says(ANSWER), tls=certificates.pair().context()) as server:
        _, ours = assert_alike(pair, target=f"https://localhost:{server.port}/", module="trusts")
    assert ours.value("probe_success") == 1


def test_a_client_certificate_is_shown(pair: Pair) -> None:
    context = certificates.pair().context(client_ca=certificates.authority())
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # with 1.3 the refusal comes after the handshake, as a reset
    with hostile.serving(hostile.says(ANSWER), tls=context) as server:
        _, ours = assert_alike(pair, target=f"https://{server.address}/", module="with_certificate")
        assert ours.value("probe_success") == 1
        _, ours = assert_alike(pair, target=f"https://{server.address}/", module="trusts")
        assert ours.value("probe_success") == 0


def test_an_old_tls_is_refused(pair: Pair) -> None:
    context = certificates.pair().context(newest=ssl.TLSVersion.TLSv1_1)
    with hostile.serving(hostile.says(ANSWER), tls=context) as server:
        assert_alike(pair, target=f"https://{server.address}/", module="trusts")


def test_no_tls_where_it_should_be(pair: Pair) -> None:
    with hostile.serving(hostile.says(ANSWER), ask=False) as server:
        assert_alike(pair, target=f"https://{server.address}/", module="trusts")


def test_a_redirect_to_https_and_back(pair: Pair) -> None:
    to = b"HTTP/1.1 301 Moved\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n"
    with hostile.serving(hostile.says(ANSWER), tls=certificates.pair().context()) as secure:
        with hostile.serving(hostile.says(to % f"https://localhost:{secure.port}/".encode())) as server:
            _, ours = assert_alike(pair, target=server.url, module="trusts")
    assert ours.value("probe_http_ssl") == ours.value("probe_success") == 1
    with hostile.serving(hostile.says(ANSWER)) as server:
        answer = hostile.says(to % server.url.encode())
        with hostile.serving(answer, tls=certificates.pair().context()) as secure:
            _, ours = assert_alike(pair, target=f"https://{secure.address}/", module="trusts")
    assert ours.value("probe_http_ssl") == 0


HEADERS = [(":status", "200"), ("last-modified", "Wed, 21 Oct 2015 07:28:00 GMT")]


@pytest.mark.parametrize("module", ["trusts", "http1", "wants_http1", "anyone", "post", "finds"])
def test_http_2_is_spoken_where_the_server_does(module: str, pair: Pair) -> None:
    with http2(certificates.pair().context(), HEADERS, b"hay" * 50_000 + b"needle") as server:
        theirs, ours = assert_alike(pair, target=f"https://{server.address}/a", module=module)
    assert ours.value("probe_http_version") == (1.1 if module == "http1" else 2)


def test_http_2_says_what_goes_wrong_and_how_long_it_is(pair: Pair) -> None:
    context = certificates.pair().context()
    with http2(context, [(":status", "503"), ("content-length", "4")], b"oops") as server:
        assert_alike(pair, target=f"https://{server.address}/", module="trusts")
    with http2(context, [(":status", "204")]) as server:
        assert_alike(pair, target=f"https://{server.address}/", module="trusts")
    with http2(context, HEADERS, reset=True) as server:
        assert_alike(pair, target=f"https://{server.address}/", module="trusts")


def test_the_cipher_goes_by_gos_name(pair: Pair) -> None:
    context = certificates.pair().context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-CHACHA20-POLY1305")
    with hostile.serving(hostile.says(ANSWER), tls=context) as server:
        _, ours = assert_alike(pair, target=f"https://{server.address}/", module="trusts")
    assert ours.value("probe_tls_cipher_info", cipher="TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256") == 1
