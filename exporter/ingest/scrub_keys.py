"""Which keys hold what is personal or secret, and which hold what is never touched."""

from collections.abc import Sequence
from typing import Any

PLAIN, SECRET, TOKENS, COOKIES, FRAMES, EXEMPT, ID, VERSION, MODULES, KEPT = range(10)
"""What a key says of its value: nothing; that it goes; that it goes unless it is a number; that it is cookies, or a
stack's frames; that it is left alone; that it is an id, a version, or modules with theirs, which look like others;
that it stays, by one's own word."""

LONGEST_PAIRED = 128
"""Characters of a text that may be the key of a list of two: what is longer, or has spaces, is prose."""

_HEX = frozenset("0123456789abcdefABCDEF-")
_LONGEST_ID = 36


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_EXACT = _words(
    # Sentry Relay's; then those of sentry-python's scrubber; then what stands for a password elsewhere.
    "otp two_factor twofactor cookie cookie2 set_cookie set_cookie2 "
    "ip_address session csrftoken sessionid csrf _csrf csrf_token _csrf_token xsrf_token _xsrf xsrf phpsessid "
    "x_csrftoken x_csrf_token x_xsrf_token x_forwarded_for x_real_ip remote_addr x_api_key aiohttp_session "
    "connect.sid _session __session user_session symfony sentrysid fasthttpsessionid mysession irissessionid "
    "_vercel_jwt fastcsrf _iris_csrf jsessionid asp.net_sessionid jwt pass pwd passcode pgpassword"
)
_COOKIES = _EXACT | _words("sudo su sid")
_IN_COOKIES = ("sess", "csrf", "xsrf", "jwt", "remember")
_EXEMPT = _words("debug_meta user_agent user_agent.original http.user_agent user_agent_original")
_IDS = _words(
    "event_id trace_id span_id parent_span_id parent_id segment_id replay_id profile_id profiler_id check_in_id "
    "sid id code_id debug_id traceid spanid"
)
_VERSIONS = _words("release dist version app_version sdk_version kernel_version build app_build")
_WHOLE = (
    dict.fromkeys(_VERSIONS, VERSION)
    | dict.fromkeys(_IDS, ID)
    | dict.fromkeys(_EXEMPT, EXEMPT)
    | dict.fromkeys(_EXACT, SECRET)
    | {"cookies": COOKIES, "frames": FRAMES, "modules": MODULES}
)
_FAILURES = tuple(
    _words(
        "error exception warning failure failed denied invalid expired required missing unauthorized unauthorised "
        "unauthenticated authentication authorized authenticated"
    )
)


class Keys:
    """Knows keys, those of the configuration too: it has the first word and the last."""

    def __init__(self, own: Sequence[str], keep: Sequence[str], markers: Sequence[str] = ()) -> None:
        """`markers`: names of what stands in brackets where something went, which says nothing: [auth]."""
        self._markers = tuple(f"[{name}]" for name in ("auth", "jwt", *markers))
        self.own = tuple(sorted({text for key in own if (text := key.strip().lower())}))
        self._keep = frozenset(text for key in keep if (text := key.strip().lower()))

    def kind(self, key: str) -> int:
        """What a key says of its value. Linear, and mostly no more than looking for a few words."""
        low = key.lower()
        if "[" in low:
            low = self._unmarked(low)
        if self.own and low not in self._keep and any(own in low for own in self.own):
            return SECRET
        if low[-1:] in ("'", '"'):  # sentry-python sends bytes as b'authorization'
            low = low.lstrip("bur").strip("'\"")
        if low in self._keep:
            return KEPT
        if "token" in low:
            return _tokens(low)
        if "pass" in low and ("password" in low or "passwd" in low or "passphrase" in low):
            return SECRET
        if "secret" in low or "credential" in low or "mysql_pwd" in low or ("auth" in low and _authenticates(low)):
            return SECRET
        if "key" in low and ("api" in low or "private" in low):
            squeezed = low.replace("_", "").replace("-", "").replace(".", "").replace(" ", "")
            if "apikey" in squeezed or "privatekey" in squeezed:
                return SECRET
        return self._whole(low)

    @staticmethod
    def _whole(low: str) -> int:
        name = low.replace("-", "_") if "-" in low else low
        if "." in name and name not in _WHOLE:
            name = name[name.rfind(".") + 1 :]
        kind = _WHOLE.get(name)
        if kind is None and name.startswith("http_"):
            kind = _WHOLE.get(name[5:])
        return PLAIN if kind is None else kind

    def cookie(self, name: str) -> bool:
        """Whether a cookie is one of a session."""
        kind = self.kind(name)
        low = self._unmarked(name.strip().lower().replace("-", "_"))
        return kind in (SECRET, TOKENS) or (
            kind != KEPT and (low in _COOKIES or any(word in low for word in _IN_COOKIES))
        )

    def _unmarked(self, low: str) -> str:
        for marker in self._markers:
            low = low.replace(marker, "")
        return low

    def assigned(self, key: str, value: str, *, told: bool) -> bool:
        """Whether the value that a text gives to a key goes. `told`: by a colon, as prose does too."""
        kind = self.kind(key)
        if kind == TOKENS:
            return not value.strip("\"'").replace(".", "").isdigit()
        return kind == SECRET and not (told and key.lower().endswith(_FAILURES))


def sensitive() -> frozenset[str]:
    """Whole keys, or last parts of keys, whose values go; with `_` where a `-` may stand too."""
    return _EXACT


def _tokens(low: str) -> int:
    """max_tokens and input_tokens of a model's call are figures; a token is not."""
    if low.endswith(("tokens", "token_count", "tokens_details", "tokens_total")) or "tokens_" in low:
        return TOKENS
    return PLAIN if low.endswith(("tokenizer", "token_type", "token_expiry")) else SECRET


def _authenticates(low: str) -> bool:
    """Whether it holds `auth` as more than the beginning of author or authority; authorization is more."""
    if "author" not in low:
        return True
    if "authoriz" in low or "authoris" in low:
        return True
    return "auth" in low.replace("authority", "").replace("author", "")


def figures(value: Any) -> bool:
    """Whether it is a number, or nothing but numbers."""
    each = value.values() if type(value) is dict else (value,)
    return all(type(figure) in (int, float, bool) for figure in each)


def is_id(value: Any) -> bool:
    return type(value) is str and len(value) <= _LONGEST_ID and _HEX.issuperset(value)
