"""`python -m benchmarks [ROW…]`: measures rows and prints them."""

import argparse
import sys
import time
from collections.abc import Mapping

from benchmarks import forwarded, memory, probes, received, report, requested, scrape, start, whole
from benchmarks.row import FULL, QUICK, Depth, Measure, Missing, Row

ROWS: Mapping[str, Measure] = {
    "http": probes.http,
    "tcp": probes.tcp,
    "probe-http": requested.http,
    "probe-tcp": requested.tcp,
    "redis": probes.redis,
    "postgres": probes.sessions,
    "scrape": scrape.scrape,
    "changed": scrape.changed,
    "memory": memory.memory,
    "observe": memory.observe,
    "resident": whole.resident,
    "homemade": whole.homemade,
    "start": start.start,
    "sentry-parse": received.parsed,
    "sentry-whole": received.whole,
    "otlp-spans": received.spans,
    "otlp-forward": forwarded.forward,
    "otlp-away": forwarded.away,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Ours and its peers, in the same run.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"which rows; by default all: {', '.join(ROWS)}")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: within two minutes")
    parser.add_argument("--output", choices=("table", "json", "markdown"), default="table")
    options = parser.parse_args()
    if unknown := [name for name in options.rows if name not in ROWS]:
        parser.error(f"no such row: {', '.join(unknown)}; there are {', '.join(ROWS)}")
    rows: list[Row] = []
    for name in options.rows or ROWS:
        began = time.monotonic()
        print(f"{name} …", end="", file=sys.stderr, flush=True)
        rows += measured(name, QUICK if options.quick else FULL)
        print(f" {time.monotonic() - began:.0f} s", file=sys.stderr)
    if options.output == "table":
        report.table(rows)
    else:
        print(report.as_json(rows) if options.output == "json" else report.markdown(rows))
    return 0 if all(row.ratio is not None for row in rows) else 1


def measured(name: str, depth: Depth) -> list[Row]:
    """Its rows; one that says why where there are none, so that the others are shown all the same."""
    rows: list[Row] = []
    try:
        rows.extend(ROWS[name](depth))
    except (Missing, AssertionError) as error:
        rows.append(Row(name, "", "", 0.0, note=str(error)[:200]))
    return rows


if __name__ == "__main__":
    sys.exit(main())
