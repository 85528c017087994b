"""What the headers of every request must be like, whatever its route."""

from typing import Any

from multidict import CIMultiDict, CIMultiDictProxy, istr

from exporter.web.refused import Refused

Headers = CIMultiDict[str] | CIMultiDictProxy[str]

_ONCE = tuple(
    map(istr, ("Host", "Authorization", "Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding"))
)


def check(headers: Headers, version: Any) -> None:
    """Raises Refused."""
    for name in _ONCE:
        # aiohttp passes both on; a proxy before us may have decided by the other one.
        if len(headers.getall(name, ())) > 1:
            raise Refused(400, f"the header {name} came twice")
    if version >= (1, 1) and not headers.get("Host"):
        raise Refused(400, "the header Host is missing")
