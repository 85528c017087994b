"""`make demo`: a small shop that is watched; `make demo break=NAME` breaks one thing of it and shows who is told, when."""

import argparse
import signal
import sys
import time
from collections.abc import Iterator

from rich.console import Console

from demo.stage import ADMIN, Stage, stage
from demo.story import STORIES, Story
from demo.timeline import Step, Stuck, breaking, mending

FACTOR = 60.0
SETTLED = 8.0
"""Seconds until counters have a past to be compared with, and everything has been probed."""


def main() -> int:
    options = _options()
    # As make's children get it from the terminal too: everything that was started ends in order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console(highlight=False)
    try:
        with console.status("starting") as status, stage(options.faster, lambda what: _starting(status, what)) as all_:
            status.stop()
            _addresses(console, all_, options.faster)
            if options.break_:
                return _told(console, all_, STORIES[options.break_], options.faster)
            console.print("\nCtrl-C ends it all. [bold]make demo break=NAME[/] breaks one of: " + ", ".join(STORIES))
            while True:
                time.sleep(1)
    except KeyboardInterrupt:
        console.print("\nended, and everything is cleaned up")
        return 0 if not options.break_ else 130


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument(
        "--break", dest="break_", choices=("", *STORIES), default="", metavar="NAME", help=", ".join(STORIES)
    )
    parser.add_argument(
        "--faster",
        type=float,
        default=FACTOR,
        metavar="N",
        help="divide every duration in rules and routes by N (default %(default)g; 1 is as it is shipped)",
    )
    return parser.parse_args()


def _starting(status: object, what: str) -> None:
    status.update(f"starting {what}")  # type: ignore[attr-defined]


def _addresses(console: Console, all_: Stage, factor: float) -> None:
    for name, url in (
        ("the shop", f"{all_.shop.url}/products"),
        ("stack-exporter", f"{all_.daemon.url}/  (to see all: any name, password {ADMIN})"),
        ("its metrics", f"{all_.daemon.url}/metrics"),
        ("runbooks", f"{all_.daemon.url}/runbooks/"),
        ("Prometheus", f"{all_.engines.prometheus.url}/alerts"),
        ("Alertmanager", all_.engines.alertmanager.url),
    ):
        console.print(f"[bold]{name:<16}[/] {url}", soft_wrap=True)
    said = "as they are shipped" if factor == 1 else f"divided by {factor:g}: 5 minutes take {300 / factor:g} seconds"
    console.print(f"Waits of rules and routes are {said}.")


def _told(console: Console, all_: Stage, story: Story, factor: float) -> int:
    console.print(f"\n[bold]{story.what}[/], and soon the shop is well again:\n", soft_wrap=True)
    with console.status("waiting until everything has been well for a while"):
        time.sleep(SETTLED)
    try:
        _show(console, breaking(all_, story))
        console.print()
        _show(console, mending(all_, story))
    except Stuck as stuck:
        console.print(f"[red]{stuck}[/]")
        return 1
    return 0


def _show(console: Console, steps: Iterator[Step]) -> None:
    while True:
        with console.status("…"):
            step = next(steps, None)
        if step is None:
            return
        colour = {"you": "yellow", "stack-exporter": "cyan", "Prometheus": "magenta"}.get(step.who, "green")
        console.print(f"[dim]{step.after:7.2f} s[/]  [{colour}]{step.who:<24}[/] {step.what}", soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
