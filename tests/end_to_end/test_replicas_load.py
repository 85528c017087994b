"""The same under load: replicas are killed and started in turn, and every error that was accepted is stored, once."""

import time
from pathlib import Path

import pytest

from tests.end_to_end.replicas import UNRESOLVED, replicas, sending, stored
from tests.servers.process import wait_until

pytestmark = [pytest.mark.debian, pytest.mark.slow, pytest.mark.xdist_group("replicas"), pytest.mark.timeout(600)]
ROUNDS, SENDERS, EACH = 4, 6, 400


def test_whichever_replica_is_killed_nothing_is_lost_and_nothing_is_there_twice(tmp_path: Path) -> None:
    with replicas(tmp_path) as running:
        wait_until(lambda: not running.unscraped(), 60, "all is scraped")
        began = time.time()
        with sending(running, SENDERS) as sender:
            for round_ in range(ROUNDS):
                victim = running.daemons[round_ % 2]
                wanted = len(sender.accepted) + EACH
                wait_until(lambda wanted=wanted: len(sender.accepted) > wanted, 120, "errors are taken by both")
                victim.kill()
                wait_until(lambda wanted=wanted: len(sender.accepted) > wanted + EACH, 120, "errors are taken by one")
                victim.start()
        wait_until(lambda: len(running.holders()) == 1, 60, "one has the lease")
        found = stored(running)
        assert sender.accepted.keys() <= set(found)
        assert len(found) == len(set(found)) == sum(running.groups(running.daemons[0]).values())
        assert running.groups(running.daemons[0]) == running.groups(running.daemons[1])
        wait_until(lambda: running.number(f"count({UNRESOLVED})") == 1, 60, "and shows the store's series")
        wait_until(lambda: not running.ailing_rules(), 60, "no rule fails")
        time.sleep(3)
        whole = f"[{time.time() - began:.0f}s:1s]"
        assert running.number(f"max_over_time(count({UNRESOLVED}){whole})") == 1
        print(f"\n{len(found)} errors, {sender.retried} retries, {ROUNDS} kills, {time.time() - began:.0f} s")
