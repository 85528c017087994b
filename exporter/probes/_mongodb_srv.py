"""The hosts behind a mongodb+srv:// URL, by dnspython, which PyMongo looks them up with too."""

import time

from exporter.probe import Down, Readings
from exporter.probes._mongodb_url import Target

_MOST = 50


async def hosts(out: Readings, target: Target) -> tuple[tuple[str, int], ...]:
    """In the phase "resolve". Raises Down."""
    from dns import asyncresolver, exception, resolver  # noqa: PLC0415 - comes with the driver

    name = f"_{target.srv}._tcp.{target.service}"
    with out.phase("resolve"):
        try:
            answer = await asyncresolver.resolve(name, "SRV", lifetime=max(out.deadline - time.monotonic(), 0.05))
        except (resolver.NXDOMAIN, resolver.NoAnswer):
            raise Down("resolve", f"{name} has no SRV records") from None
        except exception.DNSException as error:
            raise Down("nameserver", f"{name}: {type(error).__name__}: {error}"[:200]) from None
    found = sorted((record.priority, str(record.target).rstrip("."), int(record.port)) for record in answer)
    return tuple((host, port) for _, host, port in found[:_MOST])
