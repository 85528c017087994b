"""An error as JSON -> an occurrence; its stack may be a text as any language prints it."""

from typing import Any

from exporter.ingest import events_forms as forms
from exporter.ingest.otlp_stack import chain
from exporter.ingest.values import Frame, Occurrence, Origin, Raised


def unfolded(event: dict[str, Any]) -> dict[str, Any]:
    """The event with the calls of its stack apart, before texts are cut and scrubbed; a copy where that changes it."""
    stack, causes = event.get("stack"), event.get("causes")
    changed: dict[str, Any] = {}
    if isinstance(causes, list) and len(causes) <= forms.MOST_CAUSES:
        changed["causes"] = [_cause(each) for each in causes]
    if isinstance(stack, str):
        found = chain(stack)
        changed["stack"] = _lines(found[-1].frames) if found else []
        if not found and stack.strip():
            changed["stack_text"] = stack
            if not (event.get("exception") or event.get("message")):
                changed["message"] = stack.strip().partition("\n")[0]
        if found:
            last = found[-1]
            # Whoever sends the trace alone has said all there is.
            changed |= {"exception": event.get("exception") or last.type, "message": event.get("message") or last.value}
        if len(found) > 1 and "causes" not in changed:
            changed["causes"] = [
                {"exception": each.type, "message": each.value, "stack": _lines(each.frames)} for each in found[:-1]
            ]
    return {**event, **changed} if changed else event


def _cause(each: Any) -> Any:
    if not isinstance(each, dict) or not isinstance(each.get("stack"), str):
        return each
    found = chain(each["stack"])
    return {**each, "stack": _lines(found[-1].frames) if found else []}


def _lines(frames: tuple[Frame, ...]) -> list[dict[str, Any]]:
    return [{"function": f.function, "module": f.module, "filename": f.filename, "lineno": f.line} for f in frames]


def occurrence(found: forms.Error, id_: str, user: str, at: float, origin: Origin, extra: dict[str, Any]) -> Occurrence:
    """Of a checked event and its scrubbed tree."""
    raised = [_raised(each.exception, each.message, each.stack, None) for each in found.causes]
    named = bool(found.exception or found.stack)
    if named:
        raised.append(_raised(found.exception or "Error", found.message, found.stack, found.handled))
    return Occurrence(
        id=id_,
        at=at,
        origin=origin,
        source="events",
        level=found.level,
        raised=tuple(raised),
        message="" if named else found.message,
        fingerprint=found.fingerprint,
        transaction=found.transaction,
        path=found.path,
        status=found.status or 0,
        code=found.code,
        severity=found.severity,
        user=user,
        trace_id=found.trace_id,
        platform=found.platform,
        logger=found.logger,
        detail=_detail(found, raised, user, extra),
    )


def _raised(type_: str, value: str, lines: tuple[forms.Line, ...], handled: bool | None) -> Raised:
    """Frames outermost first, as the stack has them."""
    frames = tuple(Frame(one.module, one.function, one.filename, one.lineno, one.in_app) for one in lines)
    return Raised(type_, value, "", frames, handled)


def _detail(found: forms.Error, raised: list[Raised], user: str, extra: dict[str, Any]) -> dict[str, Any]:
    """In the form of a Sentry event."""
    detail: dict[str, Any] = {}
    if raised:
        detail["exception"] = {"values": [_shown(each) for each in raised]}
    else:
        detail["message"] = found.message
    if found.method or found.path:
        detail["request"] = {"method": found.method, "url": found.path}
    if user:
        detail["user"] = {"id": user}
    if found.trace_id:
        detail["contexts"] = {"trace": {"trace_id": found.trace_id}}
    tags = dict(found.tags) | ({"request_id": found.request_id} if found.request_id else {})
    if tags:
        detail["tags"] = tags
    return detail | extra


def _shown(each: Raised) -> dict[str, Any]:
    frames = [
        {"function": f.function, "module": f.module, "filename": f.filename, "lineno": f.line}
        | ({} if f.in_app is None else {"in_app": f.in_app})
        for f in each.frames
    ]
    shown: dict[str, Any] = {"type": each.type, "value": each.value}
    if frames:
        shown["stacktrace"] = {"frames": frames}
    if each.handled is not None:
        shown["mechanism"] = {"type": "events", "handled": each.handled}
    return shown
