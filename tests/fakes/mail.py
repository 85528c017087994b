"""A mail server that follows a script, for the worst days of a real one and for what must not be heard by one."""

import contextlib
import socket
import ssl

from tests import hostile


def mail(
    greeting: str = "220 mail.example ESMTP",
    *,
    tls: ssl.SSLContext | None = None,
    between: bytes = b"",
    heard: list[str] | None = None,
    **replies: str | None,
) -> hostile.Answer:
    """A mail server that answers each command with 250, or as `replies` has it by its verb: None is silence."""
    offered = "250-mail.example\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 0"
    known = {"EHLO": offered, "STARTTLS": "220 go on", "AUTH": "235 in", "QUIT": "221 bye", **replies}

    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(greeting.encode() + b"\r\n")
        with contextlib.ExitStack() as stack:
            while line := _line(connection):
                if heard is not None:
                    heard.append(line)
                verb = line.split()[0]
                reply = known.get(verb, "250 OK")
                if reply is None:
                    return hostile.mute(connection, b"")
                connection.sendall(reply.encode() + b"\r\n" + (between if verb == "STARTTLS" else b""))
                if verb == "STARTTLS" and reply.startswith("220") and tls:
                    connection = stack.enter_context(tls.wrap_socket(connection, server_side=True))

    return answer


def _line(connection: socket.socket) -> str:
    line = b""
    while not line.endswith(b"\r\n"):
        if not (byte := connection.recv(1)):
            return ""
        line += byte
    return line.decode(errors="replace").rstrip()
