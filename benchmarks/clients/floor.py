"""What no client can be better than: a blocking socket, read and thrown away, or read and cut into messages."""

from __future__ import annotations

import socket
import time
from typing import Any

from ..meter import Meter, percentiles


def connected(port: int, user: str) -> socket.socket:
    link = socket.create_connection(("127.0.0.1", port))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.recv(100)
    link.sendall(b"Action: Login\r\nActionID: 1\r\nUsername: %b\r\nSecret: secret\r\n\r\n" % user.encode())
    while b"\r\n\r\n" not in link.recv(1000):
        pass
    return link


def fields(port: int) -> dict[str, Any]:
    """Receive, and discard: nobody can do with less."""
    link, size = connected(port, "events"), 0
    buffer = bytearray(1 << 18)
    link.recv(1)
    meter = Meter()
    while b"TheEnd" not in buffer[: (read := link.recv_into(buffer))][-200:]:
        size += read
    return meter.stop(-1)


def one_name(port: int) -> dict[str, Any]:
    """Receive, and cut into messages."""
    link, count, rest = connected(port, "events"), 0, b""
    meter = Meter()
    while True:
        whole = rest + link.recv(1 << 18)
        *messages, rest = whole.split(b"\r\n\r\n")
        count += len(messages)
        if messages and b"TheEnd" in messages[-1]:
            return meter.stop(count)


def pings(port: int, number: int) -> dict[str, Any]:
    link = connected(port, "quiet")
    times = []
    meter = Meter()
    for n in range(number):
        began = time.perf_counter()
        link.sendall(b"Action: Ping\r\nActionID: %d\r\n\r\n" % n)
        link.recv(1000)
        times.append(time.perf_counter() - began)
    return meter.stop(number, **percentiles(times))
