"""An object that is put, read back, compared and deleted."""

import secrets
from typing import Protocol

from exporter.probe import Down, Readings

SIZE = 64
"""Bytes of the object."""


class Store(Protocol):
    async def put(self, key: str, body: bytes) -> None: ...
    async def get(self, key: str) -> bytes: ...
    async def delete(self, key: str) -> None: ...


async def sing(store: Store, begins: str, where: str, out: Readings) -> None:
    """With a key that begins so. Raises Down; what touches only those who write makes the component degraded.

    Always the same key: what a run that was cut short left behind, the next one overwrites and deletes. Another daemon
    has another, so that two do not read each other's.
    """
    if (own := out.kept("canary")) is None:
        own = secrets.token_hex(8)
        out.keep("canary", own)
    key, written = f"{begins}{own}", secrets.token_hex(SIZE // 2).encode()
    try:
        await store.put(key, written)
        found = await store.get(key)
        await store.delete(key)
    except Down as down:
        # The listing went well: the bucket is there, and works for those who read.
        if down.reason in ("permission", "full"):
            out.degraded(down.reason, down.detail)
        elif down.reason in ("no_bucket", "unexpected"):  # 404 for an object that was put
            out.degraded("canary", down.detail)
        else:
            raise
    else:
        if found != written:
            out.degraded("canary", f"{where}: an object of {SIZE} bytes read back differently")
