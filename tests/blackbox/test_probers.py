"""The probers dns, icmp and grpc without blackbox_exporter beside them: deadlines, and what its 0.23 has not."""

import asyncio
import time
from typing import Any

import msgspec
import pytest

from exporter.blackbox import icmp
from exporter.blackbox.access import Access
from exporter.blackbox.access import Forbidden as NotAllowed
from exporter.blackbox.family import page
from exporter.blackbox.probing import probe
from exporter.blackbox.run import Run
from exporter.blackbox.settings import Module
from exporter.probes._icmp_echo import Echo, Echoes
from exporter.values import decode
from tests import hostile
from tests.fakes import nameserver
from tests.fakes import rpc as fake

LOOPBACK = Access(["127.0.0.0/8", "::1"])


def ask(settings: dict[str, Any], target: str, *, seconds: float = 2.0, access: Access = LOOPBACK) -> Run:
    """What a module of the prober's name in `settings` finds out about the target."""
    (prober,) = settings
    module = msgspec.convert({"prober": prober, **settings}, Module, dec_hook=decode)
    run = Run(module, target, access, seconds=seconds, debug=True)
    asyncio.run(probe(run))
    return run


def shown(run: Run) -> dict[str, float]:
    lines = page(run.values).decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def said(run: Run) -> str:
    return " ".join(f"{message} {pairs}" for _, _, message, pairs in run.lines or ())


DNS = {"dns": {"query_name": "shop.example", "query_type": "A"}}
TCP = {"dns": {**DNS["dns"], "transport_protocol": "tcp"}}
GRPC = {"grpc": {"metadata": {"Authorization": ["Bearer a"], "x-tenant": ["b", "c"]}}}


@pytest.mark.parametrize("settings", [DNS, TCP])
def test_a_mute_name_server_fails_at_the_deadline(settings: dict[str, Any]) -> None:
    began = time.monotonic()
    with nameserver.serving(nameserver.silent) as server:
        found = shown(ask(settings, server.address, seconds=0.3))
    assert 0.29 <= time.monotonic() - began < 2.0
    assert (found["probe_success"], found["probe_dns_query_succeeded"]) == (0.0, 0.0)
    assert found['probe_dns_duration_seconds{phase="request"}'] >= 0.2


def test_a_mute_grpc_server_fails_at_the_deadline() -> None:
    with hostile.serving(hostile.mute, ask=False) as server:
        found = shown(ask(GRPC, server.address, seconds=0.3))
    assert (found["probe_success"], found["probe_grpc_status_code"]) == (0.0, 4.0)
    assert found['probe_grpc_healthcheck_response{serving_status="SERVING"}'] == 0.0
    assert found['probe_grpc_duration_seconds{phase="check"}'] >= 0.2


def test_a_full_backlog_fails_at_the_deadline() -> None:
    with hostile.full() as port:
        assert shown(ask(GRPC, f"127.0.0.1:{port}", seconds=0.3))["probe_success"] == 0.0
        assert shown(ask(TCP, f"127.0.0.1:{port}", seconds=0.3))["probe_success"] == 0.0


def test_metadata_goes_along_and_ipv6_is_reached() -> None:
    heard: dict[str, Any] = {}
    with hostile.serving(fake.answers(fake.replies(), heard), ask=False, host="::1") as server:
        found = shown(ask(GRPC, f"[::1]:{server.port}"))
    assert (found["probe_success"], found["probe_ip_protocol"]) == (1.0, 6.0)
    assert (heard["authorization"], heard["x-tenant"], heard[":authority"]) == ("Bearer a", "c", f"[::1]:{server.port}")


def test_a_type_or_class_that_is_none_is_refused_at_the_load() -> None:
    for wrong in ({"query_type": "NOPE"}, {"query_type": "mx"}, {"query_class": "XX"}):
        with pytest.raises(msgspec.ValidationError, match=next(iter(wrong))):
            ask({"dns": {"query_name": "shop.example", **wrong}}, "127.0.0.1")


@pytest.mark.parametrize("settings", [DNS, TCP, GRPC, {"icmp": {}}])
@pytest.mark.parametrize("target", ["169.254.169.254", "10.0.0.1"])
def test_a_target_that_is_not_allowed_is_not_asked(settings: dict[str, Any], target: str) -> None:
    with pytest.raises(NotAllowed):
        ask(settings, target)


def test_an_echo_is_sent_as_the_module_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Echo] = []

    async def echo(_: str, each: Echo, __: float, **___: object) -> Echoes:
        asked.append(each)
        return Echoes(1, {1: 0.5}, ttl=60)

    monkeypatch.setattr(icmp, "echo", echo)
    settings = {"ttl": 5, "payload_size": 100, "dont_fragment": True, "source_ip_address": "127.0.0.9"}
    found = shown(ask({"icmp": settings}, "127.0.0.1"))
    assert (found["probe_icmp_reply_hop_limit"], found['probe_icmp_duration_seconds{phase="rtt"}']) == (60.0, 0.5)
    (each,) = asked
    assert (each.count, each.ttl, each.size, each.dont_fragment, each.source) == (1, 5, 100, True, "127.0.0.9")


def test_a_host_without_a_route_fails_at_once() -> None:
    run = ask({"icmp": {"source_ip_address": "192.0.2.1"}}, "127.0.0.1")
    assert (shown(run)["probe_success"], "Error listening to socket" in said(run)) == (0.0, True)
