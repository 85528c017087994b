"""Does RabbitMQ let a client in, has it the queues that it should, and, if asked to, does a message pass through?"""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, ClassVar

from msgspec import Meta

from exporter.metric import Metric
from exporter.probe import Down, Probe, Readings, Signal
from exporter.probes import _net, _rabbitmq_management, _rabbitmq_readings, _rabbitmq_url, _tls
from exporter.probes._amqp import Frames, Malformed
from exporter.probes._amqp_session import Blocked, Mechanism, Refused, Session
from exporter.probes._rabbitmq_management import Management
from exporter.probes._rabbitmq_readings import Finding
from exporter.probes._tls import TLS
from exporter.redact import quoted
from exporter.values import Secret

Name = Annotated[str, Meta(min_length=1, max_length=255)]


def _share(name: str, metric: Metric, help: str) -> Signal:  # noqa: A002
    return Signal(name, metric, "ratio", help, warning=0.8, critical=0.95)


class RabbitMQ(Probe, kw_only=True, frozen=True):
    """A new connection each run, as a kept one hides a broker that takes none."""

    reasons: ClassVar[Mapping[str, str]] = {
        **_net.REASONS,
        **_tls.REASONS,
        **_rabbitmq_management.REASONS,
        "auth": "The broker refuses the user, the password or the certificate.",
        "permission": "The user may not use the virtual host, a queue, or what the canary needs.",
        "no_vhost": "The broker has no virtual host of that name.",
        "too_many_connections": "The user or the virtual host has as many connections as it may.",
        "queue_missing": "A queue that there should be does not exist.",
        "queue_locked": "A queue belongs to another connection alone.",
        "queue_down": "A queue's node does not run, or too few of its nodes do.",
        "blocked": "The broker takes no messages because of an alarm.",
        "canary": "A message was not kept or not given back as it should.",
        "protocol": "What answers does not keep to AMQP 0-9-1.",
        "server_error": "The broker answered with another error, which the detail quotes.",
    }
    signals: ClassVar[tuple[Signal, ...]] = (
        Signal("messages_ready", _rabbitmq_readings.READY, "number", "Messages of a queue that wait."),
        Signal(
            "messages_unacknowledged",
            _rabbitmq_readings.UNACKNOWLEDGED,
            "number",
            "Messages of a queue that are not acknowledged.",
        ),
        Signal("consumers", _rabbitmq_readings.CONSUMERS, "number", "Consumers of a queue.", direction="below"),
        _share("memory", _rabbitmq_readings.MEMORY_RATIO, "Memory, as a part of where the alarm is."),
        _share("descriptors", _rabbitmq_readings.DESCRIPTORS_RATIO, "File descriptors of what it may."),
        _share("sockets", _rabbitmq_readings.SOCKETS_RATIO, "Sockets of what it may."),
        _share("processes", _rabbitmq_readings.PROCESSES_RATIO, "Erlang's processes of what it may."),
        Signal("unroutable", _rabbitmq_readings.UNROUTABLE, "number", "Unroutable messages a second.", "rate"),
        _tls.expiry(_rabbitmq_readings.CERTIFICATE_REMAINING),
    )
    example: ClassVar[str] = """\
url: ${RABBITMQ_URL}
queues: [orders]
management: {url: "http://rabbitmq:15672", username: monitor, password: "${MONITOR_PASSWORD}"}
"""

    url: Annotated[
        Secret,
        Meta(
            description="amqp://user:password@host:5672/vhost, or amqps:// for TLS; without a user, guest.",
            examples=["amqp://rabbitmq:5672/shop"],
        ),
    ]
    username: Annotated[str, Meta(description="The user; it wins over one in the URL.")] = ""
    password: Annotated[Secret, Meta(description="The password; it wins over one in the URL.")] = Secret("")
    mechanism: Annotated[
        Mechanism, Meta(description="How to log in: PLAIN, or EXTERNAL with tls.cert_file's certificate.")
    ] = "PLAIN"
    tls: Annotated[TLS | None, Meta(description="How to do TLS with amqps.")] = None
    queues: Annotated[
        tuple[Name, ...], Meta(description="Queues that there should be: messages ready, consumers.", max_length=100)
    ] = ()
    canary: Annotated[
        bool, Meta(description="Pass a message through a queue of its own; this shows when publishers are blocked.")
    ] = False
    canary_prefix: Annotated[str, Meta(description="What the canary's queue begins with.", max_length=200)] = (
        "stack-exporter.canary."
    )
    management: Annotated[
        Management | None, Meta(description="Ask the management API too: alarms, nodes, all queues.")
    ] = None

    def __post_init__(self) -> None:
        target = _rabbitmq_url.parse(self.url.reveal())
        if self.tls and not target.encrypted:
            raise ValueError("tls needs a URL with amqps")
        if self.mechanism == "EXTERNAL" and not (self.tls and self.tls.cert_file):
            raise ValueError("mechanism: EXTERNAL needs tls.cert_file")
        if "\0" in "".join(self._login):
            raise ValueError("url: a user or a password has no NUL")
        if any(len(name.encode()) > 255 for name in self.queues):
            raise ValueError("queues: a name has 255 bytes at most")
        if len(self.canary_prefix.encode()) > 200:
            raise ValueError("canary_prefix: expected 200 bytes at most")

    @cached_property
    def _target(self) -> _rabbitmq_url.Target:
        return _rabbitmq_url.parse(self.url.reveal())

    @cached_property
    def _login(self) -> tuple[str, str]:
        target = self._target
        username = self.username or target.username
        if not username:
            return "guest", self.password.reveal() or target.password or "guest"
        return username, self.password.reveal() or target.password

    async def run(self, out: Readings) -> None:
        found = await self._ask_broker(out)
        if self.management is not None:
            # First what lies behind the rest: publishers are blocked because of an alarm.
            found = await self.management.ask(out, self, self._target.vhost, *self._login) + found
        for reason, detail in found:
            out.degraded(reason, detail)

    async def _ask_broker(self, out: Readings) -> list[Finding]:
        show = _tls.dates(out, _rabbitmq_readings.CERTIFICATE_NOT_AFTER, _rabbitmq_readings.CERTIFICATE_REMAINING)

        target, tls = self._target, (self.tls or TLS()) if self._target.encrypted else None
        # What nobody verifies may well be expired.
        seen = None if tls is None or tls.insecure_skip_verify else show
        transport, frames = await _net.connect(
            out, target.host, target.port, lambda: Frames(target.where), tls=tls, show=seen
        )
        session = Session(transport, frames)
        try:
            with out.phase("login"):
                await self._enter(session, out)
            with out.phase("queues"):
                found = [finding for name in self.queues if (finding := await self._look(session, name, out))]
            if self.canary:
                with out.phase("canary"):
                    found += await self._pass_through(session, out)
            with out.phase("leave"):
                await session.leave()
        except Malformed as error:
            raise Down("protocol", f"{target.where}: {error}") from None
        except Refused as refused:
            raise self._down(refused) from None
        finally:
            transport.abort()
        return found

    async def _enter(self, session: Session, out: Readings) -> None:
        said = await session.log_in(self.mechanism, *self._login, f"stack-exporter {out.component}")
        out.set(_rabbitmq_readings.INFO, 1, said.get("product", "")[:40], said.get("version", "")[:40])
        await session.open(self._target.vhost)
        await session.open_channel()

    async def _look(self, session: Session, name: str, out: Readings) -> Finding | None:
        try:
            ready, consumers = await session.look(name)
        except Refused as refused:
            if not refused.of_channel:
                raise
            await session.open_channel()
            lost = "is down" in refused.text or "inaccessible" in refused.text
            known = {403: "permission", 404: "queue_down" if lost else "queue_missing", 405: "queue_locked"}
            return known.get(refused.code, "server_error"), self._said(refused.text)
        out.set(_rabbitmq_readings.READY, ready, self._target.vhost, name)
        out.set(_rabbitmq_readings.CONSUMERS, consumers, self._target.vhost, name)
        return None

    async def _pass_through(self, session: Session, out: Readings) -> list[Finding]:
        body = os.urandom(16).hex().encode()
        try:
            found = await session.pass_through(self.canary_prefix + os.urandom(8).hex(), body)
        except Blocked as blocked:
            out.set(_rabbitmq_readings.BLOCKED, 1)
            return [("blocked", self._said(f"takes no messages: {blocked}"))]
        except Refused as refused:
            if not refused.of_channel:
                raise
            return [("permission" if refused.code == 403 else "canary", self._said(refused.text))]
        out.set(_rabbitmq_readings.BLOCKED, 0)
        if found == body:
            return []
        what = "another one came back" if found else "it was not kept"
        return [("canary", f"{self._target.where}: a message was published, and {what}")]

    def _down(self, refused: Refused) -> Down:
        """What it means that the broker has closed the connection. Its texts are those of rabbit_reader."""
        text, reason = refused.text, "server_error"
        if refused.code == 403:
            reason = "auth"
        elif refused.code == 320:  # a shutdown, or an operator
            reason = "closed"
        elif refused.code == 530 and text.endswith("not found"):
            reason = "no_vhost"
        elif refused.code == 530 and "connection limit" in text:
            reason = "too_many_connections"
        elif refused.code == 530 and text.endswith(f"refused for user '{self._login[0]}'"):
            reason = "permission"
        return Down(reason, self._said(text))

    def _said(self, text: str) -> str:
        return f"{self._target.where}: {quoted(text, self)}"
