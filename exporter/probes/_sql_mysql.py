"""One query on MySQL or MariaDB, in a read-only transaction, with its rows limited by the server."""

from exporter.probe import Down, Readings
from exporter.probes import _mysql_url
from exporter.probes._mysql_session import Refused, opened
from exporter.probes._sql_answer import Answer
from exporter.probes._threads import Lane
from exporter.values import Secret

_NO_TABLE = {1109, 1146}
_WRITE = {1290, 1792, 1836}  # also those of a server that is read-only as a whole
_QUERY = {
    1052, 1054, 1055, 1056, 1060, 1064, 1065, 1066, 1096, 1111, 1120, 1140, 1149, 1222, 1235, 1241, 1242, 1248, 1292,
    1305, 1365, 1366, 1406, 1582, 1583, 1630, 1690,
}  # fmt: skip


class Mysql:
    drivers: tuple[str, ...] = ("pymysql",)
    quote = "`"

    def __init__(self, dsn: str, password: str) -> None:
        self._target = _mysql_url.parse(dsn, password=password)
        self._lane = Lane()

    async def ask(self, out: Readings, query: str, limit: int, secrets: object) -> Answer:
        secrets = (secrets, Secret(self._target.password))
        async with opened(out, self._target, self._lane, secrets) as session:
            # A time that a column of type timestamp holds comes in the session's time zone.
            await session.rows(f"SET SESSION sql_select_limit = {limit + 1}, time_zone = '+00:00'")
            await session.rows("START TRANSACTION READ ONLY")
            try:
                answer = await session.rows(query)
            except Refused as refused:
                if reason := _reason(refused.number):
                    raise Down(reason, refused.detail) from None
                raise
        return Answer(answer.columns, answer.rows[: limit + 1])


def _reason(number: int) -> str:
    if number in _NO_TABLE:
        return "no_table"
    return "write" if number in _WRITE else "query" if number in _QUERY else ""
