"""A real Prometheus scrapes the daemon with every kind configured; a real collector has the traces of its exemplars."""

import gzip
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from exporter import catalogue
from tests.end_to_end.everything import Everything, everything
from tests.pages import parsed, parsed_openmetrics
from tests.servers import Server
from tests.servers.process import wait_until
from tests.servers.rabbitmq import RabbitMQ

# RabbitMQ takes longer to start than all others together, so it is the one that its own tests have.
pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("rabbitmq")]
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: Server, rabbitmq_server: RabbitMQ
) -> Iterator[Everything]:
    with everything(tmp_path_factory.mktemp("everything"), postgres_server, rabbitmq_server) as running:
        yield running


def test_there_is_a_component_of_every_kind(stack: Everything) -> None:
    assert stack.kinds == set(catalogue.kinds())


def test_strict_parsers_take_the_live_page_in_both_formats(stack: Everything) -> None:
    text = stack.daemon.get("/metrics")
    openmetrics = stack.daemon.get("/metrics", OPENMETRICS)
    assert text.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    plain, strict = parsed(text.text), parsed_openmetrics(openmetrics.text)
    assert {name for name, _ in plain if name.startswith("stack_")} == {
        name for name, _ in strict if name.startswith("stack_")
    }
    assert openmetrics.text.endswith("\n# EOF\n")
    assert ' # {trace_id="' in openmetrics.text
    assert " # {" not in text.text


def test_gzip_is_the_same_page(stack: Everything) -> None:
    packed = stack.daemon.get("/metrics", {"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    names = {line.split("{")[0].split(" ")[0] for line in gzip.decompress(packed.body).decode().splitlines()}
    assert {"stack_probe_success", "stack_redis_memory_used_bytes", "process_open_fds"} <= names


def test_every_kind_has_its_own_series(stack: Everything) -> None:
    text = stack.daemon.get("/metrics").text
    for kind in catalogue.kinds():
        assert f"\nstack_{kind}_" in text, kind


def test_promtool_has_nothing_to_say_to_the_live_page(stack: Everything) -> None:
    promtool = shutil.which("promtool")
    assert promtool, "promtool is not installed: make packages"
    page = stack.daemon.get("/metrics").body
    said = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, timeout=30)
    assert (said.returncode, said.stdout, said.stderr) == (0, b"", b"")


def test_a_real_prometheus_scrapes_it_and_stores_exemplars_whose_traces_the_collector_has(stack: Everything) -> None:
    began, prometheus = time.time(), stack.prometheus
    wait_until(lambda: [one["value"][1] for one in prometheus.query('up{job="stack"}')] == ["1"], 30)
    successes = prometheus.query("stack_probe_success")
    assert {one["metric"]["component"]: one["value"][1] for one in successes} == {
        **{f"a_{kind}": "1" for kind in catalogue.kinds()}, "gone": "0",
    }  # fmt: skip
    shown = {name for name, _ in parsed(stack.daemon.get("/metrics").text)}
    wait_until(lambda: shown <= {one["metric"]["__name__"] for one in prometheus.query('{job="stack"}')}, 5)
    query = f"/api/v1/query_exemplars?query=stack_probe_duration_seconds_bucket&start={began - 60}&end={began + 60}"
    components = {one["metric"]["component"] for one in successes}

    def exemplars() -> list[dict[str, Any]]:
        found = prometheus.get(query).json()["data"]
        return found if {one["seriesLabels"]["component"] for one in found} == components else []

    found = wait_until(exemplars, 10, "each component has exemplars")
    ids = {exemplar["labels"]["trace_id"] for one in found for exemplar in one["exemplars"]}
    assert all(len(one) == 32 for one in ids)
    # A span waits 5 s at most before it is sent, by both protocols.
    wait_until(lambda: [one for one in ids if stack.collector.log.count(one) >= 2], 15)


def test_every_component_is_healthy_but_the_one_that_is_gone(stack: Everything) -> None:
    """Among them the kind prometheus, which demands that Prometheus scrapes this daemon."""

    def ailing() -> dict[str, str]:
        names = [*(f"a_{kind}" for kind in stack.kinds), "gone"]
        found = {name: stack.daemon.get(f"/health/{name}").json()["data"] for name in names}
        # How full and busy this machine is may well be beyond a threshold.
        return {name: one["reason"] for name, one in found.items() if one["reason"] not in ("", None, "threshold")}

    wait_until(lambda: ailing() == {"gone": "refused"}, 15, what="all others are healthy")
