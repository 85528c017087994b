"""A password in a key of its own wins over the one in the URL, whatever the kind."""

from collections.abc import Callable
from typing import Any

import pytest
from pymongo import MongoClient

from tests.probing import component

USED: dict[str, tuple[str, Callable[[Any], str]]] = {
    "postgres": ("dsn: postgresql://me:theirs@h/d", lambda probe: probe.password.reveal() or probe._target.password),
    "mysql": ("url: mysql://me:theirs@h/d", lambda probe: probe._target.password),
    "redis": ("url: redis://me:theirs@h/0", lambda probe: probe._asked[1].split(b"\r\n")[6].decode()),
    "rabbitmq": ("url: amqp://me:theirs@h/", lambda probe: probe._login[1]),
}


@pytest.mark.parametrize("kind", USED)
def test_the_key_wins_over_the_url(kind: str) -> None:
    key, _, url = USED[kind][0].partition(": ")
    used = USED[kind][1]
    assert used(component(kind, **{key: url}).probe) == "theirs"
    assert used(component(kind, **{key: url}, password="own").probe) == "own"


@pytest.mark.parametrize("dsn", ["postgresql://me:theirs@h/d", "mysql://me:theirs@h/d"])
def test_the_key_wins_over_the_dsn_of_a_query(dsn: str) -> None:
    probe = component("sql", dsn=dsn, password="own", query="SELECT 1", values=["n"]).probe
    database: Any = probe._database  # type: ignore[attr-defined]
    assert getattr(database, "_password", database._target.password) == "own"


def test_mongodbs_driver_lets_the_arguments_win() -> None:
    with MongoClient("mongodb://me:theirs@h/", username="me", password="own", connect=False) as client:
        assert client.options.pool_options._credentials.password == "own"
