"""The store's own series."""

from collections.abc import Mapping

from exporter.metric import Metric, counter, gauge
from exporter.store.ages import Owned
from exporter.store.codec import STATUSES
from exporter.tally import Tallies

SIZE = gauge("stack_exporter_store_size_bytes", "Size of the store of errors, events and alerts, on disk or in memory.")
SWEPT = counter(
    "stack_exporter_store_swept_total", "Rows that the store dropped because they were too old or because it was full."
)
GROUPS = gauge(
    "stack_error_groups",
    "Error groups by status: unresolved, resolved or ignored. Each group is in one of them. Of several replicas with "
    "one store, only one shows the series.",
    "service",
    "status",
)
NOTABLE = gauge(
    "stack_error_groups_notable",
    "Unresolved error groups that are new (first seen within 24 hours), regressed (back after they were resolved) or "
    "spiking. A group may be in several of the states. Of several replicas with one store, only one shows the series.",
    "service",
    "state",
)
OLDEST = gauge(
    "stack_error_groups_oldest_age_seconds",
    "How long the oldest unresolved error group has been there: since it was first seen, or since it came back after "
    "it was resolved or ignored. Of several replicas with one store, only one shows the series.",
    "service",
    "severity",
    "team",
)


class Series:
    """Updates them."""

    def __init__(self, tallies: Tallies) -> None:
        self._tallies = tallies
        self._shown: set[tuple[str, str]] = set()
        self._aged: set[Owned] = set()
        tallies.child(SWEPT)

    def sized(self, size: int) -> None:
        self._tallies.child(SIZE).set(size)

    def swept(self, rows: int) -> None:
        self._tallies.child(SWEPT).add(rows)

    def groups(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Show these. One that fell to none stays at 0 while its service has others; then it goes."""
        services = {service for service, _ in counts}
        for service, status in self._shown - counts.keys():
            if service in services:
                self._tallies.child(_family(status), service, status).set(0)
            else:
                self._tallies.forget(_family(status), service, status)
                self._shown.discard((service, status))
        for (service, status), n in counts.items():
            self._tallies.child(_family(status), service, status).set(n)
        self._shown |= counts.keys()

    def oldest(self, ages: Mapping[Owned, float]) -> None:
        """Show these, and no others."""
        for labels in self._aged - ages.keys():
            self._tallies.forget(OLDEST, *labels)
        for labels, age in ages.items():
            self._tallies.child(OLDEST, *labels).set(age)
        self._aged = {*ages}


def _family(status: str) -> Metric:
    return GROUPS if status in STATUSES else NOTABLE
