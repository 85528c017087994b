"""YAML that is taken, with its lines, and YAML that is refused at once."""

import time

import pytest

from exporter.config.document import Document, parse
from exporter.config.problem import ConfigError, Problem


def test_values_have_their_lines():
    assert parse("a: 1\nb:\n  - x\n  - {c: ~}\n", source="it") == Document(
        {"a": 1, "b": ["x", {"c": None}]},
        {(): 1, ("a",): 1, ("b",): 2, ("b", 0): 3, ("b", 1): 4, ("b", 1, "c"): 4},
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None), ("~", None), ("", None), ("true", True), ("FALSE", False), ("12", 12), ("-7", -7), ("+3", 3),
        ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("1.", 1.0),
        ("no", "no"), ("on", "on"), ("y", "y"), ("Off", "Off"), ("0o10", "0o10"), ("0x1F", "0x1F"), ("010", "010"),
        ("12:30", "12:30"), ("1_000", "1_000"), ("2026-01-01", "2026-01-01"), (".inf", ".inf"), (".nan", ".nan"),
        ("1e999", "1e999"), ("9" * 5000, "9" * 5000), ("'12'", "12"), ('"true"', "true"), ("=", "="),
    ],
)  # fmt: skip
def test_plain_scalars_are_read_as_yaml_1_2_does(text, value):
    read = parse(f"a: {text}", source="it").values["a"]
    assert (type(read), read) == (type(value), value)


def test_keys_are_texts():
    assert parse("1: a\nno: b\n~: c\n'<<': d", source="it").values == {"1": "a", "no": "b", "~": "c", "<<": "d"}


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "--- ~\n...\n", "\ufeff# marked\n"])
def test_an_empty_document_is_an_empty_mapping(text):
    assert parse(text, source="it").values == {}


ANCHOR = "anchors (&) and aliases (*) are not accepted: write the value out"
MERGE = "merge keys (<<) are not accepted: write the keys out"
DEEP = "is nested deeper than 20 levels"
MANY = "holds more than 10000 values"
BOMBS = {
    "aliases": ("a: &a [x, x]\nb: [*a, *a]", Problem(1, "a", ANCHOR)),
    "self reference": ("a: &a\n  b: *a", Problem(1, "a", ANCHOR)),
    "undefined alias": ("b: 1\na: *canary", Problem(2, "a", ANCHOR)),
    "anchored key": ("&a b: 1", Problem(1, "", ANCHOR)),
    "merge": ("a: {<<: {b: 1}}", Problem(1, "a", MERGE)),
    "merge of a list": ("a:\n  <<: [{b: 1}, {b: 1}]", Problem(2, "a", MERGE)),
    "python object": ("a: !!python/object/apply:os.system [canary]", Problem(1, "a", "tags (!) are not accepted")),
    "tag of its own": ("a: !canary x", Problem(1, "a", "tags (!) are not accepted")),
    "core tag": ("a: !!str x", Problem(1, "a", "tags (!) are not accepted")),
    "deep list": ("a: " + "[" * 5000 + "]" * 5000, Problem(1, "", DEEP)),
    "deep mapping": ("a: " + "{a: " * 5000 + "}" * 5000, Problem(1, "", DEEP)),
    "deep blocks": ("\n".join(" " * n + "a:" for n in range(1400)), Problem(21, "", DEEP)),
    "deep dashes": ("- " * 50_000, Problem(1, "", DEEP)),
    "unclosed": ("{" * 50_000, Problem(1, "", "a key is a text, not a mapping or a list")),
    "many values": ("a: [" + "1," * 500_000 + "]", Problem(1, "", MANY)),
    "many mappings": ("a: [" + "{x: y}, " * 100_000 + "]", Problem(1, "", MANY)),
    "too large": ("a: " + "x" * 2**20, Problem(0, "", "is larger than 1 MiB")),
    "too large in bytes": ("a: " + "é" * 2**19, Problem(0, "", "is larger than 1 MiB")),
    "many duplicates": ("a: 1\n" * 150_000, Problem(10_000, "", MANY)),
    "two documents": ("a: 1\n---\nb: canary", Problem(2, "", "holds more than one document")),
    "list": ("- canary", Problem(1, "", "is not a mapping: expected keys such as components:")),
    "text": ("canary", Problem(1, "", "is not a mapping: expected keys such as components:")),
    "mapping as a key": ("? {a: b}\n: c", Problem(1, "", "a key is a text, not a mapping or a list")),
    "control character": ("a: 1\nb: \x00canary", Problem(2, "", "is not YAML: it holds a character that is not allowed")),
    "half a surrogate pair": ("a: \ud800", Problem(0, "", "is not text: it holds half of a surrogate pair")),
    "unclosed quote": ("a: 'canary", Problem(1, "", "is not YAML: found unexpected end of stream")),
    "tab": ("a:\n\t- canary: x", Problem(2, "", "is not YAML: use spaces, not tabs")),
    "variable that is no fault": ("a: b: ${X}", Problem(1, "", "is not YAML: mapping values are not allowed in this context")),
    "quoted variable": ("{a: '${X}' x}", Problem(1, "", "is not YAML: did not find expected ',' or '}'")),
    "variable in a list": ("a: [${X}]", Problem(1, "", "is not YAML: did not find expected ',' or ']'; within {…} quote it: \"${NAME}\"")),
    "tab further in": ("a:\n  b: 1\n\tc: 2", Problem(3, "", "is not YAML: use spaces, not tabs")),
    "colon": ("a: b: canary", Problem(1, "", "is not YAML: mapping values are not allowed in this context")),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_what_makes_a_bomb_is_refused_within_a_tenth_of_a_second(name):
    text, problem = BOMBS[name]
    # The best of three, by the processor's time: a machine with other work to do is no fault of the parser.
    times = []
    for _ in range(3):
        began = time.process_time()
        with pytest.raises(ConfigError) as caught:
            parse(text, source="it")
        times.append(time.process_time() - began)
    assert caught.value.problems == [problem]
    assert min(times) < 0.1


@pytest.mark.parametrize("text", ["b: 1\na: 1\na: 2", "b: 1\na: 1\n'a': 2", "b: 1\na: 1\na: 3\na: 2"])
def test_a_key_written_again_is_noted_and_the_last_is_the_value(text):
    parsed = parse(text, source="it")
    assert (parsed.values, parsed.repeated) == ({"b": 1, "a": 2}, {("a",): 2})
