"""What the kind mongodb reads: from a real server that is compatible, and what that lacks from a real mongod's answers."""

import asyncio
import datetime
from typing import Any

import pytest
import uvloop

from tests import probing
from tests.fakes.mongod import HELLO, MEMBER, document, mongod, status
from tests.probing import probe, readings
from tests.servers.mongodb import MongoDB

pytestmark = pytest.mark.xdist_group("mongodb")
STATES = (
    "startup",
    "primary",
    "secondary",
    "recovering",
    "startup2",
    "unknown",
    "arbiter",
    "down",
    "rollback",
    "removed",
)
TYPES = ("insert", "query", "update", "delete", "getmore", "command")


def members(**counts: int) -> dict[str, float]:
    return {f'stack_mongodb_members{{state="{state}"}}': counts.get(state, 0) for state in STATES}


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_a_compatible_server_has_the_readings_of_the_sections_it_has(mongodb_server: MongoDB, loop: Any) -> None:
    mongodb_server.do("insert", "orders", database="shop", documents=[{"_id": n, "text": "x" * 100} for n in range(50)])
    result = loop(probing.run("mongodb", url=mongodb_server.url + "shop"))
    assert (result.outcome, result.detail) == ("healthy", "")
    assert [phase.name for phase in result.phases] == ["connect", "hello", "session", "command"]
    found = readings(result)
    assert found['stack_mongodb_operations_total{type="insert"}'] >= 1  # it counts commands
    assert found["stack_mongodb_connections"] >= 2
    assert found['stack_mongodb_data_bytes{database="shop"}'] > 5000
    varying = {"uptime_seconds", "connections", "connections_created_total", "memory_resident_bytes"}
    varying |= {f"network_{name}_total" for name in ("received_bytes", "sent_bytes", "requests")}
    varying |= {f'operations_total{{type="{type_}"}}' for type_ in TYPES}
    varying |= {f'{name}_bytes{{database="shop"}}' for name in ("data", "storage", "index")}
    exact = {name: value for name, value in found.items() if name.removeprefix("stack_mongodb_") not in varying}
    assert {f"stack_mongodb_{name}" for name in varying} <= set(found)
    assert exact == {
        'stack_mongodb_info{version="8.2.11",process="secantus",storage_engine="wiredTiger"}': 1,
        "stack_mongodb_connections_available": 0,  # and so no ratio
        "stack_mongodb_cursors_open": 0,
        "stack_mongodb_cursors_pinned": 0,
        "stack_mongodb_cursors_no_timeout": 0,
        "stack_mongodb_member_state": 1,
        "stack_mongodb_primary_known": 1,
        **members(primary=1),
        'stack_mongodb_documents{database="shop"}': 50,
        'stack_mongodb_collections{database="shop"}': 1,
    }


MONGOD = {
    'stack_mongodb_info{version="4.2.2",process="mongod",storage_engine="wiredTiger"}': 1,
    "stack_mongodb_uptime_seconds": 16,
    "stack_mongodb_connections": 5,
    "stack_mongodb_connections_active": 1,
    "stack_mongodb_connections_available": 51195,
    "stack_mongodb_connections_ratio": 5 / 51200,
    "stack_mongodb_connections_created_total": 5,
    "stack_mongodb_cursors_open": 0,
    "stack_mongodb_cursors_pinned": 0,
    "stack_mongodb_cursors_no_timeout": 0,
    "stack_mongodb_cursors_timed_out_total": 0,
    "stack_mongodb_cache_used_bytes": 514773,
    "stack_mongodb_cache_max_bytes": 1530920960,
    "stack_mongodb_cache_used_ratio": 514773 / 1530920960,
    "stack_mongodb_cache_dirty_bytes": 282602,
    "stack_mongodb_cache_dirty_ratio": 282602 / 1530920960,
    "stack_mongodb_cache_pages_read_total": 31,
    "stack_mongodb_cache_pages_requested_total": 636,
    "stack_mongodb_cache_pages_evicted_by_clients_total": 0,
    "stack_mongodb_memory_resident_bytes": 115 << 20,
    "stack_mongodb_network_received_bytes_total": 2014,
    "stack_mongodb_network_sent_bytes_total": 5370,
    "stack_mongodb_network_requests_total": 9,
    **{f'stack_mongodb_operations_total{{type="{t}"}}': {"query": 8, "command": 11}.get(t, 0) for t in TYPES},
    **{
        f'stack_mongodb_operations_replicated_total{{type="{type_}"}}': 0
        for type_ in ("insert", "update", "delete", "command")
    },
    **{
        f'stack_mongodb_operations_timed_total{{type="{type_}"}}': 8 if type_ == "commands" else 0
        for type_ in ("reads", "writes", "commands", "transactions")
    },
    **{
        f'stack_mongodb_operations_seconds_total{{type="{type_}"}}': 0.000362 if type_ == "commands" else 0
        for type_ in ("reads", "writes", "commands", "transactions")
    },
    **{f'stack_mongodb_operations_queued{{type="{type_}"}}': 0 for type_ in ("readers", "writers")},
    **{f'stack_mongodb_clients_active{{type="{type_}"}}': 0 for type_ in ("readers", "writers")},
    'stack_mongodb_tickets_available{type="read"}': 127,
    'stack_mongodb_tickets_available{type="write"}': 128,
    **{
        f'stack_mongodb_asserts_total{{type="{type_}"}}': 14 if type_ == "user" else 0
        for type_ in ("regular", "warning", "msg", "user")
    },
}


