"""The rate limiter: events a sender, by a clock that is given."""

from exporter.ingest.limit import SENDERS, Buckets


def test_a_burst_is_taken_and_then_the_rate() -> None:
    buckets = Buckets(rate=10.0, burst=100.0)
    assert buckets.wait("a", 100, 0.0) == 0
    assert buckets.wait("a", 1, 0.0) == 0.1
    assert buckets.wait("a", 1, 0.1) == 0
    assert buckets.wait("a", 20, 1.1) == 1.0
    assert buckets.wait("a", 10, 1.1) == 0


def test_a_refusal_takes_nothing() -> None:
    buckets = Buckets(rate=1.0, burst=10.0)
    assert buckets.wait("a", 8, 0.0) == 0
    assert [buckets.wait("a", 5, 0.0) for _ in range(3)] == [3.0] * 3
    assert buckets.wait("a", 2, 0.0) == 0


def test_senders_do_not_share() -> None:
    buckets = Buckets(rate=1.0, burst=1.0)
    assert [buckets.wait(name, 1, 0.0) for name in "aabb"] == [0, 1.0, 0, 1.0]


def test_more_than_a_bucket_holds_is_taken_from_a_full_one_and_paid_for_after() -> None:
    buckets = Buckets(rate=10.0, burst=100.0)
    assert buckets.wait("a", 500, 0.0) == 0
    assert buckets.wait("a", 1, 0.0) == 40.1


def test_a_clock_that_stands_or_goes_back_gives_nothing() -> None:
    buckets = Buckets(rate=10.0, burst=10.0)
    assert buckets.wait("a", 10, 100.0) == 0
    assert buckets.wait("a", 1, 100.0) == buckets.wait("a", 1, 50.0) == 0.1


def test_the_table_is_bounded_and_forgets_the_one_unused_for_longest() -> None:
    buckets = Buckets(rate=1.0, burst=1.0)
    for number in range(SENDERS + 10):
        buckets.wait(str(number), 1, 0.0)
        buckets.wait("busy", 0, 0.0)
    assert len(buckets) == SENDERS
    assert buckets.wait("busy", 1, 0.0) == 0
    assert buckets.wait("0", 1, 0.0) == 0  # forgotten, and full again
    assert buckets.wait(str(SENDERS + 9), 1, 0.0) == 1.0
