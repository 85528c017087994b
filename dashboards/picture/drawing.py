"""The page that draws is built once, served on loopback, and given one dashboard after another."""

import functools
import http.server
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from dashboards.picture.browser import Browser, Page, PictureError
from dashboards.picture.found import WIDTH, Json

HERE = Path(__file__).resolve().parent
NODE = Path(sys.executable).with_name("node")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nobody asked."""


@contextmanager
def served() -> Iterator[str]:
    """The address of the page, built anew."""
    if not (HERE / "node_modules").is_dir():
        raise PictureError("Grafana's components are not installed: make dashboards-picture")
    with tempfile.TemporaryDirectory(prefix="picture-") as folder:
        subprocess.run([NODE, "build.mjs", folder], cwd=HERE, check=True, timeout=300)  # noqa: S603 - our own
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/index.html"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def shrink(picture: Path) -> None:
    """To a third of its size, with 256 colours of its own."""
    subprocess.run([NODE, "shrink.mjs", picture.resolve()], cwd=HERE, check=True, timeout=60)  # noqa: S603 - our own


class Drawing:
    """Draws dashboards, each on a page of its own."""

    def __init__(self, browser: Browser, address: str) -> None:
        self._browser, self._address = browser, address

    @asynccontextmanager
    async def page(self, found: Json, *, light: bool = False) -> AsyncIterator[Page]:
        """The dashboard, drawn in its full height; raises PictureError with what the page's console complained of."""
        async with self._browser.page() as page:
            await page.open(self._address, WIDTH)
            height = await page.call("draw", found, light)
            await page.resize(WIDTH, height)
            if page.complaints:
                raise PictureError("\n".join(page.complaints))
            yield page

    async def picture(self, found: Json, *, light: bool = False) -> bytes:
        async with self.page(found, light=light) as page:
            return await page.picture()


@asynccontextmanager
async def drawing(address: str) -> AsyncIterator[Drawing]:
    """With a browser of its own, on the page at that address."""
    async with Browser() as browser:
        yield Drawing(browser, address)
