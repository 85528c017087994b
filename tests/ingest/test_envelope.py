"""The grammar of Sentry's envelopes: what is taken, what is skipped, what is malformed; however it is cut into pieces."""

import pytest

from exporter.ingest.envelope import KEPT, MOST_ITEMS, MOST_SKIPPED, Envelope, TooLarge
from exporter.ingest.text import Malformed

HEAD = b'{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc"}\n'
EVENT = ("event", b'{"message":"hello"}')
ATTACHMENT = b'{"type":"attachment","length":10}\n\xef\xbb\xbfHello\r\n\n'
TAKEN: dict[str, tuple[bytes, list[tuple[str, bytes]], dict[str, int]]] = {
    "an empty object": (b"{}", [], {}),
    "an empty object and a newline": (b"{}\n", [], {}),
    "a header alone": (HEAD, [], {}),
    "a header without its newline": (HEAD[:-1], [], {}),
    "a length": (HEAD + b'{"type":"event","length":19}\n{"message":"hello"}\n', [EVENT], {}),
    "a length, without the last newline": (HEAD + b'{"type":"event","length":19}\n{"message":"hello"}', [EVENT], {}),
    "an implicit length": (HEAD + b'{"type":"event"}\n{"message":"hello"}\n', [EVENT], {}),
    "an implicit length, to the end": (HEAD + b'{"type":"event"}\n{"message":"hello"}', [EVENT], {}),
    "no length is null": (HEAD + b'{"type":"event","length":null}\n{"message":"hello"}\n', [EVENT], {}),
    "a carriage return before an implicit end": (
        b'{}\r\n{"type":"event"}\r\n{"message":"hello"}\r\n',
        [("event", b'{"message":"hello"}\r')],
        {},
    ),
    "length 0": (HEAD + b'{"type":"session","length":0}\n\n', [("session", b"")], {}),
    "length 0 at the end": (HEAD + b'{"type":"session","length":0}', [("session", b"")], {}),
    "two of length 0": (
        HEAD + b'{"type":"attachment","length":0}\n\n{"type":"attachment","length":0}\n\n',
        [],
        {"attachment": 2},
    ),
    "two of length 0, without the last newline": (
        HEAD + b'{"type":"attachment","length":0}\n\n{"type":"attachment","length":0}\n',
        [],
        {"attachment": 2},
    ),
    "nothing up to the newline": (HEAD + b'{"type":"session"}\n\n', [("session", b"")], {}),
    "nothing up to the end": (HEAD + b'{"type":"session"}\n', [("session", b"")], {}),
    "an attachment with newlines, then an event": (
        HEAD + ATTACHMENT + b'{"type":"event","length":19}\n{"message":"hello"}\n',
        [EVENT],
        {"attachment": 1},
    ),
    "an event between what is skipped": (
        HEAD + ATTACHMENT + b'{"type":"event"}\n{"message":"hello"}\n' + ATTACHMENT,
        [EVENT],
        {"attachment": 2},
    ),
    "an unknown type with a length": (
        HEAD + b'{"type":"invalid_unknown","length":10}\nhelloworld\n{"type":"event"}\n{"message":"hello"}\n',
        [EVENT],
        {"invalid_unknown": 1},
    ),
    "an unknown type without": (
        HEAD + b'{"type":"x"}\nhelloworld\n{"type":"event"}\n{"message":"hello"}',
        [EVENT],
        {"x": 1},
    ),
    "a profile that is no JSON": (HEAD + b'{"type":"profile","length":4}\n\xff\n\x00\n\n', [], {"profile": 1}),
    "a recording": (HEAD + b'{"type":"replay_recording","length":11}\nhelloworld\n\n', [], {"replay_recording": 1}),
    "newlines more than one": (HEAD + b'\n{"type":"event"}\n{"message":"hello"}\n\n\n', [EVENT], {}),
    "headers that nobody knows": (
        b'{"a":[1,{}]}\n{"b":null,"type":"event","length":19}\n{"message":"hello"}\n',
        [EVENT],
        {},
    ),
    "the same header twice": (b'{"dsn":"a","dsn":"b"}\n{"type":"event"}\n{"message":"hello"}\n', [EVENT], {}),
    "a payload that is not UTF-8": (HEAD + b'{"type":"event"}\n\xff\xfe\n', [("event", b"\xff\xfe")], {}),
    "many sessions": (
        b"{}\n" + b'{"type":"session"}\n{"started":"x"}\n' * 3,
        [("session", b'{"started":"x"}')] * 3,
        {},
    ),
}
MALFORMED = {
    "nothing": b"",
    "a newline": b"\n",
    "no header": b'{"type":"event"',
    "a header that is a list": b"[]\n",
    "a header that is no JSON": b"hello\n",
    "a header with a byte order mark": b"\xef\xbb\xbf{}\n",
    "a header in UTF-16": "{}\n".encode("utf-16"),
    "a header that is not UTF-8": b'{"a":"\xff"}\n',
    "a header that is nested too deep": b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}\n",
    "a header with a number of 5,000 digits": b'{"a":' + b"9" * 5_000 + b"}\n",
    "a header with NaN": b'{"a":NaN}\n',
    "an item without a type": HEAD + b"{}\n{}\n",
    "a type that is a number": HEAD + b'{"type":1}\n{}\n',
    "a type that is empty": HEAD + b'{"type":""}\n{}\n',
    "an item that is a list": HEAD + b"[]\n{}\n",
    "an item's header that is cut": HEAD + b'{"type":"event"',
    "length past the end": HEAD + b'{"type":"event","length":20}\n{"message":"hello"}',
    "length past the end of what is skipped": HEAD + b'{"type":"attachment","length":11}\nhelloworld',
    "length of a billion": HEAD + b'{"type":"event","length":1000000000}\n{"message":"hello"}\n',
    "length past the end at once": HEAD + b'{"type":"event","length":1}',
    "length -1": HEAD + b'{"type":"event","length":-1}\n{"message":"hello"}\n',
    "length NaN": HEAD + b'{"type":"event","length":NaN}\n{"message":"hello"}\n',
    "length 1e9": HEAD + b'{"type":"event","length":1e9}\n{"message":"hello"}\n',
    "length 19.0": HEAD + b'{"type":"event","length":19.0}\n{"message":"hello"}\n',
    "length as text": HEAD + b'{"type":"event","length":"19"}\n{"message":"hello"}\n',
    "length true": HEAD + b'{"type":"event","length":true}\n{\n',
    "length beyond any": HEAD + b'{"type":"attachment","length":99999999999999999999}\nx\n',
    "too short a length": HEAD + b'{"type":"event","length":18}\n{"message":"hello"}\n',
    "a carriage return after a length": HEAD + b'{"type":"event","length":19}\n{"message":"hello"}\r\n',
    "a space after a length": HEAD + b'{"type":"event","length":19}\n{"message":"hello"} \n',
}
TOO_LARGE = {
    "a header": b'{"a":"' + b"x" * 70_000 + b'"}\n',
    "a line without end": b"x" * 70_000,
    "an event": HEAD + b'{"type":"event"}\n' + b"x" * (KEPT["event"] + 1),
    "10,000 events": HEAD + b'{"type":"event"}\n{}\n' * 10_000,
    "101 items": HEAD + b'{"type":"session"}\n{}\n' * (MOST_ITEMS + 1),
    "10,000 attachments": HEAD + b'{"type":"attachment"}\n\n' * 10_000,
    "17 megabytes of events": HEAD + (b'{"type":"event","length":1048000}\n' + b" " * 1_048_000 + b"\n") * 17,
}


