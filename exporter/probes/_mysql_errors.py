"""In which of a few words a session with MySQL or MariaDB failed."""

from collections.abc import Mapping

from exporter.probe import Down
from exporter.probes import _net, _tls
from exporter.redact import quoted

REASONS: Mapping[str, str] = {
    **_net.REASONS,
    **_tls.REASONS,
    "auth": "The server refuses the user: wrong password, no such user from this host, an expired or locked account.",
    "permission": "The user may not use the database, or lacks the privilege for what is asked.",
    "no_database": "There is no such database.",
    "too_many_connections": "max_connections is reached, or what the user may have of them.",
    "blocked": "The server bars this host after too many broken handshakes (max_connect_errors); FLUSH HOSTS lifts it.",
    "not_ready": "The node has not joined its cluster (Galera), and answers nothing.",
    "shutting_down": "The server is shutting down.",
    "killed": "Somebody killed the session or its query.",
    "query_timeout": "The server stopped the query: its time limit, which is within the run's deadline.",
    "locked": "The query waited too long for a lock.",
    "tls_refused": "The server has no TLS, which ssl-mode or tls requires.",
    "tls_required": "The server takes no connections without TLS.",
    "protocol": "What answers does not keep to MySQL's protocol.",
    "server_error": "The server answered with another error, whose number is in the detail.",
}
# Error numbers of MySQL's and MariaDB's references; the two differ from 1900 on.
_REASONS = {
    1045: "auth",
    1130: "auth",  # no account for this host
    1131: "auth",
    1251: "auth",  # a method of authentication that we don't know
    1524: "auth",  # a plugin that the server hasn't loaded
    1698: "auth",  # unix_socket alone, or no password where one is needed
    1820: "auth",  # the password must be changed first
    1862: "auth",  # the password has expired
    3118: "auth",  # the account is locked: MySQL
    4151: "auth",  # and MariaDB
    1044: "permission",
    1142: "permission",
    1143: "permission",
    1227: "permission",
    1370: "permission",
    1040: "too_many_connections",
    1041: "too_many_connections",
    1135: "too_many_connections",  # no thread can be made
    1203: "too_many_connections",
    1226: "too_many_connections",
    1129: "blocked",
    1049: "no_database",
    1053: "shutting_down",
    1079: "shutting_down",
    1317: "killed",
    1927: "killed",
    3169: "killed",
    1969: "query_timeout",  # MariaDB's max_statement_time
    3024: "query_timeout",  # MySQL's max_execution_time
    1205: "locked",
    3159: "tls_required",
    2059: "auth",  # the driver's: a method of authentication that it does not know
}


class Refused(Down):
    """The server's answer was an error: `number` is its own, such as 1146 for a table that is not there."""

    def __init__(self, number: int, said: str, where: str, secrets: object) -> None:
        reason = _REASONS.get(number, "server_error")
        if number == 1047 and "WSREP" in said:  # an unknown command otherwise
            reason = "not_ready"
        super().__init__(reason, f"{where}: {number} {quoted(said, secrets)}")
        self.number = number


def told(packet: bytes) -> tuple[int, str] | None:
    """Number and message of an error packet (protocol, ERR_Packet), whose SQL state is left out; None for another."""
    if len(packet) < 3 or packet[0] != 0xFF:
        return None
    said = packet[9:] if packet[3:4] == b"#" else packet[3:]
    return int.from_bytes(packet[1:3], "little"), said.decode(errors="replace")
