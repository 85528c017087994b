"""A row of the API: what is asked and answered; the routes and the OpenAPI document are made of it."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from exporter.ingest.ports import Refusing
from exporter.store.rows import Page, Records
from exporter.web.api import given
from exporter.web.call import Answer, Call, Handler, Refused
from exporter.web.site import Access, Route

T = TypeVar("T")
R = TypeVar("R")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path."""

    method: str
    path: str
    name: str
    """Of the operation, and of the handler in stack_exporter_http_requests_total."""
    summary: str
    comes: str
    """What a 200 says."""
    answer: Handler
    gives: Any = None
    """The type of `data`."""
    asks: type | None = None
    """A struct: of the query where the method is GET, else of the body."""
    query: type | None = None
    """A struct of the query where the method is another."""
    paged: bool = False
    access: Access = "admin"
    refuses: Sequence[int] = ()
    """Status codes beside those that every endpoint of its access has."""
    subject: str = "errors"
    """Under which the document lists it."""
    description: str = ""
    """What its summary has no room for."""
    any_of: Mapping[str, Any] = field(default_factory=dict)
    """Members of the body of which at least one is given, and what it then is."""
    examples: Mapping[str, object] = field(default_factory=dict)
    """Bodies that may be sent, by what they do."""

    @property
    def kept(self) -> bool:
        """Whether it needs the store."""
        return self.subject not in ("daemon", "health")

    @property
    def route(self) -> Route:
        return Route(self.method, self.path, self.name, self.answer, self.access)


def asking(wanted: type[T], answer: Callable[[Call, T, float], Awaitable[Answer]], *, in_body: bool = False) -> Handler:
    """A handler that is given what was asked, and the time; what a store refuses is answered with 503."""
    read = given.body if in_body else given.query

    async def handle(call: Call) -> Answer:
        now = time.time()
        asked = read(call, wanted, now)
        try:
            return await answer(call, asked, now)
        except Refusing as refusing:
            raise unavailable(refusing) from None

    return handle


def unavailable(refusing: Refusing) -> Refused:
    retry = {"Retry-After": str(max(1, int(refusing.retry_after + 0.999)))}
    return Refused(503, f"the store takes no requests now: {refusing.reason}", headers=retry)


def records(call: Call) -> Records:
    """Raises Refused."""
    found = call.services.records
    if found is None:
        raise Refused(503, "nothing is kept: this daemon has no store", headers={"Retry-After": "60"})
    return found


class Paged(Protocol):
    """What was asked, as far as it is about pages."""

    @property
    def limit(self) -> int: ...
    @property
    def cursor(self) -> str: ...


async def paged(page: Awaitable[Page[R]], shape: Callable[[R], S], asked: Paged, what: str) -> Answer:
    """A page as an answer. A cursor that the store has not given is refused."""
    try:
        found = await page
    except ValueError:
        if not asked.cursor:
            raise
        raise Refused(400, "cursor: expected the `next` of a page before, with the same filters") from None
    metadata = {"next": found.next or None, "total": found.total, "limit": asked.limit}
    data = [shape(item) for item in found.items]
    return Answer(message=f"{len(data)} of {found.total} {what}", data=data, metadata=metadata, compressible=True)
