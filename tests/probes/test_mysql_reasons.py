"""Every reason of the kind mysql, and what provokes it: a real server wherever one can."""

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql
import pytest
import uvloop

from tests import certificates, hostile, probing, servers
from tests.fakes import mysqlwire
from tests.probing import probe
from tests.servers.mariadb import MariaDB
from tests.servers.process import wait_until

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("mariadb")]


@dataclass(frozen=True)
class Site:
    """A primary with TLS, and its replica without."""

    primary: MariaDB
    replica: MariaDB
    certificate: Path
    key: Path

    @contextmanager
    def shows(self, pair: certificates.Pair, mode: str = "verify_identity", **fields: Any) -> Iterator[dict[str, Any]]:
        self.reload(pair)
        try:
            query = f"?ssl-mode={mode}&ssl-ca={certificates.authority()}"
            yield {"url": self.primary.dsn(query=query if not fields else ""), **fields}
        finally:
            self.reload(certificates.pair())

    def reload(self, pair: certificates.Pair) -> None:
        shutil.copy(pair.certificate, self.certificate)
        shutil.copy(pair.key, self.key)
        self.primary.sql("FLUSH SSL")


Provoke = Callable[[Site], AbstractContextManager[dict[str, Any]]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    shutil.copy(certificates.pair().certificate, certificate)
    shutil.copy(certificates.pair().key, key)
    with ExitStack() as stack:
        primary = stack.enter_context(
            servers.mariadb(log_bin=1, ssl_cert=certificate, ssl_key=key, tls_version="TLSv1.2", max_connections=10)
        )
        primary.sql(
            "CREATE DATABASE shop",
            "CREATE USER app@localhost IDENTIFIED BY 'right'",
            "CREATE TABLE shop.orders (id INT PRIMARY KEY)",
        )
        replica = stack.enter_context(servers.mariadb(replica_of=primary))
        wait_until(lambda: replica.sql("SHOW DATABASES LIKE 'shop'"))
        yield Site(primary, replica, certificate, key)


@contextmanager
def full(site: Site) -> Iterator[dict[str, Any]]:
    with ExitStack() as stack:
        refused = 0
        while refused < 3:  # sessions of before that still count for a moment leave their places to others
            try:
                stack.enter_context(closing(site.primary.session()))
                refused = 0
            except pymysql.OperationalError as error:
                assert "Too many connections" in str(error)
                refused += 1
                time.sleep(0.1)
        yield {"url": site.primary.url}
    wait_until(lambda: has_room(site.primary))


def has_room(server: MariaDB) -> bool:
    """Sessions that were closed still count for a moment."""
    try:
        return len(server.sql("SHOW PROCESSLIST")) < 5
    except pymysql.OperationalError:
        return False


@contextmanager
def read_only(site: Site) -> Iterator[dict[str, Any]]:
    site.primary.sql("SET GLOBAL read_only = 1")
    yield {"url": site.primary.url, "writable": True}
    site.primary.sql("SET GLOBAL read_only = 0")


def replicates(site: Site) -> bool:
    return bool(site.replica.sql("SHOW GLOBAL STATUS LIKE 'Slave_running'")[0][1] == "ON")


@contextmanager
def applying_failed(site: Site) -> Iterator[dict[str, Any]]:
    site.replica.sql("INSERT INTO shop.orders VALUES (1)")
    site.primary.sql("INSERT INTO shop.orders VALUES (1)")
    wait_until(lambda: not replicates(site))
    yield {"url": site.replica.url}
    site.replica.sql("DELETE FROM shop.orders", "START SLAVE")
    site.primary.sql("DELETE FROM shop.orders")
    wait_until(lambda: replicates(site) and not site.replica.sql("SELECT * FROM shop.orders"))


@contextmanager
def stopped(site: Site) -> Iterator[dict[str, Any]]:
    site.replica.sql("STOP SLAVE SQL_THREAD")
    yield {"url": site.replica.url}
    site.replica.sql("START SLAVE")
    wait_until(lambda: replicates(site))


@contextmanager
def without_source(site: Site) -> Iterator[dict[str, Any]]:
    site.replica.sql("STOP SLAVE", f"CHANGE MASTER TO master_port = {servers.free_port()}", "START SLAVE")
    wait_until(lambda: "error connecting to master" in site.replica.log)
    yield {"url": site.replica.url}
    site.replica.sql("STOP SLAVE", f"CHANGE MASTER TO master_port = {site.primary.port}", "START SLAVE")
    wait_until(lambda: replicates(site))


@contextmanager
def failing_names(_: Site) -> Iterator[dict[str, Any]]:
    with hostile.resolver(hostile.no_name_server):
        yield {"url": "mysql://root@database.example/"}


def fake(start: Callable[[], AbstractContextManager[hostile.Hostile]], query: str = "") -> Provoke:
    @contextmanager
    def provoke(_: Site) -> Iterator[dict[str, Any]]:
        with start() as found:
            yield {"url": f"mysql://root@127.0.0.1:{found.port}/{query}"}

    return provoke


def real(make: Callable[[Site], dict[str, Any]]) -> Provoke:
    @contextmanager
    def provoke(site: Site) -> Iterator[dict[str, Any]]:
        yield make(site)

    return provoke


def says(*parts: bytes) -> Callable[[], AbstractContextManager[hostile.Hostile]]:
    return lambda: hostile.serving(hostile.says(*parts), ask=False)


def refuses(code: int, said: str) -> Callable[[], AbstractContextManager[hostile.Hostile]]:
    return lambda: mysqlwire.mysqlwire({"SHOW GLOBAL STATUS": mysqlwire.refusal(1, code, said)})


ALERT = b"\x15\x03\x03\x00\x02\x02\x28"  # handshake_failure
TABLE: dict[str, Provoke] = {
    "resolve": real(lambda _: {"url": "mysql://root@nowhere.invalid/"}),
    "nameserver": failing_names,
    "refused": real(lambda _: {"url": f"mysql://root@127.0.0.1:{servers.free_port()}/"}),
    "unreachable": real(lambda _: {"url": "mysql://root@255.255.255.255/"}),
    "reset": fake(lambda: hostile.serving(hostile.resets(), ask=False)),
    "closed": fake(says()),
    "protocol": fake(says(b"SSH-2.0-OpenSSH_9.2p1\r\n")),
    "auth": real(lambda site: {"url": site.primary.dsn(user="app", password="wrong")}),
    "permission": real(lambda site: {"url": site.primary.dsn("shop", user="app", password="right")}),
    "no_database": real(lambda site: {"url": site.primary.dsn("nosuch")}),
    "too_many_connections": full,
    # Loopback is never barred.
    "blocked": fake(says(mysqlwire.refusal(0, 1129, "Host '10.0.0.7' is blocked because of many", ""))),
    "not_ready": fake(refuses(1047, "WSREP has not yet prepared node for application use")),
    "shutting_down": fake(refuses(1053, "Server shutdown in progress")),
    # Unasked, as its number 0 says.
    "killed": fake(
        lambda: mysqlwire.mysqlwire({"SHOW GLOBAL STATUS": mysqlwire.refusal(0, 1927, "Connection was killed")})
    ),
    "query_timeout": fake(refuses(1969, "Query execution was interrupted (max_statement_time exceeded)")),
    "locked": fake(refuses(1205, "Lock wait timeout exceeded; try restarting transaction")),
    "server_error": fake(refuses(1105, "Unknown error")),
    "tls_refused": real(lambda site: {"url": site.replica.dsn(query="?ssl-mode=required")}),
    # MariaDB says the same as of a wrong password.
    "tls_required": fake(
        lambda: mysqlwire.mysqlwire(
            login=mysqlwire.refusal(2, 3159, "Connections using insecure transport are prohibited")
        )
    ),
    "tls_expired": lambda site: site.shows(certificates.expired()),
    "tls_not_yet_valid": lambda site: site.shows(certificates.not_yet_valid()),
    "tls_untrusted": lambda site: site.shows(certificates.self_signed()),
    "tls_hostname": lambda site: site.shows(certificates.wrong_host()),
    "tls_version": lambda site: site.shows(
        certificates.pair(), tls={"ca_file": str(certificates.authority()), "min_version": "TLS13"}
    ),
    "tls_plaintext": fake(lambda: mysqlwire.answering_tls(mysqlwire.refusal(2, 1043, "Bad handshake"))),
    "tls": fake(lambda: mysqlwire.answering_tls(ALERT)),
    "read_only": read_only,
    "replication_broken": applying_failed,
    "replication_stopped": stopped,
    "source_lost": without_source,
    "not_a_replica": real(lambda site: {"url": site.primary.url, "replication": "required"}),
}
DEGRADED = {"read_only", "replication_broken", "replication_stopped", "source_lost", "not_a_replica"}


@pytest.mark.parametrize("reason", TABLE)
def test_a_reason_is_given_for_what_provokes_it(reason: str, site: Site) -> None:
    for loop in (asyncio.run, uvloop.run):
        with TABLE[reason](site) as fields:
            result = loop(probing.run("mysql", **fields))
            assert (result.outcome, result.reason) == ("degraded" if reason in DEGRADED else "unhealthy", reason), (
                result.detail
            )
            assert 0 < len(result.detail) <= 200
            assert result.detail.isprintable()


@pytest.mark.parametrize("reason", ["tls_expired", "tls_not_yet_valid", "tls_untrusted", "tls_hostname", "tls_version"])
def test_any_certificate_will_do_where_none_is_verified(reason: str, site: Site) -> None:
    with TABLE[reason](site):
        for mode in ("required", "preferred"):
            assert probe("mysql", url=site.primary.dsn(query=f"?ssl-mode={mode}")).outcome == "healthy"


def test_verify_ca_looks_at_the_authority_and_not_at_the_name(site: Site) -> None:
    with site.shows(certificates.wrong_host(), "verify_ca") as fields:
        assert probe("mysql", **fields).outcome == "healthy"
    with site.shows(certificates.self_signed(), "verify_ca") as fields:
        assert probe("mysql", **fields).reason == "tls_untrusted"


@pytest.mark.parametrize("make", [certificates.expired, certificates.wrong_host, certificates.pair])
def test_a_certificate_is_read_whether_it_passes_or_not(make: Callable[[], certificates.Pair], site: Site) -> None:
    with site.shows(make()) as fields:
        found = probing.readings(probe("mysql", **fields))
    assert found["stack_mysql_certificate_not_after_timestamp_seconds"] == make().not_after


def test_a_user_that_has_all_its_sessions_is_too_many_connections(site: Site) -> None:
    site.primary.sql("CREATE USER one@localhost WITH MAX_USER_CONNECTIONS 1")
    with closing(site.primary.session(user="one")):
        result = probe("mysql", url=site.primary.dsn(user="one"))
    assert result.reason == "too_many_connections"
