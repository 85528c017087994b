"""Servers that stand for many kinds go away all at once and come back: each component shows it by itself."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests import servers
from tests.end_to_end.breaking import Case, Pace, falls, look, rises
from tests.servers import mail
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until
from tests.servers.seaweedfs import BUCKET, Seaweedfs

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("mariadb")]
PACE = Pace(interval=0.7, timeout=0.6, rise=2, fall=2)


@dataclass
class Stack:
    daemon: Daemon
    cases: dict[str, Case]


@pytest.fixture
def stack() -> Iterator[Stack]:
    with ExitStack() as stack, ThreadPoolExecutor(4) as pool:
        # Started side by side.
        wanted = (servers.mariadb(), servers.seaweedfs(), servers.mongodb(), servers.memcached())
        started = [pool.submit(stack.enter_context, one) for one in wanted]
        orders, objects, documents, sessions = (each.result() for each in started)
        post = ExitStack()
        stack.callback(lambda: post.close())
        port = post.enter_context(mail.smtp()).port
        config = f"""
defaults: {PACE.defaults}
components:
  orders: {{kind: mysql, url: "{orders.url}"}}
  objects: {{kind: s3, {", ".join(f'{name}: "{value}"' for name, value in objects.fields().items())}}}
  documents: {{kind: mongodb, url: "{documents.url}"}}
  sessions: {{kind: memcached, address: "{sessions.address}"}}
  mail: {{kind: smtp, address: "localhost:{port}", encryption: none}}
  machine: {{kind: host}}
"""
        daemon = stack.enter_context(servers.daemon(config))
        yield Stack(
            daemon,
            {
                "orders": Case(orders.kill, orders.start),
                "objects": Case(objects.kill, lambda: _mend(objects)),
                "documents": Case(documents.kill, documents.start),
                "sessions": Case(sessions.kill, sessions.start),
                "mail": Case(post.close, lambda: post.enter_context(mail.smtp(port=port))),
            },
        )


def _mend(objects: Seaweedfs) -> None:
    """It takes requests before it can answer them."""
    objects.start()
    wait_until(lambda: objects.signed("GET", f"/{BUCKET}").status == 200, what="the bucket is there again")


def test_each_shows_within_one_interval_and_falls_and_rises_as_configured(stack: Stack) -> None:
    daemon, cases = stack.daemon, stack.cases
    before = look(daemon, "machine")
    for step in (falls, rises):
        with ThreadPoolExecutor(len(cases)) as pool:
            steps = {name: pool.submit(step, daemon, name, case, PACE) for name, case in cases.items()}
        problems = {name: problem for name, one in steps.items() if (problem := one.exception()) is not None}
        assert problems == {}
    after = look(daemon, "machine")
    assert after.bad_runs == before.bad_runs
    assert after.good_runs - before.good_runs >= (after.at - before.at) / PACE.interval - 2
