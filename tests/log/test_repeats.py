import gc
import io
import json
import logging
import weakref

from exporter.log import Lines
from exporter.log.repeats import WINDOW, Repeats, identity


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def record(message: str, *args: object, name: str = "exporter.it", **extra: object) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.WARNING, "it.py", 1, message, args, None)
    vars(made).update(extra)
    return made


def test_ours_are_the_same_when_all_they_say_is() -> None:
    same = identity(record("%s is stuck", "a", component="x", trace_id="1"))
    assert same == identity(record("%s is stuck", "a", component="x", trace_id="2"))
    assert same != identity(record("%s is stuck", "b", component="x"))
    assert same != identity(record("%s is stuck", "a", component="y"))
    assert same != identity(record("%s is stuck", "a", component="x", name="exporter.other"))


def test_others_are_the_same_but_for_numbers() -> None:
    first = identity(record("Task-1 at 0x7f01 failed\nfd=3", name="asyncio"))
    assert first == identity(record("Task-22 at 0xabc failed\nfd=4", name="asyncio"))
    assert first != identity(record("Job-1 at 0x7f01 failed", name="asyncio"))


def test_what_goes_on_repeating_has_one_count_a_window() -> None:
    clock = Clock()
    repeats = Repeats(clock)
    told = []
    for _ in range(1000):  # 100 s, ten a second
        told += [count for _, count in repeats.due()]
        repeats.again(record("again"))
        clock.now += 0.1
    assert len(told) == 9
    assert sum(told) + 1 + 100 >= 1000


def test_a_line_after_its_window_is_a_line_again() -> None:
    clock = Clock()
    repeats = Repeats(clock)
    assert not repeats.again(record("x"))
    clock.now += WINDOW
    assert list(repeats.due()) == []
    assert not repeats.again(record("x"))


def test_many_different_lines_are_all_written_and_few_are_remembered() -> None:
    repeats = Repeats(Clock())
    repeats.again(record("first"))
    repeats.again(record("first"))
    told = []
    for number in range(5000):
        told += [(bare.getMessage(), count) for bare, count in repeats.due()]
        assert not repeats.again(record("line", number=number))
    assert told == [("first", 1)]
    assert len(repeats._seen) <= 501


def test_repeats_are_one_line_and_a_count_each_ten_seconds() -> None:
    clock, stream = Clock(), io.StringIO()
    handler = Lines(stream, "json", clock)
    others = logging.Logger("asyncio")
    others.addHandler(handler)
    for number in range(78):
        try:
            raise OSError(24, "Too many open files")
        except OSError:
            others.exception("socket.accept() out of system resource\nsocket: <fd=%d>", number)
    assert stream.getvalue().count("\n") == 1
    clock.now += 10.0
    others.error("something else")
    clock.now += 10.0
    others.error("something third")
    handler.close()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["message"].split("\n")[0], line.get("repeated")) for line in lines] == [
        ("socket.accept() out of system resource", None),
        ("socket.accept() out of system resource", 77),
        ("something else", None),
        ("something third", None),
    ]
    assert ["traceback" in line for line in lines] == [True, False, False, False]


def test_a_repeat_keeps_nothing_alive() -> None:
    class Held(Exception):
        pass

    handler = Lines(io.StringIO(), "json", Clock())

    def fail() -> weakref.ref[Held]:
        error = Held()
        for _ in range(2):
            made = record("again")
            made.exc_info = (Held, error, None)
            handler.handle(made)
        return weakref.ref(error)

    found = fail()
    gc.collect()
    assert found() is None
    handler.close()


def test_a_count_has_the_time_at_which_it_is_written() -> None:
    clock, stream = Clock(), io.StringIO()
    handler = Lines(stream, "json", clock)
    for _ in range(2):
        made = record("again")
        made.created -= 60
        handler.handle(made)
    clock.now += WINDOW
    handler.handle(record("else"))
    handler.close()
    times = [json.loads(line)["time"] for line in stream.getvalue().splitlines()]
    assert len(times) == 3
    assert times == sorted(times)


def test_what_a_person_asks_for_again_is_answered_again() -> None:
    """Such as a reload of the same bad file, three seconds later."""
    clock = Clock()
    repeats = Repeats(clock)
    for name, answered in (("exporter.app", True), ("exporter.schedule", False)):
        assert not repeats.again(record("refused", name=name))
        assert repeats.again(record("refused", name=name))
        clock.now += 3
        assert [count for _, count in repeats.due()] == ([1] if answered else [])
