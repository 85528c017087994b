"""POST /hooks/heartbeat/{name}: a job says that it begins, has ended well, or has failed."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from exporter.web.call import Answer, Call, Refused

MOST = 10
"""Fields of a report."""
LONGEST = 200
"""Characters of a field's value."""


async def report(call: Call) -> Answer:
    """Hand it to the component; 200 once it is kept."""
    try:
        call.services.scheduler.tell(call.name, told(call))
    except KeyError:
        raise Refused(503, "the component is being reloaded", headers={"Retry-After": "1"}) from None
    except ValueError as error:
        raise Refused(400, str(error)) from None
    if not await call.services.keep():
        message = "the report was heard, but could not be written and would not outlive a restart"
        raise Refused(503, message, headers={"Retry-After": "10"})
    return Answer(message="heard")


def told(call: Call) -> Mapping[str, str]:
    """What the query says, and the body: a form, as curl -d sends it, or a JSON object. Raises Refused."""
    fields = list(call.request.rel_url.query.items())
    body = call.body.strip()
    if body.startswith(b"{"):
        try:
            fields += _written(msgspec.json.decode(body, type=dict[str, Any]))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Refused(400, "the body is not a JSON object of texts and numbers") from None
    elif body:
        try:
            fields += parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=MOST)
        except ValueError:  # of which a wrong encoding is one
            raise Refused(400, "the body is neither a form, such as state=success, nor a JSON object") from None
    texts = dict(fields)
    if len(texts) < len(fields):
        raise Refused(400, "a field came twice")
    if len(texts) > MOST or any(len(text) > LONGEST for text in (*texts, *texts.values())):
        raise Refused(413, f"a report has at most {MOST} fields of {LONGEST} characters")
    return texts


def _written(value: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """The fields of a JSON object. Raises msgspec.ValidationError.

    Of Alertmanager's webhook only whether it fires: a Watchdog that does is what a dead man's switch waits for.
    """
    if isinstance(value.get("alerts"), list):
        return [("state", "success" if value.get("status") == "firing" else "failure")]
    return ((name, str(one)) for name, one in msgspec.convert(value, dict[str, str | int | float]).items())
