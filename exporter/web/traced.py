"""Where a trace is shown: the address of its page, for errors that carry its id."""

from collections.abc import Callable
from functools import partial

from exporter.config.onward import Forward
from exporter.web.call import Call

Link = Callable[[str], str]
"""The address of a trace id's page; empty where there is none."""
_HEXADECIMAL = frozenset("0123456789abcdef")


def linking(call: Call) -> Link:
    """By the configuration in force."""
    return partial(address, call.services.config.forward)


def address(forward: Forward, trace_id: str) -> str:
    """Nothing but 32 hexadecimal digits comes into it, and of these no trace that sampling left out."""
    id_ = trace_id.lower()
    if not forward.trace_url or len(id_) != 32 or not _HEXADECIMAL.issuperset(id_) or not id_.strip("0"):
        return ""
    return forward.trace_url.replace("{trace_id}", id_)
