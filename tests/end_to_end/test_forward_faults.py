"""Forwarding while things go wrong around it: the end of the process, a reload, secrets, a disk that is full (F41, F43, F44, F53)."""

import os
import random
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from tests import hostile, servers
from tests.command import environment
from tests.end_to_end.test_forward_signals import PROTOBUF, post, span
from tests.forward.sink import Sink, sink
from tests.polling import polling
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

ITEMS = 'stack_exporter_spool_items{signal="traces",backend="0"}'
TOKEN = {"Authorization": "Bearer a-token-of-ours"}
ADMIN = "web: {admin_tokens: [a-token-of-ours]}\n"
SECRET = "tempo-token-4711-canary"


def traces(url: str, **more: str) -> str:
    fields = "".join(f", {key}: {value}" for key, value in more.items())
    return f'{ADMIN}forward: {{traces: [{{endpoint: "{url}"{fields}}}]}}\n'


def names(back: Sink) -> list[str]:
    return [span.name for span in back.spans]


def test_a_sigterm_while_the_back_end_is_mute_ends_in_time_and_the_next_start_delivers() -> None:
    with sink() as back:
        back.released.clear()
        with servers.daemon(traces(back.url), check=False) as daemon:
            for number in range(1, 11):
                post(daemon, "/v1/traces", span(number))
            wait_until(lambda: back.paths)
            began = time.monotonic()
            assert daemon.stop(8.0) == 0
            assert time.monotonic() - began < 8
            back.released.set()
            daemon.start()
            wait_until(lambda: len(set(names(back))) == 10, 30)
            wait_until(lambda: daemon.metrics()[ITEMS] == 0)
            assert not [n for n, v in daemon.metrics().items() if "forward_dropped" in n and v]


def test_what_was_acknowledged_before_kill_9_at_any_moment_is_delivered() -> None:
    """Three rounds at random moments; the spool's own tests have ten more."""
    acknowledged: list[int] = []
    with sink() as back, servers.daemon(traces(back.url)) as daemon:
        number = 0
        for _ in range(3):
            enough = len(acknowledged) + 11  # however slow the machine is
            while True:
                number += 1
                if len(acknowledged) == enough:
                    threading.Timer(random.uniform(0, 0.4), daemon.kill).start()
                    enough = -1
                try:
                    reply = daemon.request("POST", "/v1/traces", span(number), PROTOBUF, port=daemon.ingest_port)
                except OSError:
                    break
                assert reply.status == 200
                acknowledged.append(number)
            wait_until(lambda: not daemon.running)
            daemon.start()
        wait_until(lambda: {f"step {n}" for n in acknowledged} <= set(names(back)), 30)
    assert len(acknowledged) > 30


def test_a_reload_moves_to_another_back_end_without_losing_or_refusing_a_span() -> None:
    with sink() as first, sink() as second, servers.daemon(traces(first.url)) as daemon:
        sent: list[int] = []
        codes: list[int] = []
        stop = threading.Event()

        def send() -> None:
            while not stop.is_set():
                sent.append(len(sent) + 1)
                reply = daemon.request("POST", "/v1/traces", span(sent[-1]), PROTOBUF, port=daemon.ingest_port)
                codes.append(reply.status)

        sender = threading.Thread(target=send)
        sender.start()
        with polling(daemon, "/livez", every=0.05) as polled:
            for to in (second, first, second):
                time.sleep(0.3)
                daemon.config_file.write_text(traces(to.url))
                assert daemon.post("/-/reload", headers=TOKEN).status == 200
        stop.set()
        sender.join()
        # What could not be delivered within the reload waits until its back end is back.
        daemon.config_file.write_text(
            f'forward: {{traces: [{{endpoint: "{first.url}"}}, {{endpoint: "{second.url}"}}]}}'
        )
        assert daemon.post("/-/reload", headers=TOKEN).status == 200
        wait_until(lambda: {f"step {n}" for n in sent} <= {*names(first), *names(second)}, 20)
    assert set(codes) == {200}
    assert polled.bad == []
    assert names(first)
    assert names(second)


