"""An AnyValue as a tree that the scrubber takes, and what it made of the tree put back into the message."""

from typing import Any

_INT64 = 1 << 63


def as_tree(given: Any) -> Any:
    """All of it; bytes as a text where they are UTF-8, else as nothing."""
    match given.WhichOneof("one"):
        case "string_value":
            return given.string_value.decode(errors="replace")
        case "bytes_value":
            return _text(given.bytes_value)
        case "array_value":
            return [as_tree(each) for each in given.array_value.values]
        case "kvlist_value":
            return {pair.key.decode(errors="replace"): as_tree(pair.value) for pair in given.kvlist_value.values}
        case None:
            return None
        case name:
            return getattr(given, name)


def put(into: Any, old: Any, new: Any) -> None:
    """Change what differs; what the message holds beside it stays."""
    if old is new or (old == new and type(old) is type(new)):
        return
    which = into.WhichOneof("one")
    if which == "array_value" and isinstance(new, list) and len(new) == len(old):
        for each, before, after in zip(into.array_value.values, old, new, strict=True):
            put(each, before, after)
    elif which == "kvlist_value" and isinstance(new, dict) and list(new) == list(old):
        pairs = {pair.key.decode(errors="replace"): pair for pair in into.kvlist_value.values}
        for key, pair in pairs.items():
            put(pair.value, old[key], new[key])
        if len(pairs) != len(into.kvlist_value.values):  # of the same name twice the last was looked at
            kept = [pair.SerializeToString() for pair in pairs.values()]
            del into.kvlist_value.values[:]
            for each in kept:
                into.kvlist_value.values.add().MergeFromString(each)
    elif which == "bytes_value" and isinstance(new, str):
        into.bytes_value = new.encode(errors="replace")
    else:
        _write(into, new)


def _write(into: Any, value: Any) -> None:
    into.Clear()
    if isinstance(value, bool):
        into.bool_value = value
    elif isinstance(value, int):
        into.int_value = max(-_INT64, min(value, _INT64 - 1))
    elif isinstance(value, float):
        into.double_value = value
    elif isinstance(value, str):
        into.string_value = value.encode(errors="replace")
    elif isinstance(value, list):
        into.array_value.SetInParent()
        for each in value:
            _write(into.array_value.values.add(), each)
    elif isinstance(value, dict):
        into.kvlist_value.SetInParent()
        for key, each in value.items():
            pair = into.kvlist_value.values.add()
            pair.key = key.encode(errors="replace")
            _write(pair.value, each)


def _text(octets: bytes) -> str | None:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return None
