"""Replicas that share a store, and one Prometheus: what they count agrees, and one that is killed loses nothing."""

import time
import uuid
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.end_to_end.replicas import UNRESOLVED, Replicas, raised, replicas, sending, stored
from tests.servers.process import wait_until

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("replicas")]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    with replicas(tmp_path_factory.mktemp("replicas")) as found:
        try:
            wait_until(lambda: not found.unscraped(), 60, "two replicas and three components are scraped")
        except AssertionError as error:
            error.add_note(str(found.unscraped()))
            raise
        yield found


def test_counts_of_the_replicas_the_store_and_prometheus_are_one(running: Replicas) -> None:
    ids = [uuid.uuid4().hex for _ in range(60)]
    before = running.number("sum(stack_errors_total)") or 0.0
    sent = Counter(running.groups(running.daemons[0]))
    for n, id_ in enumerate(ids):
        kind = f"Error{n % 3}"
        assert raised(running.daemons[n % 2], id_, kind).status == 200
        if n % 5 == 0:  # again, to the other
            assert raised(running.daemons[1 - n % 2], id_, kind).status == 200
        sent[kind] += 1
    assert running.groups(running.daemons[0]) == running.groups(running.daemons[1]) == sent
    wait_until(lambda: running.number("sum(stack_errors_total)") == before + len(ids), 10, "they add up")
    assert running.number("sum(stack_error_groups_new_total)") == len(sent)

    wait_until(lambda: running.number(f"sum({UNRESOLVED})") == len(sent), 30, "the store's own series")
    (holder,) = running.holders()
    for series in ("stack_error_groups", "stack_error_groups_notable", "stack_error_groups_oldest_age_seconds"):
        shown = running.prometheus.query(f"count by (instance) ({series})")
        assert [one["metric"] for one in shown] == [{"instance": f"127.0.0.1:{holder.port}"}], series
    assert running.number('stack_error_groups_notable{state="new"}') == len(sent)


def test_each_component_is_asked_by_one_and_each_alert_is_there_once(running: Replicas) -> None:
    up = running.prometheus.query("stack_component_up")
    found = {(one["metric"]["component"], one["metric"]["instance"]): one["value"][1] for one in up}
    assert found == {(name, name): "1" for name in ("database", "cache", "broker")}
    told: Counter[str] = Counter()

    def both() -> bool:
        told.clear()
        told.update(running.alerts())
        down = any('"ComponentDown"' in alert and '"cache"' in alert for alert in told)
        return down and any('"ErrorGroupNew"' in alert for alert in told)

    running.cache.stop()
    try:
        kind = f"Error{uuid.uuid4().hex[:8]}"
        assert raised(running.daemons[0], uuid.uuid4().hex, kind).status == 200
        wait_until(lambda: not running.ailing_rules(), 40, "every rule was evaluated, none with an error")
        wait_until(both, 40, "what is down is told, and what is new")
    finally:
        running.cache.start()
    assert [alert for alert, n in told.items() if n > 1] == []


def test_one_that_is_killed_loses_nothing_and_the_other_takes_over(running: Replicas) -> None:
    wait_until(lambda: len(running.holders()) == 1, 30, "one of them holds the lease")
    (victim,) = running.holders()
    (other,) = [one for one in running.daemons if one is not victim]
    with sending(running, 3) as sender:
        wait_until(lambda: len(sender.accepted) > 100, what="errors are taken")
        victim.kill()
        killed = time.time()
        accepted = len(sender.accepted)
        wait_until(lambda: len(sender.accepted) > accepted + 100, what="by the other")
    assert sender.retried > 0
    assert sender.accepted.keys() <= set(stored(running))
    wait_until(lambda: running.holders() == [other], 30, "the lease is the other's")
    wait_until(lambda: running.number(f"count({UNRESOLVED})") == 1, 5)
    taken = time.time()

    time.sleep(3)
    window = f"[{time.time() - killed:.0f}s:500ms]"
    assert running.number(f"max_over_time(count({UNRESOLVED}){window})") == 1
    assert running.number(f"min_over_time((count({UNRESOLVED}) or vector(0))[{int(time.time() - taken)}s:500ms])") == 1
    assert len(set(stored(running))) == len(stored(running)) == sum(running.groups(other).values())
