"""TLS with a real MariaDB that wants a certificate of its clients."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests import certificates, servers
from tests.probing import probe, readings
from tests.servers.mariadb import MariaDB

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("mariadb")]
AUTHORITY = str(certificates.authority())


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDB]:
    shown = certificates.pair()
    with servers.mariadb(ssl_cert=shown.certificate, ssl_key=shown.key, ssl_ca=AUTHORITY) as server:
        server.sql("CREATE USER known@localhost REQUIRE X509")
        yield server


@pytest.mark.parametrize("where", ["url", "tls"])
def test_a_client_shows_its_certificate(server: MariaDB, where: str) -> None:
    own = certificates.pair("client.example")
    if where == "url":
        query = f"?ssl-mode=verify_identity&ssl-ca={AUTHORITY}&ssl-cert={own.certificate}&ssl-key={own.key}"
        fields: dict[str, Any] = {"url": server.dsn(user="known", query=query)}
    else:
        files = {"ca_file": AUTHORITY, "cert_file": str(own.certificate), "key_file": str(own.key)}
        fields = {"url": server.dsn(user="known"), "tls": files}
    result = probe("mysql", **fields)
    assert (result.outcome, result.detail) == ("healthy", "")
    assert [phase.name for phase in result.phases] == ["connect", "greeting", "tls", "session", "query"]
    assert readings(result)["stack_mysql_certificate_not_after_timestamp_seconds"] == certificates.pair().not_after


def test_a_client_that_shows_none_is_refused(server: MariaDB) -> None:
    assert probe("mysql", url=server.dsn(user="known"), tls={"ca_file": AUTHORITY}).reason == "auth"


def test_tls_1_3_will_do(server: MariaDB) -> None:
    assert probe("mysql", url=server.url, tls={"ca_file": AUTHORITY, "min_version": "TLS13"}).outcome == "healthy"


def test_a_certificate_that_nobody_verifies_has_no_date(server: MariaDB) -> None:
    result = probe("mysql", url=server.url)
    assert "tls" in [phase.name for phase in result.phases]
    assert not [name for name in readings(result) if "certificate" in name]
