"""One query on PostgreSQL, in a read-only transaction, by a portal that gives no more rows than wanted."""

import time
from typing import Any

from exporter.probe import Down, Readings
from exporter.probes import _postgres_dsn
from exporter.probes._postgres_session import session
from exporter.probes._sql_answer import Answer
from exporter.redact import quoted
from exporter.values import Secret

# SQLSTATE to reason (PostgreSQL's appendix A); what is not here is the session's to say.
_CODES = {
    "42P01": "no_table",
    "3F000": "no_table",
    "25006": "write",
    "25001": "write",  # the transaction made to write
    "42": "query",
    "22": "query",
    "0A": "query",
}
_OTHERS = ("42501",)


class Postgres:
    drivers: tuple[str, ...] = ("asyncpg",)
    quote = '"'

    def __init__(self, dsn: str, password: str) -> None:
        self._target = _postgres_dsn.parse(dsn)
        self._password = password or self._target.password

    async def ask(self, out: Readings, query: str, limit: int, secrets: object) -> Answer:
        import asyncpg  # noqa: PLC0415 - the driver is an extra, and 16 MB

        secrets = (secrets, Secret(self._password or ""))
        # No settings in the startup message, which poolers refuse: one transaction is one server session to them too.
        async with session(out, self._target, self._password, {}, secrets) as connection:
            with out.phase("query"):
                try:
                    return await _answer(connection, query, limit, out.deadline)
                except asyncpg.PostgresError as error:
                    state = str(error.sqlstate or "")
                    reason = _CODES.get(state) or (state not in _OTHERS and _CODES.get(state[:2]))
                    if not reason:
                        raise
                    raise Down(reason, f"{state} {quoted(str(error), secrets)}") from None


async def _answer(connection: Any, query: str, limit: int, deadline: float) -> Answer:
    # The server gives up before we do, so that a query never outlives its run; a lock is told from a slow query.
    longest = max(100, int((deadline - time.monotonic()) * 900))
    await connection.execute(
        f"BEGIN READ ONLY; SET LOCAL statement_timeout = {longest}; SET LOCAL lock_timeout = {longest // 2}"
    )
    # Prepared, it is one statement, and its columns are known before it runs: what has none (COPY, DO) never does.
    statement = await connection.prepare(query)
    columns = tuple(attribute.name for attribute in statement.get_attributes())
    if parameters := statement.get_parameters():
        raise Down("query", f"it has parameters, such as $1, which nobody fills: {len(parameters)}")
    if not columns:
        return Answer((), ())
    try:
        rows = await (await statement.cursor()).fetch(limit + 1)
    except (ValueError, OverflowError) as error:  # a date that Python has none for
        raise Down("query", f"a value can't be read: {error}"[:200]) from None
    await connection.execute("ROLLBACK")
    return Answer(columns, tuple(tuple(row) for row in rows))
