"""Something that goes on beside a fault's steps: a job that reports, an application that logs, a counter that grows."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def repeating(act: Callable[[], object], every: float = 0.25) -> Iterator[threading.Event]:
    """Acts until the block ends, or what it gives is set."""
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(every):
            act()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield ended
    finally:
        ended.set()
        thread.join()
