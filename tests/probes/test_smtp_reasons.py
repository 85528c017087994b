"""Every reason of smtp and what provokes it; a scripted server stands in for the worst days of a real one."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvloop

from exporter.probe import Result
from exporter.probes.smtp import SMTP
from tests import certificates, hostile, probing
from tests.fakes.mail import mail
from tests.probing import readings

Fields = contextlib.AbstractContextManager[dict[str, Any]]
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
LOGIN = {"encryption": "none", "username": "probe", "password": "correct-horse"}
TRY = {"encryption": "none", "sender": "a@shop.example", "recipient": "b@shop.example"}


@contextlib.contextmanager
def at(address: str, **fields: Any) -> Iterator[dict[str, Any]]:
    yield {"address": address, **fields}


@contextlib.contextmanager
def named(answer: Callable[..., object]) -> Iterator[dict[str, Any]]:
    with hostile.resolver(answer):
        yield {"address": "mail.example"}


@contextlib.contextmanager
def answers(answer: hostile.Answer, **fields: Any) -> Iterator[dict[str, Any]]:
    with hostile.serving(answer, ask=False) as server:
        yield {"address": f"localhost:{server.port}", **fields}


def upgraded(pair: certificates.Pair, **context: Any) -> Fields:
    return answers(mail(tls=pair.context(**context)), tls={"ca_file": str(certificates.authority())})


REASONS: dict[str, Callable[[], Fields]] = {
    "resolve": lambda: named(hostile.resolves()),
    "nameserver": lambda: named(hostile.no_name_server),
    "refused": lambda: at(f"127.0.0.1:{hostile.unused()}"),
    "unreachable": lambda: at("255.255.255.255"),
    "reset": lambda: answers(hostile.resets()),
    "closed": lambda: answers(hostile.says()),
    "protocol": lambda: answers(hostile.says(b"HTTP/1.1 400 Bad Request\r\n")),
    "unavailable": lambda: answers(mail("421 too many connections")),
    "rejected": lambda: answers(mail("554 you are on a list")),
    "no_starttls": lambda: answers(mail(EHLO="250 mail.example"), encryption="starttls"),
    "no_auth": lambda: answers(mail(EHLO="250-mail.example\r\n250 AUTH GSSAPI"), **LOGIN),
    "auth": lambda: answers(mail(AUTH="535 no"), **LOGIN),
    "sender": lambda: answers(mail(MAIL="550 no"), **TRY),
    "recipient": lambda: answers(mail(RCPT="451 greylisted"), **TRY),
    "server_error": lambda: answers(mail(AUTH="454 the users' store is down"), **LOGIN),
    "unexpected": lambda: answers(mail(), encryption="none", extensions=["CHUNKING"]),
    "tls_expired": lambda: upgraded(certificates.expired()),
    "tls_not_yet_valid": lambda: upgraded(certificates.not_yet_valid()),
    "tls_untrusted": lambda: upgraded(certificates.self_signed()),
    "tls_hostname": lambda: upgraded(certificates.wrong_host()),
    "tls_version": lambda: upgraded(certificates.pair(), newest=ssl.TLSVersion.TLSv1),
    "tls_plaintext": lambda: answers(mail(), encryption="tls"),
    "tls": lambda: upgraded(certificates.pair(), client_ca=certificates.authority(), newest=ssl.TLSVersion.TLSv1_2),
}


def on(loop: str, *, timeout: float = 5.0, **fields: Any) -> Result:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(probing.run("smtp", timeout=timeout, **fields))


def test_the_table_has_every_reason() -> None:
    assert set(REASONS) == set(SMTP.reasons)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_is_provoked(reason: str, loop: str) -> None:
    with REASONS[reason]() as fields:
        result = on(loop, **fields)
    assert (result.outcome, result.reason) == ("unhealthy", reason), result.detail
    assert result.detail


MORE = {
    "unavailable": [mail(EHLO="421 shutting down"), mail(STARTTLS="421 shutting down")],
    "rejected": [mail("220-mail.example\r\n220-reads on\r\n220 ready", EHLO="550 no"), mail("354 what")],
    "protocol": [
        mail("220-mail.example\r\n250 other code"),
        mail("220"[:2]),
        mail(EHLO="250mail.example"),
        mail(EHLO="999 no"),
        hostile.holds(b"220-" + b"x" * 9000),
        hostile.floods(b"", b"220-more\r\n" * 1000),
    ],
    "closed": [hostile.says(b"220-mail.example\r\n")],
}


@pytest.mark.parametrize("reason,answer", [(reason, answer) for reason, many in MORE.items() for answer in many])
def test_a_conversation_that_goes_wrong_has_its_reason(reason: str, answer: hostile.Answer) -> None:
    with answers(answer) as fields:
        result = on("uvloop", **fields)
    assert result.reason == reason, result.detail


@pytest.mark.parametrize("step", ["greeting", "EHLO", "STARTTLS", "AUTH", "RSET"])
def test_silence_at_any_step_is_a_timeout(step: str) -> None:
    fields = {**TRY, **LOGIN, "encryption": "starttls", "tls": {"ca_file": str(certificates.authority())}}
    answer = hostile.mute if step == "greeting" else mail(tls=certificates.pair().context(), **{step: None})
    with answers(answer, **fields) as found:
        result = on("uvloop", timeout=0.3, **found)
    assert (result.reason, 0.29 <= result.duration < 2.0) == ("timeout", True), result.detail


def test_starttls_that_is_refused_matters_only_where_it_is_demanded() -> None:
    with answers(mail(STARTTLS="454 not now")) as fields:
        assert on("uvloop", **fields).outcome == "healthy"
        demanded = on("uvloop", **fields, encryption="starttls")
    assert (demanded.reason, demanded.detail.partition(": ")[2]) == ("no_starttls", "STARTTLS: 454 not now")


def test_no_password_goes_out_in_the_clear_when_starttls_is_stripped() -> None:
    heard: list[str] = []
    with answers(mail(heard=heard, EHLO="250-mail.example\r\n250 AUTH PLAIN")) as fields:
        result = on("uvloop", **fields, username="probe", password="correct-horse")
    assert (result.reason, [line.split()[0] for line in heard]) == ("no_starttls", ["EHLO"])


def test_text_slipped_in_before_tls_is_refused() -> None:
    with answers(mail(tls=certificates.pair().context(), between=b"250 AUTH PLAIN\r\n")) as fields:
        result = on("uvloop", **fields)
    assert (result.reason, "where TLS was to begin" in result.detail) == ("protocol", True)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_refused_certificate_after_starttls_still_shows_its_dates(loop: str) -> None:
    pair = certificates.expired()
    with upgraded(pair) as fields:
        result = on(loop, **fields)
    assert readings(result)["stack_smtp_certificate_not_after_timestamp_seconds"] == pair.not_after
    assert readings(result)["stack_smtp_certificate_verified"] == 0.0


def test_a_server_that_repeats_the_login_does_not_give_it_away() -> None:
    heard: list[str] = []
    for reply in ("501 cannot parse AHByb2JlAGNvcnJlY3QtaG9yc2U=", "501 password correct-horse is bad"):
        with answers(mail(heard=heard, AUTH=reply), **LOGIN) as fields:
            result = on("uvloop", **fields)
        assert result.reason == "auth"
        assert "AHByb2JlAGNvcnJlY3QtaG9yc2U" not in result.detail
        assert "correct-horse" not in result.detail
    assert heard[1] == "AUTH PLAIN AHByb2JlAGNvcnJlY3QtaG9yc2U="


@pytest.mark.parametrize("size", ["9" * 5000, "-1", "x", "", "٣"])
def test_a_limit_that_is_none_is_left_out(size: str) -> None:
    with answers(mail(EHLO=f"250-mail.example\r\n250 SIZE {size}"), encryption="none") as fields:
        result = on("uvloop", **fields)
    assert result.outcome == "healthy", result.detail