def test_neither_a_header_nor_what_is_personal_shows_anywhere(tmp_path: Path) -> None:
    def answer(connection: object, request: bytes) -> None:
        head = b"HTTP/1.1 503 Not now\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
        echoed = b"bad " + request[:400]
        connection.sendall(head % len(echoed) + echoed)  # type: ignore[attr-defined]

    with hostile.serving(answer) as echo:
        yaml = traces(echo.url, headers=f'{{authorization: "Bearer {SECRET}"}}')
        with servers.daemon(yaml) as daemon:
            post(daemon, "/v1/traces", span(1, note="of jane.doe@example.com", password="hunter2-canary"))
            wait_until(lambda: "503" in daemon.get("/metrics").text)
            pages = [
                daemon.get(path, TOKEN).text for path in ("/metrics", "/", "/health/detailed", "/api/v1/forwarding")
            ]
            spool = b"".join(
                file.read_bytes() for file in daemon.folder.rglob("*") if file.is_file() and "spool" in str(file)
            )
            log = daemon.log
    assert b"step 1" in spool
    for planted in (SECRET, "jane.doe", "hunter2-canary"):
        assert planted.encode() not in spool
        assert planted not in log
        assert not [page for page in pages if planted in page]


def test_a_second_daemon_on_the_same_spool_does_not_start() -> None:
    """Also when its store is elsewhere."""
    with sink() as back, servers.daemon(traces(back.url)) as daemon:
        state = daemon.folder / "state"
        second = daemon.folder / "second.yaml"
        second.write_text(traces(back.url) + f"store: sqlite:{daemon.folder / 'other' / 'second.db'}\n")
        began = time.monotonic()
        done = subprocess.run(
            [*daemon.command[:3], "--web.listen-address=127.0.0.1:0", "--ingest.listen-address=off",
             f"--storage.path={state}", f"--config.file={second}"],
            capture_output=True, text=True, timeout=20, env=environment({}),
        )  # fmt: skip
    assert done.returncode not in (0, None)
    assert time.monotonic() - began < 5
    assert "in use by another stack-exporter" in done.stderr
    assert "Traceback" not in done.stderr


def test_where_the_spool_cannot_be_written_what_waits_is_in_memory_and_it_says_so() -> None:
    with sink() as back, servers.daemon(traces(back.url)) as daemon:
        wait_until(lambda: ITEMS in daemon.metrics())
        assert daemon.stop() == 0
        spool = daemon.folder / "state" / "spool"
        shutil.rmtree(spool)
        spool.write_text("somebody's file")
        daemon.start()
        post(daemon, "/v1/traces", span(1))
        wait_until(lambda: names(back) == ["step 1"])
        assert daemon.metrics()['stack_exporter_spool_durable{signal="traces",backend="0"}'] == 0
        assert "what waits for a back end is kept in memory" in daemon.log
        assert spool.read_text() == "somebody's file"


def test_a_disk_that_is_full_loses_nothing_that_was_acknowledged_and_mends_by_itself(tmp_path: Path) -> None:
    """F41, on a real file system of 4 MiB that something else fills."""
    mount = f'mount -t tmpfs -o size=4m none {tmp_path} && exec "$@"'
    within = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        mount,
        "sh",
        sys.executable,
        "-m",
        "exporter",
    ]
    with sink() as back:
        back.status = 503
        with servers.daemon(traces(back.url), f"--storage.path={tmp_path}", program=within) as daemon:
            post(daemon, "/v1/traces", span(1))
            filler = Path(f"/proc/{daemon.pid}/root{tmp_path}/filler")
            with filler.open("wb") as file, suppress(OSError):
                while True:
                    file.write(os.urandom(65_536))
                    file.flush()
            acknowledged, number, codes = [1], 1, []
            while not codes or codes[-1] == 200:
                number += 1
                began = time.monotonic()
                body = span(number, note="x" * 50_000)
                codes.append(daemon.request("POST", "/v1/traces", body, PROTOBUF, port=daemon.ingest_port).status)
                assert time.monotonic() - began < 2
                acknowledged += [number] if codes[-1] == 200 else []
                assert number < 200
            assert codes[-1] == 429
            assert daemon.get("/livez").status == daemon.get("/readyz").status == 200
            filler.unlink()
            began = time.monotonic()
            wait_until(lambda: _taken(daemon, acknowledged), 6)
            assert time.monotonic() - began < 6
            back.status = 200
            wait_until(lambda: {f"step {n}" for n in acknowledged} <= set(names(back)), 40)


def _taken(daemon: Daemon, acknowledged: list[int]) -> bool:
    number = 1_000 + acknowledged[-1]
    reply = daemon.request("POST", "/v1/traces", span(number), PROTOBUF, port=daemon.ingest_port)
    if reply.status == 200:
        acknowledged.append(number)
    return reply.status == 200
