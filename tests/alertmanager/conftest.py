"""Alertmanagers of both generations that are told alerts and tell nobody."""

from collections.abc import Iterator

import pytest

from tests.alertmanager import shipped
from tests.servers.generations import NAMES, generation
from tests.servers.telemetry import Alertmanager


@pytest.fixture(scope="package", params=NAMES)
def silent(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    """Its waits never end."""
    folder, program = tmp_path_factory.mktemp("silent"), generation(request.param).alertmanager
    with shipped.alertmanager(folder, "http://127.0.0.1:1", waits="endless", program=program) as server:
        yield server
