"""Every reason of icmp and what provokes it, over both sorts of socket and both families; what a run reads and counts."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from exporter.probes.icmp import ICMP
from tests import hostile
from tests.fakes.pinged import Network, network
from tests.probing import component, probe

FAST = {"spacing": "10ms", "wait": "200ms"}
HOSTS = ("127.0.0.1", "::1")
Said = dict[str, Any]


@pytest.fixture(name="sockets", scope="module")
def its_networks() -> Iterator[dict[str, Network]]:
    """A network in which pinging needs no privilege, and one in which only raw sockets are allowed."""
    with network(unprivileged=True) as free, network(unprivileged=False) as privileged:
        yield {"unprivileged": free, "raw": privileged}


@pytest.fixture(name="net", params=["unprivileged", "raw"], scope="module")
def its_network(request: pytest.FixtureRequest, sockets: dict[str, Network]) -> Network:
    return sockets[request.param]


def refused(answer: str, **fields: Any) -> Callable[[Network], Said]:
    return lambda net: net.probe(answer, **{**FAST, **fields})


def unresolved(answer: Callable[..., object]) -> Callable[[Network], Said]:
    def provoke(_: Network) -> Said:
        with hostile.resolver(answer):
            result = probe("icmp", host="gateway.example")
        return {"outcome": result.outcome, "reason": result.reason, "detail": result.detail}

    return provoke


def forbidden(_: Network) -> Said:
    with network(unprivileged=False, raw=False) as net:
        return net.probe("echo")


REASONS: dict[str, Callable[[Network], Said]] = {
    "resolve": unresolved(hostile.resolves()),
    "nameserver": unresolved(hostile.no_name_server),
    "unreachable": refused("unreachable"),
    "permission": forbidden,
    "no_reply": refused("silent"),
    "too_big": refused("too big", dont_fragment=True),
    "hops": refused("hops"),
    "protocol": refused("corrupt"),
}


def test_the_table_has_every_reason() -> None:
    assert set(REASONS) == set(ICMP.reasons)


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_is_provoked(reason: str, net: Network) -> None:
    said = REASONS[reason](net)
    assert (said["outcome"], said["reason"]) == ("unhealthy", reason), said["detail"]
    assert said["detail"]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("host", HOSTS)
def test_a_host_that_answers_gives_its_figures(net: Network, host: str, loop: str) -> None:
    said = net.probe("echo", host=host, loop=loop, count=4, spacing="10ms")
    found = said["readings"]
    least, mean, most = (found.pop(f"stack_icmp_round_trip_{word}_seconds") for word in ("min", "mean", "max"))
    assert 0 < least <= mean <= most < 2.0
    assert found == {"stack_icmp_loss_ratio": 0.0, "stack_icmp_duplicate_replies": 0.0, "stack_icmp_reply_ttl": 64.0}
    assert (said["outcome"], said["counts"]) == ("healthy", {"answered": 4.0, "lost": 0.0})


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    "answer,reason,detail",
    [
        ("unreachable", "unreachable", "says that there is no way to it (ICMP type "),
        ("prohibited", "unreachable", "says that there is no way to it (ICMP type "),
        ("hops", "hops", "says that the packet's hops ran out (ICMP type "),
        ("too big", "too_big", "says that the packet is too big (ICMP type "),
    ],
)
def test_what_somebody_on_the_way_says_is_heard(
    net: Network, host: str, loop: str, answer: str, reason: str, detail: str
) -> None:
    said = net.probe(answer, host=host, loop=loop, dont_fragment=True, timeout=10, spacing="10ms", wait="10s")
    assert (said["reason"], f"{host}: {host} {detail}" in said["detail"]) == (reason, True), said["detail"]
    # All packets were refused, so there is nothing to wait for.
    assert (said["readings"]["stack_icmp_loss_ratio"], said["duration"] < 5) == (1.0, True)


@pytest.mark.parametrize("answer", ["other sequence", "other id"])
@pytest.mark.parametrize("host", HOSTS)
def test_an_echo_that_is_not_ours_is_not_taken_for_one(net: Network, host: str, answer: str) -> None:
    assert net.probe(answer, host=host, **FAST)["reason"] == "no_reply"


@pytest.mark.parametrize("answer", ["corrupt", "short"])
@pytest.mark.parametrize("host", HOSTS)
def test_an_echo_of_something_else_is_lost(net: Network, host: str, answer: str) -> None:
    said = net.probe(answer, host=host, **FAST)
    assert (said["reason"], said["detail"]) == ("protocol", f"{host}: 3 replies with another payload than was sent")


def test_a_part_that_is_lost_is_beyond_a_threshold(net: Network) -> None:
    said = net.probe("second", **FAST)
    found = said["readings"]
    assert (said["outcome"], said["counts"]) == ("healthy", {"answered": 1.0, "lost": 2.0})
    assert found["stack_icmp_loss_ratio"] == pytest.approx(2 / 3)
    (loss, _) = ICMP.signals
    assert (loss.metric.name, loss.warning, loss.critical) == ("stack_icmp_loss_ratio", 0.1, 0.5)


def test_a_reply_that_comes_twice_counts_once(net: Network) -> None:
    said = net.probe("twice", **FAST)
    assert said["counts"] == {"answered": 3.0, "lost": 0.0}
    assert said["readings"]["stack_icmp_duplicate_replies"] >= 2  # nobody waits for the last one's second


def test_a_late_reply_is_waited_for_and_takes_its_time(net: Network) -> None:
    said = net.probe("late", count=1, wait="1s")
    assert said["outcome"] == "healthy"
    assert 0.3 < said["readings"]["stack_icmp_round_trip_max_seconds"] < 1.0


def test_a_run_ends_before_its_deadline_and_says_what_was_lost(net: Network) -> None:
    said = net.probe("silent", count=100, spacing="20ms", wait="10s", timeout=0.4)
    assert (said["reason"], 0.3 < said["duration"]) == ("no_reply", True), said["detail"]
    # Those that were sent by then: some 20, and more where others use the machine, so that it ends later than it was told
    # to, and the loop's timers, which reckon from the turn's begin, come early. Never all.
    assert 0 < said["counts"]["lost"] < 50


@pytest.mark.parametrize("size", [0, 1, 56, 9000])
@pytest.mark.parametrize("host", HOSTS)
def test_packets_of_any_size_come_back(net: Network, host: str, size: int) -> None:
    said = net.probe("echo", host=host, payload=size, **FAST)
    assert said["outcome"] == "healthy", said["detail"]


@pytest.mark.parametrize("host", HOSTS)
def test_packets_have_the_ttl_that_was_asked_for(net: Network, host: str) -> None:
    assert net.probe("only ttl 7", host=host, ttl=7, **FAST)["outcome"] == "healthy"
    assert net.probe("only ttl 7", host=host, **FAST)["reason"] == "no_reply"


@pytest.mark.parametrize("host", HOSTS)
def test_a_packet_beyond_the_interfaces_size_is_too_big_unless_it_may_be_fragmented(net: Network, host: str) -> None:
    said = net.probe("echo", host=host, payload=2000, dont_fragment=True, **FAST)
    assert (said["reason"], said["detail"]) == ("too_big", f"{host}: Message too long")


def test_an_address_without_a_route_is_unreachable(net: Network) -> None:
    said = net.probe("echo", host="192.0.2.1")
    assert (said["reason"], said["detail"]) == ("unreachable", "192.0.2.1: Network is unreachable")


def test_a_source_that_is_not_ours_is_unreachable(net: Network) -> None:
    assert net.probe("echo", source="127.0.0.1", **FAST)["outcome"] == "healthy"
    said = net.probe("echo", source="192.0.2.1")
    assert (said["reason"], said["detail"]) == ("unreachable", "127.0.0.1: Cannot assign requested address")


def test_the_family_decides_which_address_is_taken(net: Network) -> None:
    for family in ("ipv4", "ipv6"):
        assert net.probe("echo", host="::1", family=family, **FAST)["reason"] == ("" if family == "ipv6" else "resolve")


def test_where_the_system_forbids_it_the_detail_says_what_would_allow_it() -> None:
    said = forbidden(None)  # type: ignore[arg-type]
    assert "sysctl net.ipv4.ping_group_range (it is " in said["detail"]
    assert "CAP_NET_RAW" in said["detail"]


@pytest.mark.parametrize(
    "fields,message",
    [
        ({"host": ""}, "length >= 1"),
        ({"host": "http://gateway"}, "host: expected a name or an address"),
        ({"count": 0}, ">= 1"),
        ({"count": 1000}, "<= 100"),
        ({"spacing": "1ms"}, "spacing: expected 10ms at least"),
        ({"payload": 70000}, "<= 65507"),
        ({"ttl": 256}, "<= 255"),
        ({"family": "inet"}, "Invalid enum value 'inet'"),
        ({"source": "eth0"}, "source: expected an address"),
    ],
)
def test_a_bad_configuration_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        component("icmp", **{"host": "gateway.example", **fields})
