"""What is sent onward, and what waits for each back end."""

from collections import Counter

from exporter.web import onward
from exporter.web.api import asked
from exporter.web.call import Answer, Call


async def listed(call: Call, _: asked.Nothing, __: float) -> Answer:
    """Every back end, in the order of the configuration."""
    data = [onward.destination(one) for one in onward.back_ends(call)]
    states = Counter(one.state for one in data)
    words = [f"{states[state]} {state}" for state in onward.STATES if states[state]]
    return Answer(message=", ".join(words) or "nothing is sent onward", data=data, compressible=True)
