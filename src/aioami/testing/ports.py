"""Ports that stay with their server while nobody listens on them."""

from __future__ import annotations

import contextlib
import secrets
import socket
import weakref
from typing import Any

__all__ = ["Port", "free_ports"]


class Port:
    """A port that belongs to this object until it is dropped, also while nobody listens on it.

    One that was merely given back may be given to another server, which would then answer in place
    of the one that is down; or to an outgoing connection, even that which asks for it, and which
    then finds itself.

    It is bound, and never listens. Where the system lets several sockets be bound to a port, its
    server listens with another one. Windows does not: there it is given back.

    Args:
        host: the address, of IPv4.
        number: the port; 0 is any that is free.

    Raises:
        OSError: the port is taken.

    Attributes:
        number: the port.
        options: what asyncio takes besides, to listen on it.
    """

    def __init__(self, host: str, number: int = 0) -> None:
        self.options: dict[str, Any] = {}
        held = socket.socket()
        weakref.finalize(self, held.close)
        # The first is for a server that is another program, and does so by itself; the second for
        # one in here, and for systems where the first is not enough.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self.options["reuse_port"] = True
        held.bind((host, number))
        self.number: int = held.getsockname()[1]
        if not self.options:
            held.close()


def free_ports(count: int) -> list[Port]:
    """Return ports that are free for both TCP and UDP, and that nobody else is given.

    They are below those that systems give to outgoing connections, one of which could take a port
    before the server does.
    """
    ports: list[Port] = []
    while len(ports) < count:
        number = 10_000 + secrets.randbelow(20_000)
        with contextlib.suppress(OSError):
            # A port that another object holds can be bound once more, but not like this.
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(type=kind) as alone:
                    alone.bind(("127.0.0.1", number))
            ports.append(Port("127.0.0.1", number))
    return ports
