"""Proposals as the text of exporter.yaml, with comments for whoever reads it first."""

import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from exporter.init.proposal import Proposal, Remark

_PLAIN = re.compile(r"[A-Za-z/$][A-Za-z0-9_./${}-]*(:[^\s:#][^\s#]*)*")
_WORDS = ("true", "false", "null", "yes", "no", "on", "off")


def text(
    project: str, found: Sequence[Proposal], remarks: Sequence[Remark], sources: Sequence[str], sentry: str = ""
) -> str:
    """The whole file. `sentry`: where SENTRY_DSN is named, when it is."""
    return "\n".join(_lines(project, found, remarks, sources, sentry)) + "\n"


def _lines(
    project: str, found: Sequence[Proposal], remarks: Sequence[Remark], sources: Sequence[str], sentry: str
) -> Iterator[str]:
    told = ", ".join(sources) or "nothing: no file here says anything"
    yield f"# Written by `stack-exporter init` from {told}; yours to edit."
    yield "# ${NAME} is a variable of the environment, ${NAME:-x} the same with a default. Secrets stay out of here."
    yield "# Every key: docs/configuration.md; every metric, threshold and reason: stack-exporter metrics."
    yield f"service: {_scalar(re.sub(r'[^A-Za-z0-9_.-]+', '-', project) or 'app')}"
    yield "environment: ${ENVIRONMENT:-production}"
    yield ""
    yield "# How often each is probed and when a run counts as failed, unless a component says otherwise."
    yield "defaults: {interval: 15s, timeout: 5s, rise: 2, fall: 3}"
    yield ""
    if any(one.origin.startswith(("service ", "health check of service ")) for one in found):
        yield "# Names of Compose services resolve inside their network: run the daemon there, as one more service."
    yield "components:"
    yield "  # This machine: load, memory, and what its cgroup allows."
    yield "  host: {kind: host}"
    for one in found:
        yield ""
        yield f"  # {one.origin}" + (f"; {one.note}" if one.note else "")
        yield f"  {one.name}:"
        yield f"    kind: {one.kind}"
        yield from _fields(one.fields, "    ")
        if one.critical:
            yield "    critical: true  # when it is down, all is: /health answers 503"
    yield ""
    yield from _ingest(sentry)
    yield ""
    yield "# Who may see messages and history, and reload: curl -H 'Authorization: Bearer …'"
    yield '# web: {admin_tokens: ["${ADMIN_TOKEN}"]}'
    yield "# Where the application's spans go on to, and those of the probes; without it, to what the variable"
    yield "# OTEL_EXPORTER_OTLP_ENDPOINT names, if it is another than the daemon:"
    yield '# forward: {traces: [{endpoint: "http://collector:4318"}]}'
    if remarks:
        yield ""
        yield "# Found, and left out:"
        yield from (f"# - {' '.join(remark.text.split())}" for remark in remarks)


def _ingest(sentry: str) -> Iterator[str]:
    """What the application may send, in force where it has an SDK of Sentry already."""
    yield "# What the application sends of itself: errors, requests, operations, events (docs/ingest.md)."
    yield "# `stack-exporter dsn` says what to put into Sentry's SDK; without a project, any key from here will do."
    if sentry:
        yield f"# {sentry} says that there is one: it sends here with the DSN that is printed for this project."
        yield "# Its key is public, as browsers show it; it was made just now."
        yield "ingest:"
        yield "  projects:"
        yield f'    "1": {{keys: ["{secrets.token_hex(16)}"]}}'
    else:
        yield '# ingest: {projects: {"1": {keys: ["${SENTRY_KEY}"]}}}'
    yield "# From when on work is slow, and what errors are worth:"
    yield "# operations: {checkout: {slow: 5s}}"
    yield "# classes: {PaymentRefused: {severity: high}, 404: {severity: low}}"


def _fields(fields: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, value in fields.items():
        if isinstance(value, Mapping) and any(isinstance(one, Mapping) for one in value.values()):
            yield f"{indent}{_quoted(key)}:"
            yield from _fields(value, indent + "  ")
        else:
            yield f"{indent}{_quoted(key)}: {_flow(value)}"


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_quoted(key)}: {_quoted(one)}" for key, one in value.items()) + "}"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return "[" + ", ".join(map(_quoted, value)) + "]"
    return _scalar(value)


def _quoted(value: Any) -> str:
    """Within braces, where ${…} would end them."""
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_/][A-Za-z0-9_./-]*", value) and value not in _WORDS:
        return value if not value[0].isdigit() or not value.isdigit() else json.dumps(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else _flow(value)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
