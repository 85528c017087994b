"""Basic authentication by bcrypt: in a thread of its own, remembered, and as slow for a user who does not exist."""

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import bcrypt

from exporter.values import Secret
from exporter.web.call import Refused

REMEMBERED = 100
WAITING = 16
"""Checks that may wait for the thread; each costs some 70 ms at bcrypt's cost of 10."""
NOBODY = "CwTycUXWue0Thq9StjUM0uJ8Xqj1lH2cqkQYb7CqCqGJ3nYkq0b6e"
"""Salt and hash that are checked for a user who does not exist, so that the time does not tell."""


class Passwords:
    """The users and their hashes."""

    def __init__(self, users: Mapping[str, Secret]) -> None:
        self._users = dict(users)
        cost = max((secret.reveal()[4:6] for secret in users.values()), default="10")
        self._nobody = f"$2b${cost}${NOBODY}".encode()
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._waiting = 0
        self._thread: ThreadPoolExecutor | None = None

    async def right(self, user: str, password: bytes) -> bool:
        """Whether this is the user's password. Raises Refused when too many wait for an answer."""
        secret = self._users.get(user)
        hashed = secret.reveal().encode() if secret else self._nobody
        digest = self._digest(user, hashed, password)
        if secret and digest in self._right:
            self._right.move_to_end(digest)
            return True
        if self._waiting >= WAITING:
            raise Refused(503, "too many passwords are being checked", headers={"Retry-After": "1"})
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "bcrypt")
        self._waiting += 1
        try:
            same = await asyncio.get_running_loop().run_in_executor(self._thread, _matches, password, hashed)
        finally:
            self._waiting -= 1
        if not (secret and same):
            return False
        self._right[digest] = None
        if len(self._right) > REMEMBERED:
            self._right.popitem(last=False)
        return True

    def close(self) -> None:
        """End the thread, once those who wait for it have their answer."""
        if self._thread is not None:
            self._thread.shutdown(wait=False)

    def _digest(self, user: str, hashed: bytes, password: bytes) -> bytes:
        # Each part by its own digest: merely joined, two different triples could be the same text (CVE-2022-46146).
        parts = (user.encode("utf-8", "surrogatepass"), hashed, password)
        return hmac.digest(self._key, b"".join(hashlib.sha256(part).digest() for part in parts), "sha256")


def _matches(password: bytes, hashed: bytes) -> bool:
    # bcrypt reads 72 bytes and refuses more; htpasswd and Go hash the first 72 of a longer one.
    try:
        return bcrypt.checkpw(password[:72], hashed)
    except ValueError:
        return False
