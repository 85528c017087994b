"""GET /metrics."""

from exporter import exposition, process
from exporter.web import negotiate
from exporter.web.call import Answer, Call, Refused


async def metrics(call: Call) -> Answer:
    """The page in the format that Accept wants, whole or of `?component=` alone."""
    names = call.components()
    records = call.services.state.records
    if unknown := sorted(name for name in names if name not in records):
        raise Refused(404, "no component has this name", errors=[name[:200] for name in unknown[:100]])
    wanted = negotiate.openmetrics(",".join(call.request.headers.getall("Accept", ())))
    page = process.body(call.services.page, call.services.process, openmetrics=wanted, components=names or None)
    content_type = exposition.OPENMETRICS if wanted else exposition.TEXT
    return Answer(body=page, content_type=content_type, compressible=True)
