"""What of a Sentry event is kept to be shown: chosen before it is scrubbed, cut after.

A text is never cut before it is scrubbed: half of a secret no longer looks like one.
"""

from typing import Any

from exporter.ingest.sentry_fields import mapping, mappings, sequence

PLAIN = (
    *("event_id", "level", "platform", "logger", "transaction", "culprit", "server_name", "release", "environment"),
    *("dist", "user", "extra", "logentry", "message"),
)
FRAME = ("function", "module", "filename", "lineno", "colno", "in_app")
FRAMES = 50
"""From each end of a stack."""
CHAIN = 20
BREADCRUMBS = 30
SHOWN = 3
"""Frames of a stack, nearest to the error, that are shown with their lines and variables."""
LINES = 3
VARIABLES = 20
LONGEST = {"vars": 200, "breadcrumbs": 300, "extra": 1_024, "contexts": 300, "request": 1_024}
WIDEST = 50
_DULL = frozenset({"culture", "cloud_resource"})


def chosen(event: dict[str, Any]) -> dict[str, Any]:
    """A new event with the parts that are kept; nothing in it is cut yet."""
    made = {key: event[key] for key in PLAIN if event.get(key) not in (None, "", [], {})}
    exceptions = mappings(event.get("exception") or event.get("sentry.interfaces.Exception"))[-CHAIN:]
    if exceptions:
        made["exception"] = {"values": [_exception(one) for one in exceptions]}
    if not exceptions or not any(one.get("stacktrace") for one in exceptions):
        stack = _elsewhere(event)
        if stack and exceptions:
            made["exception"]["values"][-1]["stacktrace"] = _stack(stack)
        elif stack:
            made["threads"] = {"values": [{"current": True, "stacktrace": _stack(stack)}]}
    if tags := pairs(event.get("tags")):
        made["tags"] = tags
    if contexts := {key: value for key, value in mapping(event.get("contexts")).items() if key not in _DULL}:
        made["contexts"] = contexts
    if request := mapping(event.get("request") or event.get("sentry.interfaces.Http")):
        made["request"] = {**request, "headers": pairs(request.get("headers"))}
    if breadcrumbs := mappings(event.get("breadcrumbs"))[-BREADCRUMBS:]:
        made["breadcrumbs"] = {"values": breadcrumbs}
    if fingerprint := sequence(event.get("fingerprint")):
        made["fingerprint"] = fingerprint[:WIDEST]
    if sdk := mapping(event.get("sdk")):
        made["sdk"] = {key: sdk[key] for key in ("name", "version") if key in sdk}
    return made


def pairs(value: Any) -> dict[str, Any]:
    """Tags and headers, which are a mapping, or a list of pairs, or of mappings with key and value."""
    if isinstance(value, dict):
        return value
    found = {}
    for one in sequence(value):
        if isinstance(one, list) and len(one) == 2:
            found[str(one[0])] = one[1]
        elif isinstance(one, dict) and "key" in one:
            found[str(one["key"])] = one.get("value")
    return found


def shortened(event: dict[str, Any]) -> dict[str, Any]:
    """The event, which was scrubbed, with long texts in it cut."""
    for key, longest in LONGEST.items():
        if key in event:
            event[key] = _cut(event[key], longest)
    for stack in stacks(event):
        for frame in mappings(stack.get("frames")):
            if "vars" in frame:
                frame["vars"] = _cut(frame["vars"], LONGEST["vars"])
    return event


def stacks(event: dict[str, Any]) -> list[dict[str, Any]]:
    held = (*mappings(event.get("exception")), *mappings(event.get("threads")))
    return [mapping(one.get("stacktrace")) for one in held]


def _exception(one: dict[str, Any]) -> dict[str, Any]:
    made = {key: one[key] for key in ("type", "value", "module") if one.get(key) is not None}
    if mechanism := mapping(one.get("mechanism")):
        made["mechanism"] = {key: mechanism[key] for key in ("type", "handled") if key in mechanism}
    if one.get("stacktrace"):
        made["stacktrace"] = _stack(mapping(one["stacktrace"]))
    return made


def _elsewhere(event: dict[str, Any]) -> dict[str, Any]:
    """The stack of an event whose exceptions have none: of the thread that crashed, or of the event itself."""
    threads = mappings(event.get("threads"))
    for key in ("crashed", "current"):
        for thread in threads:
            if thread.get(key) and thread.get("stacktrace"):
                return mapping(thread["stacktrace"])
    return mapping(event.get("stacktrace") or event.get("sentry.interfaces.Stacktrace"))


def _stack(stack: dict[str, Any]) -> dict[str, Any]:
    frames = mappings(sequence(stack.get("frames")))
    if len(frames) > 2 * FRAMES:
        frames = [*frames[:FRAMES], *frames[-FRAMES:]]
    ours = [index for index, frame in enumerate(frames) if frame.get("in_app")] or range(len(frames))
    shown = set(ours[-SHOWN:])
    return {"frames": [_frame(frame, shown=index in shown) for index, frame in enumerate(frames)]}


def _frame(frame: dict[str, Any], *, shown: bool) -> dict[str, Any]:
    made = {key: frame[key] for key in FRAME if frame.get(key) is not None}
    path = frame.get("abs_path")
    # A script that is run has no more than its own name, where a traceback has its path.
    if isinstance(path, str) and "/" in path and "/" not in str(made.get("filename", "")):
        made["abs_path"] = path
    if shown:
        if frame.get("context_line"):
            made["pre_context"] = sequence(frame.get("pre_context"))[-LINES:]
            made["context_line"] = frame["context_line"]
            made["post_context"] = sequence(frame.get("post_context"))[:LINES]
        if held := mapping(frame.get("vars")):
            made["vars"] = dict(list(held.items())[:VARIABLES])
    return made


def _cut(value: Any, longest: int) -> Any:
    """In place: what was scrubbed is a tree of our own."""
    kind = type(value)
    if kind is str:
        return value if len(value) <= longest else f"{value[: longest - 1]}…"
    if kind is dict:
        for key in list(value)[WIDEST:]:
            del value[key]
        parts = value.items()
    elif kind is list:
        del value[WIDEST:]
        parts = enumerate(value)
    else:
        return value
    for key, each in parts:
        kind = type(each)
        if kind is str:
            if len(each) > longest:
                value[key] = f"{each[: longest - 1]}…"
        elif kind is dict or kind is list:
            _cut(each, longest)
    return value
