"""What smtp reads of a real mail server, with and without TLS and a login; the reasons have a file of their own."""

import ssl
from typing import Any

import msgspec
import pytest

from exporter.probe import Result
from tests import certificates, hostile
from tests.fakes.mail import mail
from tests.probing import component, probe, readings
from tests.servers.mail import PASSWORD, USER, MailServer, smtp

LOGIN = {"username": USER, "password": PASSWORD}
TRY = {"sender": "a@shop.example", "recipient": "b@shop.example"}


@pytest.fixture(name="context", scope="module")
def its_context() -> ssl.SSLContext:
    return certificates.pair().context()


@pytest.fixture(name="server", scope="module")
def its_server(context: ssl.SSLContext) -> Any:
    with smtp(tls=context) as server:
        yield server


def ask(server: MailServer, **fields: Any) -> Result:
    return probe("smtp", **{"address": server.address, "tls": {"ca_file": str(certificates.authority())}, **fields})


def test_starttls_is_done_when_it_is_offered_and_shows_the_certificate(server: MailServer) -> None:
    pair = certificates.pair()
    result = ask(server)
    found = readings(result)
    assert result.outcome == "healthy", result.detail
    assert found.pop("stack_smtp_certificate_remaining_seconds") == pytest.approx(
        pair.not_after - result.started, abs=5
    )
    assert found == {
        "stack_smtp_starttls_offered": 1.0,
        "stack_smtp_encrypted": 1.0,
        "stack_smtp_message_limit_bytes": 1_000_000.0,
        "stack_smtp_certificate_not_before_timestamp_seconds": pair.not_before,
        "stack_smtp_certificate_not_after_timestamp_seconds": pair.not_after,
        "stack_smtp_certificate_verified": 1.0,
    }
    phases = [phase.name for phase in result.phases]
    assert phases == ["resolve", "connect", "greeting", "greeting", "tls", "greeting", "dialogue"]


def test_tls_is_left_alone_when_none_is_wanted(server: MailServer) -> None:
    result = ask(server, encryption="none", tls=None)
    assert (result.outcome, readings(result)) == (
        "healthy",
        {
            "stack_smtp_starttls_offered": 1.0,
            "stack_smtp_encrypted": 0.0,
            "stack_smtp_message_limit_bytes": 1_000_000.0,
        },
    )


def test_tls_from_the_start_is_spoken(context: ssl.SSLContext) -> None:
    with smtp(tls=context, implicit=True) as server:
        result = ask(server, encryption="tls", **LOGIN)
    assert result.outcome == "healthy", result.detail
    assert readings(result)["stack_smtp_encrypted"] == 1.0
    assert readings(result)["stack_smtp_certificate_verified"] == 1.0


@pytest.mark.parametrize("without", [(), ("PLAIN",)])
def test_a_login_is_made_by_plain_or_login(context: ssl.SSLContext, without: tuple[str, ...]) -> None:
    with smtp(tls=context, without=without) as server:
        assert ask(server, encryption="starttls", **LOGIN).outcome == "healthy"
        refused = ask(server, encryption="starttls", username=USER, password="hunter2")
    assert (refused.reason, "535 5.7.8" in refused.detail) == ("auth", True)
    assert "hunter2" not in refused.detail


def test_a_login_in_the_clear_is_made_only_when_encryption_is_none() -> None:
    with smtp(login_in_clear=True) as server:
        assert ask(server, encryption="none", tls=None, **LOGIN).outcome == "healthy"
        assert ask(server, **LOGIN).reason == "no_starttls"


def test_a_sender_and_a_recipient_are_tried(server: MailServer) -> None:
    assert ask(server, **TRY).outcome == "healthy"
    refused = ask(server, sender="spammer@shop.example")
    assert (refused.reason, refused.detail.partition(": ")[2]) == ("sender", "MAIL FROM: 550 5.7.1 not from you")
    unknown = ask(server, **TRY | {"recipient": "nobody@shop.example"})
    assert (unknown.reason, unknown.detail.partition(": ")[2]) == ("recipient", "RCPT TO: 550 5.1.1 no such user")


def test_extensions_and_the_greeting_are_compared(server: MailServer) -> None:
    assert ask(server, extensions=["size", "SMTPUTF8"], banner="mail server for tests").outcome == "healthy"
    lacking = ask(server, extensions=["SIZE", "CHUNKING", "BURL"])
    assert (lacking.reason, lacking.detail) == ("unexpected", f"{server.address} does not offer CHUNKING, BURL")
    other = ask(server, banner="^mx1")
    assert (other.reason, "'^mx1' does not match the greeting" in other.detail) == ("unexpected", True)


def test_no_mail_is_sent_and_it_leaves_in_good_order() -> None:
    heard: list[str] = []
    with hostile.serving(mail(heard=heard), ask=False) as server:
        result = probe("smtp", address=server.address, encryption="none", hello="probe.example", **TRY)
    assert result.outcome == "healthy", result.detail
    assert heard == [
        "EHLO probe.example",
        "MAIL FROM:<a@shop.example>",
        "RCPT TO:<b@shop.example>",
        "RSET",
        "QUIT",
    ]


@pytest.mark.parametrize("host,literal", [("127.0.0.1", "[127.0.0.1]"), ("::1", "[IPv6:::1]")])
def test_it_says_its_address_when_it_has_no_name(host: str, literal: str) -> None:
    heard: list[str] = []
    with hostile.serving(mail(heard=heard), ask=False, host=host) as server:
        address = f"[{host}]:{server.port}" if ":" in host else server.address
        assert probe("smtp", address=address, encryption="none").up
    assert heard[0] == f"EHLO {literal}"


def test_a_server_that_does_not_answer_quit_is_up() -> None:
    with hostile.serving(mail(QUIT=None), ask=False) as server:
        result = probe("smtp", address=server.address, encryption="none", timeout=1.0)
    assert result.outcome == "healthy", result.detail


def test_the_port_is_that_of_the_encryption() -> None:
    assert component("smtp", address="mail.example").probe._where == ("mail.example", 25)
    assert component("smtp", address="mail.example", encryption="tls").probe._where == ("mail.example", 465)
    assert component("smtp", address="[::1]:587").probe._where == ("::1", 587)


@pytest.mark.parametrize(
    "fields,message",
    [
        ({"address": "u:hunter2@mail.example:25"}, "address: expected host or host:port"),
        ({"address": "mail.example:0"}, "address: expected host or host:port"),
        ({"encryption": "ssl"}, "Invalid enum value 'ssl'"),
        ({"encryption": "none", "tls": {}}, "tls needs another encryption than none"),
        ({"username": "probe"}, "username and password: expected both or neither"),
        ({"password": "hunter2"}, "username and password: expected both or neither"),
        ({"recipient": "b@shop.example"}, "recipient needs a sender"),
        ({"hello": "a b"}, "hello: expected letters"),
        ({"sender": "a@b>\r\nDATA"}, "sender: expected letters"),
        ({"sender": "a@b", "recipient": "<c@d>"}, "recipient: expected letters"),
        ({"banner": "("}, "banner: not a regular expression"),
    ],
)
def test_a_bad_configuration_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message) as refused:
        component("smtp", **{"address": "mail.example", **fields})
    assert "hunter2" not in str(refused.value)
