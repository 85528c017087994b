"""A real SMTP server, aiosmtpd, in a thread of its own: it takes mail for anyone but nobody@…."""

import contextlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.servers.ports import free_port

USER, PASSWORD = "probe", "correct-horse"


@dataclass(frozen=True)
class MailServer:
    """One that runs: where, and what it took."""

    port: int
    kept: list[Envelope] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"localhost:{self.port}"


@dataclass(frozen=True)
class _Takes:
    """What aiosmtpd calls for each command."""

    kept: list[Envelope]

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]) -> str:
        if address.startswith("nobody@"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_MAIL(self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]) -> str:
        if address.startswith("spammer@"):
            return "550 5.7.1 not from you"
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:
        self.kept.append(envelope)
        return "250 OK"


def _login(_: SMTP, __: Session, ___: Envelope, mechanism: str, data: object) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False)


@contextlib.contextmanager
def smtp(
    *,
    tls: ssl.SSLContext | None = None,
    implicit: bool = False,
    login_in_clear: bool = False,
    without: tuple[str, ...] = (),
    port: int = 0,
) -> Iterator[MailServer]:
    """With `tls` STARTTLS is offered, or with `implicit` TLS is spoken from the start; `without` are AUTH mechanisms."""
    server = MailServer(port or free_port())
    controller = Controller(
        _Takes(server.kept),
        hostname="localhost",
        port=server.port,
        ssl_context=tls if implicit else None,
        tls_context=None if implicit else tls,
        authenticator=_login,
        auth_require_tls=not (implicit or login_in_clear),
        auth_exclude_mechanism=without,
        data_size_limit=1_000_000,
        ident="a mail server for tests",
    )
    controller.start()
    try:
        yield server
    finally:
        controller.stop()
