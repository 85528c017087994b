"""The ring of recent lines: bounded in number and size, newest first."""

import logging
import threading

from exporter.log.recent import Recent


def texts(recent: Recent, level: int = 0, since: float = 0.0) -> list[str]:
    return [line["message"] for line in recent.newest(level, since)]


def test_the_newest_lines_stay_in_number_and_in_size() -> None:
    recent = Recent(lines=3, size=100)
    for n in range(5):
        recent.add(logging.INFO, float(n), {"message": f"line {n}"}, 10)
    assert texts(recent) == ["line 4", "line 3", "line 2"]
    recent.add(logging.INFO, 5.0, {"message": "long"}, 85)
    assert texts(recent) == ["long", "line 4"]
    recent.add(logging.INFO, 6.0, {"message": "longest"}, 1000)
    assert texts(recent) == ["longest"]


def test_lines_are_chosen_by_level_and_time() -> None:
    recent = Recent()
    for n, level in enumerate((logging.DEBUG, logging.WARNING, logging.ERROR)):
        recent.add(level, float(n), {"message": logging.getLevelName(level)}, 10)
    assert texts(recent, logging.WARNING) == ["ERROR", "WARNING"]
    assert texts(recent, since=2.0) == ["ERROR"]


def test_threads_may_write_while_others_read() -> None:
    recent = Recent(lines=50)

    def write() -> None:
        for n in range(500):
            recent.add(logging.INFO, float(n), {"message": "x"}, 1)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert len(texts(recent)) <= 50
    assert len(texts(recent)) == 50
