"""Ports that a server keeps while it does not listen."""

from __future__ import annotations

import contextlib
import secrets
import socket
import weakref
from typing import Any

__all__ = ["Port", "free_ports"]


class Port:
    """A port that belongs to this object until it is dropped, also while no server listens on it.

    The system could give a free port to another server, which would then answer in place of the one
    that is down. Or it could give it to an outgoing connection, even to a connection to this port,
    which would then be connected with itself.

    A socket is bound to the port, and never listens. If the system lets several sockets be bound to
    a port, the server listens with another socket. Windows does not: there the port is given back.

    Args:
        host: the IPv4 address.
        number: the port; 0 is any free port.

    Raises:
        OSError: the port is taken.

    Attributes:
        number: the port.
        options: further arguments of asyncio to listen on it.
    """

    def __init__(self, host: str, number: int = 0) -> None:
        self.options: dict[str, Any] = {}
        held = socket.socket()
        weakref.finalize(self, held.close)
        # SO_REUSEADDR is for a server that is another program, and sets it too. SO_REUSEPORT is for
        # a server in this program, and for systems where the first is not enough.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self.options["reuse_port"] = True
        held.bind((host, number))
        self.number: int = held.getsockname()[1]
        if not self.options:
            held.close()


def free_ports(count: int) -> list[Port]:
    """Return ports that are free for TCP and UDP, and that no other program gets meanwhile.

    They are below the ports of outgoing connections, which could take one before the server does.
    """
    ports: list[Port] = []
    while len(ports) < count:
        number = 10_000 + secrets.randbelow(20_000)
        with contextlib.suppress(OSError):
            # A port of another `Port` could be bound once more, but not without its options.
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(type=kind) as alone:
                    alone.bind(("127.0.0.1", number))
            ports.append(Port("127.0.0.1", number))
    return ports
