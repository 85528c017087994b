"""Reloads and starts of a daemon with a back end that is mute: in time, with nothing refused and nothing lost."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from exporter.forward.spool_format import file_head, name_of, record_head
from tests import servers
from tests.end_to_end.test_forward_faults import ITEMS, TOKEN, names, traces
from tests.end_to_end.test_forward_signals import PROTOBUF, post, span
from tests.forward.sink import sink
from tests.polling import polling
from tests.servers.process import wait_until


def test_reloads_while_the_back_end_is_mute_take_a_second_and_refuse_and_lose_nothing() -> None:
    with sink() as back, servers.daemon(traces(back.url)) as daemon:
        back.released.clear()
        sent, codes = [], []
        stop = threading.Event()

        def send() -> None:
            while not stop.is_set():
                sent.append(len(sent) + 1)
                reply = daemon.request("POST", "/v1/traces", span(sent[-1]), PROTOBUF, port=daemon.ingest_port)
                codes.append(reply.status)

        def reload() -> tuple[int, float]:
            began = time.monotonic()
            return daemon.post("/-/reload", headers=TOKEN).status, time.monotonic() - began

        sender = threading.Thread(target=send)
        sender.start()
        wait_until(lambda: back.paths)
        with polling(daemon, "/livez", every=0.05) as polled, ThreadPoolExecutor(4) as threads:
            for changed in ({"headers": "{authorization: one}"}, {"timeout": "5s"}, {"compression": "none"}, {}):
                daemon.config_file.write_text(traces(back.url, **changed))
                done = [each.result() for each in [threads.submit(reload) for _ in range(4)]]
                assert {status for status, _ in done} == {200}
                assert max(took for _, took in done) < 1.5  # four at once are two, one behind the other
        stop.set()
        sender.join()
        back.released.set()
        wait_until(lambda: {f"step {n}" for n in sent} <= set(names(back)) | {f"step {sent[-1]}"}, 20)
        assert set(codes) == {200}
        assert polled.bad == []
        wait_until(lambda: not daemon.metrics()[ITEMS])
        assert not [name for name, value in daemon.metrics().items() if "forward_dropped" in name and value]


def test_after_kill_9_it_is_ready_within_five_seconds_with_a_spool_of_100_megabytes() -> None:
    body, key = span(1), 7
    records = (record_head(body, 1, time.time(), key) + body) * (8_000_000 // (len(body) + 28))
    with servers.daemon(traces(f"http://127.0.0.1:{servers.free_port()}")) as daemon:
        post(daemon, "/v1/traces", span(2))
        daemon.kill()
        [folder] = (daemon.folder / "state" / "spool").iterdir()
        for number in range(101, 114):
            (folder / name_of(number, key)).write_bytes(file_head() + records)
        began = time.monotonic()
        daemon.start()
        assert time.monotonic() - began < 5
        metrics = daemon.metrics()
        assert metrics['stack_exporter_spool_bytes{signal="traces",backend="0"}'] > 100_000_000
        assert metrics[ITEMS] == 13 * (8_000_000 // (len(body) + 28)) + 1
