"""The ways in which an event comes in, and the ways in which anything of it could come out."""

import json
import re
import sqlite3
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exporter.store.compression import Dictionary, decompressed
from tests.servers.exporters import Daemon

TOKEN = "token-of-the-admin-0123"  # noqa: S105 - of this test
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
KEY = "0123456789abcdef0123456789abcdef"
LISTS = ("errors", "events", "security-events", "performance", "logs", "alerts", "report", "status")


def _event(vector: dict[str, Any]) -> dict[str, Any]:
    return {"event_id": uuid.uuid4().hex, "timestamp": time.time(), "level": "error", "platform": "python"} | vector[
        "event"
    ]


def envelope(daemon: Daemon, vector: dict[str, Any]) -> str:
    """An error and a transaction, with the vector in both; the error's id."""
    event = _event(vector)
    spans = [{"span_id": "ab" * 8, "trace_id": "cd" * 16, "op": "db", "start_timestamp": 1.0, "timestamp": 2.0}]
    transaction = event | {"type": "transaction", "event_id": uuid.uuid4().hex, "start_timestamp": time.time() - 1}
    transaction |= {"transaction": event.get("transaction", f"GET /{vector['id']}"), "spans": event.get("spans", spans)}
    transaction["contexts"] = {"trace": {"trace_id": "cd" * 16, "span_id": "ef" * 8, "op": "http.server"}}
    lines: list[Any] = [{"event_id": event["event_id"]}, {"type": "event"}, event, {"type": "transaction"}, transaction]
    body = "\n".join(map(json.dumps, lines)).encode()
    _sent(daemon, f"/api/1/envelope/?sentry_key={KEY}", body, "application/x-sentry-envelope")
    return str(event["event_id"])


def items(daemon: Daemon, vector: dict[str, Any]) -> None:
    """What else an envelope may hold: logs, spans of the second form, feedback, a session."""
    event, now = vector["event"], time.time()
    said = event.get("message") or json.dumps(event)
    attributes = {key: {"value": each, "type": "string"} for key, each in flat(event).items()}
    ids = {"trace_id": uuid.uuid4().hex, "span_id": uuid.uuid4().hex[:16]}
    log = {"timestamp": now, "level": "error", "body": said, "attributes": attributes, **ids}
    times = {"start_timestamp": now - 1, "end_timestamp": now, "status": "error", "is_segment": True}
    span = {"name": event.get("transaction", said[:200]), "attributes": attributes, **times, **ids}
    feedback = _event(vector) | {"contexts": {"feedback": {"message": said, "contact_email": "bob@example.com"}}}
    session = {"sid": str(uuid.uuid4()), "did": "bob@example.com", "init": True, "status": "crashed", "errors": 1}
    session |= {"started": "2026-11-22T13:16:12Z", "attrs": {"release": "a@1", "ip_address": "73.133.27.121"}}
    lines = [
        {"event_id": feedback["event_id"]},
        *({"type": "log", "item_count": 1, "content_type": "application/vnd.sentry.items.log+json"}, {"items": [log]}),
        *(
            {"type": "span", "item_count": 1, "content_type": "application/vnd.sentry.items.span.v2+json"},
            {"items": [span]},
        ),
        *({"type": "feedback"}, feedback, {"type": "session"}, session),
        *({"type": "no" + said}, {"message": said}),
    ]
    body = "\n".join(map(json.dumps, lines)).encode()
    _sent(daemon, f"/api/1/envelope/?sentry_key={KEY}", body, "application/x-sentry-envelope")


def store(daemon: Daemon, vector: dict[str, Any]) -> str:
    event = _event(vector)
    _sent(daemon, f"/api/1/store/?sentry_key={KEY}", json.dumps(event).encode())
    return str(event["event_id"])


def events(daemon: Daemon, vector: dict[str, Any]) -> None:
    event = vector["event"]
    said = event.get("message") or json.dumps(event.get("exception", "nothing"))
    fields = {"message": said, "context": event, "user": event.get("user", {}).get("id")}
    route = str(event.get("transaction", f"/{vector['id']}"))
    several = [
        {"type": "error", "exception": "PiiError", "transaction": route, "tags": _tags(event), **fields},
        {"type": "security", "name": "brute_force", **fields},
        {"type": "business", "name": "order_placed", **fields},
        {"type": "operation", "name": route[:200], "duration": 1.0},
        {"type": "request", "method": "GET", "status": 500, "duration": 1.0, "path": route},
    ]
    _sent(daemon, "/api/v1/events", json.dumps(several).encode())


