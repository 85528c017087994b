"""The JSON Schema takes what load takes, and refuses most of what load refuses."""

from pathlib import Path

import jsonschema
import pytest

from exporter.config import document
from exporter.config.schema import json_schema

from tests.kinds import specimens  # noqa: F401
from tests.config.test_config import WHOLE

FOLDER = Path(__file__).parent / "bad"
# What no schema can say: relations between keys, what is beyond the file, and YAML that has no values at all.
BEYOND = {
    "timeout_over_interval", "interval_too_short", "failing_interval_too_long", "default_timeout_over_interval",
    "warning_over_critical", "warning_over_default", "warning_under_critical", "missing_driver", "kind_refuses",
    "unset_variable", "missing_file", "device_file", "relative_file", "open_brace", "odd_placeholder",
    "expanded_not_a_number", "empty_token", "maintenance_without_end", "maintenance_without_offset",
    "maintenance_backwards", "maintenance_of_nobody", "maintenance_timezone", "forward_credentials", "forward_endpoint",
    "ratio_over_one", "maintenance_misspelt", "maintenance_two_times", "unset_variable_for_a_list", "unclosed_list", "store_without_path", "threshold_unit",
    "missing_ca_file", "sql_names", "password_not_encoded", "variable_in_a_mapping", "tab", "variable_without_braces",
    "forward_headers", "forward_header_name", "forward_plain_ca", "forward_names", "forward_endpoint_twice", "forward_name", "forward_compression", "forward_events",
    "forward_trace_url", "forward_spool", "forward_sample", "heartbeat_times", "alias", "merge_key", "tag", "not_yaml", "list_at_top", "two_documents", "duplicate_key",
}  # fmt: skip
EXAMPLE = """
components:
  database: {kind: postgres, dsn: "${DATABASE_URL}", critical: true, thresholds: {latency: {warning: 500ms, critical: 2s}}}
  uploads: {kind: disk, path: /data, quota: 500GiB, thresholds: {quota: {warning: 80%}}}
  host: {kind: host}
  web: {kind: http, url: "http://x/", timeout: "${TIMEOUT:-5s}"}
"""


def valid(text: str) -> bool:
    schema = json_schema()
    return jsonschema.Draft202012Validator(schema).is_valid(document.parse(text, source="it").values)


def test_it_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("text", [WHOLE, EXAMPLE, ""])
def test_what_is_right_is_valid(text):
    assert valid(text)


@pytest.mark.parametrize(
    "path", [p for p in sorted(FOLDER.glob("*.yaml")) if p.stem not in BEYOND], ids=lambda p: p.stem
)
def test_what_is_wrong_is_marked(path):
    assert not valid(path.read_text())


@pytest.mark.parametrize(
    "text",
    [
        "components: {a: {kind: disk}}", "components: {a: {kind: disk, path: /, url: x}}", "web: {admin_tokens: [1]}",
        "components: {a: {kind: disk, path: /, thresholds: {usd: {warning: 1}}}}", "concurrency: many",
        "components: {a: {kind: disk, path: /, quota: 12 apples}}", "defaults: {interval: 15}",
    ],
)  # fmt: skip
def test_a_kinds_keys_are_checked(text):
    assert not valid(text)


def test_every_key_has_a_description_and_its_default():
    defs = json_schema()["$defs"]
    assert defs["specimen"]["properties"]["pause"]["default"] == "250ms"
    assert defs["specimen"]["properties"]["pause"]["description"] == "Pause."
    assert defs["specimen"]["properties"]["statuses"]["default"] == [200]
    assert defs["specimen"]["properties"]["kind"] == {"const": "specimen"}
    assert (defs["specimen"]["required"], defs["undriven"].get("required")) == ([], None)
    assert defs["specimen"]["oneOf"] == [{"required": ["url"]}, {"required": ["targets"]}]
    used = defs["specimen"]["properties"]["thresholds"]["properties"]["used"]
    assert used["description"] == "How full it is. By default warning 0.8, critical 0.9 (ratio, above)."
