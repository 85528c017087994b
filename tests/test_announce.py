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


def test_nothing_is_broken_into_lines_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    path = "/" + "x" * 300
    assert f"state        {path}\n" in said(Plan(Config()), WEB, monkeypatch, state=path)
