"""Texts that are right, and the values they become."""

import dataclasses
import os
from pathlib import Path

import pytest

from exporter.component import Component, Limit
from exporter.config import Config, ConfigError, load, read
from exporter.probe import LATENCY
from exporter.config.problem import Problem
from exporter.values import Secret

from tests.kinds import specimens  # noqa: F401

WHOLE = """
service: shop
environment: production
defaults: {interval: 20s, rise: 3, failing_interval: 5s}
components:
  plain: {kind: specimen, url: http://x}
  full:
    kind: specimen
    url: http://${HOST}/
    port: ${PORT}
    ratio: ${RATIO}
    verify: ${VERIFY}
    token: Bearer ${TOKEN:-none}
    headers: {x-key: "$${literal}", x-token: "${TOKEN}"}
    interval: 1m
    timeout: 10s
    failing_interval: 2s
    rise: 1
    fall: 1
    critical: true
    team: platform
    thresholds:
      latency: {warning: off, critical: 1500ms}
      used: {warning: 70%}
      free: {warning: 3GiB, critical: off}
      queued: {warning: 10, critical: "${PORT}"}
maintenance:
  - {components: [plain], from: 2026-01-01T00:00:00Z, until: 2026-01-01T02:00:00+01:00}
forward: {traces: [{endpoint: http://collector:4317, protocol: grpc, headers: {authorization: "${TOKEN}"}}]}
tracing: {ratio: 10%}
web: {admin_tokens: ["${TOKEN}"], allowed_hosts: [shop.example]}
store: sqlite:${HOME}/state.db
concurrency: 7
"""
ENVIRON = {
    "HOST": "shop",
    "PORT": "8080",
    "RATIO": "25%",
    "VERIFY": "false",
    "TOKEN": "a-token-of-ours",
    "HOME": "/home",
}


def whole() -> Config:
    return load(WHOLE, source="it", environ=ENVIRON)


def shape(component: Component) -> dict[str, object]:
    fields = {field.name: getattr(component, field.name) for field in dataclasses.fields(component)}
    limits = [(limit.signal.name, limit.severity, limit.value) for limit in component.limits]
    return {key: value for key, value in fields.items() if key != "probe"} | {"limits": limits}


def test_a_component_takes_what_it_does_not_say_from_its_kind_and_the_defaults():
    assert shape(whole().components[0]) == {
        "name": "plain", "kind": "specimen", "interval": 20.0, "timeout": 5.0, "failing_interval": 5.0, "rise": 3, "fall": 3,
        "critical": False, "weight": 1.0, "team": "",
        "limits": [
            ("latency", "warning", 0.5), ("latency", "critical", 2.0), ("used", "warning", 0.8), ("used", "critical", 0.9),
            ("free", "warning", 2e9), ("free", "critical", 1e9),
        ],
    }  # fmt: skip


def test_a_component_says_all_of_it_itself():
    full = whole().components[1]
    assert shape(full) == {
        "name": "full", "kind": "specimen", "interval": 60.0, "timeout": 10.0, "failing_interval": 2.0, "rise": 1, "fall": 1,
        "critical": True, "weight": 3.0, "team": "platform",
        "limits": [
            ("latency", "critical", 1.5), ("used", "warning", 0.7), ("used", "critical", 0.9), ("free", "warning", 3 * 2**30),
            ("queued", "warning", 10.0), ("queued", "critical", 8080.0),
        ],
    }  # fmt: skip
    probe = full.probe
    assert (probe.url, probe.port, probe.ratio, probe.verify) == ("http://shop/", 8080, 0.25, False)
    assert probe.token == Secret("Bearer a-token-of-ours")
    assert probe.headers == {"x-key": Secret("${literal}"), "x-token": Secret("a-token-of-ours")}
    signal = dataclasses.replace(LATENCY, warning=0.5, critical=2.0)
    assert full.limits[0] == Limit(signal, "critical", 1.5)


