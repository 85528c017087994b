"""The prober dns beside blackbox_exporter's: the same series about the same name servers."""

import contextlib
import struct
from collections.abc import Iterator

import dns.message
import pytest

from tests import certificates, hostile
from tests.blackbox.side import Pair, assert_alike, both
from tests.fakes import nameserver
from tests.fakes.nameserver import Answer, replies, serving

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("blackbox_dns")]

SHOP = "shop.example. 60 IN A 192.0.2.1"
TWO = (SHOP, "Shop.Example. 30 IN A 192.0.2.2")
SOA = "shop.example. 60 IN SOA ns1.example. root.example. 2026112201 7200 3600 1209600 300"
# One record of each type that both programs know how to write; the regular expression wants the line to the letter.
RECORDS = {
    "A": ("192.0.2.1", "192\\.0\\.2\\.1"),
    "AAAA": ("2001:db8:0:0:0:0:0:1", "2001:db8::1"),
    "CNAME": ("WWW.shop.example.", "WWW\\.shop\\.example\\."),
    "MX": ("10 mail.example.", "10 mail\\.example\\."),
    "NS": ("ns1.example.", "ns1\\.example\\."),
    "TXT": ('"v=spf1 " "a\\"b" "-all"', '"v=spf1 " "a\\\\"b" "-all"'),
    "SRV": ("0 5 5060 sip.example.", "0 5 5060 sip\\.example\\."),
    "CAA": ('0 issue "ca.example"', '0 issue "ca\\.example"'),
    "DS": ("60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118", "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"),
    "TLSA": ("3 1 1 " + "ab" * 32, "3 1 1 " + "ab" * 32),
    "DNSKEY": ("256 3 8 " + "AwEAAc" * 20, "256 3 8 " + "AwEAAc" * 20),
    "NAPTR": ('100 10 "u" "sip+E2U" "!^.*$!sip:a@b!" .', '100 10 "u" "sip\\+E2U" "!\\^\\.\\*\\$!sip:a@b!" \\.'),
    "SSHFP": ("1 1 " + "ab" * 20, "1 1 " + "AB" * 20),
    "RRSIG": (
        "A 8 2 60 20270101000000 20260101000000 12345 shop.example. " + "AwEAAc" * 20 + "AQ==",
        "A 8 2 60 20270101000000 20260101000000 12345 shop\\.example\\. " + "AwEAAc" * 20 + "AQ==",
    ),
}


def module(name: str, settings: str) -> str:
    whole = f"query_name: shop.example, preferred_ip_protocol: ip4, {settings}"
    return f"  {name}: {{prober: dns, timeout: 1s, dns: {{{whole}}}}}\n"


MODULES = {
    "any": "",
    "a": "query_type: A",
    "aaaa": "query_type: AAAA, recursion_desired: false",
    "soa": "query_type: SOA",
    "tcp": "query_type: A, transport_protocol: tcp",
    "chaos": "query_type: TXT, query_class: CH",
    "nxdomain": "query_type: A, valid_rcodes: [NXDOMAIN, NOERROR]",
    "none_valid": "query_type: A, valid_rcodes: []",
    "source": "query_type: A, source_ip_address: 127.0.0.7",
    "no_source": "query_type: A, source_ip_address: here",
    "tls": "query_type: A, transport_protocol: tcp, dns_over_tls: true, tls_config: {ca_file: CA, server_name: localhost}",
    "matches": "query_type: A, validate_answer_rrs: {fail_if_matches_regexp: ['.*192[.]0[.]2[.]2']}",
    "all_match": "query_type: A, validate_answer_rrs: {fail_if_all_match_regexp: ['192[.]0[.]2']}",
    "all_match_one": "query_type: A, validate_answer_rrs: {fail_if_all_match_regexp: ['192[.]0[.]2[.]1']}",
    "not_matches": "query_type: A, validate_answer_rrs: {fail_if_not_matches_regexp: ['^shop']}",
    "none_matches": "query_type: A, validate_answer_rrs: {fail_if_none_matches_regexp: ['192[.]0[.]2[.]2$']}",
    "authority": "query_type: A, validate_authority_rrs: {fail_if_not_matches_regexp: ['SOA\\t']}",
    "additional": "query_type: A, validate_additional_rrs: {fail_if_matches_regexp: ['.']}",
}


