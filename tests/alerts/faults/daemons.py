"""Daemons that are in want: of time, of descriptors, of places; that restart again and again, or are no more looked for."""

import json
import os
import resource
import signal
import socket
import threading
import time
from typing import Any

from tests import hostile, servers
from tests.alerts.fault import Scene, Steps, provokes
from tests.alerts.faults.exporters import reload
from tests.alerts.repeating import repeating
from tests.certificates import authority, pair, self_signed
from tests.servers.exporters import Daemon

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@provokes("ExporterLoopLag/warning", "ExporterLoopLag/critical")
def daemons_get_no_time(scene: Scene) -> Steps:
    """As where others take all processors: each is stopped for a while, again and again."""
    limits = ({"warning": "200ms", "critical": "off"}, {"warning": "off", "critical": "200ms"})
    configs = [json.dumps({"service": "shop", "thresholds": {"loop_lag": limit}}) for limit in limits]
    with servers.daemon(configs[0], check=False) as one, servers.daemon(configs[1], check=False) as other:
        yield {"scraped": {"slow": [f"127.0.0.1:{one.port}"], "slower": [f"127.0.0.1:{other.port}"]}}
        with repeating(lambda: _stopped(one, other), 0.5):
            yield None
        yield None


def _stopped(*daemons: Daemon) -> None:
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for daemon in daemons:
            os.kill(daemon.pid, number)
        time.sleep(0.35 if number == signal.SIGSTOP else 0)


@provokes("ExporterDescriptorsHigh/warning", "ComponentUnknown/warning", "CertificateUnverified/info")
def a_daemon_has_few_descriptors_and_hears_from_nobody(scene: Scene) -> Steps:
    silent = threading.Event()

    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(OK)

    def answer_late(connection: socket.socket, asked: bytes) -> None:
        while silent.is_set():
            time.sleep(0.1)
        answer(connection, asked)

    trusted = pair().context()
    untrusted = self_signed()
    with hostile.serving(answer_late) as late, hostile.serving(answer, tls=trusted) as secure:
        shop: dict[str, Any] = {
            "kind": "http",
            "url": f"https://{secure.address}/",
            "interval": "1s",
            "timeout": "900ms",
        }
        verified, skipped = {"ca_file": str(authority())}, {"insecure_skip_verify": True}
        config = {"service": "shop", "components": {"shop_secure": shop | {"tls": verified}}}
        asked = {"kind": "http", "url": late.url, "interval": "5m", "timeout": "5m"}
        with servers.daemon(json.dumps(config), check=False) as daemon:
            yield {"scraped": {"in-want": [f"127.0.0.1:{daemon.port}"]}}
            silent.set()
            # Of a certificate that nobody trusts: so somebody no longer verifies it.
            trusted.load_cert_chain(untrusted.certificate, untrusted.key)
            worse = {"shop_secure": shop | {"tls": skipped}, "shop_unheard": asked}
            reload(daemon, json.dumps(config | {"components": worse}))
            before = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
            opened = len(os.listdir(f"/proc/{daemon.pid}/fd"))
            resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (opened + 4, before[1]))
            yield None
            resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, before)
            silent.clear()
            again = pair()
            trusted.load_cert_chain(again.certificate, again.key)
            reload(daemon, json.dumps(config))
            yield None


@provokes("ExporterRestarting/warning")
def a_daemon_restarts_again_and_again(scene: Scene) -> Steps:
    with servers.daemon("service: shop\n", check=False) as daemon:
        yield {"scraped": {"restarting": [f"127.0.0.1:{daemon.port}"]}}
        for _ in range(4):
            daemon.kill()
            daemon.start()
            time.sleep(1.5)
        yield None
        yield None


@provokes("ExporterVanished/warning")
def a_daemon_is_no_target_any_more(scene: Scene) -> Steps:
    with servers.daemon("service: shop\n", check=False) as daemon:
        yield {"scraped": {"forgotten": [f"127.0.0.1:{daemon.port}"]}}
        assert scene.engines is not None
        scene.engines.scrape("forgotten", [])
        yield None
        scene.engines.scrape("forgotten", [f"127.0.0.1:{daemon.port}"])
        yield None


@provokes("ExporterAbsent/critical", alone=True)
def there_is_no_daemon_at_all(scene: Scene) -> Steps:
    yield {}
    assert scene.engines is not None
    assert scene.daemon is not None
    scene.engines.scrape("stack-exporter", [])
    yield None
    scene.engines.scrape("stack-exporter", [f"127.0.0.1:{scene.daemon.port}"])
    yield None