def test_a_mongod_has_all_readings() -> None:
    with mongod() as server:
        result = probe("mongodb", url=f"mongodb://{server.address}")
    assert (result.outcome, result.detail, readings(result)) == ("healthy", "", MONGOD)


def test_a_secondary_has_its_own_lag_and_the_states_of_all_members() -> None:
    told = document("replSetGetStatus")
    told["members"][2]["optimeDate"] -= datetime.timedelta(seconds=90)
    told["members"][3]["optimeDate"] -= datetime.timedelta(hours=1)
    with mongod(hello=MEMBER, replSetGetStatus=told) as server:
        result = probe("mongodb", url=f"mongodb://{server.address}", role="secondary")
    assert (result.outcome, result.detail) == ("healthy", "")
    assert readings(result) == {
        **MONGOD,
        **members(primary=1, secondary=2, arbiter=1),
        "stack_mongodb_member_state": 2,
        "stack_mongodb_primary_known": 1,
        'stack_mongodb_replication_lag_seconds{member="2"}': 90,
    }


def test_a_primary_has_the_lag_of_each_secondary() -> None:
    told = document("replSetGetStatus")
    told["myState"] = 1
    told["members"][2]["optimeDate"] -= datetime.timedelta(seconds=90)
    told["members"][3]["optimeDate"] += datetime.timedelta(seconds=1)  # by a heartbeat that came since
    with mongod(hello=MEMBER, replSetGetStatus=told) as server:
        found = readings(probe("mongodb", url=f"mongodb://{server.address}", role="primary"))
    assert {name: value for name, value in found.items() if "lag" in name} == {
        'stack_mongodb_replication_lag_seconds{member="2"}': 90,
        'stack_mongodb_replication_lag_seconds{member="3"}': 0,
    }


@pytest.mark.parametrize("missing", [name for name in status() if name != "ok"])
def test_each_section_can_be_missing(missing: str) -> None:
    whole = status()
    del whole[missing]
    with mongod(serverStatus=whole) as server:
        result = probe("mongodb", url=f"mongodb://{server.address}")
    assert result.outcome == "healthy"
    found = readings(result)
    assert {name: value for name, value in found.items() if MONGOD.get(name) != value and "_info" not in name} == {}


ODD: list[Any] = [
    None,
    "text",
    [1],
    {},
    {"current": "many"},
    {"cache": 5},
    float("nan"),
    True,
    -(2**63),
    {"read": {"available": None}},
]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_a_section_of_another_form_is_a_missing_section(odd: Any) -> None:
    sections = {name: odd for name in status() if name != "ok"}
    told = {"ok": 1.0, "myState": odd, "members": [odd, {"_id": odd, "state": odd}]}
    given = {"serverStatus": status(**sections), "replSetGetStatus": told, "dbStats": {"ok": 1.0, "objects": odd}}
    with mongod(given, hello=MEMBER) as server:
        result = probe("mongodb", url=f"mongodb://{server.address}/shop")
    assert (result.outcome, result.reason) == ("healthy", ""), result.error
    found = readings(result)
    process = odd if odd == "text" else ""
    assert found.pop(f'stack_mongodb_info{{version="",process="{process}",storage_engine=""}}') == 1
    numbers = {"stack_mongodb_uptime_seconds", 'stack_mongodb_documents{database="shop"}'}
    assert set(found) == (numbers if odd == -(2**63) else set())


def test_tickets_are_found_where_newer_servers_have_them() -> None:
    """ "queues" in serverStatus of MongoDB 8.0's manual."""
    queues = {"execution": {"read": {"available": 7}, "write": {"available": 9}}}
    with mongod(serverStatus=status(wiredTiger={}, queues=queues)) as server:
        found = readings(probe("mongodb", url=f"mongodb://{server.address}"))
    assert found['stack_mongodb_tickets_available{type="read"}'] == 7
    assert found['stack_mongodb_tickets_available{type="write"}'] == 9


def test_a_mongod_without_a_connection_left_is_full_and_a_server_without_a_limit_is_not() -> None:
    full = status(connections={"current": 100, "available": 0})
    with mongod(serverStatus=full) as server:
        assert readings(probe("mongodb", url=f"mongodb://{server.address}"))["stack_mongodb_connections_ratio"] == 1
    with mongod(serverStatus={**full, "process": "ferretdb"}) as server:
        found = readings(probe("mongodb", url=f"mongodb://{server.address}"))
    assert "stack_mongodb_connections_ratio" not in found


def test_a_router_is_not_asked_for_a_replica_set() -> None:
    with mongod(hello={**HELLO, "msg": "isdbgrid"}, serverStatus=status(process="mongos")) as server:
        result = probe("mongodb", url=f"mongodb://{server.address}")
    assert (result.outcome, [name for name in readings(result) if "member" in name]) == ("healthy", [])
