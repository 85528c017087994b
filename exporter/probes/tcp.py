"""Does a TCP server take connections, with TLS if it should, and say what it should?"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from exporter.metric import gauge
from exporter.probe import Down, Probe, Readings, Signal
from exporter.probes import _net, _tls
from exporter.probes._lines import Lines
from exporter.probes._pattern import LINE, Pattern
from exporter.probes._tls import TLS
from exporter.redact import quoted
from exporter.values import Secret

NOT_BEFORE = gauge(
    "stack_tcp_certificate_not_before_timestamp_seconds", "From when on the certificate is valid.", "component"
)
NOT_AFTER = gauge("stack_tcp_certificate_not_after_timestamp_seconds", "When the certificate expires.", "component")
REMAINING = gauge(
    "stack_tcp_certificate_remaining_seconds", "Time until the certificate expires; negative after.", "component"
)
VERIFIED = gauge("stack_tcp_certificate_verified", "Whether the certificate was verified: 1 or 0.", "component")

_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^\s:/@\[\]]+)):(?P<port>[0-9]{1,5})")


class Step(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, dict=True):
    """Wait for a line, then send one, then begin TLS: each if it is given."""

    expect: Annotated[str, Meta(description="Regular expression (RE2); lines are read until one matches.")] = ""
    send: Annotated[
        Secret | None,
        Meta(
            description=r"Text to send; CR LF follows unless it ends a line itself. \1 is the last match's first group."
        ),
    ] = None
    starttls: Annotated[bool, Meta(description="Go on over TLS.")] = False

    def __post_init__(self) -> None:
        if not (self.expect or self.send or self.starttls):
            raise ValueError("a step expects, sends or begins TLS")
        try:
            Pattern(self.expect, LINE, captures=True)
        except ValueError as error:
            raise ValueError(f"expect: {error}") from None

    @cached_property
    def pattern(self) -> Pattern:
        return Pattern(self.expect, LINE, captures=True)


class TCP(Probe, kw_only=True, frozen=True):
    """Connects, each time anew."""

    reasons: ClassVar[Mapping[str, str]] = {
        **_net.REASONS,
        **_tls.REASONS,
        "unexpected": "The server said something, but not the line expected.",
        "protocol": "The server sent a line or an amount that no text protocol has, or text between STARTTLS and TLS.",
    }
    signals: ClassVar[tuple[Signal, ...]] = (_tls.expiry(REMAINING),)

    address: Annotated[str, Meta(description="Where to connect: host:port, [::1]:port.", examples=["shop.example:443"])]
    tls: Annotated[TLS | None, Meta(description="Do TLS: from the start, or at the step that says starttls.")] = None
    dialogue: Annotated[tuple[Step, ...], Meta(description="What to wait for and to send, in order.")] = ()

    def __post_init__(self) -> None:
        match = _ADDRESS.fullmatch(self.address)
        if match is None or not 0 < int(match["port"]) < 65536:
            raise ValueError("address: expected host:port")
        if sum(step.starttls for step in self.dialogue) > 1:
            raise ValueError("dialogue: TLS begins once")

    async def run(self, out: Readings) -> None:
        host, port = self._where

        show = _tls.dates(out, NOT_AFTER, REMAINING, NOT_BEFORE, VERIFIED)

        steps, upgraded = self._halves
        tls = None if upgraded is not None else self.tls
        if not self.dialogue:
            transport, _ = await _net.connect(out, host, port, asyncio.Protocol, tls=tls, show=show)
            transport.abort()
            return
        transport, lines = await _net.connect(out, host, port, partial(Lines, self.address), tls=tls, show=show)
        try:
            with out.phase("dialogue"):
                last = await self._talk(transport, lines, steps)
            if upgraded is None:
                return
            address = transport.get_extra_info("peername")[0]

            async def again() -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
                loop = asyncio.get_running_loop()
                fresh, anew = await loop.create_connection(partial(Lines, self.address), address, port)
                try:
                    await self._talk(fresh, anew, steps)
                except BaseException:
                    fresh.abort()
                    raise
                return fresh, anew

            lines.upgrade()
            transport = await _net.secure(
                out, transport, lines, self.tls or TLS(), host, self.address, show=show, again=again
            )
            with out.phase("dialogue"):
                await self._talk(transport, lines, upgraded, last)
        finally:
            transport.abort()

    async def _talk(
        self, transport: asyncio.Transport, lines: Lines, steps: Sequence[Step], last: tuple[str, ...] = ()
    ) -> tuple[str, ...]:
        """Go through the steps; what the groups of the last match were. Raises Down."""
        sent: list[Secret] = []
        for step in steps:
            if step.expect:
                last = await self._until(lines, step, sent)
            if step.send is not None:
                text = _filled(step.send.reveal(), last)
                sent.append(Secret(text))
                transport.write((text if text.endswith("\n") else text + "\r\n").encode())
        return last

    async def _until(self, lines: Lines, step: Step, sent: Sequence[Secret]) -> tuple[str, ...]:
        seen = ""

        def unexpected() -> Down:
            said = quoted(seen, (self, sent), 80)
            return Down("unexpected", f"{self.address}: no line matches {step.expect[:60]!r}; the last was {said!r}")

        try:
            while True:
                seen = await lines.line()
                if (groups := step.pattern.groups(seen)) is not None:
                    return groups
                await asyncio.sleep(0)  # a thousand lines may be there at once
        except asyncio.CancelledError:
            if seen:  # the deadline passed, but it was not silence that it passed in
                raise unexpected() from None
            raise
        except Down as down:
            if seen and down.reason == "closed":
                raise unexpected() from None
            raise

    @cached_property
    def _where(self) -> tuple[str, int]:
        match = _ADDRESS.fullmatch(self.address)
        assert match is not None  # noqa: S101 - as __post_init__ found
        return match["v6"] or match["host"], int(match["port"])

    @cached_property
    def _halves(self) -> tuple[Sequence[Step], Sequence[Step] | None]:
        """The steps up to the beginning of TLS, and those after it; None when TLS does not begin in the dialogue."""
        at = next((i for i, step in enumerate(self.dialogue) if step.starttls), None)
        return (self.dialogue, None) if at is None else (self.dialogue[: at + 1], self.dialogue[at + 1 :])


def _filled(text: str, groups: tuple[str, ...]) -> str:
    return re.sub(r"\\([1-9])", lambda m: groups[int(m[1]) - 1] if int(m[1]) <= len(groups) else "", text)
