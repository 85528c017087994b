"""Sentry's SDKs for Node, browsers, React, Vue and Angular, each in an application of its own that fails (FH-1)."""

import functools
import http.server
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.servers.exporters import ROOT, Daemon
from tests.servers.process import wait_until
from tests.web.test_page import FLAGS

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("javascript")]

JAVASCRIPT = ROOT / "tests" / "javascript"
NODE, CHROMIUM = str(Path(sys.executable).with_name("node")), shutil.which("chromium") or ""
TOKEN = {"Authorization": "Bearer a-token-of-ours"}
KEY = "0123456789abcdef0123456789abcdef"
BROWSERS = {
    "browser": ("CheckoutError", "checkout"),
    "react": ("CartError", "Cart"),
    "vue": ("BasketError", "mounted"),
    "angular": ("OrderError", "order"),
}


@contextmanager
def pages() -> Iterator[tuple[str, Path]]:
    """The built applications on a server of their own: its origin."""
    with tempfile.TemporaryDirectory(prefix="pages-") as folder:
        subprocess.run([NODE, "build.mjs", folder], cwd=JAVASCRIPT, check=True, timeout=100)
        quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(quiet, directory=folder))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", Path(folder)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def config(origin: str) -> str:
    names = [*BROWSERS, "node"]
    projects = "\n".join(
        f'    "{number}": {{keys: ["{KEY}"], service: {name}, origins: ["{origin}"]}}'
        for number, name in enumerate(names, 1)
    )
    return f"web: {{admin_tokens: [a-token-of-ours]}}\ningest:\n  projects:\n{projects}\n"


def visit(url: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        options = [*FLAGS, f"--user-data-dir={folder}", "--virtual-time-budget=8000", "--dump-dom"]
        done = subprocess.run([CHROMIUM, *options, url], capture_output=True, text=True, timeout=60)
    return done.stdout


def errors(daemon: Daemon, service: str) -> list[dict[str, Any]]:
    reply = daemon.get(f"/api/v1/errors?service={service}", TOKEN)
    assert reply.status == 200, reply.text
    found: list[dict[str, Any]] = reply.json()["data"]
    return found


def check(daemon: Daemon, service: str, type_: str, function: str, count: int) -> None:
    """One group of so many, with its stack, and nothing in it that was secret."""
    group = wait_until(lambda: next((g for g in errors(daemon, service) if g["count"] >= count), None), what=service)
    assert (group["type"], group["count"], group["releases"]) == (type_, count, [f"{service}@1.0.0"])
    assert group["environments"] == ["production"]
    whole = daemon.get(f"/api/v1/errors/{group['id']}", TOKEN).text
    assert "[email] with card [card]" in whole
    assert function in whole
    for secret in (f"canary-{service}", "jane.doe@example.com", "4571 2345 6789 0111"):
        assert secret not in whole
    family = f'stack_errors_total{{service="{service}"'

    def counted() -> dict[str, float]:
        return {name: value for name, value in daemon.metrics().items() if name.startswith(family) and value}

    wait_until(lambda: sum(counted().values()) == count, what=f"{service} is counted")
    assert all(f'type="{type_}"' in name for name in counted())


def test_errors_of_browsers_react_vue_and_angular_arrive_grouped_counted_and_scrubbed() -> None:
    with pages() as (origin, _), servers.daemon(config(origin)) as daemon:
        for number, (name, (type_, function)) in enumerate(BROWSERS.items(), 1):
            dsn = f"http://{KEY}@127.0.0.1:{daemon.ingest_port}/{number}"
            count = 2 if name == "browser" else 1  # each visit is a browser of its own, and takes two seconds
            for _ in range(count):
                assert "<title>sent</title>" in visit(f"{origin}/{name}.html?dsn={dsn}"), name
            check(daemon, name, type_, function, count)


def test_errors_and_requests_of_node_arrive_grouped_counted_and_scrubbed() -> None:
    with servers.daemon(config("https://shop.example")) as daemon:
        dsn = f"http://{KEY}@127.0.0.1:{daemon.ingest_port}/{len(BROWSERS) + 1}"
        program = [NODE, "applications/server.mjs", dsn]
        with subprocess.Popen(program, cwd=JAVASCRIPT, stdout=subprocess.PIPE, text=True) as node:
            assert node.stdout is not None
            port = int(node.stdout.readline())
            for order in ("17", "18"):
                shop = servers.Server("shop", [], port, Path(), url="")
                assert shop.get(f"/orders/{order}").status == 500
            assert node.wait(30) == 0
        check(daemon, "node", "OrderMissing", "find", 2)
        requests = {
            name: value
            for name, value in daemon.metrics().items()
            if name.startswith("stack_http_server_requests_total{") and value
        }
        assert sum(requests.values()) == 2, requests
        assert all('method="GET"' in name and 'status="500"' in name for name in requests), requests
