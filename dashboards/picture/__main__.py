"""python -m dashboards.picture [NAME ...]: pictures of the dashboards, from a Prometheus that runs or a scenario's.

Without --prometheus it starts the scenario of the tests with all it watches, draws every dashboard while all is
healthy, breaks what can be broken, and draws them again: docs/dashboards/NAME-healthy.png and NAME-broken.png.
"""

import argparse
import asyncio
import functools
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from dashboards.picture.browser import PictureError
from dashboards.picture.drawing import drawing, served, shrink
from dashboards.picture.found import Asking, Json, found, read
from tests.dashboards.scenario import scenario

Answers = dict[str, list[Json]]
"""Of each dashboard what was found, by what its picture's name ends with."""
ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "docs" / "dashboards"
STEP = 5.0
"""Seconds, in a scenario, of which minutes are shown."""
LARGEST = 400_000
"""Bytes of a picture, beyond which it is said to be large."""


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dashboards.picture", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="stack-overview and the like; all, if none is given")
    parser.add_argument("--out", type=Path, default=OUT, help="the folder for the pictures")
    parser.add_argument("--light", action="store_true", help="Grafana's light theme")
    one = parser.add_argument_group("one Prometheus that runs already")
    one.add_argument("--prometheus", metavar="URL")
    one.add_argument("--from", type=float, dest="start", metavar="UNIX", help="an hour before --to, if not given")
    one.add_argument("--to", type=float, dest="end", metavar="UNIX", help="now, if not given")
    one.add_argument(
        "--step", type=float, default=15, metavar="SECONDS", help="what the data source is told of scrapes"
    )
    one.add_argument("--suffix", default="now", help="NAME-SUFFIX.png")
    one.add_argument("--rate-interval", default="1m", help="what $__rate_interval stands for: four scrape intervals")
    scenario = parser.add_argument_group("a scenario")
    scenario.add_argument("--healthy", type=float, default=240, metavar="SECONDS", help="shown before all breaks")
    scenario.add_argument("--broken", type=float, default=150, metavar="SECONDS", help="shown after")
    return parser.parse_args()


def asked_of_scenario(boards: Sequence[Json], given: argparse.Namespace) -> Answers:
    """Nothing is drawn meanwhile: what it watches would be slow then."""
    with tempfile.TemporaryDirectory(prefix="picture-", ignore_cleanup_errors=True) as folder:
        _say(f"starting all that is watched; {given.healthy:g} s of a healthy day")
        with scenario(Path(folder), True, healthy=given.healthy, broken=given.broken) as running:
            ask = functools.partial(
                Asking, running.prometheus.url, rate=running.rate_interval, values=running.variables, step=STEP
            )
            answers = {"healthy": [found(board, ask(*running.healthy_window)) for board in boards]}
            _say(f"breaking all that can be; {given.broken:g} s of that")
            running.break_()
            answers["broken"] = [found(board, ask(*running.broken_window)) for board in boards]
    return answers


async def draw(answers: Answers, address: str, given: argparse.Namespace) -> None:
    """Writes their pictures."""
    given.out.mkdir(parents=True, exist_ok=True)
    async with drawing(address) as pictures:
        for suffix, answer in ((suffix, answer) for suffix, all_ in answers.items() for answer in all_):
            path = given.out / f"{answer['dashboard']['uid']}-{suffix}.png"
            path.write_bytes(await pictures.picture(answer, light=given.light))
            shrink(path)
            size = path.stat().st_size
            _say(f"{path.name}: {size // 1000} kB{' (large)' if size > LARGEST else ''}")


def failed(answers: Answers) -> Iterator[str]:
    """The queries that Prometheus refused."""
    for suffix, all_ in answers.items():
        for answer in all_:
            name = f"{answer['dashboard']['uid']}-{suffix}"
            yield from (f"{name}, {mark['name']}: {mark['error']}" for mark in answer["annotations"] if "error" in mark)
            for panel, results in answer["results"].items():
                yield from (f"{name}, panel {panel}: {one['error']}" for one in results.values() if "error" in one)


def made(given: argparse.Namespace) -> list[str]:
    """Draws all that is asked for; what went wrong. The page is built first, as that takes all of a machine."""
    boards = read(given.names)
    with served() as address:
        if given.prometheus:
            end = given.end or time.time()
            asking = Asking(given.prometheus, given.start or end - 3600, end, given.rate_interval, step=given.step)
            answers = {given.suffix: [found(board, asking) for board in boards]}
        else:
            answers = asked_of_scenario(boards, given)
        asyncio.run(draw(answers, address, given))
    return [*failed(answers)]


def main() -> int:
    try:
        problems = made(options())
    except PictureError as error:
        problems = [str(error)]
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return 1 if problems else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
