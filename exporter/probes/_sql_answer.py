"""What a query gives, whatever the database."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """Columns by their names, and rows in the driver's types: at most one more than was asked for."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