@pytest.fixture(name="pair", scope="module")
def its_pair() -> Iterator[Pair]:
    text = "modules:\n" + "".join(module(name, settings) for name, settings in MODULES.items())
    text += "  ip6: {prober: dns, timeout: 1s, dns: {query_name: shop.example, query_type: A}}\n"
    for type_, (_, held) in RECORDS.items():
        line = f"^shop\\.example\\.\\t60\\tIN\\t{type_}\\t{held}$".replace("'", "''")
        text += module(
            f"line_{type_}", f"query_type: {type_}, validate_answer_rrs: {{fail_if_not_matches_regexp: ['{line}']}}"
        )
    with both(text.replace("CA,", f"{certificates.authority()},")) as running:
        yield running


def alike(pair: Pair, module: str, answer: Answer, success: bool | None = None, **more: str) -> None:
    with serving(answer) as server:
        theirs, _ = assert_alike(pair, module=module, target=more.pop("target", server.address), **more)
    if success is not None:
        assert theirs.value("probe_success") == success


@pytest.mark.parametrize("module", ["any", "a", "tcp", "source", "matches", "all_match", "all_match_one"])
def test_an_answer_is_the_same_to_both(pair: Pair, module: str) -> None:
    alike(pair, module, replies(SHOP, flags="AA RA"))
    alike(pair, module, replies(*TWO, flags="AA RA"))


@pytest.mark.parametrize("module", ["not_matches", "none_matches", "authority", "additional"])
@pytest.mark.parametrize("records", [(), (SHOP,), TWO])
def test_records_are_judged_alike(pair: Pair, module: str, records: tuple[str, ...]) -> None:
    alike(pair, module, replies(*records))
    alike(pair, module, replies(*records, authority=(SOA,)))


@pytest.mark.parametrize("type_", RECORDS)
def test_a_record_is_written_alike(pair: Pair, type_: str) -> None:
    alike(pair, f"line_{type_}", replies(f"shop.example. 60 IN {type_} {RECORDS[type_][0]}"), success=True)


@pytest.mark.parametrize("rcode", ["NXDOMAIN", "SERVFAIL", "REFUSED"])
@pytest.mark.parametrize("module", ["a", "nxdomain", "none_valid"])
def test_a_response_code_is_judged_alike(pair: Pair, module: str, rcode: str) -> None:
    alike(pair, module, replies(rcode=rcode), success=(module, rcode) == ("nxdomain", "NXDOMAIN"))


def test_a_serial_is_read_alike(pair: Pair) -> None:
    alike(pair, "soa", replies(SOA), success=True)
    alike(pair, "soa", replies(), success=True)
    alike(pair, "aaaa", replies(authority=(SOA,)), success=True)
    alike(pair, "chaos", replies('shop.example. 0 CH TXT "9.18"'), success=True)


def test_dns_over_tls_is_done_alike(pair: Pair) -> None:
    for answer in (certificates.pair(), certificates.expired()):
        with serving(replies(SHOP), tls=answer.context()) as server:
            theirs, _ = assert_alike(pair, module="tls", target=server.address)
        assert theirs.value("probe_success") == (answer is certificates.pair())


def test_failures_are_alike(pair: Pair) -> None:
    alike(pair, "a", nameserver.silent, success=False, timeout="0.8")  # less the offset of 0.5
    alike(pair, "a", replies(SHOP), target=f"127.0.0.1:{hostile.unused()}", success=False)
    alike(pair, "tcp", replies(SHOP), target=f"127.0.0.1:{hostile.unused()}", success=False)
    alike(pair, "no_source", replies(SHOP), success=False)
    alike(pair, "a", replies(SHOP), target="no-such-host.invalid:53", success=False)
    alike(pair, "a", replies(SHOP), target="127.0.0.1:99999", success=False)
    alike(pair, "a", lambda query, _: [b"\0" * 5], success=False)
    alike(pair, "a", other_id, success=False, timeout="0.8")
    alike(pair, "a", replies(SHOP, flags="TC"), success=True)
    many = [f"shop.example. 60 IN A 192.0.2.{i}" for i in range(100)]
    alike(pair, "a", replies(*many), success=False)
    alike(pair, "tcp", replies(*many), success=True)
    alike(pair, "a", bad_address, success=False)


def other_id(query: dns.message.Message, _: str) -> list[bytes]:
    return [struct.pack("!H", query.id ^ 1) + query.to_wire()[2:]]


def bad_address(query: dns.message.Message, _: str) -> list[bytes]:
    wire = query.to_wire()
    head = struct.pack("!HHHHHH", query.id, 0x8180, 1, 1, 0, 0)
    return [head + wire[12:] + b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 3) + b"abc"]


def test_an_address_of_the_other_family_is_taken_alike(pair: Pair) -> None:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(serving(replies(SHOP), host="::1"))
        assert_alike(pair, module="ip6", target=f"[::1]:{server.port}")
    alike(pair, "ip6", replies(SHOP), success=True)
