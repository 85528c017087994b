"""What is printed at the start when there is little to say."""

import io
import sys

import pytest

from exporter.announce import announce
from exporter.config import Config, load
from exporter.config.discover import Found
from exporter.plan import Plan

WEB = {"web": "https://localhost:9676"}


def said(
    plan: Plan,
    urls: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    state: str = "in memory",
    *,
    configured: bool = False,
) -> str:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    announce(plan, urls, state, console=True, configured=configured)
    return shown.getvalue()


def test_nothing_to_probe_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = said(Plan(Config()), WEB, monkeypatch)
    assert "nothing: no component is configured" in shown
    assert "found in the environment" not in shown
    assert "https://localhost:9676/metrics" in shown
    assert "ingest" not in shown


def test_a_critical_component_and_the_ingest_listener_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    config = load("components: {one: {kind: host, critical: true, interval: 90s}}", source="it", environ={})
    shown = said(Plan(config), WEB | {"ingest": "http://127.0.0.1:4318"}, monkeypatch)
    assert "every 90 s, critical" in shown
    assert "http://127.0.0.1:4318" in shown


def test_markup_in_what_was_found_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Found("REDIS_URL", "redis", "redis", "[bold]host[/nonsense]:6379")
    assert "[bold]host[/nonsense]:6379" in said(Plan(Config(), [found]), WEB, monkeypatch)


def test_the_file_is_advised_only_to_who_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--config.file" in said(Plan(Config()), WEB, monkeypatch)
    assert "--config.file" not in said(Plan(Config()), WEB, monkeypatch, configured=True)


def test_health_is_the_address_for_load_balancers(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = said(Plan(Config()), WEB, monkeypatch).splitlines()
    assert [line.split() for line in shown if "health" in line] == [["health", "https://localhost:9676/health"]]


def test_it_says_whose_events_are_taken_who_may_administer_and_how_long_is_kept(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    urls = WEB | {"ingest": "http://127.0.0.1:4318"}
    bare = said(Plan(Config()), urls, monkeypatch)
    assert "no projects: any key from this machine is taken; OTLP and JSON events from this machine alone" in bare
    assert "closed: web.admin_tokens opens it" in bare
    assert "errors 30d, events 30d, alerts 7d, 2GiB at most" in bare
    text = """
ingest: {projects: {1: {keys: [abcdefgh1]}, 2: {keys: [ijklmnop1]}}, tokens: [hunter2hunter2]}
web: {admin_tokens: [hunter2hunter2]}
retention: {errors: 90m, size: 100MB}
"""
    plan = Plan(load(text, source="it", environ={}))
    shown = said(plan, urls, monkeypatch)
    assert "http://127.0.0.1:4318 (2 projects; OTLP and JSON events with 1 token; stack-exporter dsn says" in shown
    assert "open to 1 token\n" in shown
    assert "errors 90m, events 30d, alerts 7d, 100MB at most" in shown
    with caplog.at_level("INFO"):
        announce(plan, urls, "", console=False)
        announce(plan, WEB, "", console=False)
    with_it, without = (record for record in caplog.records if record.message == "taking in")
    assert vars(with_it)["ingest"] == "2 projects; OTLP and JSON events with 1 token"
    assert vars(with_it)["admin_api"] == "open to 1 token"
    assert vars(with_it)["retention"] == "errors 90m, events 30d, alerts 7d, 100MB at most"
    assert vars(without)["ingest"] == "off"
    assert "hunter2" not in shown + caplog.text


def test_what_a_file_without_components_leaves_out_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plan = Plan(Config(), unread=["DATABASE_URL", "REDIS_URL"])
    assert "DATABASE_URL, REDIS_URL in the environment would be without a file" in said(plan, WEB, monkeypatch)
    with caplog.at_level("INFO"):
        announce(plan, WEB, "", console=False)
    assert [vars(one)["not_looked_for"] for one in caplog.records if one.message == "probing"] == [
        ["DATABASE_URL", "REDIS_URL"]
    ]


def test_nothing_is_broken_into_lines_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    path = "/" + "x" * 300
    assert f"state        {path}\n" in said(Plan(Config()), WEB, monkeypatch, state=path)
