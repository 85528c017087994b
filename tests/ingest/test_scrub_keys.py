"""What a key says, in every form in which keys come."""

from typing import Any

import pytest

from exporter.config.application import Scrub
from exporter.ingest.scrub import Scrubbing

GONE = "[Filtered]"


def scrubbed(value: Any, **config: Any) -> Any:
    return Scrubbing(Scrub(**config)).tree(value)


@pytest.mark.parametrize(
    "key",
    (
        "password db_passwd passphrase Secret AWS_SECRET_ACCESS_KEY apiKey api-key X-API-Key auth oauth Authorization "
        "authorised proxy-authorization credentials mysql_pwd privateKey private-key otp two-factor access_token "
        "tokenValue HTTP_COOKIE Set-Cookie session sessionid csrftoken X-CSRFToken X-Forwarded-For REMOTE_ADDR "
        "x_real_ip ip_address aiohttp_session connect.sid _csrf_token XSRF-TOKEN http.request.header.cookie "
        "http.response.header.set-cookie http.request.header.x-forwarded-for url.password db.pwd co_auth_author "
        "b'cookie' 'cookie' \"cookie\""
    ).split(),
)
def test_it_is_sensitive(key: str) -> None:
    assert scrubbed({key: "x"}) == {key: GONE}
    assert scrubbed([key, "x"]) == [key, GONE]
    assert scrubbed({"key": key, "value": {"a": 1}}) == {"key": key, "value": GONE}
    assert scrubbed([{"name": key, "value": 12}]) == [{"name": key, "value": GONE}]


@pytest.mark.parametrize(
    "key",
    (
        "author authors co_author author_name authority http.authority passenger compass secre otpx sessions mysession2 "
        "session.id cookies_enabled keyboard api privately tokenizer token_type user_session_count"
    ).split(),
)
def test_it_is_not(key: str) -> None:
    assert scrubbed({key: "x", "other": 1}) == {key: "x", "other": 1}


@pytest.mark.parametrize("value", [None, True, False, "", "true", "False", "null", "undefined", [], {}, GONE])
def test_a_value_without_a_secret_stays(value: Any) -> None:
    assert scrubbed({"password": value}) == {"password": value}


@pytest.mark.parametrize("value", ["x", 1, 0.5, ["x"], {"a": {"b": "x"}}, [True], "0"])
def test_any_other_goes_whole(value: Any) -> None:
    assert scrubbed({"password": value}) == {"password": GONE}


def test_figures_of_tokens_stay() -> None:
    usage = {"prompt_tokens": 512, "gen_ai.usage.input_tokens": 7.0, "tokens": {"in": 1, "out": 2}, "token_count": 3}
    assert scrubbed(usage) == usage
    assert scrubbed({"tokens": "abc", "max_tokens": {"a": "x"}}) == {"tokens": GONE, "max_tokens": GONE}


def test_cookies_are_taken_by_their_names() -> None:
    kept = {"theme": "dark", "lang": "de"}
    gone = {"sessionid": "x", "su": "x", "_vercel_jwt": "x", "my_session": "x", "remember_me": "x", "csrf-token": "x"}
    assert scrubbed({"cookies": kept | gone}) == {"cookies": kept | dict.fromkeys(gone, GONE)}
    assert scrubbed({"cookies": [["sudo", "x"], ["theme", "dark"]]}) == {"cookies": {"sudo": GONE, "theme": "dark"}}
    assert scrubbed({"cookies": "theme=dark; sessionid=x; a"}) == {"cookies": "theme=dark; sessionid=[Filtered]; a"}
    assert scrubbed({"cookies": 5}) == {"cookies": None}
    assert scrubbed({"cookies": dict.fromkeys(map(str, range(300)), "x")}) == {"cookies": GONE}


def test_a_stack_keeps_its_files_and_loses_what_its_variables_hold() -> None:
    path = "/home/alice/app/x.py"
    frame = {
        "filename": path,
        "abs_path": path,
        "function": "login",
        "vars": {"password": "'hunter2'", "path": f"'{path}'", "headers": [["b'cookie'", "b'a=b'"]]},
        "pre_context": ["token = find(request)", "password: str,"],
        "post_context": ["# by bob@example.com"],
        "context_line": "login('bob@example.com', token='abc')",
    }
    assert scrubbed({"stacktrace": {"frames": [frame]}})["stacktrace"]["frames"] == [
        frame
        | {
            "vars": {"password": GONE, "path": "'/home/[user]/app/x.py'", "headers": [["b'cookie'", GONE]]},
            "post_context": ["# by [email]"],
            "context_line": "login('[email]', token='[Filtered]')",
        }
    ]
    assert scrubbed({"filename": path, "frames": [path]}) == {
        "filename": "/home/[user]/app/x.py",
        "frames": ["/home/[user]/app/x.py"],
    }
    odd = {"frames": [{"filename": {"password": "x"}, "pre_context": [{"password": "x"}], "post_context": 5}]}
    assert scrubbed(odd) == {"frames": [{"filename": None, "pre_context": [None]}]}


def test_ids_versions_and_programs_stay() -> None:
    kept = {
        "debug_meta": {"images": [{"code_file": "/home/alice/x"}]},
        "User-Agent": "Chrome/99.0.0.0 bob@example.com",
        "http.request.header.user-agent": "Chrome/99.0.0.0",
        "span_id": "4111111111111111",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "release": "shop@1.2.3.4",
        "modules": {"click-plugins": "1.1.1.2"},
    }
    assert scrubbed(kept) == kept
    assert scrubbed([["User-Agent", "Chrome/99.0.0.0"]]) == [["User-Agent", "Chrome/99.0.0.0"]]
    assert scrubbed({"event_id": "bob@example.com", "release": "postgres://u:p@h"}) == {
        "event_id": "[email]",
        "release": "postgres://[auth]@h",
    }


def test_ones_own_keys_go_and_ones_own_exceptions_stay() -> None:
    config = {"keys": (" Customer ", "", " ", "a.*b"), "keep": ("X-Auth-Kind", "", "note")}
    given = {"customer_no": "x", "x-auth-kind": "basic", "aXXb": "x", "a.*b": "x", "note": "bob@example.com", "n": ""}
    assert scrubbed(given, **config) == given | {"customer_no": GONE, "a.*b": GONE}
    assert scrubbed("customer=12 and x-auth-kind=basic", **config) == "customer=[Filtered] and x-auth-kind=basic"
    assert scrubbed({"note": {"password": "x"}}, **config) == {"note": {"password": GONE}}


def test_a_key_that_is_personal_itself_goes_and_its_value_stays() -> None:
    given = {"first": 0, "bob@example.com": 1, "eve@example.com": 2, "last": {"10.0.0.1": "x"}}
    assert scrubbed(given) == {"first": 0, "[email]": 1, "[email] 2": 2, "last": {"[ip]": "x"}}
    scrubbing = Scrubbing(Scrub())
    assert list(map(scrubbing.tree, [given, given])) == [scrubbed(given)] * 2


def test_a_card_may_be_a_number_and_a_time_is_none() -> None:
    assert scrubbed([4571234567890111, 1700000000000000, 1700000000000000000, 12]) == [
        "[card]",
        1700000000000000,
        1700000000000000000,
        12,
    ]
