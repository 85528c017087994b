"""A new TCP connection as a socket: on the way to what is near it is there before anybody has to wait."""

import asyncio
import errno
import os
import select
import socket

from exporter.blackbox.run import Failed


async def connected(address: str, port: int, local: tuple[str, int] | None, deadline: float) -> socket.socket:
    """The socket, which the caller closes. Raises OSError, and TimeoutError at the deadline."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if local is not None:
            sock.bind(local)
        code = sock.connect_ex((address, port))
        if code in (errno.EINPROGRESS, errno.EAGAIN):
            # On one machine the kernel has made the connection by now: a look is cheaper than a turn of the loop.
            if not _writable(sock):
                await _wait(sock, deadline)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    except BaseException:
        sock.close()
        raise
    if code:
        sock.close()
        raise OSError(code, os.strerror(code))
    return sock


def said(error: OSError) -> str:
    """The system's words for it; asyncio's own name the address again."""
    return os.strerror(error.errno) if error.errno is not None and error.errno in errno.errorcode else str(error)


def failed(error: OSError, message: str) -> Exception:
    """The answer that it amounts to; a deadline stays what it is."""
    # The kernel's own time-out, ETIMEDOUT, is a TimeoutError as well.
    return error if isinstance(error, TimeoutError) and error.errno is None else Failed(message, err=said(error))


def _writable(sock: socket.socket) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    return bool(poll.poll(0))


async def _wait(sock: socket.socket, deadline: float) -> None:
    loop = asyncio.get_running_loop()
    waiter = loop.create_future()

    def wake(error: Exception | None = None) -> None:
        if waiter.done():
            return
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)

    loop.add_writer(sock, wake)
    timer = loop.call_at(deadline, wake, TimeoutError())
    try:
        await waiter
    finally:
        timer.cancel()
        loop.remove_writer(sock)
