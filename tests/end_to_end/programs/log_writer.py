"""Writes 5,000 log lines a second and rotates the log in every way at random: `log_writer.py FOLDER SEED`.

It obeys on its standard input and answers there: `pause`, `resume`, `careful` (nothing that loses what is not read),
`careless`, `end`. It asks, too: `seen N` waits for `go`, which is given once N lines are counted.
"""

import gzip
import os
import random
import select
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

RATE, TICK = 5000, 0.005
LEVELS = ("debug", "info", "warning", "error")
LOGGERS = ("api", "performance", "security", "ai", "errors", "access")


class Writer:
    def __init__(self, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.log = folder / "app.log"
        self.written = 0
        self.at_opening = 0
        self.counts: dict[str, int] = {}
        self.done: dict[str, int] = {}
        self.kept = 12
        self.careful = False
        self.file = self.open()
        self.compressing: threading.Thread | None = None

    def open(self) -> int:
        self.at_opening = self.written
        # Not all programs append; one that does not leaves a hole when its log is truncated.
        append = os.O_APPEND if self.random.random() < 0.7 else 0
        return os.open(self.log, os.O_WRONLY | os.O_CREAT | append, 0o644)

    def write(self, count: int) -> None:
        lines = []
        for n in range(self.written, self.written + count):
            lines.append(b'{"n": %d, "level": "%s", "name": "%s", "message": "\xff line %d"}\n' % (
                n, LEVELS[n % 4].encode(), LOGGERS[n % 6].encode(), self.random.getrandbits(30)))  # fmt: skip
        block = b"".join(lines)
        cut = self.random.randrange(len(block)) if self.random.random() < 0.3 else 0
        for part in (block[:cut], block[cut:]):
            if part:
                assert os.write(self.file, part) == len(part)
        self.written += count

    def shift(self) -> Path:
        """Make room at app.log.1, as logrotate does: each one's number becomes the next."""
        if self.compressing is not None:
            self.compressing.join()
        numbered = sorted(self.log.parent.glob("app.log.*"), key=lambda p: int(p.name.split(".")[2]), reverse=True)
        for path in numbered:
            number = int(path.name.split(".")[2])
            if number >= self.kept and not self.careful:
                path.unlink()
            else:
                path.rename(path.with_name(path.name.replace(f".{number}", f".{number + 1}", 1)))
        return self.log.with_name("app.log.1")

    def rename(self) -> Path:
        rotated = self.shift()
        self.log.rename(rotated)
        self.write(self.random.randrange(1, 200))  # who writes reopens a little later
        time.sleep(self.random.choice((0, 0, 0.02)))
        os.close(self.file)
        self.file = self.open()
        return rotated

    def rename_and_gzip(self) -> None:
        rotated = self.rename()
        self.compressing = threading.Thread(target=self.compress, args=(rotated,))
        self.compressing.start()

    def compress(self, rotated: Path) -> None:
        with rotated.open("rb") as plain, gzip.open(f"{rotated}.gz", "wb", compresslevel=1) as packed:
            while piece := plain.read(20_000):
                packed.write(piece)
                time.sleep(self.random.choice((0, 0.01)))
        rotated.unlink()

    def copytruncate(self) -> None:
        """Nobody writes meanwhile: what is written between the two is lost to every reader but the copy's."""
        shutil.copyfile(self.log, self.shift())
        os.truncate(self.log, 0)

    def copytruncate_and_gzip(self) -> None:
        rotated = self.shift()
        with self.log.open("rb") as plain, gzip.open(f"{rotated}.gz", "wb", compresslevel=1) as packed:
            shutil.copyfileobj(plain, packed)
        os.truncate(self.log, 0)

    def recreate(self) -> None:
        """What is in a file that was never seen is lost when it is deleted."""
        ask(f"seen {self.at_opening + 1}")
        self.write(self.random.randrange(1, 200))
        self.log.unlink()
        os.close(self.file)
        self.file = self.open()

    def truncate(self) -> None:
        """What is not read is lost."""
        ask(f"seen {self.written}")
        os.truncate(self.log, 0)

    def ways(self) -> list[Callable[[], object]]:
        safe = [self.rename, self.rename_and_gzip, self.copytruncate, self.copytruncate_and_gzip]
        return safe if self.careful else [*safe, self.recreate, self.truncate]


def commands(wait: float) -> Iterator[str]:
    while select.select([0], [], [], wait)[0]:
        yield from os.read(0, 4096).decode().split()
        wait = 0


def ask(question: str) -> None:
    print(question, flush=True)
    while "go" not in (answers := list(commands(20.0))):
        PENDING.extend(answers)  # they crossed the question
    PENDING.extend(word for word in answers if word != "go")


PENDING: list[str] = []


def main() -> None:
    writer = Writer(Path(sys.argv[1]), int(sys.argv[2]))
    due = rotate = time.monotonic()
    paused = False
    print("ready", flush=True)
    while True:
        waiting = [*PENDING, *commands(0.0 if not paused else 1.0)]
        PENDING.clear()
        for command in waiting:
            if command == "end":
                print(f"end {writer.written} {writer.done}", flush=True)
                return
            if command == "tell":
                print(f"told {writer.written}", flush=True)
                continue
            if command == "pause":
                print(f"paused {writer.written}", flush=True)
            paused = command == "pause" or (paused and command != "resume")
            writer.careful = command == "careful" or (writer.careful and command != "careless")
            due = time.monotonic()  # what was not written while it was paused is not made up for
        if paused:
            continue
        now = time.monotonic()
        if now >= rotate:
            rotate = now + writer.random.choice((0.05, 0.3, 0.8, 1.5))
            way = writer.random.choice(writer.ways())
            way()
            writer.done[way.__name__] = writer.done.get(way.__name__, 0) + 1
        while due <= time.monotonic():
            writer.write(int(RATE * TICK))
            due += TICK
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main()
