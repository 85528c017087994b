"""A dashboard with a panel of each type, and a Prometheus whose samples are known, for pictures of it."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dashboards.source import variables, written
from dashboards.source.board import Board, Row
from dashboards.source.looks import CODES, CRITICAL, WARNING
from dashboards.source.panels import bars, heat, stat, text, timeline, timeseries
from dashboards.source.query import Query
from dashboards.source.tables import Column, table
from tests.servers.ports import free_port
from tests.servers.telemetry import Prometheus

START, END, EVERY = 1_700_000_000, 1_700_000_600, 10
BOUNDS = (0.01, 0.1, 1, 10)
ABOUT = "What it means. What to do."


def samples() -> str:
    """In OpenMetrics: ten minutes, in the middle of which `orders` fails and an alert fires."""
    lines = []
    for index, at in enumerate(range(START, END + 1, EVERY)):
        bad = 20 <= index < 32
        lines += [
            f'code{{component="database"}} 0 {at}',
            f'code{{component="orders"}} {4 if bad else 0} {at}',
            f'bytes_used{{component="database"}} {3 * 2**30 + index * 2**20} {at}',
            f'bytes_used{{component="orders"}} {2**30} {at}',
            f'bytes_limit{{severity="critical"}} {4 * 2**30} {at}',
            f"share 0.834 {at}",
            f"since {at - 5400} {at}",
            *(f'took{{le="{bound}"}} {index * 2**number} {at}' for number, bound in enumerate((*BOUNDS, "+Inf"))),
        ]
        alert = 'severity="critical",alertname="It"'
        if bad:
            labels = 'severity="critical",alertname="It"'
            lines.append(f'ALERTS{{alertstate="firing",{labels}}} 1 {at}')
            lines.append(f"ALERTS_FOR_STATE{{{labels}}} {START + 20 * EVERY} {at}")
    # Of each series together, as the format demands.
    return "\n".join(sorted(lines, key=lambda line: line.split(" ")[0])) + "\n# EOF\n"


def dashboard() -> dict[str, Any]:
    first = [
        stat("Share", ABOUT, Query("share"), unit="percentunit", steps_=[(0.8, WARNING), (0.9, CRITICAL)]),
        stat("Worst", ABOUT, Query("max(code)"), unit="short", words=CODES, colored="background"),
        stat("Since", ABOUT, Query("time() - since"), unit="s", trend=True),
        stat("None is good", ABOUT, Query("missing"), unit="short", none="all is well"),
        bars("Used", ABOUT, Query("bytes_used", "{{component}}"), unit="bytes", steps_=[(2 * 2**30, WARNING)]),
    ]
    second = [
        timeseries(
            "Space",
            ABOUT,
            Query("bytes_used", "{{component}}"),
            Query("bytes_limit", "{{severity}}", limit="critical"),
            unit="bytes",
        ),
        heat("How long", ABOUT, Query("sum by (le) (rate(took[$__rate_interval]))")),
        timeline("Status", ABOUT, Query("code", "{{component}}"), words=CODES, height=5),
    ]
    third = [
        table(
            "All",
            ABOUT,
            Query("max by (component) (code)"),
            Query("max by (component) (bytes_used)"),
            columns=[
                Column("component", "Component", url="/d/stack-components?var-component=${__value.text}"),
                Column("Value #A", "Status", words=CODES, color="background"),
                Column("Value #B", "Used", unit="bytes", steps=[(2 * 2**30, "orange")], color="text"),
            ],
            width=12,
            sort="Used",
        ),
        timeseries("Wrong", ABOUT, Query("sum by ("), unit="s", width=6),
        timeseries("Empty", ABOUT, Query("missing"), unit="s", width=6),
        text("Read **this**, then [that](/d/stack-overview)."),
    ]
    board = Board(
        "stack-sample",
        "A sample",
        ABOUT,
        [variables.component()],
        [Row("", first), Row("Over time", second), Row("In detail", third)],
    )
    made: dict[str, Any] = json.loads(written.text(board))
    return made


@contextmanager
def prometheus() -> Iterator[Prometheus]:
    """It scrapes nothing: it has these samples."""
    with tempfile.TemporaryDirectory(prefix="pictured-") as made:
        folder, port = Path(made), free_port()
        (file := folder / "samples").write_text(samples())
        (config := folder / "prometheus.yml").write_text("{}")
        command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(file), str(folder / "data")]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
        command += [f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.retention.time=100y"]
        with Prometheus("prometheus", command, port, folder, url=f"http://127.0.0.1:{port}") as server:
            yield server
