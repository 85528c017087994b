"""/readyz where `web.readiness` is ingest: it fails while a spool is full (F34) or the disk is gone (F41), and recovers by itself."""

import secrets

import pytest

from tests import servers
from tests.forward.sink import sink
from tests.ingest.otlp_made import span, traces
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

pytestmark = pytest.mark.xdist_group("readiness")

CONFIG = """
web: {{readiness: {readiness}}}
forward:
  spool: {{size: 64KiB, full: refuse}}
  traces: [{{endpoint: "http://127.0.0.1:{port}", name: tempo}}]
"""
PROTOBUF = {"Content-Type": "application/x-protobuf"}
ERROR = '{"type": "error", "exception": "KeyError", "message": "no price"}'


def send(daemon: Daemon) -> int:
    """Some 20 kB that compress to no less."""
    ids = {"trace_id": secrets.token_bytes(16), "span_id": secrets.token_bytes(8)}
    body = traces(span(attributes={"db.query.text": secrets.token_hex(10_000)}, **ids))
    return daemon.request("POST", "/v1/traces", body, PROTOBUF, port=daemon.ingest_port).status


def report(daemon: Daemon) -> int:
    headers = {"Content-Type": "application/json"}
    return daemon.request("POST", "/api/v1/events", ERROR, headers, port=daemon.ingest_port).status


def ready(daemon: Daemon) -> int:
    assert daemon.get("/livez").status == 200
    of_ingest = daemon.request("GET", "/readyz", port=daemon.ingest_port).status
    assert daemon.get("/readyz").status == of_ingest
    return of_ingest


def filled(daemon: Daemon) -> None:
    assert ready(daemon) == 200
    codes = [send(daemon) for _ in range(8)]
    assert codes[0] == 200
    assert codes[-1] == 429


def test_a_full_spool_that_refuses_makes_it_unready_until_the_back_end_is_back() -> None:
    port = servers.free_port()
    with servers.daemon(CONFIG.format(readiness="ingest", port=port)) as daemon:
        filled(daemon)
        wait_until(lambda: ready(daemon) == 503, 5)
        reply = daemon.get("/readyz")
        assert reply.status == 503
        assert reply.json()["message"] == "not ready: what waits for traces of tempo takes nothing more: full"
        with sink(port):
            wait_until(lambda: ready(daemon) == 200, 45)
        assert send(daemon) == 200


def test_by_default_it_stays_ready() -> None:
    with servers.daemon(CONFIG.format(readiness="always", port=servers.free_port())) as daemon:
        filled(daemon)
        assert ready(daemon) == 200


def test_a_disk_that_is_gone_makes_it_unready_until_it_is_back() -> None:
    with sink() as back_end:
        config = CONFIG.format(readiness="ingest", port=back_end.url.rpartition(":")[2])
        with servers.daemon(config, check=False) as daemon:
            state = daemon.config_file.parent / "state"
            assert (report(daemon), send(daemon), ready(daemon)) == (200, 200, 200)
            away = state.rename(state.with_name("away"))
            state.touch()
            assert report(daemon) == 429
            assert ready(daemon) == 503
            state.unlink()
            away.rename(state)
            wait_until(lambda: ready(daemon) == 200, 5)
            assert (report(daemon), send(daemon)) == (200, 200)
