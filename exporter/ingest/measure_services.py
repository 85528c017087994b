"""Which services there are series of, and who owns each: stack_service_info, with which alert rules find the team."""

from collections.abc import Mapping

from exporter.bounds import cut
from exporter.ingest.measure_names import SERVICE_INFO
from exporter.tally import Tallies


class Services:
    """tally.Following. A reload makes another."""

    def __init__(self, tallies: Tallies, teams: Mapping[str, str]) -> None:
        self._tallies = tallies
        self._teams = {cut(service): cut(team) for service, team in teams.items()}
        family = tallies.families.get(SERVICE_INFO)
        shown = family.children if family else {}
        self._shown = {labels[0]: labels[1] for labels in shown}

    def came(self, service: str) -> None:
        """A series of the service was made."""
        if service not in self._shown:
            team = self._shown[service] = self._teams.get(service, "")
            self._tallies.child(SERVICE_INFO, service, team).set(1)

    def swept(self) -> None:
        """Show those of which there are series, and no others."""
        there = self._tallies.services(but=SERVICE_INFO)
        for service, team in tuple(self._shown.items()):
            if service not in there or team != self._teams.get(service, ""):
                del self._shown[service]
                self._tallies.forget(SERVICE_INFO, service, team)
        for service in there:
            self.came(service)
