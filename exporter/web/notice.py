"""What is refused, as a page for who came with a browser; everybody else gets the JSON form."""

from http import HTTPStatus

from exporter import __version__
from exporter.web.call import Answer, Refused
from exporter.web.markup import head, tag
from exporter.web.page import POLICY, STYLE


def notice(refused: Refused) -> Answer:
    """The refusal as HTML, with its headers."""
    phrase = HTTPStatus(refused.status).phrase
    home = tag("p", tag("a", "To the status page", href="/"))
    said = f"{refused.message[:1].upper()}{refused.message[1:]}."
    html = tag(
        "html",
        head(f"{refused.status} {phrase}", STYLE),
        tag(
            "body",
            tag("header", tag("span", "stack-exporter", class_="service")),
            tag("main", tag("section", tag("h1", phrase), tag("p", said), home, class_="empty")),
            tag("footer", tag("span", f"stack-exporter {__version__}")),
        ),
        lang="en",
    )
    return Answer(
        refused.status,
        refused.message,
        body=("<!doctype html>" + html).encode("utf-8", "replace"),
        content_type="text/html; charset=utf-8",
        headers={**refused.headers, "Content-Security-Policy": POLICY, "Vary": "Accept"},
    )
