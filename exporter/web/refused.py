"""How a request is refused."""

from collections.abc import Mapping, Sequence


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """The request is answered with `status`; `message` is shown and discloses nothing internal."""

    def __init__(
        self, status: int, message: str, *, errors: Sequence[str] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


class Full(Refused):
    """There is no room for its body now."""
