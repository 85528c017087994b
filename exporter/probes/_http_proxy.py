"""The way through a proxy: CONNECT for https (RFC 9110, 9.3.6), and the credentials that it wants."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from exporter.probe import Down, Readings
from exporter.probes import _net
from exporter.probes._http_exchange import Exchange
from exporter.probes._http_request import Target, basic, request
from exporter.probes._tls import TLS, Certificate

P = TypeVar("P", bound=asyncio.BaseProtocol)


def authorization(proxy: Target) -> dict[str, str]:
    return {"Proxy-Authorization": basic(*proxy.credentials)} if proxy.credentials is not None else {}


async def tunnel(
    out: Readings,
    proxy: Target,
    to: Target,
    factory: Callable[[], P],
    tls: TLS,
    alpn: tuple[str, ...],
    show: Callable[[Certificate], None],
) -> tuple[asyncio.Transport, P]:
    """A TLS connection to the target, in the phases of a direct one and "proxy". Raises Down."""
    protocol = factory()
    transport, opening = await _net.connect(
        out, proxy.host, proxy.port, partial(Exchange, proxy.where, 0, headers_only=True)
    )
    with out.phase("proxy"):
        await _open(transport, opening, proxy, to)

    async def again() -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        loop = asyncio.get_running_loop()
        host, _ = transport.get_extra_info("peername")[:2]
        fresh, opening = await loop.create_connection(
            partial(Exchange, proxy.where, 0, headers_only=True), host, proxy.port
        )
        await _open(fresh, opening, proxy, to)
        return fresh, opening

    return await _net.secure(
        out, transport, protocol, tls, to.host, to.where, alpn=alpn, show=show, again=again
    ), protocol


async def _open(transport: asyncio.Transport, opening: Exchange, proxy: Target, to: Target) -> None:
    authority = f"[{to.host}]:{to.port}" if ":" in to.host else to.where
    try:
        transport.write(request("CONNECT", authority, authority, authorization(proxy).items()) + b"\r\n")
        await opening.head()
    except BaseException:
        transport.abort()
        raise
    if not 200 <= opening.status < 300:
        transport.abort()
        raise Down("proxy", f"{proxy.where} answered CONNECT with status {opening.status}")