def test_the_sections_become_values():
    config = whole()
    assert (config.service, config.environment, config.concurrency) == ("shop", "production", 7)
    assert (config.store, config.tracing.ratio) == (Path("/home/state.db"), 0.1)
    assert config.web.admin_tokens == (Secret("a-token-of-ours"),)
    assert config.web.allowed_hosts == ("shop.example",)
    (destination,) = config.forward.traces
    assert (destination.endpoint, destination.protocol, destination.timeout) == ("http://collector:4317", "grpc", 10.0)
    assert destination.headers == {"authorization": Secret("a-token-of-ours")}
    assert config.maintenance[0].covers("plain", 1767225600.0)


@pytest.mark.parametrize("text", [None, "", "# nothing\n", "---\n", "components:\nweb:\n"])
def test_nothing_is_the_default_configuration(text):
    assert load(text, source="it", environ={}) == Config()


def test_the_same_text_gives_equal_components_and_a_changed_one_differs():
    first, second = whole(), whole()
    assert first == second
    changed = load(WHOLE.replace("rise: 1", "rise: 2"), source="it", environ=ENVIRON)
    assert changed.components[0] == first.components[0]
    assert changed.components[1] != first.components[1]
    rotated = load(WHOLE, source="it", environ=ENVIRON | {"TOKEN": "another-token"})
    assert [a == b for a, b in zip(rotated.components, first.components, strict=True)] == [True, False]


@pytest.mark.parametrize(
    ("defaults", "own", "timeout"),
    [
        ("{}", "", 5.0),
        ("{interval: 2s}", "", 2.0),
        ("{}", ", interval: 3s", 3.0),
        ("{timeout: 9s}", ", interval: 30s", 9.0),
    ],
)
def test_an_inherited_timeout_is_cut_to_the_interval(defaults, own, timeout):
    text = f"defaults: {defaults}\ncomponents: {{a: {{kind: specimen, url: http://x{own}}}}}"
    assert load(text, source="it", environ={}).components[0].timeout == timeout


def test_a_value_from_the_environment_adds_no_yaml():
    text = "components: {a: {kind: specimen, url: 'http://${X}', token: '${X}'}}"
    probe = load(text, source="it", environ={"X": "x\n  b: {kind: host}\n# ${NOT_AGAIN}"}).components[0].probe
    assert probe.token == Secret("x\n  b: {kind: host}\n# ${NOT_AGAIN}")


def test_a_text_of_digits_from_the_environment_stays_a_text_where_one_is_wanted():
    config = load("service: ${X}\nconcurrency: ${X}", source="it", environ={"X": "12"})
    assert (config.service, config.concurrency) == ("12", 12)


def test_an_empty_variable_gives_way_to_the_default_and_else_is_empty():
    text = "service: '${A:-x:-y}${B:-}${B}'\nenvironment: ${A:-z}"
    config = load(text, source="it", environ={"A": "", "B": ""})
    assert (config.service, config.environment) == ("x:-y", "z")


def test_a_file_is_put_in_without_its_last_line_end(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("one\ntwo\r\n")
    assert load(f"service: ${{file:{secret}}}", source="it", environ={}).service == "one\ntwo"


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\xff", "is not UTF-8"), (b"x" * 70_000, "is larger than 64 KiB")],
)
def test_a_file_that_is_no_short_text_is_refused(tmp_path, content, message):
    path = tmp_path / "secret"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load(f"service: ${{file:{path}}}", source="it", environ={})


@pytest.mark.timeout(10)
def test_a_pipe_that_nobody_writes_holds_nothing_up(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="is not a regular file"):
        load(f"service: ${{file:{tmp_path}/pipe}}", source="it", environ={})


def test_read_tells_why_a_file_is_not_a_configuration(tmp_path):
    cases = {
        "gone.yaml": (None, Problem(0, "", "can't be read: No such file or directory")),
        "latin.yaml": (b"service: a\nenvironment: \xe9\n", Problem(2, "", "is not UTF-8")),
        "large.yaml": (b"service: \xc3\xa9" + b"\xc3\xa9" * 524_288, Problem(0, "", "is larger than 1 MiB")),
    }
    for name, (content, problem) in cases.items():
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            read(path, {})
        assert caught.value.problems == [problem]
        assert str(caught.value).startswith(f"{path}:")
    assert read(None, {}) == Config()
