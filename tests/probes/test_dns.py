"""What dns reads of an answer, over UDP, TCP and TLS, and what it compares."""

from typing import Any

import dns.message
import dns.rdatatype
import msgspec
import pytest

from exporter.probe import Result
from exporter.probes import dns as kind
from tests import certificates, hostile
from tests.fakes import nameserver
from tests.fakes.nameserver import Nameserver, over, replies, serving
from tests.probing import component, probe, readings

SHOP = "shop.example. 60 IN A 192.0.2.1"
TWO = (SHOP, "shop.example. 30 IN A 192.0.2.2")


def ask(found: Nameserver, query: str = "shop.example", **fields: Any) -> Result:
    return probe("dns", **{"server": found.address, "query": query, **fields})


def records(*found: str, **fields: Any) -> Result:
    """What becomes of a run whose answer holds these."""
    with serving(replies(*found)) as server:
        return ask(server, **fields)


def test_an_answer_gives_its_figures() -> None:
    with serving(replies(*TWO, flags="AA RA")) as server:
        result = ask(server)
    assert (result.outcome, [phase.name for phase in result.phases]) == ("healthy", ["query"]), result.detail
    assert readings(result) == {
        "stack_dns_answers": 2.0,
        "stack_dns_ttl_seconds": 30.0,
        "stack_dns_response_bytes": 73.0,
        "stack_dns_truncated": 0.0,
        "stack_dns_authoritative": 1.0,
        "stack_dns_validated": 0.0,
    }


@pytest.mark.parametrize("fields,flags", [({}, "RD"), ({"recursion": False}, ""), ({"validated": True}, "RD AD")])
def test_the_question_is_asked_as_configured(fields: dict[str, Any], flags: str) -> None:
    with serving(replies(SHOP, flags="AD")) as server:
        for _ in range(3):
            assert ask(server, payload=1400, **fields).up
    protocol, query = server.asked[0]
    assert (protocol, str(query.question[0]), query.payload) == ("udp", "shop.example. IN A", 1400)
    assert dns.flags.to_text(query.flags) == flags
    assert len({each.id for _, each in server.asked}) > 1, "ids can be foretold"


def test_without_edns_none_is_sent() -> None:
    with serving(replies(SHOP)) as server:
        assert ask(server, payload=0).up
    assert server.asked[0][1].edns == -1


def test_a_truncated_answer_is_asked_for_over_tcp() -> None:
    many = [f"shop.example. 60 IN A 192.0.{i // 250}.{i % 250}" for i in range(500)]
    with serving(over(replies(SHOP, flags="TC"), replies(*many))) as server:
        result = ask(server, answers=["192.0.1.249"])
    assert result.outcome == "healthy", result.detail
    assert [protocol for protocol, _ in server.asked] == ["udp", "tcp"]
    found = readings(result)
    assert (found["stack_dns_answers"], found["stack_dns_truncated"]) == (500.0, 1.0)


def test_over_tcp_no_datagram_is_sent() -> None:
    with serving(replies(SHOP)) as server:
        assert ask(server, protocol="tcp").up
    assert [protocol for protocol, _ in server.asked] == ["tcp"]


def test_over_tls_the_certificate_shows() -> None:
    pair = certificates.pair()
    with serving(replies(SHOP), tls=pair.context()) as server:
        tls = {"ca_file": str(certificates.authority())}
        result = ask(server, server=f"localhost:{server.port}", protocol="tls", tls=tls)
    assert result.outcome == "healthy", result.detail
    found = readings(result)
    assert found["stack_dns_certificate_not_before_timestamp_seconds"] == pair.not_before
    assert found["stack_dns_certificate_not_after_timestamp_seconds"] == pair.not_after
    assert found["stack_dns_certificate_remaining_seconds"] == pytest.approx(pair.not_after - result.started, abs=5)
    assert (found["stack_dns_certificate_verified"], found["stack_dns_answers"]) == (1.0, 1.0)


def test_a_zones_serial_shows() -> None:
    soa = "shop.example. 60 IN SOA ns1.example. root.example. 2026112201 7200 3600 1209600 300"
    assert readings(records(soa, type="SOA"))["stack_dns_serial"] == 2026112201


def test_aliases_are_followed_and_other_names_records_left_out() -> None:
    result = records(
        "SHOP.example. 60 IN CNAME a.cdn.example.",
        "a.cdn.example. 20 IN CNAME b.cdn.example.",
        "b.cdn.example. 40 IN A 192.0.2.1",
        "evil.example. 1 IN A 192.0.2.66",
        match="exact",
        answers=["192.0.2.1"],
    )
    assert result.outcome == "healthy", result.detail
    assert (readings(result)["stack_dns_answers"], readings(result)["stack_dns_ttl_seconds"]) == (1.0, 40.0)


def test_a_ring_of_aliases_ends() -> None:
    ring = ("shop.example. 60 IN CNAME b.example.", "b.example. 60 IN CNAME shop.example.")
    assert records(*ring).reason == "no_answer"


