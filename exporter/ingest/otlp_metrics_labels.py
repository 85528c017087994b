"""Attributes of OTLP as labels: scrubbed, cleaned, cut, and merged where two keys become one name."""

import base64
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

import msgspec
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from exporter.ingest.otlp_metrics_names import label_name
from exporter.ingest.ports import Scrubber
from exporter.metric import label_value
from exporter.sample import escaped

LONGEST_VALUE = 128
"""Bytes of a label's value."""
LONGEST_TEXT = 8_192
"""Characters of a text that are looked at."""
DEEPEST = 16
MOST = 64
"""Attributes of a point or a resource that become labels."""

Labels = dict[str, str]


class TooMany(Exception):  # noqa: N818 - says the fact
    """More attributes than a series may have labels."""


def labels(attributes: Iterable[KeyValue], scrubber: Scrubber, prefix: str = "") -> Labels:
    """Label names and values, sorted by name. Raises TooMany. An empty value is no label: Prometheus has none such."""
    given: dict[str, Any] = {}
    for attribute in attributes:
        if len(given) >= MOST:
            raise TooMany(f"there are more than {MOST} attributes")
        if attribute.key:
            given[attribute.key[:LONGEST_TEXT]] = _value(attribute.value, 0)
    found: Labels = {}
    for key, value in sorted(scrubber.tree(given).items()) if given else ():
        name, text = label_name(prefix + key), _text(value)
        if text:
            found[name] = f"{found[name]};{text}" if name in found else text
    return {name: shortened(found[name]) for name in sorted(found)}


def scope_labels(scope: InstrumentationScope, schema_url: str, scrubber: Scrubber) -> Labels:
    """Who measured: the instrumentation's name, version, schema and attributes."""
    own = {"name": scope.name, "version": scope.version, "schema_url": schema_url}
    told = {f"otel_scope_{key}": shortened(scrubber.text(text[:LONGEST_TEXT])) for key, text in own.items() if text}
    return labels(scope.attributes[:MOST], scrubber, "otel_scope_") | {key: text for key, text in told.items() if text}


def resource_labels(resource: Resource, scrubber: Scrubber) -> tuple[Labels, Labels]:
    """`job` and `instance`; and the labels of target_info, which has what else is known of the resource."""
    service: dict[str, str] = {}
    rest = []
    for attribute in resource.attributes:
        if attribute.key in ("service.name", "service.namespace", "service.instance.id"):
            service[attribute.key] = scrubber.text(_text(_value(attribute.value, 0))[:LONGEST_TEXT])
        else:
            rest.append(attribute)
    job = "/".join(filter(None, (service.get("service.namespace", ""), service.get("service.name", ""))))
    who = {"job": shortened(job), "instance": shortened(service.get("service.instance.id", ""))}
    who = {name: text for name, text in who.items() if text}
    return who, labels(rest[:MOST], scrubber)


def pairs(found: Mapping[str, str]) -> str:
    """As they stand between the braces."""
    return ",".join([f'{name}="{escaped(text)}"' for name, text in found.items()])


def shortened(text: str) -> str:
    """Without controls, and at most LONGEST_VALUE bytes."""
    clean = label_value(text)
    if len(clean) * 4 <= LONGEST_VALUE:
        return clean
    raw = clean.encode()
    return clean if len(raw) <= LONGEST_VALUE else raw[:LONGEST_VALUE].decode(errors="ignore")


def _text(value: Any) -> str:
    """A value as OpenTelemetry spells it where only text may stand."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return msgspec.json.encode(value).decode()


def _value(value: AnyValue, depth: int) -> Any:
    """A value as JSON has it; what is nested too deeply is left out, bytes are base64."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value[:LONGEST_TEXT]
    if kind in ("bool_value", "int_value"):
        return getattr(value, kind)
    if kind == "double_value":
        number = value.double_value
        return number if isfinite(number) else str(number)
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value[:LONGEST_VALUE]).decode()
    if depth >= DEEPEST or kind is None:
        return None
    if kind == "array_value":
        return [_value(one, depth + 1) for one in value.array_value.values[:MOST]]
    if kind == "kvlist_value":
        return {one.key: _value(one.value, depth + 1) for one in value.kvlist_value.values[:MOST]}
    return None
