"""Whether a MySQL or MariaDB replica receives and applies what its sources do, and how far it is behind."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from exporter.probe import Readings
from exporter.probes import _mysql_metrics as m
from exporter.probes._mysql_session import Refused, Session
from exporter.probes._mysql_status import number

REASONS: Mapping[str, str] = {
    "replication_broken": "The replica can't apply what it receives, or was refused by its source; it has given up.",
    "replication_stopped": "Somebody stopped the replication, or did not start it.",
    "source_lost": "The replica does not reach its source, and keeps trying.",
    "not_a_replica": "The server replicates nothing, where replication is required.",
}
MOST = 50
"""Channels; a multi-source replica has a handful."""
# What users put into the database does not belong into a message: the statement, and the value of a key.
_STATEMENT = re.compile(r" on query\.|[.;,]? (?:Default database|Query):")
_ENTRY = re.compile(r"entry '.*' for key")


@dataclass(frozen=True, slots=True)
class Channel:
    """One source: "" is the unnamed. A running thread is Yes, one that looks for its source Connecting."""

    name: str
    receives: str
    applies: str
    lag: float | None
    delay: float | None
    relay: float | None
    receive_error: tuple[int, str]
    apply_error: tuple[int, str]

    @property
    def reason(self) -> str:
        """What is wrong, or ''."""
        if self.applies != "yes" and self.apply_error[0]:
            return "replication_broken"
        if self.receives == "no" and self.receive_error[0]:
            return "replication_broken"
        if "no" in (self.applies, self.receives):
            return "replication_stopped"
        return "" if self.receives == self.applies == "yes" else "source_lost"

    @property
    def detail(self) -> str:
        """People's words for it, with what the server says."""
        code, said = self.apply_error if self.apply_error[0] else self.receive_error
        said = _ENTRY.sub("entry for key", _STATEMENT.split(said)[0])
        name = f"channel {self.name!r}: " if self.name else ""
        threads = f"receiving: {self.receives}, applying: {self.applies}"
        return f"{name}{threads}" + (f"; {code} {said}" if code else "")


async def channels(session: Session) -> list[Channel]:
    """What the server replicates. Raises Refused."""
    if session.mariadb:
        answer = await session.rows("SHOW ALL SLAVES STATUS")
    else:
        try:
            answer = await session.rows("SHOW REPLICA STATUS")
        except Refused as error:
            if error.number != 1064:  # before 8.0.22 it is no statement; since 8.4 the older one is none
                raise
            answer = await session.rows("SHOW SLAVE STATUS")
    found = [_channel(row) for row in answer.named()]
    # Group replication repairs itself through channels that are idle otherwise.
    return [channel for channel in found if not channel.name.startswith("group_replication_")]


def _channel(row: Mapping[str, Any]) -> Channel:
    said = {_name(str(column)): value for column, value in row.items()}

    def error(what: str) -> tuple[int, str]:
        return int(number(said.get(f"last_{what}_errno")) or 0), str(said.get(f"last_{what}_error") or "")

    return Channel(
        str(said.get("channel_name") or said.get("connection_name") or "")[:64],
        str(said.get("replica_io_running") or "").lower(),
        str(said.get("replica_sql_running") or "").lower(),
        number(said.get("seconds_behind_source")),
        number(said.get("sql_delay")),
        number(said.get("relay_log_space")),
        error("io"),
        error("sql"),
    )


def _name(column: str) -> str:
    """One spelling for both: Slave_IO_Running is Replica_IO_Running, Seconds_Behind_Master is …_Source."""
    return column.lower().replace("slave", "replica").replace("master", "source")


def report(found: list[Channel], out: Readings) -> None:
    out.set(m.SOURCES, len(found))
    for channel in found[:MOST]:
        out.set(m.IO_RUNNING, channel.receives == "yes", channel.name)
        out.set(m.SQL_RUNNING, channel.applies == "yes", channel.name)
        for metric, value in ((m.LAG, channel.lag), (m.DELAY, channel.delay), (m.RELAY_LOG, channel.relay)):
            if value is not None:
                out.set(metric, max(value, 0), channel.name)
