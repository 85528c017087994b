"""Two more kinds, specimen and undriven, beside those of the package."""

from pathlib import Path

import pytest

import exporter.probes

FOLDER = Path(__file__).parent / "specimens"


@pytest.fixture(autouse=True)
def specimens(monkeypatch):
    """One more folder is all it takes to add kinds."""
    monkeypatch.setattr(exporter.probes, "__path__", [*exporter.probes.__path__, str(FOLDER)])