def read(data: bytes, piece: int = 0) -> Envelope:
    envelope = Envelope()
    for at in range(0, len(data), piece or max(len(data), 1)):
        envelope.feed(data[at : at + (piece or len(data))])
    envelope.finish()
    return envelope


@pytest.mark.parametrize("piece", [0, 1, 7])
@pytest.mark.parametrize("name", TAKEN)
def test_an_envelope_is_taken(name: str, piece: int) -> None:
    data, items, skipped = TAKEN[name]
    envelope = read(data, piece)
    assert [(item.type, item.payload) for item in envelope.items] == items
    assert envelope.skipped == skipped
    assert envelope.held == sum(len(payload) for _, payload in items)


@pytest.mark.parametrize("piece", [0, 1])
@pytest.mark.parametrize("name", MALFORMED)
def test_an_envelope_is_malformed(name: str, piece: int) -> None:
    with pytest.raises(Malformed) as raised:
        read(MALFORMED[name], piece)
    assert not isinstance(raised.value, TooLarge)
    assert "hello" not in str(raised.value)


@pytest.mark.parametrize("name", TOO_LARGE)
def test_an_envelope_is_too_large(name: str) -> None:
    with pytest.raises(TooLarge):
        read(TOO_LARGE[name], 256 * 1024)


def test_a_hundred_items_are_taken_and_a_thousand_skipped() -> None:
    envelope = read(HEAD + b'{"type":"session"}\n{}\n' * MOST_ITEMS + b'{"type":"attachment"}\n\n' * MOST_SKIPPED)
    assert (len(envelope.items), envelope.skipped) == (MOST_ITEMS, {"attachment": MOST_SKIPPED})


def test_an_attachment_of_any_size_is_not_held() -> None:
    envelope = Envelope()
    envelope.feed(HEAD + b'{"type":"attachment","length":52428800}\n')
    for _ in range(50):
        envelope.feed(b"x" * 1_048_576)
    envelope.feed(b'\n{"type":"event"}\n{}')
    envelope.finish()
    assert (len(envelope.items), envelope.skipped, envelope.held) == (1, {"attachment": 1}, 2)
