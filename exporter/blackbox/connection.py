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


class Wire:
    """What a Protocol needs of a transport, over a socket as it is: the loop's own can more, and costs more."""

    def __init__(self, sock: socket.socket, protocol: asyncio.Protocol) -> None:
        self._sock = sock
        self._protocol = protocol
        self._rest = b""
        self._writing = False
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock, self._read)

    def write(self, data: bytes) -> None:
        """Send it, once: what the kernel does not take at once follows when it does."""
        self._rest = data
        self._write()
        if self._rest and self._sock.fileno() >= 0:
            self._writing = True
            self._loop.add_writer(self._sock, self._write)

    def abort(self) -> None:
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock)
            if self._writing:
                self._loop.remove_writer(self._sock)
            self._sock.close()

    def _read(self) -> None:
        try:
            data = self._sock.recv(65536)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lost(error)
            return
        if data:
            self._protocol.data_received(data)
        else:
            self._lost(None)

    def _write(self) -> None:
        try:
            sent = self._sock.send(self._rest)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lost(error)
            return
        self._rest = self._rest[sent:]
        if self._writing and not self._rest:
            self._writing = False
            self._loop.remove_writer(self._sock)

    def _lost(self, error: OSError | None) -> None:
        self.abort()
        self._protocol.connection_lost(error)
