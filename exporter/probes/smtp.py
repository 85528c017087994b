"""Does a mail server greet, do TLS, let us log in and take a recipient? No mail is sent."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from exporter.metric import gauge
from exporter.probe import Down, Probe, Readings, Signal
from exporter.probes import _address, _net, _smtp_session, _tls
from exporter.probes._lines import Lines
from exporter.probes._pattern import LINE, Pattern, utf8
from exporter.probes._smtp_session import Session
from exporter.probes._tls import TLS, Certificate
from exporter.values import Secret

STARTTLS = gauge("stack_smtp_starttls_offered", "Whether the server offers STARTTLS: 1 or 0.", "component")
ENCRYPTED = gauge("stack_smtp_encrypted", "Whether the conversation ended over TLS: 1 or 0.", "component")
LARGEST = gauge("stack_smtp_message_limit_bytes", "The largest message that the server takes.", "component")
NOT_BEFORE = gauge(
    "stack_smtp_certificate_not_before_timestamp_seconds", "From when on the certificate is valid.", "component"
)
NOT_AFTER = gauge("stack_smtp_certificate_not_after_timestamp_seconds", "When the certificate expires.", "component")
REMAINING = gauge(
    "stack_smtp_certificate_remaining_seconds", "Time until the certificate expires; negative after.", "component"
)
VERIFIED = gauge("stack_smtp_certificate_verified", "Whether the certificate was verified: 1 or 0.", "component")

_PORTS = {"tls": 465}
_SENDABLE = re.compile(r"[\x21-\x7e]+")
_LEAVE = 1.0
"""Seconds that a server has to answer QUIT."""


class SMTP(Probe, kw_only=True, frozen=True):
    """Greets and leaves, on a new connection each run."""

    reasons: ClassVar[Mapping[str, str]] = {
        **_net.REASONS,
        **_tls.REASONS,
        **_smtp_session.REASONS,
        "no_starttls": "TLS is demanded, and the server does not offer STARTTLS, or refuses it.",
        "sender": "The server refuses the sender (MAIL FROM).",
        "recipient": "The server refuses the recipient (RCPT TO).",
        "unexpected": "The greeting is not the one expected, or an extension is missing.",
    }
    signals: ClassVar[tuple[Signal, ...]] = (_tls.expiry(REMAINING),)
    latency: ClassVar[tuple[float | None, float | None]] = (2.0, 10.0)  # many let strangers wait for their greeting
    slow: ClassVar[float | None] = 10.0

    address: Annotated[
        str,
        Meta(
            description="Where to connect: host or host:port; by default port 25, with encryption tls 465.",
            examples=["mail.example:587"],
        ),
    ]
    encryption: Annotated[
        Literal["none", "optional", "starttls", "tls"],
        Meta(description="TLS never; by STARTTLS if it is offered; by STARTTLS, else down; or from the start."),
    ] = "optional"
    tls: Annotated[TLS | None, Meta(description="How to do TLS.")] = None
    hello: Annotated[str, Meta(description="The name to say with EHLO; by default our address, as [192.0.2.1].")] = ""
    banner: Annotated[str, Meta(description="Regular expression (RE2) that the greeting must match.")] = ""
    extensions: Annotated[
        tuple[str, ...], Meta(description="Extensions that must be offered, such as SIZE, 8BITMIME or SMTPUTF8.")
    ] = ()
    username: Annotated[str, Meta(description="User to log in as; over TLS, unless encryption is none.")] = ""
    password: Annotated[Secret, Meta(description="The user's password.")] = Secret("")
    sender: Annotated[str, Meta(description="Sender to try (MAIL FROM); no mail is sent.")] = ""
    recipient: Annotated[str, Meta(description="Recipient to try (RCPT TO); no mail is sent.")] = ""

    def __post_init__(self) -> None:
        try:
            _address.parse(self.address, _PORTS.get(self.encryption, 25))
        except ValueError as error:
            raise ValueError(f"address: {error}") from None
        if self.tls is not None and self.encryption == "none":
            raise ValueError("tls needs another encryption than none")
        if bool(self.username) != bool(self.password):
            raise ValueError("username and password: expected both or neither")
        if self.recipient and not self.sender:
            raise ValueError("recipient needs a sender")
        for name, text in (("hello", self.hello), ("sender", self.sender), ("recipient", self.recipient)):
            if text and (not _SENDABLE.fullmatch(text) or "<" in text or ">" in text):
                raise ValueError(f"{name}: expected letters, digits and signs without spaces, < and >")
        if self.banner:
            try:
                _ = self._banner
            except ValueError as error:
                raise ValueError(f"banner: {error}") from None

    async def run(self, out: Readings) -> None:
        host, port = self._where

        show = _tls.dates(out, NOT_AFTER, REMAINING, NOT_BEFORE, VERIFIED)

        tls = (self.tls or TLS()) if self.encryption == "tls" else None
        where = f"{host}:{port}"
        transport, lines = await _net.connect(out, host, port, partial(Lines, where), tls=tls, show=show)
        session = Session(transport, lines, where, self)
        try:
            with out.phase("greeting"):
                offered = await self._greet(session)
            out.set(STARTTLS, "STARTTLS" in offered)
            encrypted = tls is not None
            if self.encryption in ("optional", "starttls"):
                encrypted = await self._upgrade(out, session, offered, show)
                if encrypted:
                    with out.phase("greeting"):
                        offered = await session.hello(self.hello)
            out.set(ENCRYPTED, encrypted)
            if (size := offered.get("SIZE", "")[:20]).isdecimal() and int(size):  # 0 is no limit (RFC 1870, 3)
                out.set(LARGEST, int(size))
            if missing := [name for name in self.extensions if name.upper() not in offered]:
                raise Down("unexpected", f"{where} does not offer {', '.join(missing)[:100]}")
            with out.phase("dialogue"):
                await self._use(session, offered)
                await session.quit(min(_LEAVE, (out.deadline - time.monotonic()) / 2))
        finally:
            session.transport.abort()

    async def _greet(self, session: Session) -> dict[str, str]:
        """What the server offers. Raises Down."""
        greeting = "\n".join((await session.greeting()).lines)
        if self.banner and not self._banner.found(utf8(greeting.encode())):
            said = session.quote(greeting, 80)
            raise Down("unexpected", f"{session.where}: {self.banner[:60]!r} does not match the greeting {said!r}")
        return await session.hello(self.hello)

    async def _upgrade(
        self, out: Readings, session: Session, offered: Mapping[str, str], show: Callable[[Certificate], None]
    ) -> bool:
        """Begin TLS, if the server does; whether it did. Raises Down."""
        demanded = self.encryption == "starttls" or bool(self.username)
        if "STARTTLS" not in offered:
            if demanded:
                raise Down("no_starttls", f"{session.where} does not offer STARTTLS")
            return False
        with out.phase("greeting"):
            reply = await session.ask("STARTTLS")
        if reply.code != 220:
            if demanded:
                raise Down("no_starttls", f"{session.where}: STARTTLS: {session.said(reply)}")
            return False
        address, port = session.transport.get_extra_info("peername")[:2]

        async def again() -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
            loop = asyncio.get_running_loop()
            transport, lines = await loop.create_connection(partial(Lines, session.where), address, port)
            anew = Session(transport, lines, session.where, self)
            try:
                await self._greet(anew)
                await anew.ask("STARTTLS")
            except BaseException:
                transport.abort()
                raise
            return transport, lines

        session.lines.upgrade()
        session.transport = await _net.secure(
            out,
            session.transport,
            session.lines,
            self.tls or TLS(),
            self._where[0],
            session.where,
            show=show,
            again=again,
        )
        return True

    async def _use(self, session: Session, offered: Mapping[str, str]) -> None:
        """Log in and try the sender and the recipient, each if it is given. Raises Down."""
        if self.username:
            await session.login(self.username, self.password.reveal(), offered.get("AUTH", ""))
        if not self.sender:
            return
        reply = await session.ask(f"MAIL FROM:<{self.sender}>")
        if not reply.positive:
            raise Down("sender", f"{session.where}: MAIL FROM: {session.said(reply)}")
        if self.recipient:
            reply = await session.ask(f"RCPT TO:<{self.recipient}>")
            if not reply.positive:
                raise Down("recipient", f"{session.where}: RCPT TO: {session.said(reply)}")
        reply = await session.ask("RSET")
        if not reply.positive:
            raise Down("server_error", f"{session.where}: RSET: {session.said(reply)}")

    @cached_property
    def _where(self) -> tuple[str, int]:
        return _address.parse(self.address, _PORTS.get(self.encryption, 25))

    @cached_property
    def _banner(self) -> Pattern:
        return Pattern(self.banner, LINE)
