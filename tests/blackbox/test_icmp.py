"""The prober icmp beside blackbox_exporter's: the same series about the same hosts; who is silent has none to ask here."""

from collections.abc import Iterator

import pytest

from tests.blackbox.side import Pair, assert_alike, both

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("blackbox_icmp")]

MODULES = """\
modules:
  icmp: {prober: icmp, timeout: 2s}
  ip4: {prober: icmp, timeout: 2s, icmp: {preferred_ip_protocol: ip4}}
  ip4_only: {prober: icmp, timeout: 2s, icmp: {preferred_ip_protocol: ip4, ip_protocol_fallback: false}}
  ttl: {prober: icmp, timeout: 2s, icmp: {preferred_ip_protocol: ip4, ttl: 5}}
  big: {prober: icmp, timeout: 2s, icmp: {preferred_ip_protocol: ip4, payload_size: 3000}}
  small: {prober: icmp, timeout: 2s, icmp: {preferred_ip_protocol: ip4, payload_size: 4}}
  whole: {prober: icmp, timeout: 2s, icmp: {preferred_ip_protocol: ip4, dont_fragment: true}}
  from_here: {prober: icmp, timeout: 2s, icmp: {preferred_ip_protocol: ip4, source_ip_address: 127.0.0.9}}
  from_nowhere: {prober: icmp, timeout: 2s, icmp: {preferred_ip_protocol: ip4, source_ip_address: here}}
  from_elsewhere: {prober: icmp, timeout: 2s, icmp: {preferred_ip_protocol: ip4, source_ip_address: 192.0.2.1}}
"""


@pytest.fixture(name="pair", scope="module")
def its_pair() -> Iterator[Pair]:
    with both(MODULES, allow="[127.0.0.0/8, '::1']") as running:
        yield running


@pytest.mark.parametrize("target", ["127.0.0.1", "127.0.0.77", "::1", "localhost"])
@pytest.mark.parametrize("module", ["icmp", "ip4", "ip4_only", "ttl", "big", "small"])
def test_a_host_that_answers_is_the_same_to_both(pair: Pair, module: str, target: str) -> None:
    theirs, _ = assert_alike(pair, module=module, target=target)
    assert theirs.value("probe_success") == (0.0 if (module, target) == ("ip4_only", "::1") else 1.0)


def test_a_packet_goes_out_whole_and_from_where_it_should_alike(pair: Pair) -> None:
    for module, success in {"whole": 1.0, "from_here": 1.0, "from_nowhere": 0.0}.items():
        theirs, _ = assert_alike(pair, module=module, target="127.0.0.1")
        assert theirs.value("probe_success") == success, module


@pytest.mark.parametrize("target", ["no-such-host.invalid", "127.0.0.1:80", "http://127.0.0.1", "127.255.255.255"])
def test_failures_are_alike(pair: Pair, target: str) -> None:
    theirs, _ = assert_alike(pair, module="ip4", target=target, timeout="0.8")
    assert theirs.value("probe_success") == 0.0
