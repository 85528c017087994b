"""What goes by its look, in free text: only that, and what only looks like it stays."""

import pytest

from exporter.config.application import Scrub
from exporter.ingest.scrub import Scrubbing

USERS = "/" + "Users"  # apart: no file of ours holds one machine's paths
CHANGED = {
    "postgres://user:p@ss/w?rd#x@db.example:5432/app": "postgres://[auth]@db.example:5432/app",
    "postgres://user:p/w@host/db": "postgres://[auth]@host/db",
    "https://u:p@host.example/a?to=bob@example.com": "https://[auth]@host.example/a?to=[email]",
    "redis://:a@cache:6379/0,redis://:b@cache2:6379/1": "redis://[auth]@cache:6379/0,redis://[auth]@cache2:6379/1",
    "https://key@host/1": "https://[auth]@host/1",
    "no db: host=db user=app password=se,cr&et dbname=x": "no db: host=db user=app password=[Filtered] dbname=x",
    "host=db password='two words' dbname=x": "host=db password='[Filtered]' dbname=x",
    "a=1,password=x,b=3": "a=1,password=[Filtered],b=3",
    "f(token=abc)": "f(token=[Filtered])",
    "Authorization: Basic dXNlcjpwYXNz, then": "Authorization: [Filtered], then",
    "{'Authorization': 'Token abc def', 'Accept': 'x'}": "{'Authorization': '[Filtered]', 'Accept': 'x'}",
    r'said "password": "x\"y", "b": 1': 'said "password": "[Filtered]", "b": 1',
    r"said {\"password\":\"abc def\",\"n\":1}": r"said {\"password\":\"[Filtered]\",\"n\":1}",
    "/cb?code=5&session=abc&otp=123456&state=1": "/cb?code=5&session=[Filtered]&otp=[Filtered]&state=1",
    "sid=abc&x=1": "sid=[Filtered]&x=1",
    "https://b.example/x?X-Amz-Signature=ab&X-Amz-Credential=c/d&y=2": (
        "https://b.example/x?X-Amz-Signature=[Filtered]&X-Amz-Credential=[Filtered]&y=2"
    ),
    "curl -H 'Cookie: a=b; c=d' -H 'X: y'": "curl -H 'Cookie: [Filtered]' -H 'X: y'",
    "with Bearer abc.DEF_123~+/== end": "with Bearer [Filtered] end",
    "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-def_1 end": "jwt [jwt] end",
    "id ASIAIOSFODNN7EXAMPLE ghp_0123456789abcdefghijklmnopqrstuvwxyz": "id [key] [key]",
    "sk_live_abcdefghij1234 xoxb-0123456789-ab": "[key] [key]",
    'File "/home/alice/app/x.py"': 'File "/home/[user]/app/x.py"',
    r"C:\Users\Jane Doe\x and C:\\Users\\jane\\x": r"C:\Users\[user]\x and C:\\Users\\[user]\\x",
    f"file:///home/alice/x, {USERS}/bob/y": f"file:///home/[user]/x, {USERS}/[user]/y",
    "fe80::1%eth0 2001:db8::1 ::ffff:10.0.0.1 [::1]:80 ::": "[ip]%eth0 [ip] [ip] [[ip]]:80 ::",
    "2001:0db8:85a3:0000:0000:8a2e:0370:7334": "[ip]",
    "mail bob.o'neil+x@sub.example.co.uk.": "mail [email].",
    "q=bob%40example.com&x=jürgen@müller.de": "q=[email]&x=[email]",
    "DE89 3704 0044 0532 0130 00 paid DE89370400440532013000": "[iban] paid [iban]",
    "GB82 WEST 1234 5698 7654 32 x": "[iban] x",
    "3782 822463 10005, 378282246310005, 30569309025904": "[card], [card], [card]",
    "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nb": "a\n[pem]\nb",
    "cut -----BEGIN PRIVATE KEY-----\\nMIIE": "cut [pem]",
    "bob@example.com10.1.2.3:5432": "[email][ip]:5432",
    "ssn 123-45-6789.": "ssn [ssn].",
}
KEPT = """
Invalid password supplied for login
FATAL: password authentication failed for user "app"
InvalidTokenError: Signature has expired
Unauthorized: bad credentials
token count: 5, max_tokens=4096, tokens used: 50
author: Bob Miller, authority=x
basic understanding, Bearer token
https://shop.example:8080/@bob/x
https://shop.example/home/sale and /home/{name} and /users/me
1.2.3.4.5 and 1.3.6.1.4.1 and v1.2.3.4 and 999.1.1.1
std::vec Foo::Bar a::b 12:30:45 2026-11-22T13:16:12.120000Z
logo@2x.png lodash@4.17.21 @sentry/node foo@localhost
1700000000000 1700000000000000000 30569309025905 0.4571234567890111
2024-11-22-333 1123-45-6789 123-45-6789-0
-----BEGIN CERTIFICATE-----
password=&x=1 and password: [Filtered]
356938035643809 4a:00:04:10:9b:51 9b2c1f3e-0000-4000-8000-000000000000
""".strip().splitlines()


