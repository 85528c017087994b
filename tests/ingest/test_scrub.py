"""Every case of personal data of faults.md, as one event, by the rules that it names."""

import json
from typing import Any

import pytest

from exporter.config.application import Scrub
from exporter.ingest.scrub import RULES, Scrubbing
from tests.tree import ROOT

VECTORS = [json.loads(line) for line in (ROOT / "tests/fixtures/pii_vectors.jsonl").read_text().splitlines()]


def configured(config: dict[str, Any]) -> Scrub:
    """Relay's options as ours."""
    rules = ("userpath", *(("ip",) if config.get("scrub_ip") else ()), *config.get("extra_rules", ()))
    keys, keep = config.get("sensitive_fields", ()), config.get("safe_fields", ())
    return Scrub(keys=tuple(keys), keep=tuple(keep), rules=rules)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_a_vector_goes_and_what_stands_around_it_stays(vector: dict[str, Any]) -> None:
    scrubbing = Scrubbing(configured(vector["config"]))
    given = json.dumps(vector["event"])
    scrubbed = scrubbing.tree(vector["event"])
    shown = json.dumps(scrubbed, ensure_ascii=False)
    assert [text for text in vector["must_not_contain"] if text in shown] == []
    assert [text for text in vector["must_contain"] if text not in shown] == []
    assert scrubbing.tree(scrubbed) == scrubbed
    assert json.dumps(vector["event"]) == given, "what is given is not changed"
    assert (sum(scrubbing.counts.values()) > 0) == (vector["kind"] == "redact")
    assert set(scrubbing.counts) <= set(RULES)


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """As OTLP's attributes are."""
    if isinstance(value, dict):
        return {key: each for name in value for key, each in flat(value[name], f"{path}.{name}".strip(".")).items()}
    return {path: value}


@pytest.mark.parametrize("vector", [v for v in VECTORS if v["kind"] == "redact"], ids=lambda vector: vector["id"])
def test_a_vector_goes_as_attributes_and_as_json_in_a_text(vector: dict[str, Any]) -> None:
    scrubbing = Scrubbing(configured(vector["config"]))
    carried = json.dumps(vector["event"], ensure_ascii=False)
    found = [flat(vector["event"]), {"body": carried}, scrubbing.text(carried), {"vars": {"x": carried}}]
    shown = json.dumps(scrubbing.tree(found), ensure_ascii=False)
    assert [text for text in vector["must_not_contain"] if text in shown] == []


def test_json_in_a_text_under_a_personal_key_goes_with_the_key() -> None:
    inner = json.dumps({"bob@shop.example": json.dumps(["token", "x"]), "n": 1})
    given = {"[email]": inner, "ann@shop.example": inner, "n": [{"eve@shop.example": inner}]}
    done = '{"[email]":"[\\"token\\",\\"[Filtered]\\"]","n":1}'
    assert Scrubbing(Scrub()).tree(given) == {"[email]": done, "[email] 2": done, "n": [{"[email]": done}]}


def test_counts_are_by_rule_since_the_beginning() -> None:
    scrubbing = Scrubbing(Scrub(patterns={"customer": "C-[0-9]+"}))
    for _ in range(2):
        scrubbing.tree({"password": "x", "cookies": {"sid": "1"}, "to": "a@b.example of C-12 and C-13 at 10.0.0.1"})
    assert scrubbing.counts == {"key": 2, "cookie": 2, "email": 2, "customer": 4, "ip": 2}


def test_a_user_is_a_keyed_hash_of_the_first_that_is_told() -> None:
    one, other = Scrubbing(Scrub(), b"one"), Scrubbing(Scrub(), b"other" * 100)
    seven = one.user({"id": 7, "email": "bob@example.com"})
    assert len(bytes.fromhex(seven)) == 8
    assert seven == one.user({"id": "7"}) == one.user(7) == Scrubbing(Scrub(), b"one").user("7")
    assert seven != other.user({"id": 7})
    assert one.user({"id": "", "email": "bob@example.com"}) == one.user({"id": None, "username": "bob@example.com"})
    assert one.user({"ip_address": "10.0.0.1"}) == one.user("10.0.0.1")
    assert [one.user(none) for none in ({}, None, "", True, [], {"id": True}, {"id": {"a": 1}})] == [""] * 7
    assert len(one.user("\ud800")) == 16
