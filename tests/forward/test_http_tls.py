import asyncio
from typing import Any

from exporter.forward.ports import Reply
from tests import certificates
from tests.forward.backends import backend
from tests.forward.test_http import client


def test_a_certificate_is_verified_and_files_are_read_again_after_a_failure(tmp_path: Any) -> None:
    ours, trusted = certificates.pair(), tmp_path / "ca.pem"

    async def run() -> list[Reply]:
        async with (
            backend(tls=ours.context(client_ca=certificates.authority())) as back,
            client(back.url, ca_file=str(trusted), cert_file=str(tmp_path / "c"), key_file=str(tmp_path / "k")) as made,
        ):
            replies = [await made.send(b"")]
            trusted.write_bytes(certificates.self_signed().certificate.read_bytes())
            (tmp_path / "c").write_bytes(ours.certificate.read_bytes())
            (tmp_path / "k").write_bytes(ours.key.read_bytes())
            replies.append(await made.send(b""))
            trusted.write_bytes(certificates.authority().read_bytes())
            return [*replies, await made.send(b""), await made.send(b"")]

    assert asyncio.run(run()) == [
        Reply("later", "unreachable", detail=f"{trusted}: No such file or directory"),
        Reply(
            "later",
            "unreachable",
            detail="its certificate is refused: self-signed certificate in certificate chain; ca_file names what to trust",
        ),
        Reply("taken", "200"),
        Reply("taken", "200"),
    ]


def test_without_a_client_certificate_one_that_wants_it_is_unreachable() -> None:
    async def run() -> Reply:
        async with (
            backend(tls=certificates.pair().context(client_ca=certificates.authority())) as back,
            client(back.url, ca_file=str(certificates.authority())) as made,
        ):
            return await made.send(b"")

    assert asyncio.run(run())[:2] == ("later", "unreachable")


def test_plain_http_on_a_port_of_tls_is_unreachable() -> None:
    async def run() -> Reply:
        async with (
            backend(tls=certificates.pair().context()) as back,
            client(back.url.replace("https", "http")) as made,
        ):
            return await made.send(b"")

    assert asyncio.run(run())[:2] == ("later", "unreachable")
