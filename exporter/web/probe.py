"""GET /probe: a target that the request names, asked as blackbox_exporter asks it; or a configured component."""

from exporter.blackbox import debug, family
from exporter.blackbox.probing import Forbidden, Probing, for_host, seconds
from exporter.blackbox.probing import probe as ask
from exporter.blackbox.run import Run
from exporter.exposition import TEXT
from exporter.nearest import suggestion
from exporter.web import scrape
from exporter.web.call import Answer, Call, Refused

MOST = 500
"""Probes at the same time; each holds a descriptor or two."""


class Probes:
    """How many are under way."""

    def __init__(self) -> None:
        self._under_way = 0

    async def probe(self, call: Call) -> Answer:
        """The series of one target. `target` is required; `module`, `hostname` and `debug` are as in blackbox.

        With `component` those of a configured component.
        """
        if (named := call.request.rel_url.query.get("component")) is not None:
            if "target" in call.request.rel_url.query:
                raise Refused(400, "one of target and component")
            return await scrape.component(call, named)
        probing = call.services.probing
        if probing is None:
            raise Refused(404, "no target is asked on request: probe.modules is not configured")
        if self._under_way >= MOST:
            raise Refused(503, "too many probes are under way", headers={"Retry-After": "1"})
        self._under_way += 1
        try:
            return await _target(call, probing)
        finally:
            self._under_way -= 1


async def _target(call: Call, probing: Probing) -> Answer:
    query = call.request.rel_url.query
    name = query.get("module") or "http_2xx"
    module = probing.modules.get(name)
    if module is None:
        raise Refused(400, f"unknown module {name[:100]!r}{suggestion(name, probing.modules)}")
    try:
        limit = seconds(module, call.request.headers.get("X-Prometheus-Scrape-Timeout-Seconds", ""))
    except ValueError:
        raise Refused(400, "X-Prometheus-Scrape-Timeout-Seconds is not a number of seconds") from None
    target, hostname = query.get("target", ""), query.get("hostname", "")
    if not target:
        raise Refused(400, "the parameter target is missing")
    if not (target + hostname).isprintable():
        raise Refused(400, "a target and a hostname have no control characters")
    detailed = query.get("debug") == "true"
    if detailed and not call.detailed:
        raise Refused(403, "debug=true takes an admin token (web.admin_tokens)")
    try:
        module = for_host(module, hostname) if hostname else module
    except ValueError as error:
        raise Refused(400, str(error)) from None
    run = Run(module, target, probing.access, seconds=limit, hostname=hostname, debug=detailed)
    try:
        await ask(run)
    except Forbidden as forbidden:
        raise Refused(403, str(forbidden)) from None
    if detailed:
        return Answer(body=debug.text(run, name).encode("utf-8", "replace"), content_type="text/plain; charset=utf-8")
    return Answer(body=family.page(run.values), content_type=TEXT, compressible=True)
