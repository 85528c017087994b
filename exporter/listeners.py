"""The listeners: which there are, what each serves, and what of their settings a reload can change."""

import asyncio
import importlib
import os
from collections.abc import Mapping, Sequence
from typing import Protocol

from exporter.config.problem import ConfigError, Problem
from exporter.options import OFF, Options
from exporter.web import address, routes, toolkit
from exporter.web.auth import Guard, Listener
from exporter.web.call import Room, Services
from exporter.web.otlp import Otlp
from exporter.web.server import Server
from exporter.web.site import Route, Site

ELSEWHERE = {
    "web": "--web.listen-address=:PORT chooses another",
    "ingest": "--ingest.listen-address=off leaves it out",
    "otlp-grpc": "--ingest.grpc-listen-address=:PORT chooses another",
    "health": "--web.health-address=:PORT chooses another",
}
"""What to do when an address can't be had."""


class Listening(Protocol):
    """A listener of whatever protocol."""

    @property
    def url(self) -> str: ...
    async def start(self) -> None: ...
    async def stop(self, grace: float) -> None: ...


class Listeners:
    """By name: web, and unless they are off ingest and health."""

    def __init__(self, options: Options, services: Services) -> None:
        """Raises ConfigError for the web configuration, ValueError for what is not an address."""
        self._file = options.web_config_file
        self._toolkit = toolkit.read(self._file) if self._file is not None else None
        self._sites: list[Site] = []
        self._room = Room()
        otlp = Otlp()
        self._servers: dict[str, Listening] = {}
        self._servers["web"] = self._server(options.web_listen_address, routes.scraping(), services, self._toolkit)
        if options.ingest_listen_address != OFF:
            table = routes.ingest(otlp)
            self._servers["ingest"] = self._server(options.ingest_listen_address, table, services, listener="ingest")
        if options.web_health_address != OFF:
            self._servers["health"] = self._server(options.web_health_address, routes.PROBES, services)
        if options.ingest_grpc_listen_address != OFF:
            # gRPC's core writes lines of its own to standard error unless it is told before its first import.
            os.environ.setdefault("GRPC_VERBOSITY", "NONE")
            # It is 30 MB of memory that nobody else needs.
            grpc_server = importlib.import_module("exporter.web.grpc_server")
            guard = Guard(services.state.tallies, listener="ingest")
            self._servers["otlp-grpc"] = grpc_server.GrpcServer(
                options.ingest_grpc_listen_address, otlp, lambda: self._sites[0].services, guard, self._room
            )

    @property
    def urls(self) -> Mapping[str, str]:
        """Where each is opened, once started."""
        return {name: server.url for name, server in self._servers.items()}

    async def start(self) -> None:
        """Bind them all. Raises OSError, which names the address."""
        for name, server in self._servers.items():
            try:
                await server.start()
            except OSError as error:
                raise OSError(error.errno, f"{error.strerror}; {ELSEWHERE[name]}") from None

    async def stop(self, grace: float) -> None:
        """Take no more and finish what is under way, within `grace` seconds."""
        await asyncio.gather(*(server.stop(grace) for server in self._servers.values()))

    def close(self) -> None:
        """End what the sites hold."""
        for site in self._sites:
            site.close()

    def use(self, services: Services) -> None:
        """Answer from these from now on."""
        for site in self._sites:
            site.services = services

    def read(self) -> toolkit.Toolkit | None:
        """The web configuration as it is now. Raises ConfigError, also when TLS comes or goes."""
        if self._file is None:
            return None
        new = toolkit.read(self._file)
        if (new.certificates is None) != (self._toolkit is None or self._toolkit.certificates is None):
            raise ConfigError([Problem(0, "tls_server_config", "comes or goes with a restart only")], str(self._file))
        return new

    def take(self, new: toolkit.Toolkit | None) -> None:
        """Put what `read` gave in force."""
        if new is None or self._toolkit is None:
            return
        if self._toolkit.certificates and new.certificates:
            # The listener keeps the first context, which asks these certificates at each handshake.
            self._toolkit.certificates.take(new.certificates)
            new.certificates = self._toolkit.certificates
        self._toolkit = self._sites[0].toolkit = new

    def _server(
        self,
        listen: str,
        table: Sequence[Route],
        services: Services,
        web: toolkit.Toolkit | None = None,
        listener: Listener = "web",
    ) -> Server:
        host = address.parse(listen)[0]
        site = Site(table, services, toolkit=web, hosts=(host,), room=self._room, listener=listener)
        self._sites.append(site)
        return Server(listen, site, tls=web.certificates.context if web and web.certificates else None)
