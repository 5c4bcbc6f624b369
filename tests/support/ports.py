"""Ports of the loopback interface: a free one, and whether a program listens on one."""

import socket
from contextlib import suppress


def free_port() -> int:
    """Return a port that is free now, for programs that do not pick one themselves."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether a program accepts connections on a port."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
