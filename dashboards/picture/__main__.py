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
from collections.abc import Sequence
from pathlib import Path

from dashboards.picture.browser import PictureError
from dashboards.picture.drawing import drawing, served, shrink
from dashboards.picture.found import Asking, Json, found, read
from tests.dashboards.scenario import scenario

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


def draw(boards: Sequence[Json], asking: Asking, address: str, suffix: str, given: argparse.Namespace) -> list[str]:
    """Writes their pictures, and says of each panel's query that fails."""
    given.out.mkdir(parents=True, exist_ok=True)
    answers = [found(board, asking) for board in boards]
    paths = asyncio.run(_drawn(answers, address, suffix, given))
    shrink(paths)
    for path in paths:
        size = path.stat().st_size
        _say(f"{path.name}: {size // 1000} kB{' (large)' if size > LARGEST else ''}")
    return [
        f"{answer['dashboard']['uid']}-{suffix}, panel {panel}, query {ref}: {result['error']}"
        for answer in answers
        for panel, results in answer["results"].items()
        for ref, result in results.items()
        if "error" in result
    ]


async def _drawn(answers: Sequence[Json], address: str, suffix: str, given: argparse.Namespace) -> list[Path]:
    paths = []
    async with drawing(address) as pictures:
        for answer in answers:
            path = given.out / f"{answer['dashboard']['uid']}-{suffix}.png"
            path.write_bytes(await pictures.picture(answer, light=given.light))
            paths.append(path)
    return paths


def from_scenario(boards: Sequence[Json], address: str, given: argparse.Namespace) -> list[str]:
    problems = []
    with tempfile.TemporaryDirectory(prefix="picture-", ignore_cleanup_errors=True) as folder:
        _say(f"starting all that is watched; {given.healthy:g} s of a healthy day")
        with scenario(Path(folder), True, healthy=given.healthy, broken=given.broken) as running:
            ask = functools.partial(
                Asking, running.prometheus.url, rate=running.rate_interval, values=running.variables, step=STEP
            )
            problems += draw(boards, ask(*running.healthy_window), address, "healthy", given)
            _say(f"breaking all that can be; {given.broken:g} s of that")
            running.break_()
            problems += draw(boards, ask(*running.broken_window), address, "broken", given)
    return problems


def main() -> int:
    given = options()
    try:
        boards = read(given.names)
        with served() as address:
            if given.prometheus:
                end = given.end or time.time()
                asking = Asking(given.prometheus, given.start or end - 3600, end, given.rate_interval, step=given.step)
                problems = draw(boards, asking, address, given.suffix, given)
            else:
                problems = from_scenario(boards, address, given)
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
