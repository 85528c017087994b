"""Which services there are series of, and who owns each: stack_service_info, with which alert rules find the team."""

from collections.abc import Collection, Mapping

from exporter.bounds import cut
from exporter.ingest.measure_names import SERVICE_INFO
from exporter.tally import Tallies


class Services:
    """tally.Following. A reload makes another."""

    def __init__(self, tallies: Tallies, configured: Collection[str], teams: Mapping[str, str]) -> None:
        """`configured`: those that are shown from the beginning."""
        self._tallies = tallies
        self._configured = frozenset(map(cut, configured))
        self._teams = {cut(service): cut(team) for service, team in teams.items()}
        family = tallies.families.get(SERVICE_INFO)
        self._shown = dict(labels for labels in family.children) if family else {}

    def came(self, service: str) -> None:
        """A series of the service was made."""
        if service not in self._shown:
            team = self._shown[service] = self._teams.get(service, "")
            self._tallies.child(SERVICE_INFO, service, team).set(1)

    def swept(self) -> None:
        """Show those of which there are series, and no others."""
        there = self._configured | self._tallies.services(but=SERVICE_INFO)
        for service, team in tuple(self._shown.items()):
            if service not in there or team != self._teams.get(service, ""):
                del self._shown[service]
                self._tallies.forget(SERVICE_INFO, service, team)
        for service in there:
            self.came(service)
