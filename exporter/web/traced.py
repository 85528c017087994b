"""Where a trace is shown: the address of its page, for errors that carry its id."""

from collections.abc import Callable

from exporter.config.onward import Forward
from exporter.ingest.otlp_weight import Sampling
from exporter.web.call import Call

Link = Callable[[str], str]
"""The address of a trace id's page; empty where there is none."""
_HEXADECIMAL = frozenset("0123456789abcdef")


def linking(call: Call) -> Link:
    """By the configuration in force."""
    return links(call.services.config.forward)


def links(forward: Forward) -> Link:
    """Nothing but 32 hexadecimal digits comes into an address, and a trace that sampling left out has none."""
    template = forward.trace_url
    sampling = Sampling(float(forward.sample_ratio)) if forward.traces and forward.sample_ratio < 1 else None

    def address(trace_id: str) -> str:
        id_ = trace_id.lower()
        if not template or len(id_) != 32 or not _HEXADECIMAL.issuperset(id_) or not id_.strip("0"):
            return ""
        # By the id alone: what a sampler before us wrote into `tracestate` is not kept with an error.
        if sampling is not None and not sampling.kept(bytes.fromhex(id_), b""):
            return ""
        return template.replace("{trace_id}", id_)

    return address
