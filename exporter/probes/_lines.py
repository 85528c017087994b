"""Lines of text from a connection, each and all of them bounded."""

import asyncio

from exporter.probe import Down
from exporter.probes._net import failure

LINE = 8192
TOTAL = 65536


class Lines(asyncio.Protocol):
    """Without their ends; what a server leaves unended when it closes is a line too."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._rest = b""
        self._received = 0
        self._lost: Down | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def line(self) -> str:
        """The next one. Raises Down."""
        while b"\n" not in self._rest and self._received <= TOTAL:
            if len(self._rest) > LINE:
                raise Down("protocol", f"{self._where}: a line of more than {LINE} bytes")
            if self._lost is not None:
                if self._rest and self._lost.reason == "closed":
                    break
                raise self._lost
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if self._received > TOTAL:
            raise Down("protocol", f"{self._where}: more than {TOTAL} bytes of text")
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode(errors="replace").rstrip("\r")

    def upgrade(self) -> None:
        """TLS begins. Text that came in the clear after the last line could pass as said over TLS. Raises Down."""
        if self._rest:
            raise Down(
                "protocol", f"{self._where}: {len(self._rest)} bytes of text in the clear, where TLS was to begin"
            )

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._received <= TOTAL:  # the rest of a flood is of no use
            self._rest += data
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._lost is None:
            self._lost = failure(exc, self._where)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
