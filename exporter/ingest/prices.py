"""What a call of a model costs, by the configured prices."""

from collections.abc import Mapping

from exporter.config.application import Price
from exporter.ingest.pattern import Pattern

_MILLION = 1_000_000.0


class Prices:
    """The patterns of `ai_prices`: the name itself wins, else the longest pattern that matches; * is any characters."""

    def __init__(self, prices: Mapping[str, Price]) -> None:
        self._exact = {name.lower(): price for name, price in prices.items() if "*" not in name}
        longest_first = sorted(prices.items(), key=lambda pair: -len(pair[0]))
        self._patterns = [(Pattern(name.lower()), price) for name, price in longest_first if "*" in name]

    def cost(self, model: str, input_tokens: float, output_tokens: float) -> float | None:
        """In US dollars; None when nothing says what this model costs."""
        name = model.lower()
        price = self._exact.get(name)
        if price is None:
            price = next((price for pattern, price in self._patterns if pattern.matches(name)), None)
        if price is None:
            return None
        return (price.input * input_tokens + price.output * output_tokens) / _MILLION
