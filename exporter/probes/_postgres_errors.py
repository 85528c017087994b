"""In which of a few words a session with PostgreSQL failed."""

from collections.abc import Mapping

import msgspec

from exporter.probe import Down
from exporter.probes import _net, _tls
from exporter.probes._postgres_wire import Loop
from exporter.redact import quoted

REASONS: Mapping[str, str] = {
    **_net.REASONS,
    **_tls.REASONS,
    "auth": "The server refuses the role: wrong password, no such role, or pg_hba.conf.",
    "no_database": "There is no such database.",
    "permission": "The role may not connect to the database, or not read the catalogue.",
    "starting_up": "The server is starting, or recovering, and takes no sessions yet.",
    "shutting_down": "The server is shutting down, or ended the session.",
    "too_many_connections": "All connections of the server, the database or the role are taken.",
    "query_timeout": "The server cancelled the query: statement_timeout, which is within the run's deadline.",
    "locked": "The query waited too long for a lock on the catalogue.",
    "role": "The server is a replica where a primary is expected, or the other way round.",
    "read_only": "The server is a primary, but its transactions are read-only.",
    "tls_refused": "The server declines TLS, which sslmode requires.",
    "protocol": "What answers does not keep to PostgreSQL's protocol.",
    "server_error": "The server answered with another error, whose code is in the detail.",
}
# SQLSTATE to reason: PostgreSQL's appendix A; a class alone stands for the rest of its codes.
_CODES = {
    "28": "auth",
    "57P03": "starting_up",
    "57P01": "shutting_down",
    "57P02": "shutting_down",
    "57P04": "no_database",
    "3D000": "no_database",
    "53300": "too_many_connections",
    "57014": "query_timeout",
    "55P03": "locked",
    "42501": "permission",
    "08P01": "protocol",
}


def failure(error: Exception, loop: Loop, secrets: object) -> Down | None:
    """The answer that asyncpg's exception amounts to, without what is secret; None for a defect."""
    import asyncpg  # noqa: PLC0415

    if loop.down and loop.down.reason == "protocol":
        return loop.down
    state, said = str(getattr(error, "sqlstate", None) or ""), str(error)
    if state == "08003" and loop.fatal:  # what asyncpg itself makes of a connection that was lost
        state, said = loop.fatal
    if isinstance(error, asyncpg.PostgresError) and state != "08003":
        reason = _CODES.get(state) or _CODES.get(state[:2]) or "server_error"
        if reason == "starting_up" and "shutting down" in said:  # 57P03 stands for both
            reason = "shutting_down"
        return Down(reason, f"{loop.where}: {state} {quoted(said, secrets)}")
    if isinstance(error, (asyncpg.PostgresError, OSError)):
        return loop.down or _net.failure(error if isinstance(error, OSError) else None, loop.where)
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return Down("role", f"no host of the DSN has target_session_attrs={loop.target.extra['target_session_attrs']}")
    if isinstance(error, asyncpg.InternalClientError):
        return Down("protocol", f"{loop.where}: {quoted(str(error), secrets)}")
    if isinstance(error, asyncpg.InterfaceError):
        # Among them: a password is asked for and there is none, or by a method that asyncpg does not know.
        return Down("auth" if not loop.made else "protocol", f"{loop.where}: {quoted(str(error), secrets)}")
    if isinstance(error, msgspec.MsgspecError):
        return Down("protocol", f"{loop.where} answered a query with another value: {quoted(str(error), secrets)}")
    return None
