"""The sizes of a server's databases: a question that reads each table's state, and so is asked seldom."""

import time

from exporter.probe import Readings
from exporter.probes import _mysql_metrics as m
from exporter.probes._mysql_session import Refused, Session
from exporter.probes._mysql_status import number

MOST = 50
"""Databases that get a series of their own."""
_SIZES = f"""table_schema, SUM(data_length + index_length) AS bytes FROM information_schema.tables
WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')
GROUP BY table_schema ORDER BY bytes DESC LIMIT {MOST}"""


class Sizes:
    """What was read last, and when to read it again. A server that takes too long is left alone for as long, too."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._next = 0.0
        self._found: dict[str, float] = {}
        self._failed = ("", "")

    async def read(self, session: Session, out: Readings) -> None:
        if time.monotonic() >= self._next:
            await self._ask(session, out)
            self._next = time.monotonic() + self._interval
        for database, size in self._found.items():
            out.set(m.SIZE, size, database)
        if self._failed[0]:
            out.degraded(*self._failed)

    async def _ask(self, session: Session, out: Readings) -> None:
        # Half of what is left, so that the rest of the run is not lost with it.
        left = max((out.deadline - time.monotonic()) / 2, 0.1)
        if session.mariadb:
            query = f"SET STATEMENT max_statement_time = {left:.3f} FOR SELECT {_SIZES}"
        else:
            query = f"SELECT /*+ MAX_EXECUTION_TIME({int(left * 1000)}) */ {_SIZES}"
        try:
            rows = (await session.rows(query)).rows
        except Refused as error:
            if error.reason not in ("permission", "query_timeout", "server_error"):
                raise
            self._found, self._failed = {}, (error.reason, f"sizes: {error.detail}")
            return
        sizes = {str(row[0])[:64]: number(row[1]) for row in rows[:MOST] if len(row) > 1}
        self._found, self._failed = {name: size for name, size in sizes.items() if size is not None}, ("", "")
