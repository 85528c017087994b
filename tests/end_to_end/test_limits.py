"""File descriptors run out, bodies come by the dozen, the wall clock jumps: the daemon goes on, and recovers by itself."""

import contextlib
import os
import resource
import socket
import sys
import threading
import time
from pathlib import Path

import psutil

from tests import hostile, servers
from tests.polling import polling
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

JUMPING_CLOCK = Path(__file__).parent / "programs" / "jumping_clock.py"
TOKEN = {"Authorization": "Bearer a-token-of-ours"}
CONFIG = "web: {admin_tokens: [a-token-of-ours]}\ndefaults: {interval: 200ms, timeout: 200ms}\ncomponents: {one: {kind: host}}\n"
RUNS = 'stack_probe_duration_seconds_count{component="one",kind="host"}'


def test_200_connections_at_64_descriptors_are_recovered_from_within_two_seconds() -> None:
    few = ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh", sys.executable, "-m", "exporter"]
    with hostile.serving(hostile.says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as site:
        more = CONFIG + f'  site: {{kind: http, url: "{site.url}"}}\n'
        config = more.replace("components: {one: {kind: host}}", "components:\n  one: {kind: host}")
        with servers.daemon(config, program=few) as daemon, contextlib.ExitStack() as stack:
            wait_until(lambda: daemon.metrics().get('stack_probe_success{component="site",kind="http"}') == 1)
            lines = len(daemon.log.splitlines())
            before = daemon.metrics()[RUNS]
            for port in (daemon.port, daemon.ingest_port):
                for _ in range(100):
                    client = stack.enter_context(socket.socket())
                    client.setblocking(False)
                    client.connect_ex((daemon.host, port))
            time.sleep(1)
            assert len(os.listdir(f"/proc/{daemon.pid}/fd")) <= 64
            stack.close()
            released = time.monotonic()
            wait_until(lambda: _answers(daemon), 2)
            assert time.monotonic() - released <= 2
            wait_until(lambda: daemon.metrics().get('stack_component_up{component="site",kind="http"}') == 1, 5)
            after = daemon.metrics()
            assert after[RUNS] > before
            # Descriptors are set aside: no probe went without.
            bad = 'stack_probe_runs_total{component="site",kind="http",result="unhealthy"'
            assert {series: value for series, value in after.items() if series.startswith(bad) and value} == {}
            assert len(daemon.log.splitlines()) - lines <= 12
            assert 'task_restarts_total{task="lag"} 0' in daemon.get("/metrics").text


def test_it_takes_the_descriptors_that_it_may() -> None:
    few = ["sh", "-c", 'ulimit -S -n 128; exec "$@"', "sh", sys.executable, "-m", "exporter"]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with servers.daemon("", program=few) as daemon:
        soft = psutil.Process(daemon.pid).rlimit(psutil.RLIMIT_NOFILE)[0]
    assert soft == (65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536))


def _answers(daemon: Daemon) -> bool:
    with contextlib.suppress(OSError):
        return daemon.get("/livez", timeout=1).status == 200
    return False


def test_50_bodies_at_once_of_any_size_leave_memory_and_answers_as_they_were() -> None:
    with servers.daemon(CONFIG) as daemon:
        wait_until(lambda: daemon.metrics().get(RUNS, 0) >= 2)
        process = psutil.Process(daemon.pid)
        before, most = process.memory_info().rss, 0
        statuses: list[int] = []

        def send(size: int) -> None:
            with contextlib.suppress(OSError):
                statuses.append(daemon.post("/-/reload", b"x" * size, TOKEN).status)

        with polling(daemon, "/livez") as polled:
            for size in (64 * 1024, 16 * 2**20):
                threads = [threading.Thread(target=send, args=(size,)) for _ in range(50)]
                for thread in threads:
                    thread.start()
                while any(thread.is_alive() for thread in threads):
                    most = max(most, process.memory_info().rss)
                    time.sleep(0.01)
        assert polled.bad == []
        assert set(statuses) <= {200, 413, 429, 503}
        assert {200, 413} <= set(statuses)
        assert most - before < 64 * 2**20
        assert most < 256 * 2**20


def test_a_wall_clock_that_jumps_an_hour_causes_no_burst_and_no_pause() -> None:
    with servers.daemon(CONFIG, program=[sys.executable, str(JUMPING_CLOCK)]) as daemon:
        wait_until(lambda: daemon.metrics().get(RUNS, 0) >= 3)
        with polling(daemon, "/livez") as polled:
            for offset in (3600, -3600, 0):
                (daemon.folder / "offset").write_text(str(offset))
                before, began = daemon.metrics()[RUNS], time.monotonic()
                time.sleep(1.2)
                runs, took = daemon.metrics()[RUNS] - before, time.monotonic() - began
                assert took / 0.2 * 0.6 - 1 <= runs <= took / 0.2 * 1.15 + 2
                at = daemon.metrics()['stack_probe_last_run_timestamp_seconds{component="one",kind="host"}']
                assert abs(at - time.time() - offset) < 5
        assert polled.bad == []
        assert daemon.get("/health/one").status == 200
