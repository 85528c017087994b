"""Bodies that stand for their groups: what is like one is compressed by it."""

from collections import OrderedDict

from exporter.store.compression import Dictionary, decompressed
from exporter.store.engine import Transaction, among


class Samples:
    """The last used ones, up to 4 MiB."""

    def __init__(self, most: int = 4 * 1024 * 1024) -> None:
        self._most = most
        self._bytes = 0
        self._kept: OrderedDict[int, Dictionary] = OrderedDict()

    def get(self, key_: int) -> Dictionary | None:
        found = self._kept.get(key_)
        if found is not None:
            self._kept.move_to_end(key_)
        return found

    def put(self, key_: int, content: bytes) -> Dictionary:
        made = Dictionary(content)
        if key_ not in self._kept:
            self._bytes += len(content)
        self._kept[key_] = made
        while self._bytes > self._most and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= gone.length
        return made


async def loaded(tx: Transaction, keys: list[int], samples: Samples) -> dict[int, Dictionary]:
    """Those that are there and whole, now in the cache, too."""
    found = {}
    for key, data in await among(tx, "SELECT key, body FROM stack_samples WHERE key IN ({})", keys):
        try:
            found[key] = samples.put(key, decompressed(data))
        except ValueError:
            continue
    return found
