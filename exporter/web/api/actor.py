"""Who acts and why, for the audit trail."""

from exporter.web.call import Call, Refused

LONGEST = 100


def actor(call: Call, named: str) -> str:
    """As the body says, else the header X-Actor, else `admin`, as all tokens are alike. Raises Refused."""
    given = call.request.headers.getall("X-Actor", [])
    header = given[0].strip() if given else ""
    if len(given) > 1 or len(header) > LONGEST or not header.isprintable():
        raise Refused(400, f"X-Actor: expected a name of at most {LONGEST} printable characters, once")
    return named.strip() or header or "admin"


def note(call: Call, text: str) -> str:
    """Scrubbed as all free text is that comes in. Whom an error is assigned to, and who acts, is meant to be kept."""
    intake = call.services.intake
    return intake.scrubber.text(text) if intake is not None and text else text
