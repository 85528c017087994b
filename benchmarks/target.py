"""What the probes ask: an HTTP server with a fixed answer, and a TCP server that takes connections.

`python -m benchmarks.target HTTP_PORT TCP_PORT`; in a process of its own, so that its CPU is nobody's.
"""

import asyncio
import sys

import uvloop

BODY = b'{"status": "ok"}\n' * 16
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)


class Answering(asyncio.Protocol):
    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"\r\n\r\n"):
            self.transport.write(ANSWER)
            if b"onnection: close" in data:
                self.transport.close()


async def serve(http_port: int, tcp_port: int) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_server(Answering, "127.0.0.1", http_port, backlog=1024)
    await loop.create_server(asyncio.Protocol, "127.0.0.1", tcp_port, backlog=1024)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
