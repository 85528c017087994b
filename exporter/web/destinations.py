"""What is asked of forwarding by those who show it."""

from collections.abc import Sequence
from typing import Protocol

from exporter.forward.ports import Queue, Signal


class BackEnd(Protocol):
    """What forwarding knows of one."""

    @property
    def signal(self) -> Signal: ...
    @property
    def name(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def state(self) -> str:
        """What its last answer was: taken, later, rejected; empty before the first."""
        ...

    @property
    def detail(self) -> str: ...
    @property
    def last_success(self) -> float:
        """In Unix seconds; 0.0 when there was none."""
        ...


class Forwarding(Protocol):
    """All of them."""

    @property
    def backends(self) -> Sequence[BackEnd]: ...
