"""What a browser is shown of a refusal, and that nobody else is."""

import pytest

from exporter.web import negotiate
from tests.web.client import ask, basic
from tests.web.stand import TOKEN, component, stand
from tests.web.test_page import ELEMENTS, Parsed

BROWSER = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("target", "tokens", "status", "text"),
    [
        ("GET /nowhere", (TOKEN,), 404, "There is nothing at this path."),
        ("GET /login", (), 403, "There is nothing to sign in to"),
        ("GET /login", (TOKEN,), 401, "Sign in with any user name, and an admin token as the password."),
        ("POST /", (TOKEN,), 405, "Method not allowed"),
    ],
)
async def test_a_browser_sees_a_page_and_other_clients_json(
    target: str, tokens: tuple[str, ...], status: int, text: str
) -> None:
    async with stand(tokens=tokens) as s:
        shown, plain = await ask(s.port, target, BROWSER), await ask(s.port, target, "Accept: */*")
        assert (shown.status, plain.status) == (status, status)
        parsed = Parsed(shown.text)
        assert text in parsed.text and {tag for tag, _ in parsed.found} <= ELEMENTS
        assert ("a", {"href": "/"}) in parsed.found
        assert shown.headers["content-type"] == "text/html; charset=utf-8"
        assert "style-src 'sha256-" in shown.headers["content-security-policy"]
        assert plain.json["status_code"] == status
        assert shown.headers.get("www-authenticate") == plain.headers.get("www-authenticate")


async def test_a_path_is_not_quoted() -> None:
    async with stand() as s:
        assert "canary" not in (await ask(s.port, "GET /<b>canary", BROWSER)).text


async def test_how_to_sign_in_is_said_where_the_link_is() -> None:
    async with stand() as s:
        s.add(component("db"))
        text = Parsed((await ask(s.port, "GET /")).text).text
        assert "Sign in with any user name, and an admin token as the password" in text
        assert (await ask(s.port, "GET /login", basic("whoever", TOKEN))).status == 303


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [("", False), ("*/*", False), ("text/*", False), ("application/json, text/html;q=0", False), ("text/html", True)],
)
def test_html_is_for_who_names_it(accept: str, wanted: bool) -> None:
    assert negotiate.html(accept) is wanted
