"""GET /probe on the daemon: parameters, who may ask, what debug=true tells, a reload."""

import base64
import concurrent.futures
import gzip
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests import hostile
from tests.servers import daemon
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

pytestmark = pytest.mark.xdist_group("probe_route")

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello"
SECRETS = ("canary-basic", "canary-header", "canary-body", "canary-send", "canary-proxy", "canary-value")
MODULES = """\
modules:
  http_2xx: {prober: http, timeout: 3s, http: {preferred_ip_protocol: ip4}}
  secrets:
    prober: http
    timeout: 3s
    http:
      method: POST
      headers: {X-Key: canary-header}
      http_headers: {X-Token: {secrets: [canary-value]}}
      basic_auth: {username: me, password: canary-basic}
      body: canary-body
  proxied: {prober: http, timeout: 1s, http: {proxy_url: "http://u:canary-proxy@127.0.0.1:1/"}}
  says: {prober: tcp, timeout: 3s, tcp: {query_response: [{expect: "name", send: "canary-send"}, {expect: ok}]}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    file = tmp_path_factory.mktemp("modules") / "blackbox.yml"
    file.write_text(MODULES)
    with daemon(f"probe: {{modules: {file}, allow: [127.0.0.0/8]}}\n") as running:
        yield running


@pytest.fixture(scope="module")
def target() -> Iterator[hostile.Hostile]:
    with hostile.serving(hostile.says(ANSWER)) as running:
        yield running


REFUSED = {
    "?target=127.0.0.1&module=nowhere": (400, "unknown module 'nowhere'"),
    "?target=127.0.0.1&module=htp_2xx": (400, "did you mean http_2xx"),
    "?module=http_2xx": (400, "the parameter target is missing"),
    "": (400, "the parameter target is missing"),
    "?target=": (400, "the parameter target is missing"),
    "?target=a%0Ab": (400, "no control characters"),
    "?target=127.0.0.1&hostname=a%0Db": (400, "no control characters"),
    "?target=http://169.254.169.254/latest": (403, "are not probed"),
    "?target=http://10.1.2.3/": (403, "private and not in probe.allow"),
}


@pytest.mark.parametrize("query", REFUSED)
def test_what_can_not_be_asked_is_refused(query: str, server: Daemon) -> None:
    reply = server.get(f"/probe{query}")
    status, said = REFUSED[query]
    assert (reply.status, said in reply.json()["message"]) == (status, True), reply.text


@pytest.mark.parametrize("given", ["soon", "nan", "1e99", "inf"])
def test_a_timeout_that_is_no_number_is_refused(given: str, server: Daemon) -> None:
    headers = {"X-Prometheus-Scrape-Timeout-Seconds": given}
    assert server.get("/probe?target=127.0.0.1", headers).status == 400


def test_the_module_is_http_2xx_by_default_and_the_page_is_text_that_may_be_gzipped(
    server: Daemon, target: hostile.Hostile
) -> None:
    reply = server.get(f"/probe?target={target.url}")
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "\nprobe_success 1\n" in reply.text
    reply = server.get(f"/probe?target={target.url}", {"Accept-Encoding": "gzip"})
    assert b"\nprobe_http_status_code 200\n" in gzip.decompress(reply.body)


def test_a_host_in_the_module_and_another_in_the_request_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "m.yml"
    file.write_text("modules: {x: {prober: http, http: {headers: {Host: a.example}}}}")
    with daemon(f"probe: {{modules: {file}}}\n") as server:
        assert server.get("/probe?module=x&target=127.0.0.1&hostname=b.example").status == 400
        assert server.get("/probe?module=x&target=127.0.0.1&hostname=a.example").status == 403


def test_debug_shows_log_metrics_and_module_without_secrets(server: Daemon, target: hostile.Hostile) -> None:
    found = server.get(f"/probe?module=secrets&target={target.url}&debug=true").text
    log, metrics, module = found.split("\n\n\n")
    assert log.startswith("Logs for the probe:\ntime=")
    assert 'level=DEBUG msg="Received HTTP response" module=secrets' in log
    assert "\nprobe_success 1\n" in metrics
    assert "password: <secret>" in module
    assert "X-Key: <secret>" in module
    encoded = base64.b64encode(b"me:canary-basic").decode()
    assert not [secret for secret in (*SECRETS, encoded) if secret in found]
    assert encoded in target.requests[-1].decode()


def test_debug_hides_what_a_server_repeats(server: Daemon) -> None:
    def echo(connection, request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /?" + b"&".join(s.encode() for s in SECRETS) + b"\r\n\r\n")

    with hostile.serving(echo) as repeating:
        found = server.get(f"/probe?module=secrets&target={repeating.url}&debug=true").text
    assert "Received redirect" in found
    assert not [secret for secret in SECRETS[:3] if secret in found]
    found = server.get("/probe?module=proxied&target=http://127.0.0.1:1/&debug=true").text
    assert "canary" not in found


def test_debug_of_a_dialogue_hides_what_is_sent(server: Daemon) -> None:
    with hostile.serving(hostile.holds(b"name?\nyou said canary-send\nok\n"), ask=False) as talking:
        found = server.get(f"/probe?module=says&target={talking.address}&debug=true").text
    assert "Regexp matched" in found
    assert "canary" not in found


def test_debug_takes_an_admin_token_and_the_series_do_not(tmp_path: Path, target: hostile.Hostile) -> None:
    file = tmp_path / "m.yml"
    file.write_text(MODULES)
    config = f"probe: {{modules: {file}, allow: [127.0.0.1]}}\nweb: {{admin_tokens: [a-right-token]}}\n"
    with daemon(config) as server:
        path = f"/probe?target={target.url}"
        assert server.get(path).status == 200
        assert server.get(f"{path}&debug=true").status == 403
        assert server.get(f"{path}&debug=true", {"Authorization": "Bearer a-wrong-token"}).status == 403
        assert server.get(f"{path}&debug=true", {"Authorization": "Bearer a-right-token"}).status == 200


def test_the_web_configurations_users_are_asked_for(tmp_path: Path, target: hostile.Hostile) -> None:
    import bcrypt

    (tmp_path / "m.yml").write_text(MODULES)
    hashed = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()
    (tmp_path / "web.yml").write_text(f"basic_auth_users: {{me: {hashed}}}\n")
    config = f"probe: {{modules: {tmp_path}/m.yml, allow: [127.0.0.1]}}\n"
    with daemon(config, f"--web.config.file={tmp_path}/web.yml") as server:
        path = f"/probe?target={target.url}"
        assert server.get(path).status == 401
        for password, status in ((b"me:wrong", 401), (b"me:right", 200)):
            header = {"Authorization": f"Basic {base64.b64encode(password).decode()}"}
            assert server.get(path, header).status == status


def test_it_is_off_until_it_is_configured_and_a_reload_takes_the_modules_anew(tmp_path: Path) -> None:
    file = tmp_path / "m.yml"
    with daemon("components: {}\n", env={"T": "a-right-token"}) as server:
        assert server.get("/probe?target=127.0.0.1").status == 404
        token = {"Authorization": "Bearer a-right-token"}

        def reload(modules: str) -> None:
            file.write_text(modules)
            text = f"probe: {{modules: {file}}}\nweb: {{admin_tokens: ['${{T}}']}}\n"
            server.config_file.write_text(text)
            import os
            import signal

            os.kill(server.pid, signal.SIGHUP)

        reload(MODULES)
        wait_until(lambda: server.get("/probe?target=127.0.0.1").status == 403)
        reload("modules: {x: {prober: smtp}}")
        wait_until(lambda: server.metrics()["stack_exporter_config_last_reload_successful"] == 0)
        assert server.get("/probe?target=127.0.0.1").status == 403
        reload("modules: {x: {prober: tcp}}")
        wait_until(lambda: server.get("/probe?target=127.0.0.1:1").status == 400)
        reply = server.request("POST", "/-/reload", b"", token)
        assert reply.status == 200


def test_many_at_once_wait_for_none(server: Daemon) -> None:
    with hostile.serving(hostile.mute) as silent, concurrent.futures.ThreadPoolExecutor(30) as threads:
        began = time.monotonic()
        path, headers = f"/probe?target={quote(silent.url)}", {"X-Prometheus-Scrape-Timeout-Seconds": "1.5"}
        found = list(threads.map(lambda _: server.get(path, headers).text, range(30)))
        assert time.monotonic() - began < 2.5
    assert all("\nprobe_success 0\n" in text for text in found)


def test_a_client_that_leaves_ends_its_probe(server: Daemon) -> None:
    import socket

    with hostile.serving(hostile.mute) as silent:
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(f"GET /probe?target={quote(silent.url)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            wait_until(lambda: silent.connections == 1)
        began = time.monotonic()
        wait_until(lambda: _sockets_to(server.pid, silent.port) == 0)
        assert time.monotonic() - began < 1.5


def _sockets_to(pid: int, port: int) -> int:
    import psutil

    return sum(1 for found in psutil.Process(pid).net_connections("tcp") if found.raddr and found.raddr.port == port)
