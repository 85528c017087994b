"""Servers that a whole session shares; a test that stops, fills or configures one starts its own by tests.servers."""

from collections.abc import Iterator

import pytest

from tests import certificates, servers
from tests.probing import Found
from tests.servers import Server
from tests.servers.mariadb import MariaDB
from tests.servers.mongodb import MongoDB
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.seaweedfs import Seaweedfs
from tests.tree import BUDGET, lengths
from tests.workers import Sharing, ordered


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    with servers.postgres() as server:
        yield server


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Server]:
    with servers.valkey() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Server]:
    with servers.redis() as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq_server() -> Iterator[RabbitMQ]:
    """With its management API, and TLS. Whoever raises an alarm there, makes a queue or a user, takes it away again."""
    with servers.rabbitmq(management=True, tls=certificates.pair()) as server:
        yield server


@pytest.fixture(scope="session")
def celery_server() -> Iterator[Server]:
    """A Valkey that is a broker, with one worker of Celery's, one@test, which runs two tasks at a time."""
    with servers.valkey() as broker, servers.celery_worker(broker.url):
        yield broker


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDB]:
    with servers.mariadb() as server:
        yield server


@pytest.fixture(scope="session")
def seaweedfs_server() -> Iterator[Seaweedfs]:
    with servers.seaweedfs() as server:
        yield server


@pytest.fixture(scope="session")
def mongodb_server() -> Iterator[MongoDB]:
    """Compatible with MongoDB, not mongod. Whoever has commands fail there has them fail once, and sees it."""
    with servers.mongodb() as server:
        yield server


@pytest.fixture(scope="session")
def mongodb_login_server() -> Iterator[MongoDB]:
    """The same, which wants a login; the user `limited` may do nothing."""
    with servers.mongodb(auth=True) as server:
        server.do("createUser", "limited", pwd="limited-password", roles=[])
        yield server


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Sharing | None:
    return Sharing(config, log) if config.getoption("dist") == "loadgroup" else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = ordered(items)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long values are numbered: unreadable as names, and one that is made anew (a salt, a time) differs between workers."""
    return argname if isinstance(val, str | bytes) and len(val) > 60 else None


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Readings that are not those expected: mostly because the run went otherwise, so that comes first."""
    if op != "==" or not isinstance(left, Found) or not isinstance(right, dict):
        return None
    differing = [key for key in sorted({*left, *right}) if left.get(key) != right.get(key)]
    shown = [f"{key}: {left.get(key, 'not there')}, expected {right.get(key, 'nothing')}" for key in differing]
    return ["readings", left.run, *shown]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Files may have 300 lines (a test holds that); those over the budget are named, so that they get split in time."""
    over = {path: lines for path, lines in lengths().items() if lines > BUDGET}
    if over:
        terminalreporter.section(f"over the budget of {BUDGET} lines")
        terminalreporter.write_line("\n".join(f"{lines} {path}" for path, lines in sorted(over.items())))
