"""Runs a module's prober on a target: what `GET /probe?target=…&module=…` is answered with."""

import importlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

import msgspec

from exporter.blackbox.access import Access, Forbidden
from exporter.blackbox.family import DURATION, SUCCESS, TIMEOUT
from exporter.blackbox.run import Failed, Run
from exporter.blackbox.settings import Module
from exporter.values import Secret

OFFSET = 0.5
"""Seconds that are left to Prometheus of its own timeout; blackbox's --timeout-offset."""
LONGEST = 120.0

Prober = Callable[[Run], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Probing:
    """The section `probe` with its file read."""

    modules: Mapping[str, Module] = field(default_factory=dict)
    access: Access = field(default_factory=Access)


def seconds(module: Module, scrape_timeout: str) -> float:
    """How long the probe may take, by the module and X-Prometheus-Scrape-Timeout-Seconds. Raises ValueError."""
    given = float(scrape_timeout) if scrape_timeout else 0.0
    if not -1e9 < given < 1e9:
        raise ValueError("not a number of seconds")
    most = (given or LONGEST) - OFFSET
    return module.timeout if 0 < module.timeout < most or most < 0 else most


def for_host(module: Module, hostname: str) -> Module:
    """The module as `?hostname=` changes it. Raises ValueError, as when it has another Host itself."""
    if module.prober == "http":
        host = next((value.reveal() for name, value in module.http.headers.items() if name.lower() == "host"), hostname)
        if host != hostname:
            raise ValueError("host header defined both in module configuration and with URL-parameter 'hostname'")
        headers = {name: value for name, value in module.http.headers.items() if name.lower() != "host"}
        http = msgspec.structs.replace(module.http, headers=headers | {"Host": Secret(hostname)})
        return msgspec.structs.replace(module, http=http)
    if module.prober == "tcp" and not module.tcp.tls_config.server_name:
        tls = msgspec.structs.replace(module.tcp.tls_config, server_name=hostname)
        return msgspec.structs.replace(module, tcp=msgspec.structs.replace(module.tcp, tls_config=tls))
    return module


async def probe(run: Run) -> bool:
    """Run the prober; the run then holds all series. Raises Forbidden for a target that is not asked."""
    prober = cast("Prober", importlib.import_module(f"exporter.blackbox.{run.module.prober}").probe)
    given = run.deadline - run.began
    run.register(SUCCESS, DURATION)
    run.debug("Beginning probe", probe=run.module.prober, timeout_seconds=given)
    try:
        success = await prober(run)
    except Failed as failed:
        run.error(failed.message, **failed.pairs)
        success = False
    except TimeoutError:
        run.error("Timeout", timeout_seconds=given)
        success = False
    took = time.monotonic() - run.began
    run.set(SUCCESS, float(success))
    run.set(DURATION, took)
    run.set(TIMEOUT, given)
    if success:
        run.debug("Probe succeeded", duration_seconds=took)
    else:
        run.error("Probe failed", duration_seconds=took)
    return success


__all__ = ["LONGEST", "OFFSET", "Forbidden", "Probing", "for_host", "probe", "seconds"]
