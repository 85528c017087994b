"""How many events a sender may send: a bucket of tokens for each, in this process alone (FH-2, F30)."""

from collections import OrderedDict

SENDERS = 10_000
"""Buckets that are kept; the one unused for longest goes first, and begins full when its sender comes again."""


class Buckets:
    """`rate` tokens a second come in, `burst` fit in. Time is monotonic seconds, given."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, sender: str, amount: float, now: float) -> float:
        """Take `amount` and give 0; or take nothing and give the seconds until it would be there.

        What is more than a full bucket is taken from a full one: it could never come otherwise, and what follows waits.
        """
        level, at = self._buckets.pop(sender, (self.burst, now))
        level = min(self.burst, level + max(0.0, now - at) * self.rate)
        needed = min(amount, self.burst)
        short = needed - level
        self._buckets[sender] = (level - amount if short <= 0 else level, now)
        if len(self._buckets) > SENDERS:
            self._buckets.popitem(last=False)
        return max(0.0, short / self.rate)

    def __len__(self) -> int:
        return len(self._buckets)
