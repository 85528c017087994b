"""A metric of many points is taken in steps of some milliseconds, between which everything else may happen."""

from tests.ingest.metrics_sent import DELTA, NOW, Receiver, gauge, number, request, total


def many(count: int) -> list:
    return [number(1, labels={"n": str(i)}) for i in range(count)]


def test_each_step_tells_what_was_rejected_so_far() -> None:
    receiver = Receiver(cap=150)
    steps = list(receiver.metrics.steps(request(gauge(*many(350))), NOW))
    assert [rejected for rejected, _ in steps[:-2]] == [*[0] * 6, *range(25, 201, 25)]
    assert steps[-1] == (200, "there is no room for more series")
    assert receiver.counted() == {"accepted": 150, "full": 200}


def test_two_requests_may_be_taken_in_turns() -> None:
    receiver = Receiver()
    one, other = (receiver.metrics.steps(request(total(*many(250), kind=DELTA, name=name)), NOW) for name in "ab")
    for _ in zip(one, other, strict=True):
        receiver.samples()
    assert receiver.counted() == {"accepted": 500}
    assert len(receiver.samples()) == 500


def test_a_name_that_another_took_between_two_steps_is_refused_from_there_on() -> None:
    receiver = Receiver()
    steps = receiver.metrics.steps(request(total(*many(250))), NOW)
    next(steps)
    receiver.now += 300
    assert receiver.text() == ""
    receiver.take(gauge(number(5.0), name="done_total"))
    assert list(steps)[-1] == (225, "the name is in use for a metric of another type")
    assert receiver.lines() == ["done_total 5.0"]


def test_a_family_that_went_between_two_steps_is_made_anew() -> None:
    receiver = Receiver()
    steps = receiver.metrics.steps(request(total(*many(250))), NOW)
    next(steps)
    receiver.now += 300
    assert receiver.text() == ""
    receiver.now = NOW
    assert list(steps)[-1] == (0, "")
    assert len(receiver.samples()) == 225
