"""Asks RabbitMQ's management API for its overview, its nodes and its queues."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from msgspec import Meta, Struct

from exporter.probe import Down, Readings
from exporter.probes import _http_json, _http_request, _rabbitmq_readings
from exporter.probes._rabbitmq_readings import Finding
from exporter.probes._tls import TLS
from exporter.redact import quoted
from exporter.values import Secret

REASONS: Mapping[str, str] = {
    "memory_alarm": "A node uses more memory than it may, so the cluster takes no messages.",
    "disk_alarm": "A node has less disk left than it must, so the cluster takes no messages.",
    "node_down": "A node of the cluster does not run.",
    "partition": "The nodes of the cluster have lost sight of each other.",
    "management": "The management API does not answer, or not as it should; AMQP works.",
    "management_auth": "The management API refuses the user, or it lacks the tag monitoring.",
}
_SHARE = 0.8
"""Of the time that is left: a slow management API must not make a broker that works look dead."""
_PAGE = 100
_LONGEST = 4096
Most = Annotated[int, Meta(ge=1, le=1000)]


class Management(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, dict=True):
    """Where the API is, and which queues to show."""

    url: Annotated[
        Secret,
        Meta(description="URL of the management API, without /api.", examples=["http://rabbitmq:15672"]),
    ]
    username: Annotated[str, Meta(description="Its user, if not AMQP's; it needs the tag monitoring.")] = ""
    password: Annotated[Secret, Meta(description="The password of that user.")] = Secret("")
    tls: Annotated[TLS | None, Meta(description="How to do TLS with https.")] = None
    queues: Annotated[
        str, Meta(description="Regular expression (as RabbitMQ has them) of the queues to show; by default all.")
    ] = ""
    max_queues: Annotated[Most, Meta(description="How many queues to show at most: those with most messages.")] = 100
    all_vhosts: Annotated[bool, Meta(description="Show queues of every virtual host, not of the URL's alone.")] = False

    def __post_init__(self) -> None:
        try:
            target = _http_request.target(self.url.reveal())
        except ValueError as error:
            raise ValueError(f"url: {error}") from None
        if self.tls and target.scheme != "https":
            raise ValueError("tls needs a URL with https")
        if self.password and not self.username:
            raise ValueError("password needs username")

    @cached_property
    def _target(self) -> _http_request.Target:
        return _http_request.target(self.url.reveal())

    async def ask(self, out: Readings, broker: Struct, vhost: str, username: str, password: str) -> list[Finding]:
        """Sets the readings; what is wrong. `username` and `password` are AMQP's; `broker` holds all the secrets."""
        if self.username:
            username, password = self.username, self.password.reveal()
        elif self._target.credentials:
            username, password = self._target.credentials
        headers = {"Authorization": _http_request.basic(username, password)}
        asking = _Asking(self._target, headers, self.tls, out, broker)
        found = asking.found
        try:
            async with asyncio.timeout(_SHARE * (out.deadline - time.monotonic())):
                told = await asking.get("overview", columns=_rabbitmq_readings.OVERVIEW_COLUMNS)
                if found and found[0][0] == "management_auth":
                    return found  # so that a wrong password is one line in the broker's log, not three
                _rabbitmq_readings.overview(told, out)
                told = await asking.get("nodes", columns=_rabbitmq_readings.NODE_COLUMNS)
                found += _rabbitmq_readings.nodes(told, out)
                await self._queues(asking, "queues" if self.all_vhosts else f"queues/{quote(vhost, '')}")
        except TimeoutError:
            found.append(("management", f"{self._target.where}: the management API did not answer in time"))
        except Down as down:
            found.append(("management", f"the management API: {down.detail}"))
        return found

    async def _queues(self, asking: "_Asking", path: str) -> None:
        size, shown, page = min(self.max_queues, _PAGE), 0, 1
        query = {"page_size": str(size), "sort": "messages", "sort_reverse": "true"}
        if self.queues:
            query |= {"name": self.queues, "use_regex": "true"}
        while shown < self.max_queues:
            told = await asking.get(path, columns=_rabbitmq_readings.QUEUE_COLUMNS, page=str(page), **query)
            if told is None:
                return
            number, wrong = _rabbitmq_readings.queues(told, asking.out, self.max_queues - shown)
            asking.found.extend(wrong)
            shown, page = shown + number, page + 1
            if number < size:
                break
        counted = _rabbitmq_readings.counted(told)
        asking.out.set(_rabbitmq_readings.QUEUES, counted)
        asking.out.set(_rabbitmq_readings.LEFT_OUT, max(counted - shown, 0))


@dataclass(frozen=True, slots=True)
class _Asking:
    """What is the same for each thing asked in a run, and what has been found."""

    target: _http_request.Target
    headers: Mapping[str, str]
    tls: TLS | None
    out: Readings
    broker: Struct
    found: list[Finding] = field(default_factory=list)

    async def get(self, path: str, *, columns: Sequence[str], **query: str) -> Any:
        """The JSON at a path; None when its status says that there is none, which becomes a finding. Raises Down."""
        base = self.target.asked.partition("?")[0].rstrip("/")
        asked = f"{base}/api/{path}?{urlencode({'columns': ','.join(columns), **query}, safe=',')}"
        answer = await _http_json.get(self.out, replace(self.target, asked=asked), self.headers, tls=self.tls)
        if answer.status == 200:
            return answer.json()
        said = quoted(answer.body[:_LONGEST].decode(errors="replace"), self.broker, 80)
        reason = "management_auth" if answer.status in (401, 403) else "management"
        self.found.append((reason, f"{answer.where}: {answer.status} for /api/{path[:40]}: {said}"))
        return None
