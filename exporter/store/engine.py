"""What the store asks of a database, so that one text of SQL serves SQLite and PostgreSQL."""

from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, Literal, Protocol, TypeVar

T = TypeVar("T")
Dialect = Literal["sqlite", "postgres"]

CHUNKS = (1, 8, 64, 512)
"""Lengths of IN lists: few, so that a database which prepares statements has few to keep."""


class Transaction(Protocol):
    """Statements of one transaction, with ? for each argument."""

    dialect: Dialect

    async def rows(self, sql: str, *args: Any) -> Sequence[Sequence[Any]]: ...
    async def run(self, sql: str, *args: Any) -> int:
        """How many rows were changed."""

    async def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None: ...
    async def compute(self, work: Callable[[], T]) -> T:
        """What would take the loop long, where the loop runs this."""


class Engine(Protocol):
    """A database. All raise Refusing; what else they raise is our fault."""

    shared: bool
    """Whether other replicas may use it."""

    async def write(
        self, work: Callable[[Transaction], Coroutine[Any, Any, T]], deadline: float, *, growing: bool = True
    ) -> T:
        """Durable when it returns. `work` may be called again, when somebody else was quicker.

        What is not `growing` is done in a store that is full, too.
        """

    async def read(self, work: Callable[[Transaction], Coroutine[Any, Any, T]]) -> T: ...
    async def space(self) -> tuple[int, int]:
        """Bytes that it takes, and bytes of them that hold rows."""

    async def shrink(self) -> bool:
        """Give a little of what is free back; whether there may be more."""

    async def leased(self, owner: str, seconds: float) -> bool: ...
    def bound(self, size: int, low_space: float) -> None:
        """Refuse to grow beyond."""

    async def close(self) -> None: ...


async def among(tx: Transaction, sql: str, values: Sequence[Any], *more: Any) -> list[Any]:
    """The rows of `sql`, whose {} stands for a list of placeholders, for all values; other arguments follow them."""
    found: list[Any] = []
    for part in chunks(values):
        found += await tx.rows(sql.replace("{}", places(part)), *part, *more)
    return found


def chunks(values: Sequence[Any]) -> Iterator[list[Any]]:
    """All of them in lists of those lengths; what is missing is the last, again."""
    for start in range(0, len(values), CHUNKS[-1]):
        part = list(values[start : start + CHUNKS[-1]])
        length = next(size for size in CHUNKS if size >= len(part))
        yield part + part[-1:] * (length - len(part))


def places(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))


def drive(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing, as all do whose transaction answers at once."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    work.close()
    raise RuntimeError("a transaction in a thread has nothing to wait for")
