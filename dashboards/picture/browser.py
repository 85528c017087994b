"""Chromium without a window, driven by the DevTools protocol: opens a page, runs its functions, takes its picture."""

import asyncio
import base64
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp

from tests.chromium import FLAGS as QUIET

FLAGS = (*QUIET, "--hide-scrollbars", "--remote-debugging-port=0")
START = 20.0
"""Seconds until it listens."""


class PictureError(Exception):
    """The page raised, or Chromium refused; it says what."""


class Page:
    """What is said to a page is answered by number, between events, which tell of errors in its console."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []

    async def say(self, method: str, **parameters: object) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            answer = await self._socket.receive_json(timeout=120)
            if answer.get("id") == number:
                if "error" in answer:
                    raise PictureError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._hear(answer)

    def _hear(self, event: dict[str, Any]) -> None:
        given = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            details = given["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description") or details["text"])
        elif event.get("method") == "Runtime.consoleAPICalled" and given["type"] == "error":
            said = (arg.get("value") or arg.get("description") or "" for arg in given["args"])
            self.complaints.append(" ".join(map(str, said)))

    async def open(self, url: str, width: int, height: int = 900) -> None:
        await self.say("Runtime.enable")
        await self.resize(width, height)
        await self.say("Page.enable")
        await self.say("Page.navigate", url=url)
        await self.run(
            "new Promise((go) => document.readyState === 'complete' ? go() : addEventListener('load', () => go()))"
        )

    async def resize(self, width: int, height: int) -> None:
        await self.say(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    async def run(self, expression: str) -> Any:
        answer = await self.say("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise PictureError(details.get("exception", {}).get("description") or details["text"])
        return answer["result"].get("value")

    async def call(self, function: str, *arguments: object) -> Any:
        return await self.run(f"{function}({','.join(map(json.dumps, arguments))})")

    async def picture(self) -> bytes:
        answer = await self.say("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(answer["data"])


class Browser:
    """An asynchronous context; its profile is gone when it ends."""

    async def __aenter__(self) -> Self:
        program = shutil.which("chromium")
        if program is None:
            raise PictureError("chromium is not installed: make packages")
        self._folder = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        profile = Path(self._folder.name)
        quiet = asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec(
            program, *FLAGS, f"--user-data-dir={profile}", stdout=quiet, stderr=quiet, env={**os.environ, "TZ": "UTC"}
        )
        try:
            self._port = await asyncio.wait_for(self._listening(profile / "DevToolsActivePort"), START)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.terminate()
        await self._process.wait()
        self._folder.cleanup()

    async def _listening(self, file: Path) -> int:
        while not (file.exists() and (lines := file.read_text().split())):  # noqa: ASYNC240 - a line of a local file
            if self._process.returncode is not None:
                raise PictureError(f"chromium ended with code {self._process.returncode}")
            await asyncio.sleep(0.05)
        return int(lines[0])

    @asynccontextmanager
    async def page(self) -> AsyncIterator[Page]:
        """A new one, closed at the end."""
        address = f"http://127.0.0.1:{self._port}/json"
        async with aiohttp.ClientSession() as session:
            async with session.put(f"{address}/new?about:blank") as reply:
                target = await reply.json()
            try:
                async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    yield Page(socket)
            finally:
                async with session.get(f"{address}/close/{target['id']}"):
                    pass
