"""Commands and replies of SMTP (RFC 5321), its extensions, STARTTLS (RFC 3207) and AUTH (RFC 4954)."""

import asyncio
import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.probe import Down
from exporter.probes._lines import Lines
from exporter.redact import quoted
from exporter.values import Secret

REASONS: Mapping[str, str] = {
    "protocol": "What answers does not speak SMTP, or sent text between STARTTLS and TLS.",
    "unavailable": "The server is shutting down, or takes no more connections for now (421).",
    "rejected": "The server refuses us with its greeting or its answer to EHLO: blocked, or it takes no mail.",
    "no_auth": "The server offers no way of logging in that we know (PLAIN, LOGIN).",
    "auth": "The server refuses the user or the password.",
    "server_error": "The server answered a command with another error, which the detail quotes.",
}
_REPLY = re.compile(r"([2-5][0-9]{2})(?:([ -])(.*))?")
_READY, _LOGGED_IN, _GO_ON, _CLOSING = 220, 235, 334, 421


@dataclass(frozen=True, slots=True)
class Reply:
    """A code, and the text of each line."""

    code: int
    lines: tuple[str, ...]

    @property
    def positive(self) -> bool:
        return self.code < 400


@dataclass(slots=True)
class Session:
    """A conversation; `secrets` are whose what the server says must not hold."""

    transport: asyncio.Transport
    lines: Lines
    where: str
    secrets: object
    _sent: list[Secret] = field(default_factory=list)

    async def reply(self) -> Reply:
        """The next one. Raises Down."""
        texts: list[str] = []
        code = ""
        while True:
            line = await self.lines.line()
            match = _REPLY.fullmatch(line)
            if match is None or (code and match[1] != code):
                raise Down("protocol", f"{self.where}: {self.quote(line, 60)!r} is no reply of SMTP")
            code = match[1]
            texts.append(match[3] or "")
            if match[2] != "-":
                break
            await asyncio.sleep(0)  # a thousand lines may be there at once
        found = Reply(int(code), tuple(texts))
        if found.code == _CLOSING:
            raise Down("unavailable", f"{self.where}: {self.said(found)}")
        return found

    async def ask(self, command: str, secret: str = "") -> Reply:
        """The reply to a command; `secret` is the end of it that nobody may see. Raises Down."""
        if secret:
            self._sent.append(Secret(secret))
        self.transport.write(f"{command}{secret}\r\n".encode())
        return await self.reply()

    async def greeting(self) -> Reply:
        """What the server says first. Raises Down."""
        found = await self.reply()
        if found.code != _READY:
            raise Down("rejected", f"{self.where}: {self.said(found)}")
        return found

    async def hello(self, name: str) -> dict[str, str]:
        """The extensions that the server offers, by their keyword in upper case. Raises Down."""
        found = await self.ask(f"EHLO {name or self._literal()}")
        if found.code != 250:
            raise Down("rejected", f"{self.where}: EHLO: {self.said(found)}")
        words = [line.replace("AUTH=", "AUTH ", 1).partition(" ") for line in found.lines[1:]]
        return {keyword.upper(): parameters for keyword, _, parameters in words}

    async def login(self, username: str, password: str, mechanisms: str) -> None:
        """By the first of PLAIN and LOGIN that is offered. Raises Down."""
        offered = mechanisms.upper().split()
        if "PLAIN" in offered:
            found = await self.ask("AUTH PLAIN ", _base64(f"\0{username}\0{password}"))
        elif "LOGIN" in offered:
            found = await self.ask("AUTH LOGIN")
            for text in (username, password):
                if found.code == _GO_ON:
                    found = await self.ask("", _base64(text))
        else:
            raise Down("no_auth", f"{self.where} offers {self.quote(mechanisms, 60) or 'none'!r}")
        if found.code != _LOGGED_IN:
            # 4xx: the store of its users is down, say, which is no fault of the password's.
            raise Down("server_error" if found.code < 500 else "auth", f"{self.where}: AUTH: {self.said(found)}")

    async def quit(self, seconds: float) -> None:
        """Leave in good order: servers log those who don't."""
        try:
            async with asyncio.timeout(seconds):
                await self.ask("QUIT")
        except (TimeoutError, Down):
            return  # all that was asked for was had

    def said(self, reply: Reply) -> str:
        return f"{reply.code} {self.quote(' '.join(reply.lines), 120)}".rstrip()

    def quote(self, text: str, longest: int) -> str:
        return quoted(text, (self.secrets, self._sent), longest)

    def _literal(self) -> str:
        """Our own address, which one without a name of its own says (RFC 5321, 4.1.3)."""
        address = str(self.transport.get_extra_info("sockname")[0]).partition("%")[0]
        return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode(errors="surrogateescape")).decode()
