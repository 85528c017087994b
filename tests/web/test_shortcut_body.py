"""A body as it comes: what waits to be read is bounded."""

from typing import Any

from exporter.web.shortcut_body import Coming


class Slow:
    """A transport that is told to stop and go on."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pause_reading(self) -> None:
        self.told.append("pause")

    def resume_reading(self) -> None:
        self.told.append("resume")

    def is_closing(self) -> bool:
        return False


async def test_a_client_is_not_listened_to_while_much_waits_to_be_read() -> None:
    transport: Any = Slow()
    coming = Coming(transport, 500_000)
    assert [coming.feed(b"x" * 100_000) for _ in range(2)] == [b"", b""]
    assert transport.told == ["pause"]
    assert await anext(coming.iter_any()) == b"x" * 200_000
    assert transport.told == ["pause", "resume"]
    assert coming.feed(b"x" * 200_000) == b""
    assert transport.told == ["pause", "resume", "pause"]
    assert coming.feed(b"x" * 100_001) == b"x"
    assert [len(part) async for part in coming.iter_any()] == [300_000]
    assert coming.is_eof()
