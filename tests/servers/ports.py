"""Which loopback port is free?"""

import random
import socket

# Below Linux's range for outgoing connections (32768-60999): none of them can take the port of a server that a test
# has stopped and will start again.
_RANGE = range(10_000, 32_000)
_given: set[int] = set()


def free_port() -> int:
    """A port that nothing listens on, on TCP or UDP, and that this process was not given before."""
    for port in random.SystemRandom().sample(_RANGE, 1000):
        if port not in _given and _free(port, socket.SOCK_STREAM) and _free(port, socket.SOCK_DGRAM):
            _given.add(port)
            return port
    raise OSError("no free port")


def _free(port: int, kind: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
