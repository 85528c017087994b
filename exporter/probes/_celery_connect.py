"""Goes to a broker, Redis or RabbitMQ, for one round or to follow events."""

from exporter.metric import gauge
from exporter.probe import Down, Readings
from exporter.probes import _celery_amqp, _celery_redis, _net, _tls
from exporter.probes._amqp import Malformed
from exporter.probes._celery_broker import ROOM, Names, Quote, Session, Stream
from exporter.probes._celery_frames import Frames
from exporter.probes._celery_resp import Replies
from exporter.probes._celery_url import Place, Target
from exporter.probes._tls import TLS

CERTIFICATE_NOT_AFTER = gauge(
    "stack_celery_certificate_not_after_timestamp_seconds",
    "When the broker's certificate stops being valid, in Unix time.",
    "component",
)
CERTIFICATE_REMAINING = gauge(
    "stack_celery_certificate_remaining_seconds",
    "How long the broker's certificate is still valid; negative when it has expired.",
    "component",
)

Connection = _celery_amqp.Connection | _celery_redis.Connection


async def session(out: Readings, target: Target, tls: TLS | None, names: Names, quote: Quote) -> Session:
    """Raises Down."""
    connection = await _connect(out, target, tls, quote, room=ROOM, shown=True)
    try:
        with out.phase("login"):
            await connection.enter()
    except Malformed as error:
        connection.transport.abort()
        raise Down("protocol", f"{target.where}: {error}") from None
    except BaseException:
        connection.transport.abort()
        raise
    if isinstance(connection, _celery_amqp.Connection):
        return _celery_amqp.Session(connection, names)
    return _celery_redis.Session(connection, names)


async def stream(out: Readings, target: Target, tls: TLS | None, names: Names, quote: Quote) -> Stream:
    """Events come from now on. Raises Down."""
    connection = await _connect(out, target, tls, quote, room=0, shown=False)
    try:
        if isinstance(connection, _celery_amqp.Connection):
            await connection.enter(_celery_amqp.HEARTBEAT)
            found: Stream = _celery_amqp.Stream(connection, names)
        else:
            await connection.enter()
            found = _celery_redis.Stream(connection, names)
        await found.subscribe()
    except Malformed as error:
        connection.transport.abort()
        raise Down("protocol", f"{target.where}: {error}") from None
    except BaseException:
        connection.transport.abort()
        raise
    return found


async def _connect(
    out: Readings, target: Target, tls: TLS | None, quote: Quote, *, room: int, shown: bool
) -> Connection:
    show = _tls.dates(out, CERTIFICATE_NOT_AFTER, CERTIFICATE_REMAINING)

    # What nobody verifies may well be expired.
    seen = show if shown and tls is not None and not tls.insecure_skip_verify else None
    if isinstance(target, Place):
        transport, frames = await _net.connect(
            out, target.host, target.port, lambda: Frames(target.where, quote, room), tls=tls, show=seen
        )
        frames.attach(transport)
        return _celery_amqp.Connection(transport, frames, target, quote)
    if target.path:
        transport, replies = await _net.connect_unix(out, target.path, lambda: Replies(target.where, room))
    else:
        transport, replies = await _net.connect(
            out, target.host, target.port, lambda: Replies(target.where, room), tls=tls, show=seen
        )
    replies.attach(transport)
    return _celery_redis.Connection(transport, replies, target, quote)