@pytest.mark.parametrize(
    "type_,held,written",
    [
        ("AAAA", "2001:db8::1", "2001:DB8:0::1"),
        ("MX", "10 mail.example.", "10 MAIL.example"),
        ("NS", "ns1.example.", "ns1.example"),
        ("TXT", '"v=spf1 " "-all"', "v=spf1 -all"),
        ("TXT", '"a b"', '"a b"'),
        ("SRV", "0 5 5060 sip.example.", "0 5 5060 sip.example."),
        ("CAA", '0 issue "ca.example"', '0 issue "ca.example"'),
        ("HTTPS", "1 . alpn=h2", "1 . alpn=h2"),
        ("TLSA", "3 1 1 " + "ab" * 32, "3 1 1 " + "AB" * 32),
    ],
)
def test_an_expected_record_is_found_however_it_is_written(type_: str, held: str, written: str) -> None:
    found = f"shop.example. 60 IN {type_} {held}"
    result = records(found, type=type_, answers=[written], match="exact")
    assert result.outcome == "healthy", result.detail


def test_an_address_is_asked_for_by_its_pointer() -> None:
    with serving(replies("1.2.0.192.in-addr.arpa. 60 IN PTR shop.example.")) as server:
        assert ask(server, "192.0.2.1", type="PTR", answers=["shop.example"]).up
        ask(server, "2001:db8::1", type="PTR")
    assert str(server.asked[1][1].question[0].name).endswith(".8.b.d.0.1.0.0.2.ip6.arpa.")


@pytest.mark.parametrize(
    "fields,detail",
    [
        ({"answers": ["192.0.2.1", "192.0.2.2"], "match": "exact"}, ""),
        ({"answers": ["192.0.2.1"]}, ""),
        ({"answers": ["192.0.2.9", "192.0.2.2"], "match": "any"}, ""),
        ({"pattern": r"^192\.0\.2\.[12]$"}, ""),
        ({"answers": ["192.0.2.1", "192.0.2.9"]}, "no '192.0.2.9' among '192.0.2.1, 192.0.2.2'"),
        ({"answers": ["192.0.2.8", "192.0.2.9"], "match": "any"}, "no '192.0.2.8' among '192.0.2.1, 192.0.2.2'"),
        ({"answers": ["192.0.2.1"], "match": "exact"}, "'192.0.2.2' was not expected"),
        ({"pattern": "^10[.]"}, "'^10[.]' matches none of '192.0.2.1, 192.0.2.2'"),
    ],
)
def test_answers_are_compared(fields: dict[str, Any], detail: str) -> None:
    result = records(*TWO, **fields)
    assert (result.reason, result.detail.partition("A: ")[2]) == ("unexpected" if detail else "", detail)


def test_a_name_that_must_not_exist_is_healthy_when_it_does_not() -> None:
    with serving(replies(rcode="NXDOMAIN")) as server:
        assert ask(server, rcode="NXDOMAIN").outcome == "healthy"
    result = records(SHOP, rcode="NXDOMAIN")
    assert (result.reason, "NOERROR, expected NXDOMAIN" in result.detail) == ("rcode", True)


def test_the_systems_name_server_is_asked_when_none_is_named(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "resolv.conf"
    monkeypatch.setattr(kind, "RESOLVER", file)
    assert kind._system() == "127.0.0.1"
    file.write_text("# mine\noptions edns0\nnameserver 192.0.2.53\nnameserver ::1\n")
    assert kind._system() == "192.0.2.53"


def test_a_server_named_localhost_is_asked_at_either_of_its_addresses() -> None:
    def both(*args: object, **kwargs: object) -> object:
        return [(10, 1, 6, "", ("::1", 0, 0, 0)), (2, 1, 6, "", ("127.0.0.1", 0))]

    with serving(replies(SHOP)) as server, hostile.resolver(both):
        assert ask(server, server=f"both.example:{server.port}").up


def test_a_server_on_ipv6_is_asked() -> None:
    with serving(replies(SHOP), host="::1") as server:
        assert ask(server, server=f"[::1]:{server.port}").up


@pytest.mark.parametrize(
    "fields,message",
    [
        ({"query": ""}, "length >= 1"),
        ({"query": "a..b"}, "query: not a name"),
        ({"query": "a" * 64 + ".example"}, "query: not a name"),
        ({"type": "ANY"}, "Invalid enum value 'ANY'"),
        ({"server": "a:b:c@d"}, "server: expected host or host:port"),
        ({"server": "ns:70000"}, "server: expected host or host:port"),
        ({"payload": 100}, "payload: expected 512 to 4096, or 0"),
        ({"payload": 0, "validated": True}, "validated needs EDNS"),
        ({"tls": {}}, "tls needs protocol: tls"),
        ({"answers": ["shop.example"]}, "answers: 'shop.example' is no A record"),
        ({"type": "MX", "answers": ["mail.example"]}, "answers: 'mail.example' is no MX record"),
        ({"pattern": "("}, "pattern: not a regular expression"),
    ],
)
def test_a_bad_configuration_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        component("dns", **{"query": "shop.example", **fields})


def test_names_of_other_scripts_are_asked_for_as_dns_has_them() -> None:
    with serving(nameserver.silent) as server:
        ask(server, "bücher.example", timeout=0.2)
    assert str(server.asked[0][1].question[0].name) == "xn--bcher-kva.example."