def traces(daemon: Daemon, vector: dict[str, Any]) -> None:
    """A span with the vector as attributes, flat and nested, and an exception on it."""
    event, now = vector["event"], str(time.time_ns())
    values = event.get("exception", {}).get("values", [{"type": "PiiError", "value": event.get("message", "")}])
    raised = {"exception.type": values[0]["type"], "exception.message": values[0]["value"] or json.dumps(event)}
    raised["exception.stacktrace"] = f"Traceback (most recent call last):\n  File x\nPiiError: {json.dumps(event)}"
    span = {
        "traceId": uuid.uuid4().hex,
        "spanId": uuid.uuid4().hex[:16],
        "name": event.get("transaction", f"GET /{vector['id']}"),
        "kind": 2,
        "startTimeUnixNano": now,
        "endTimeUnixNano": now,
        "attributes": _attributes(event | flat(event) | {"http.request.method": "GET", "whole": json.dumps(event)}),
        "events": [{"name": "exception", "timeUnixNano": now, "attributes": _attributes(raised | flat(event))}],
        "status": {"code": 2, "message": json.dumps(event)},
    }
    resource = {"attributes": _attributes({"service.name": "otel", **event.get("extra", {})})}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
    _sent(daemon, "/v1/traces", json.dumps(body).encode())


def logs(daemon: Daemon, vector: dict[str, Any]) -> None:
    event = vector["event"]
    bodies = [_value(event), _value(json.dumps(event)), _value(event.get("message") or str(event))]
    records = [
        {
            "timeUnixNano": str(time.time_ns()),
            "severityNumber": 17,
            "body": body,
            "attributes": _attributes(flat(event)),
        }
        for body in bodies
    ]
    resource = {"attributes": _attributes({"service.name": "otel-logs"})}
    _sent(
        daemon,
        "/v1/logs",
        json.dumps({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": records}]}]}).encode(),
    )


def flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {key: each for name in value for key, each in flat(value[name], f"{path}.{name}".strip(".")).items()}
    return {path: value}


def out(daemon: Daemon) -> dict[str, str]:
    """Whatever it serves, by where it is served."""
    found = {"/metrics": daemon.get("/metrics").text, "/": daemon.get("/", ADMIN).text, "log": daemon.log}
    for name in LISTS:
        for path, reply in _pages(daemon, f"/api/v1/{name}"):
            found[path] = plain(reply)
            for error in json.loads(reply)["data"] if name == "errors" else ():
                one = f"/api/v1/errors/{error['id']}"
                found |= {path: plain(daemon.get(path, ADMIN).text) for path in (one, f"{one}/occurrences")}
    return found


def _pages(daemon: Daemon, path: str) -> Iterator[tuple[str, str]]:
    cursor = ""
    while True:
        asked = f"{path}?cursor={cursor}" if cursor else path
        reply = daemon.get(asked, ADMIN)
        assert reply.status == 200, (asked, reply.text)
        yield asked, reply.text
        cursor = reply.json()["metadata"].get("next", "")
        if not cursor:
            return


def occurrence(daemon: Daemon, event_id: str) -> str:
    return plain(daemon.get(f"/api/v1/occurrences/{event_id}", ADMIN).text)


def written(folder: Path) -> dict[str, str]:
    """Every byte of the store's files, and what its compressed bodies hold."""
    found = {file.name: file.read_bytes().decode(errors="replace") for file in folder.iterdir() if file.is_file()}
    bodies = [*_bodies(folder)]
    assert len(bodies) > 10
    return found | {"bodies": "\n".join(bodies)}


def _bodies(folder: Path) -> Iterator[str]:
    for file in folder.glob("stack-exporter.db"):
        base = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        samples = {}
        for key, body in base.execute("SELECT key, body FROM stack_samples"):
            content = decompressed(body)
            samples[key] = Dictionary(content)
            yield plain(content.decode())
        for table in ("stack_occurrences", "stack_occasions"):
            chosen = "sample, body" if table == "stack_occurrences" else "0, body"
            for sample, body in base.execute(f"SELECT {chosen} FROM {table}"):  # noqa: S608 - constants
                yield plain(decompressed(body, samples.get(sample)).decode())
        base.close()


def plain(text: str) -> str:
    """JSON as it was before it was escaped, so that what is looked for is found."""
    try:
        text = json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text
    return text + re.sub(r"\\+", "", text)


def _tags(event: dict[str, Any]) -> dict[str, Any]:
    return dict(event.get("tags", []))


def _attributes(value: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(each)} for key, each in value.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _attributes(value)}}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(each) for each in value]}}
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": str(value)}


def _sent(daemon: Daemon, path: str, body: bytes, kind: str = "application/json") -> None:
    reply = daemon.request("POST", path, body, {"Content-Type": kind}, port=daemon.ingest_port)
    assert reply.status in (200, 202), (path, reply.status, reply.text)
