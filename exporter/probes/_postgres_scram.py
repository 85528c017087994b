"""SCRAM-SHA-256 (RFC 5802, RFC 7677) as PostgreSQL speaks it, with the costly part of it remembered.

The password's 4096 rounds take 2 ms, more than all the rest of a session, and come out the same until it is changed:
RFC 5802 section 3 suggests to keep the keys.
"""

import base64
import hashlib
import hmac
import os
import struct
from functools import lru_cache

MECHANISM = b"SCRAM-SHA-256"
_OK, _SASL, _CONTINUE, _FINAL = 0, 10, 11, 12
_MOST = 1 << 16
"""Bytes of a message before the session is granted."""


class Refused(Exception):  # noqa: N818 - it is the other side that errs
    """The server does not keep to SCRAM, or does not know the password either."""


class Scram:
    """Answers the server's SASL messages; all others are handed on."""

    def __init__(self, password: bytes) -> None:
        self._password = password
        self._nonce = base64.b64encode(os.urandom(18))
        self._held = b""
        self._signature = b""
        self.over = False

    def receive(self, data: bytes) -> tuple[bytes, bytes]:
        """What to hand on of `data`, and what to send. Raises Refused."""
        self._held += data
        passed, answer = b"", b""
        while not self.over and len(self._held) >= 9:
            size = 1 + struct.unpack_from("!i", self._held, 1)[0]
            if not 5 <= size <= _MOST:
                raise Refused(f"claims a message of {size - 1} bytes before the session is granted")
            if len(self._held) < size:
                break
            message, self._held = self._held[:size], self._held[size:]
            code = struct.unpack_from("!i", message, 5)[0] if message[:1] == b"R" and size >= 9 else -1
            if code == _SASL and MECHANISM in message[9:].split(b"\0"):
                first = b"n,,n=,r=" + self._nonce
                answer += _message(MECHANISM + b"\0" + struct.pack("!i", len(first)) + first)
            elif code == _CONTINUE:
                answer += _message(self._proof(message[9:]))
            elif code == _FINAL:
                if not self._signature or not hmac.compare_digest(message[9:], b"v=" + self._signature):
                    raise Refused("could not prove that it knows the password")
            else:
                passed += message
                self.over = code == _OK or message[:1] == b"E"
        if self.over:
            passed, self._held = passed + self._held, b""
        return passed, answer

    def _proof(self, challenge: bytes) -> bytes:
        fields = dict(part.partition(b"=")[::2] for part in challenge.split(b","))
        nonce, rounds = fields.get(b"r", b""), fields.get(b"i", b"")
        try:
            salt = base64.b64decode(fields.get(b"s", b""), validate=True)
        except ValueError:
            salt = b""
        if not nonce.startswith(self._nonce) or not salt or not rounds.isdigit() or len(rounds) > 7 or not int(rounds):
            raise Refused("sent a malformed challenge of SCRAM")
        client_key, stored_key, server_key = _keys(self._password, salt, int(rounds))
        final = b"c=biws,r=" + nonce
        signed = b"n=,r=" + self._nonce + b"," + challenge + b"," + final
        self._signature = base64.b64encode(hmac.digest(server_key, signed, "sha256"))
        proof = bytes(a ^ b for a, b in zip(client_key, hmac.digest(stored_key, signed, "sha256"), strict=True))
        return final + b",p=" + base64.b64encode(proof)


@lru_cache(maxsize=64)
def _keys(password: bytes, salt: bytes, rounds: int) -> tuple[bytes, bytes, bytes]:
    salted = hashlib.pbkdf2_hmac("sha256", password, salt, rounds)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return client_key, hashlib.sha256(client_key).digest(), hmac.digest(salted, b"Server Key", "sha256")


def _message(body: bytes) -> bytes:
    return b"p" + struct.pack("!i", 4 + len(body)) + body
