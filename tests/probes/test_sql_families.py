"""Metrics that are named in the configuration, and the drivers that a DSN needs: what is refused, and what becomes of the rest."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from exporter.config import ConfigError, load, read, resolve
from tests.pages import Daemon, find
from tests.probing import component

GOOD: Mapping[str, Any] = {
    "dsn": "sqlite:////x.db",
    "query": "SELECT state, n FROM t",
    "labels": ["state"],
    "values": ["n"],
}


def problems(*components: str, kind: str = "sql") -> list[str]:
    """What is told of components a, b, … with these fields beside those of GOOD."""
    lines = [f"  {chr(97 + number)}: {{kind: {kind}, {fields}}}" for number, fields in enumerate(components)]
    try:
        load("\n".join(["components:", *lines]), source="it", environ={})
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


REST = 'dsn: "sqlite:////x.db", query: "SELECT 1"'


def test_components_that_mean_the_same_metric_share_its_family() -> None:
    first, second = component("sql", **GOOD).probe, component("sql", **GOOD | {"query": "SELECT 2"}).probe
    (metric,) = first.families
    assert second.families == (metric,)
    assert (metric.name, metric.type, metric.labels) == ("stack_sql_n", "gauge", ("component", "state"))
    daemon = Daemon("a", "b")
    daemon.read("a", values={(metric, ("paid",)): 1.0})
    daemon.read("b", values={(metric, ("open",)): 2.0})
    assert daemon.text().count("# TYPE stack_sql_n gauge") == 1
    assert find(daemon.samples(), "stack_sql_n", component="b", state="open") == 2


def test_a_reload_that_changes_a_metrics_labels_leaves_one_family() -> None:
    old = component("sql", **GOOD).probe.families[0]
    new = component("sql", **GOOD | {"labels": ["region", "state"]}).probe.families[0]
    daemon = Daemon("a")
    daemon.read("a", values={(old, ("paid",)): 1.0})
    daemon.remove("a")
    daemon.add("a")
    daemon.read("a", values={(new, ("eu", "paid")): 2.0})
    assert daemon.text().count("# TYPE stack_sql_n gauge") == 1
    assert find(daemon.samples(), "stack_sql_n", component="a", region="eu", state="paid") == 2


@pytest.mark.parametrize(
    "other",
    [
        "labels: [region], values: [n]",
        "labels: [state, region], values: [n]",
        "labels: [state], values: {m: {name: n, help: Another.}}",
        "labels: [state], values: {m: {name: n_total, type: counter}}",
    ],
)
def test_a_metric_that_two_components_mean_differently_is_refused(other: str) -> None:
    a = f"{REST}, labels: [state], values: [n]"
    assert problems(a, f"{REST}, {other}") == ["components.b: stack_sql_n has another type, help or label in a"]
    assert problems(f"{REST}, {other}", f"{REST}, {other}") == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"values": []}, "values: expected one column at least"),
        ({"values": ["query_rows"]}, "values: the column query_rows needs another name: {query_rows: {name: rows}}; names that begin with stack_sql_query_"),
        ({"values": ["oldest_ms"]}, "values: the column oldest_ms needs another name: {oldest_ms: {name: oldest_seconds}}; metrics are in base units"),
        ({"values": ["orders_total"]}, "values: the column orders_total needs another name: {orders_total: {name: orders}}; or type: counter"),
        ({"values": {"n": {"type": "counter"}}}, "values: the column n needs another name: {n: {type: counter, name: n_total}}"),
        ({"values": ["count"]}, "values: the column count needs another name: {count: {name: orders}}"),
        ({"values": {"total": {}}}, "values: the column total needs another name: {total: {name: orders}}; or type"),
        ({"values": ["order count"]}, "values: the column order count needs another name: {order count: {name: order}}"),
        ({"values": ["n", "N"]}, "values: two columns become the same metric"),
        ({"values": {"n": {}, "m": {"name": "n_total", "type": "counter"}}}, "values: two columns become the same metric"),
        ({"labels": ["n"]}, "labels: n is among the values too"),
        ({"labels": ["Region"]}, "labels: Region can't be a label"),
        ({"labels": ["job"]}, "labels: job can't be a label"),
        ({"labels": ["component"]}, "labels: component can't be a label"),
        ({"labels": ["a", "a"]}, "labels: a can't be a label"),
        ({"query": "DELETE FROM t"}, "query: expected a statement that reads: SELECT, WITH"),
        ({"query": "/* SELECT */ -- SELECT\n (DROP TABLE t)"}, "query: expected a statement that reads"),
        ({"query": "/*!50000 SHUTDOWN */"}, "query: expected a statement that reads"),
        ({"query": "-- only a comment"}, "query: expected a statement that reads"),
        ({"max_rows": 0}, "Expected `int` >= 1"),
        ({"max_rows": 1001}, "Expected `int` <= 1000"),
        ({"dsn": "sqlite://"}, "dsn: a SQLite file's path is absolute, with four slashes"),
        ({"dsn": "sqlite:///:memory:"}, "dsn: a SQLite file's path is absolute"),
        ({"dsn": "mongodb://h/x"}, "dsn: expected a URL such as postgresql://"),
        ({"dsn": "postgresql://u:secretpw@h:99999/x"}, "dsn: a port is a number"),
        ({"dsn": "mysql://u:secretpw@h:99999/x"}, "dsn: expected a URL such as mysql://"),
    ],
)  # fmt: skip
def test_a_configuration_that_is_refused(fields: dict[str, Any], message: str) -> None:
    component("sql", **GOOD)
    with pytest.raises(msgspec.ValidationError) as caught:
        component("sql", **GOOD | fields)
    assert str(caught.value).startswith(message)
    assert "secretpw" not in str(caught.value)


@pytest.mark.parametrize(("written", "shown"), [("x", "x."), ("Orders. ", "Orders."), ("Two\n lines", "Two lines."), ("", "The column n of a configured query.")])  # fmt: skip
def test_any_help_will_do_and_ends_as_a_sentence(written: str, shown: str) -> None:
    (metric,) = component("sql", **GOOD | {"values": {"n": {"help": written}}}).probe.families
    assert metric.help == shown


@pytest.mark.parametrize("name", ["count", "total", "sum", "info", "gauge_count", "age_ms", "Zahl der Läufe", "日本", "query_", "query_count", "9", "_", "x_bytes_total", "percent"])  # fmt: skip
@pytest.mark.parametrize("type_", ["gauge", "counter"])
def test_the_name_that_a_message_gives_is_one_that_is_taken(name: str, type_: str) -> None:
    try:
        component("sql", **GOOD | {"values": {name: {"type": type_}}})
    except msgspec.ValidationError as error:
        told = re.search(r"name: ([^{}]*)}}", str(error))
        assert told
        component("sql", **GOOD | {"values": {name: {"type": type_, "name": told[1]}}})


DSNS = {
    "sqlite:////x.db": (),
    "postgresql://h/x": ("asyncpg",),
    "postgis://h/x": ("asyncpg",),
    "mysql://u@h/x": ("pymysql",),
    "mariadb+pymysql://u@h/x": ("pymysql",),
}


@pytest.mark.parametrize("kind", ["sql", "migrations"])
@pytest.mark.parametrize("dsn", DSNS)
def test_only_the_driver_that_a_dsn_needs_has_to_be_there(dsn: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    others = {"sql": 'query: "SELECT 1", values: [n]', "migrations": "tool: alembic, expected: a"}[kind]
    fields = f'dsn: "{dsn}", {others}'
    assert problems(fields, kind=kind) == []
    monkeypatch.setattr(resolve, "_installed", lambda module: False)
    told = [f"components.a.kind: needs {one}: pip install 'stack-exporter[{kind}]'" for one in DSNS[dsn]]
    assert problems(fields, kind=kind) == told


def test_a_driver_is_not_asked_for_while_it_is_not_known_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "_installed", lambda module: False)
    (told,) = problems('dsn: "oracle://h/x", query: "SELECT 1", values: [n]')
    assert told.startswith("components.a.dsn: expected a URL such as")


@pytest.mark.parametrize("dsn", DSNS)
def test_no_other_driver_is_imported(dsn: str) -> None:
    program = f"""if True:
        import asyncio, sys
        from exporter import drivers
        from exporter.config import load
        config = 'components: {{a: {{kind: sql, dsn: "{dsn}", query: "SELECT 1", values: [n]}}}}'
        asyncio.run(drivers.load(load(config, source="it", environ={{}}).components))
        print(*sorted({{"asyncpg", "pymysql"}} & sys.modules.keys()))"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert tuple(told.stdout.split()) == DSNS[dsn]


def test_a_metric_that_a_file_of_components_means_differently_is_refused(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text(f"components:\n  b: {{kind: sql, {REST}, labels: [l], values: [n]}}\n")
    (tmp_path / "it.yaml").write_text(
        f"component_files: [more.yaml]\ncomponents:\n  a: {{kind: sql, {REST}, values: [n]}}\n"
    )
    with pytest.raises(ConfigError) as caught:
        read(tmp_path / "it.yaml", {})
    assert [str(one) for one in caught.value.problems] == [
        "components.b: stack_sql_n has another type, help or label in a"
    ]