@pytest.mark.parametrize("given", CHANGED)
def test_only_what_matches_is_replaced(given: str) -> None:
    scrubbing = Scrubbing(Scrub())
    assert scrubbing.text(given) == CHANGED[given]
    assert scrubbing.text(CHANGED[given]) == CHANGED[given]
    assert scrubbing.tree({"x": ["a", given]}) == {"x": ["a", CHANGED[given]]}


@pytest.mark.parametrize("given", KEPT)
def test_what_only_looks_like_it_stays(given: str) -> None:
    scrubbing = Scrubbing(Scrub())
    assert scrubbing.text(given) == given
    assert scrubbing.counts == {}


def test_a_rule_that_is_not_chosen_is_not_in_force() -> None:
    text = "10.0.0.1 /home/bob/x 4a:00:04:10:9b:51 356938035643809 9b2c1f3e-0000-4000-8000-000000000000"
    assert Scrubbing(Scrub(rules=())).text(text) == text
    every = Scrubbing(Scrub(rules=("ip", "mac", "imei", "uuid", "userpath")))
    assert every.text(text) == "[ip] /home/[user]/x [mac] [imei] [uuid]"


def test_json_in_a_text_is_a_tree_and_stays_as_it_is_when_nothing_of_it_goes() -> None:
    scrubbing = Scrubbing(Scrub())
    assert scrubbing.text('{"a": [1, {"password": {"$eq": "x"}}]}') == '{"a":[1,{"password":"[Filtered]"}]}'
    assert scrubbing.tree({"b": '{"c": "{\\"token\\": [\\"x\\"]}"}'}) == {"b": '{"c":"{\\"token\\":\\"[Filtered]\\"}"}'}
    for kept in ('{"a": 1, "b" : [ ]}', "[1, 2]", '{"a": ', "{x}", "['a', 'b']"):
        assert scrubbing.text(kept) == kept


def test_ones_own_patterns_see_one_text_at_a_time() -> None:
    scrubbing = Scrubbing(Scrub(patterns={"all": "^only.*$", "customer": "(?i)c-[0-9]+"}))
    given = {"a": "only this", "b": "not only this", "c": "C-12 and c-13\nonly here", "d": "x"}
    changed = {"a": "[all]", "b": "not only this", "c": "[customer] and [customer]\nonly here", "d": "x"}
    assert scrubbing.tree(given) == changed
    assert scrubbing.tree(changed) == changed
    assert scrubbing.counts == {"all": 1, "customer": 2}


@pytest.mark.parametrize("pattern", ["(", "(?=a)", "a*", "\\1", "(?:a{1000}){1000}", "", "a" * 100_000])
def test_a_pattern_that_could_not_be_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="^patterns.own: ") as caught:
        Scrub(patterns={"own": pattern})
    assert "aaa" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "Own", "a b", "email", "9", "a" * 33])
def test_a_patterns_name_that_could_not_be_a_label_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="^patterns.*: a name"):
        Scrub(patterns={name: "x"})
