"""The daemon's own listener in front of a page of many series, of which a share is written anew before each scrape.

`python -m benchmarks.page PORT SERIES SHARE`; the writing, which a probe's end does in the daemon, counts as the scrape's.
"""

import asyncio
import sys

import uvloop

from benchmarks.pages import Ours
from exporter.app import App
from exporter.config import Config
from exporter.options import parse
from exporter.plan import Plan


async def serve(port: int, series: int, share: float) -> None:
    options = parse([f"--web.listen-address=127.0.0.1:{port}", "--ingest.listen-address=off"], {})
    app = App(options, {}, Plan(Config()))
    ours = Ours(series, app.state, app.page)
    render = app.page.families

    def families(*args, **options) -> bytes:
        ours.change(share)
        return render(*args, **options)

    app.page.families = families
    await app.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
