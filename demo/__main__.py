"""`make demo`: a small shop that is watched; `make demo break=NAME` breaks one thing of it and shows who is told, when."""

import signal
import sys

if __name__ == "__main__":
    # Until there is something to clean up, Ctrl-C just ends it; what is imported now takes a while.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from demo.live import live
from demo.screen import Screen
from demo.stage import Stage, stage
from demo.story import STORIES, Story, unknown
from demo.tidy import tidy
from demo.timeline import Step, Stuck, Watch

FACTOR, MOST = 60.0, 120.0
"""A rule that looks back 5 minutes has 5 scrapes to look at when they are divided by 120."""
PROGRAMS = {"prometheus": "prometheus", "prometheus-alertmanager": "prometheus-alertmanager"}
INTERRUPTED = 130
LOG = 10
"""Lines of it that are shown."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    if missing := [package for program, package in PROGRAMS.items() if shutil.which(program) is None]:
        _say(f"it needs {' and '.join(missing)}. On Debian and Ubuntu, as root: apt-get install {' '.join(missing)}")
        return 1
    screen = Screen()
    try:
        with tidy() as folder, ExitStack() as stack:
            with screen.starting() as told:
                started = stack.enter_context(stage(folder, options.faster, told))
            return _run(screen, started, STORIES.get(options.break_))
    except KeyboardInterrupt:
        screen.line("ended: no process and no file of it is left")
        return INTERRUPTED if options.break_ else 0
    except (Stuck, AssertionError, OSError) as error:
        # The first note has the log of the server that did not start.
        log = "".join(getattr(error, "__notes__", [])[:1]).splitlines()[-LOG:]
        _say("\n".join([f"{error}; it has ended, and is cleaned up", *log]))
        return 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make demo", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    stories = "\n".join(f"{name:<12} {story.what}" for name, story in STORIES.items())
    parser.add_argument("--break", dest="break_", default="", metavar="NAME", help=f"one of\n{stories}")
    parser.add_argument(
        "--faster",
        type=float,
        default=FACTOR,
        metavar="N",
        help=f"divide each wait of rules and routes by 1 to {MOST:g}; by default {FACTOR:g}, and 1 is as shipped",
    )
    options = parser.parse_args(arguments)
    name = options.break_
    if name and name not in STORIES:
        _say(unknown(name))
        sys.exit(2)
    if not 1 <= options.faster <= MOST:
        _say(f"--faster is a number from 1 to {MOST:g}")
        sys.exit(2)
    return options


def _say(problem: str) -> None:
    print(f"make demo: {problem}", file=sys.stderr)


def _run(screen: Screen, started: Stage, story: Story | None) -> int:
    screen.addresses(started)
    with screen.waiting("until all has been well for a while"):
        started.settle()
    if story is None:
        live(screen, started)
        return 0
    watch = Watch(started, story)
    _show(screen, "Broken:", watch.breaking())
    screen.told(watch)
    _show(screen, "Mended:", watch.mending())
    screen.where(watch)
    return 0


def _show(screen: Screen, title: str, steps: Iterator[Step]) -> None:
    screen.line(f"\n[bold]{title}[/]")
    while True:
        with screen.waiting(""):
            step = next(steps, None)
        if step is None:
            return
        screen.step(step)


if __name__ == "__main__":
    sys.exit(main())
