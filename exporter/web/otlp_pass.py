"""Passes OTLP requests on: rewritten as the configuration says, into the spools of the back ends that take them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from exporter.forward.forwarding import Forwarding
from exporter.ingest.intake import Intake
from exporter.ingest.otlp_wire import Piece
from exporter.web.call import Services
from exporter.web.otlp_reply import Signal

if TYPE_CHECKING:
    from exporter.onward.rewrite import Rewriter

Rest = Callable[[], Awaitable[None]]
"""Gives the loop to others when it has been held for long enough."""


class Passing:
    """One for the daemon: the rewriter remembers what is harmless until a reload."""

    def __init__(self) -> None:
        self._rewriter: Rewriter | None = None
        self._made_of: tuple[object, ...] = ()

    def taking(self, signal: Signal, services: Services) -> Forwarding | None:
        """What takes this signal onward, if there is anything."""
        forwarding = services.forwarding
        return forwarding if forwarding is not None and forwarding.takes(signal) else None

    def rewriter(self, services: Services, intake: Intake) -> "Rewriter":
        """That for the configuration in force."""
        config, forwarding = services.config, services.forwarding
        attributes = dict(forwarding.attributes) if forwarding is not None else {}
        made_of = (intake.parts.scrubber, config.scrub, config.forward.sample_ratio, attributes)
        if self._rewriter is None or self._made_of != made_of:
            from exporter.onward.rewrite import Rewriter  # noqa: PLC0415 - of no use where nothing is forwarded

            self._rewriter = Rewriter(intake.parts.scrubber, config.scrub, config.forward.sample_ratio, attributes)
            self._made_of = made_of
        return self._rewriter

    async def on(
        self,
        signal: Signal,
        body: bytes | None,
        pieces: Sequence[Piece],
        services: Services,
        intake: Intake,
        rest: Rest,
        *,
        valid: bool,
    ) -> None:
        """Rewrite and keep it for the back ends; nothing to do where none takes the signal. Raises Refusing.

        `body`: None when it came as JSON. `valid`: whether nothing of it was rejected.
        """
        forwarding = self.taking(signal, services)
        if forwarding is None:
            return
        from exporter.onward.logs import LOG  # noqa: PLC0415 - as the rewriter
        from exporter.onward.metrics import METRIC, points  # noqa: PLC0415

        rewriter = self.rewriter(services, intake)
        if signal == "traces":
            rewriting = rewriter.traces(body, pieces, valid=valid)
        else:
            rewriting = rewriter.records(body, pieces, LOG if signal == "logs" else METRIC)
        for _ in rewriting:
            await rest()
        items = rewriting.items
        if signal == "metrics" and items:
            items = 0
            for some in points(pieces):
                items += some
                await rest()
        if rewriting.body:
            await forwarding.put(signal, rewriting.body, items)
        forwarding.sampled_out(rewriting.sampled_out)
