"""What the helpers of TLS and of the network do for every kind that uses them."""

import asyncio
import os
import shutil
import socket
import warnings
from pathlib import Path

import pytest

from exporter.blackbox.certificate import leaf
from exporter.probe import Down
from exporter.probes import _net, _tls
from exporter.probes._lookup import is_address
from exporter.probes._tls import TLS, Certificate
from tests import certificates, hostile, probing


def connect(port: int, tls: TLS) -> list[Certificate]:
    shown: list[Certificate] = []

    async def go() -> None:
        factory = asyncio.Protocol
        transport, _ = await _net.connect(probing.out(), "localhost", port, factory, tls=tls, show=shown.append)
        transport.abort()

    asyncio.run(go())
    return shown


def test_a_context_is_shared_and_made_anew_when_a_file_changes(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    shutil.copy(certificates.authority(), ca)
    one, other = TLS(ca_file=str(ca)), TLS(ca_file=str(ca))
    first = one.context()
    assert other.context() is first
    assert one.context(("http/1.1",)) is not first
    os.utime(ca, (1, 1))
    assert one.context() is not first


def test_dates_of_what_rfc_5280_forbids_are_read_without_a_warning() -> None:
    with warnings.catch_warnings(record=True, action="always") as warned:
        dates = _tls._dates(certificates.negative_serial())
        assert leaf(certificates.negative_serial()).subject == "CN=localhost"
    assert (dates, warned) == ((certificates.pair().not_before, certificates.pair().not_after), [])


def test_a_deadline_in_the_handshake_tells_where_and_that_it_may_be_no_tls() -> None:
    with hostile.serving(hostile.mute, ask=False) as server:
        result = probing.probe("tcp", timeout=0.2, address=server.address, tls={})
    told = f"{server.address}: no end within 0.2 s, in phase tls; it may not speak TLS there"
    assert (result.reason, result.detail) == ("timeout", told)


def test_a_deadline_at_a_unix_socket_tells_which(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        result = probing.probe("memcached", timeout=0.2, address=f"{tmp_path}/s")
    assert (result.reason, result.detail) == ("timeout", f"{tmp_path}/s: no end within 0.2 s, in phase command")


def test_a_file_that_is_gone_when_it_is_needed_is_down_and_no_defect(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    shutil.copy(certificates.authority(), ca)
    tls = TLS(ca_file=str(ca))
    ca.unlink()
    with hostile.serving(hostile.mute, tls=certificates.pair().context(), ask=False) as server:
        with pytest.raises(Down) as down:
            connect(server.port, tls)
    assert down.value.args == ("tls", f"{ca}: No such file or directory")


def test_a_client_shows_its_certificate() -> None:
    ca, pair = str(certificates.authority()), certificates.pair("client.example")
    tls = TLS(ca_file=ca, cert_file=str(pair.certificate), key_file=str(pair.key))
    server = certificates.pair().context(client_ca=certificates.authority())
    with hostile.serving(hostile.mute, tls=server, ask=False) as running:
        (shown,) = connect(running.port, tls)
    assert shown.verified


def test_a_server_name_of_the_configuration_is_the_one_verified() -> None:
    tls = TLS(ca_file=str(certificates.authority()), server_name="elsewhere.example")
    with hostile.serving(hostile.mute, tls=certificates.wrong_host().context(), ask=False) as server:
        assert [shown.verified for shown in connect(server.port, tls)] == [True]


def test_a_name_that_tls_cannot_ask_for_is_down() -> None:
    tls = TLS(ca_file=str(certificates.authority()), server_name="x" * 64 + ".example")
    with hostile.serving(hostile.mute, tls=certificates.pair().context(), ask=False) as server:
        with pytest.raises(Down) as down:
            connect(server.port, tls)
    assert down.value.reason == "tls"


def test_an_encrypted_key_is_refused_and_does_not_ask_at_the_terminal(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"hunter2"),
    )
    (tmp_path / "key.pem").write_bytes(key)
    with pytest.raises(ValueError, match="the private key is encrypted"):
        TLS(cert_file=str(certificates.pair().certificate), key_file=str(tmp_path / "key.pem"))


def test_a_second_handshake_that_fails_leaves_the_first_ones_reason() -> None:
    ca = TLS(ca_file=str(certificates.authority()))
    with hostile.serving(hostile.mute, tls=certificates.expired().context(), ask=False) as server:

        async def go() -> None:
            protocol = asyncio.Protocol()
            transport, _ = await asyncio.get_running_loop().create_connection(
                lambda: protocol, "127.0.0.1", server.port
            )

            async def again() -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
                raise ConnectionRefusedError

            shown: list[Certificate] = []
            with pytest.raises(Down) as down:
                await _net.secure(
                    probing.out(), transport, protocol, ca, "localhost", "it", show=shown.append, again=again
                )
            assert (down.value.reason, shown) == ("tls_expired", [])

        asyncio.run(go())


def test_verification_errors_have_their_word() -> None:
    import ssl

    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = 26, "unsuitable certificate purpose"
    down = _tls.failure(error, "a:443")
    assert down is not None
    assert down.args == ("tls_untrusted", "a:443: unsuitable certificate purpose")


def test_a_unix_socket_is_connected_to_or_says_why_not(tmp_path: Path) -> None:
    path = str(tmp_path / "s")

    async def go() -> None:
        with pytest.raises(Down) as missing:
            await _net.connect_unix(probing.out(), path, asyncio.Protocol)
        assert missing.value.args == ("refused", f"{path}: No such file or directory")
        gone = asyncio.Event()
        server = await asyncio.start_unix_server(lambda r, w: (w.close(), gone.set()), path)
        transport, _ = await _net.connect_unix(probing.out(), path, asyncio.Protocol)
        await gone.wait()
        transport.abort()
        server.close()

    asyncio.run(go())


@pytest.mark.parametrize(
    "host,is_one", [("127.0.0.1", True), ("::1", True), ("fe80::1%lo", True), ("2130706433", False)]
)
def test_odd_forms_of_an_address_are_left_to_the_resolver(host: str, is_one: bool) -> None:
    assert is_address(host) is is_one
