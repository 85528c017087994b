"""Takes what is personal or secret out of a tree: by its keys while it is walked, by its look in all texts at once."""

import time
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from exporter.config.application import Scrub
from exporter.ingest import scrub_rules
from exporter.ingest.scrub_assigned import assigned, query
from exporter.ingest.scrub_keys import Keys
from exporter.ingest.scrub_known import Frames, Texts
from exporter.ingest.scrub_texts import Book, Budget
from exporter.ingest.scrub_walk import Walk
from exporter.ingest.text import LONGEST

SECONDS = 0.04
"""Of CPU that the patterns may take for one event; a slice of 32 KiB that was begun is ended."""
MATCHES = 3_000
RULES = (
    *("key", "cookie", "pem", "jwt", "auth", "email", "iban", "card", "ssn"),
    *("userpath", "mac", "imei", "uuid", "ip", "withheld"),
)
"""What `counts` may name beside the configuration's own."""
_JSON = ("{", "[")
_KNOWN = 4_096
"""Keys that are remembered with what they say, once their text is known to be harmless."""


class Scrubbing:
    """Scrubs by the configuration. Nothing is remembered of what it saw but what is harmless, and counts."""

    def __init__(self, config: Scrub, key: bytes = b"", clock: Callable[[], float] = time.thread_time) -> None:
        """`key`: of the users' hash, whatever its length; kept with the store, it stays the same over restarts."""
        self.counts: dict[str, int] = {}
        self._key = blake2b(key, digest_size=32).digest()
        self._clock = clock
        self._keys = Keys(config.keys, config.keep, tuple(config.patterns))
        self._known: dict[str, int] = {}
        self._frames = Frames()
        self._harmless, self._harmless_versions, self._harmless_code = Texts(), Texts(), Texts()
        self._numbers = 10**14 if "imei" in config.rules else 34 * 10**13
        secret = (*scrub_rules.ALWAYS, query())
        other = (scrub_rules.BEARER, *scrub_rules.PERSONAL, *scrub_rules.chosen(config.rules))
        named = assigned(self._keys, quoted=False)
        self._texts = Book((*secret, named, *other), config.patterns)
        self._versions = Book((*secret, named, scrub_rules.BEARER), config.patterns)
        self._code = Book((*secret, assigned(self._keys, quoted=True), *other), config.patterns)

    def tree(self, value: Any) -> Any:
        """A tree without it, sharing nothing that changes with what was given."""
        budget = self._budget()
        walk = Walk(self._keys, self._known, self._frames, self._numbers, budget)
        scrubbed = walk.sequence([value], 0)
        changed = walk.changed(self._texts, budget)
        walk.versions.finish(self._versions, budget, self._harmless_versions)
        walk.code.finish(self._code, budget, self._harmless_code)
        walk.texts.finish(self._texts, budget, self._harmless)
        harmless = walk.rename(changed)
        if len(self._known) + len(harmless) > _KNOWN:
            self._known.clear()
        if len(harmless) <= _KNOWN:
            self._known.update(harmless)
        walk.fold()
        return scrubbed[0]

    def text(self, text: str) -> str:
        if text[:1] in _JSON or len(text) >= LONGEST:
            return str(self.tree(text))
        if text in self._harmless.known:
            return text
        scrubbed = self._texts.scrub([text], self._budget())[0]
        if scrubbed == text:
            self._harmless.learn(text)
        return scrubbed

    def user(self, user: Any) -> str:
        for each in self._identities(user):
            if isinstance(each, str | int | float) and not isinstance(each, bool) and str(each).strip():
                told = str(each).strip().encode(errors="replace")
                return blake2b(told, key=self._key, digest_size=8).hexdigest()
        return ""

    def _budget(self) -> Budget:
        return Budget(self.counts, self._clock, SECONDS, MATCHES)

    @staticmethod
    def _identities(user: Any) -> tuple[Any, ...]:
        if not isinstance(user, dict):
            return (user,)
        return tuple(user.get(name) for name in ("id", "username", "name", "email", "ip_address"))
