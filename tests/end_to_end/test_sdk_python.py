"""sentry-sdk in Django, Flask, FastAPI and Celery: each error arrives, grouped, counted and scrubbed; requests and tasks are measured."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from celery import Celery

from tests import servers
from tests.end_to_end.test_sdk_javascript import KEY, check, errors
from tests.servers.celery import Worker
from tests.servers.exporters import Daemon
from tests.servers.process import Server, wait_until

APPLICATIONS = Path(__file__).parent / "applications"
FRAMEWORKS = ("django", "flask", "fastapi", "celery")
ROUTES = {"django": "/orders/{order}", "flask": "/orders/<int:order>", "fastapi": "/orders/{order}"}


def config() -> str:
    projects = "".join(
        f'    "{number}": {{keys: ["{KEY}"], service: {name}}}\n' for number, name in enumerate(FRAMEWORKS, 1)
    )
    return f"web: {{admin_tokens: [a-token-of-ours]}}\ningest:\n  projects:\n{projects}"


def environment(folder: str, **more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": folder, "PYTHONPATH": str(APPLICATIONS), **more}


@contextmanager
def application(framework: str, dsn: str) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        port = servers.free_port()
        command = [sys.executable, str(APPLICATIONS / f"{framework}_shop.py"), dsn, str(port)]
        with Server(framework, command, port, Path(folder), url="", env=environment(folder)) as server:
            yield server


def requests(daemon: Daemon, service: str) -> dict[str, float]:
    family = "stack_http_server_requests_total{"
    found = {name: value for name, value in daemon.metrics().items() if name.startswith(family) and value}
    return {name.removeprefix(family): value for name, value in found.items() if f'service="{service}"' in name}


def _of(status: str, found: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in found.items() if f'status="{status}"' in name and "/ok/" not in name}


@pytest.mark.parametrize("framework", ROUTES)
def test_errors_and_requests_of_a_web_framework(framework: str) -> None:
    with servers.daemon(config()) as daemon:
        project = FRAMEWORKS.index(framework) + 1
        dsn = f"http://{KEY}@127.0.0.1:{daemon.ingest_port}/{project}"
        with application(framework, dsn) as shop:
            for order in (17, 18, 19):
                assert shop.get(f"/orders/{order}").status == 500
            assert shop.get("/ok/1").status == 200
            check(daemon, framework, "PaymentRefused", "charge", 3)
            failed = wait_until(lambda: (f := _of("500", requests(daemon, framework))) and sum(f.values()) == 3 and f)
        (name,) = failed
        assert 'method="GET"' in name and 'route="/orders/' in name and "17" not in name
        fine = wait_until(lambda: [name for name in requests(daemon, framework) if 'route="/ok/' in name])
        assert len(fine) == 1 and 'status="200"' in fine[0]
        assert len(errors(daemon, framework)) == 1


def test_errors_and_tasks_of_celery(valkey_server: Server) -> None:
    broker = valkey_server.url
    with servers.daemon(config()) as daemon, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        dsn = f"http://{KEY}@127.0.0.1:{daemon.ingest_port}/{FRAMEWORKS.index('celery') + 1}"
        env = environment(folder, BROKER_URL=broker, SENTRY_DSN=dsn, C_FORCE_ROOT="1", PYTHONDONTWRITEBYTECODE="1")
        command = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "celery_shop",
            "worker",
            "-P",
            "solo",
            "-l",
            "INFO",
            "-Q",
            "shop",
        ]
        with Worker("celery-shop", command, 0, Path(folder), url=broker, env=env):
            with Celery("sender", broker=broker) as sender:
                for order in range(3):
                    sender.send_task("shop.pay", (order,), queue="shop")
                sender.send_task("shop.fine", (1,), queue="shop")
            check(daemon, "celery", "PaymentRefused", "charge", 3)
            count = 'stack_task_duration_seconds_count{service="celery",task="%s",state="%s"}'
            wait_until(lambda: daemon.metrics().get(count % ("shop.fine", "success")) == 1)
            assert wait_until(lambda: daemon.metrics().get(count % ("shop.pay", "failure"))) == 3
