"""The demo without a fault of its own: what a user breaks, by name or by hand, and who is told of it, until Ctrl-C."""

import select
import sys
import time

from rich.markup import escape

from demo.screen import Screen
from demo.stage import Stage
from demo.story import STORIES, unknown

LOOK = 0.1


def live(screen: Screen, stage: Stage) -> None:
    """Until the input ends; without a terminal there is none, and it is until a signal."""
    typed = sys.stdin is not None and sys.stdin.isatty()
    screen.by_hand(stage, typed=typed)
    feed = Feed(screen, stage)
    while True:
        feed.show()
        if not typed:
            time.sleep(LOOK)
        elif select.select([sys.stdin], [], [], LOOK)[0]:
            line = sys.stdin.readline()
            if not line:
                return
            obey(screen, stage, line.strip())


class Feed:
    """Notifications as they arrive, each change of an alert once for each receiver."""

    def __init__(self, screen: Screen, stage: Stage) -> None:
        self.screen = screen
        self.notified = stage.engines.notified
        self.shown = len(self.notified.notices)
        self.last: dict[tuple[str, frozenset[tuple[str, str]]], str] = {}

    def show(self) -> None:
        for notice in list(self.notified.notices)[self.shown :]:
            self.shown += 1
            key = notice.receiver, frozenset(notice.labels.items())
            # A notification repeats what its group told before.
            if notice.name != "Watchdog" and self.last.get(key) != notice.status:
                self.screen.notice(notice)
            self.last[key] = notice.status


def obey(screen: Screen, stage: Stage, word: str) -> None:
    """Break what is named, or mend everything."""
    story = STORIES.get(word)
    try:
        if story is not None:
            screen.line(f"[yellow]{story.what}[/]")
            story.break_(stage)
        elif word:
            screen.line(escape(unknown(word)))
        else:
            screen.line("[yellow]everything is mended[/]")
            for one in STORIES.values():
                one.mend(stage)
    except (OSError, AssertionError) as error:
        screen.line(f"[red]not done:[/] {escape(str(error))}")
