"""Durations, sizes, ratios and secrets as YAML has them."""

import copy
import json
import pickle
import re
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta, Struct

from exporter.values import Duration, Ratio, Secret, Size, decode, duration, ratio, schema, size


class Settings(Struct, kw_only=True):
    """One field of each."""

    wait: Annotated[Duration, Meta(description="How long.")] = 1.5
    room: Size = 10
    part: Ratio = 0.5
    password: Secret | None = None


def settings(**values: Any) -> Settings:
    return msgspec.convert(values, Settings, dec_hook=decode)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("30s", 30),
        ("0s", 0),
        ("1.5s", 1.5),
        ("1h30m", 5400),
        ("2d", 172800),
        ("1w", 604800),
        ("1m1ms", 60.001),
    ],
)
def test_a_duration_is_in_seconds(text: str, seconds: float) -> None:
    assert duration(text) == pytest.approx(seconds)
    assert settings(wait=text).wait == pytest.approx(seconds)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "5",
        "s",
        "-5s",
        "5 s",
        "5sec",
        "5s ",
        "1h 30m",
        "٣s",
        "1e3s",
        "nan",
        "9" * 400 + "s",
        5,
        5.0,
        True,
        None,
        ["5s"],
    ],
)
def test_what_is_no_duration_is_refused_with_an_example(value: Any) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"duration.*`\$.wait`"):
        settings(wait=value)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0B", 0),
        ("10MB", 10_000_000),
        ("500GiB", 500 * 2**30),
        ("1.5kB", 1500),
        ("1KB", 1000),
        ("1 TiB", 2**40),
        ("1.001kB", 1001),
    ],
)
def test_a_size_is_in_bytes(text: str, number: int) -> None:
    assert size(text) == number
    assert settings(room=text).room == number


@pytest.mark.parametrize(
    "value",
    ["", "10", "MB", "10mb", "-1MB", "10 XB", "1e3MB", "9" * 400 + "B", "9EB", "9000000PiB", 10, 10.5, True, None],
)
def test_what_is_no_size_is_refused_with_an_example(value: Any) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"size.*`\$.room`"):
        settings(room=value)


@pytest.mark.parametrize(
    ("value", "part"), [("80%", 0.8), ("0.8", 0.8), (0.8, 0.8), (1, 1.0), (0, 0.0), ("99.9 %", 0.999), ("150%", 1.5)]
)
def test_a_ratio_is_a_part_of_one(value: Any, part: float) -> None:
    assert ratio(value) == pytest.approx(part)
    assert settings(part=value).part == pytest.approx(part)


@pytest.mark.parametrize(
    "value", ["", "%", "-1%", "80 percent", -0.1, float("nan"), float("inf"), 10**400, True, None, "9" * 400]
)
def test_what_is_no_ratio_is_refused_with_an_example(value: Any) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"ratio.*`\$.part`"):
        settings(part=value)


def test_defaults_are_plain_numbers() -> None:
    assert settings() == Settings(wait=1.5, room=10, part=0.5, password=None)


@pytest.mark.parametrize("value", [1234, 12.5, ["hunter2"], {"a": "hunter2"}, True])
def test_what_is_no_text_is_no_secret_and_the_message_does_not_show_it(value: Any) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"expected a text - at `\$.password`") as raised:
        settings(password=value)
    assert "hunter2" not in str(raised.value)
    assert "12" not in str(raised.value)


def test_a_secret_shows_itself_nowhere() -> None:
    held = settings(password="hunter2")
    secret = held.password
    assert secret is not None
    shown = [
        repr(held),
        repr([secret]),
        str(secret),
        f"{secret}",
        f"{secret:>20}",
        f"{secret!r}",
        "%s" % secret,
        "{}".format(secret),
    ]
    assert [text for text in shown if "hunter2" in text or "[REDACTED]" not in text] == []
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(TypeError):
        msgspec.json.encode(held)
    with pytest.raises(TypeError):
        vars(secret)
    assert secret.reveal() == "hunter2"


def test_secrets_are_equal_when_their_texts_are() -> None:
    assert Secret("a") == Secret("a")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert not Secret("")


def test_the_schema_takes_what_the_parser_takes() -> None:
    fields = msgspec.json.schema(Settings, schema_hook=schema)["$defs"]["Settings"]["properties"]
    patterns = {
        "wait": fields["wait"]["pattern"],
        "room": fields["room"]["pattern"],
        "part": fields["part"]["anyOf"][1]["pattern"],
    }
    good = {"wait": ["500ms", "1h30m"], "room": ["10MB", "500GiB", "1.5kB", "0B"], "part": ["80%", "0.8", "99.9 %"]}
    bad = {"wait": ["5", "5 s", ""], "room": ["10", "10mb"], "part": ["", "80 percent"]}
    for field, pattern in patterns.items():
        assert [text for text in good[field] if not re.search(pattern, text)] == []
        assert [text for text in bad[field] if re.search(pattern, text)] == []
    assert fields["wait"]["default"] == 1.5
    assert fields["wait"]["description"] == "How long."
