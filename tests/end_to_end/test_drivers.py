"""What is not configured costs nothing: no driver is imported for a kind that is not there, and each is for one that is."""

import sys
from pathlib import Path

import pytest

from exporter import catalogue
from tests import servers
from tests.servers.process import wait_until

PROGRAM = Path(__file__).parent / "programs" / "imported.py"
LIBRARIES = {
    "asyncpg", "pymysql", "pymongo", "bson", "celery", "kombu", "amqp", "redis", "pamqp", "obstore", "dns", "cronsim", "h2",
    "grpc", "opentelemetry", "dotenv", "requests", "jmespath", "cryptography.x509",
}  # fmt: skip
"""Of our dependencies, those that a daemon without such a component has no use for."""


def imported(config: str, tmp_path: Path) -> set[str]:
    """Modules of the daemon that runs this, after every component's first run."""
    file = tmp_path / "modules.txt"
    with servers.daemon(config, program=[sys.executable, str(PROGRAM), str(file)]) as daemon:
        wait_until(lambda: "stack_component_up" in daemon.get("/metrics").text)
        file.with_suffix(".asked").touch()
        wait_until(file.exists)
        return set(wait_until(lambda: file.read_text().split("\n") if file.read_text() else None))


def test_every_driver_of_a_kind_is_in_the_list() -> None:
    drivers = {driver for kind in catalogue.kinds() for driver in catalogue.load(kind).drivers}
    assert {driver.partition(".")[0] for driver in drivers} <= {library.partition(".")[0] for library in LIBRARIES}


def test_no_driver_is_imported_that_nobody_configured(tmp_path: Path) -> None:
    modules = imported("components: {host: {kind: host}, other: {kind: tcp, address: '127.0.0.1:1'}}\n", tmp_path)
    assert LIBRARIES & modules == set()
    assert {one for one in modules if one.startswith("exporter.probes.") and not one.split(".")[2].startswith("_")} == {
        "exporter.probes.host",
        "exporter.probes.tcp",
    }


@pytest.mark.parametrize(
    ("kind", "driver", "fields"),
    [
        ("postgres", "asyncpg", "dsn: 'postgresql://u@127.0.0.1:1/x'"),
        ("mysql", "pymysql", "url: 'mysql://u@127.0.0.1:1/x'"),
        ("mongodb", "pymongo", "url: 'mongodb://127.0.0.1:1/'"),
        ("dns", "dns", "query: example.test, server: '127.0.0.1:1'"),
        ("heartbeat", "cronsim", "token: a-long-token, cron: '0 3 * * *'"),
        ("grpc", "h2", "address: '127.0.0.1:1'"),
    ],
)
def test_a_kind_that_is_configured_brings_its_own_and_no_other(
    kind: str, driver: str, fields: str, tmp_path: Path
) -> None:
    modules = imported(f"components: {{it: {{kind: {kind}, {fields}}}}}\n", tmp_path)
    brought = LIBRARIES & modules - {"bson", "cryptography.x509"}
    assert brought - ({"dns"} if kind == "mongodb" else set()) == {driver}
