"""What is printed at the start when there is little to say."""

import io
import sys

import pytest

from exporter.announce import announce
from exporter.config import Config, load
from exporter.config.discover import Found
from exporter.plan import Plan

WEB = {"web": "https://localhost:9676"}


def said(plan: Plan, urls: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    announce(plan, urls, "in memory", console=True)
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
