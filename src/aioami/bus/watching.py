"""Watching a relay: a small HTTP server with `/livez`, `/readyz` and `/metrics`, and systemd."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final

import async_timeout

from .._listening import close_server
from .._log import get_logger
from .relay import Relay, SeatStatus

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Watching", "keep_systemd_informed", "metrics_of", "notify_systemd"]

log = get_logger("aioami.bus.relay")

_REQUEST: Final = 5.0  # seconds
_SERIES: Final[tuple[tuple[str, str, str, Callable[[SeatStatus], float]], ...]] = (
    ("ready", "gauge", "1 if the relay does its part for the server.", lambda s: s.is_ready),
    ("leader", "gauge", "1 if this relay leads for the server.", lambda s: s.role == "leader"),
    ("epoch", "gauge", "The epoch that it leads, or knows of.", lambda s: s.epoch),
    ("buffered_bytes", "gauge", "Bytes that wait for the bus.", lambda s: s.buffered),
    ("waiting_messages", "gauge", "Messages that wait for the bus.", lambda s: s.waiting),
    ("events_total", "counter", "Events taken from Asterisk.", lambda s: s.events),
    ("written_total", "counter", "Messages that the bus has confirmed.", lambda s: s.written),
    ("lost_total", "counter", "Events that are told as lost by number.", lambda s: s.lost),
    ("takeovers_total", "counter", "Times that it took the lead.", lambda s: s.takeovers),
    ("actions_total", "counter", "Actions that were passed on.", lambda s: s.actions),
    ("refused_total", "counter", "Actions that were refused here.", lambda s: s.refused),
)


def metrics_of(relay: Relay) -> str:
    """Return the relay's numbers in the text format of Prometheus."""
    lines = []
    status = relay.status()
    for name, kind, text, value in _SERIES:
        full = f"aioami_relay_{name}"
        lines += [f"# HELP {full} {text}", f"# TYPE {full} {kind}"]
        for server, each in status.items():
            label = server.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
            lines.append(f'{full}{{server="{label}"}} {value(each) + 0}')
    return "\n".join(lines) + "\n"


class Watching:
    """Serves `/livez`, `/readyz` and `/metrics` for a relay, by HTTP.

    `/livez` is 200 while the relay's event loop runs. `/readyz` is 200 if the relay is ready for
    every server, else 503; its body gives the state of each server.

    Args:
        relay: the relay.
        host: the address to listen on.
        port: the port; 0 takes a free one.

    Attributes:
        port: the port, once it listens.
    """

    def __init__(self, relay: Relay, host: str, port: int) -> None:
        self._relay = relay
        self.host = host
        self.port = port
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        await close_server(self._server)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with async_timeout.timeout(_REQUEST):
                head = await reader.readuntil(b"\r\n\r\n")
                method, _, rest = head.decode("latin-1").partition(" ")
                code, text = self._answer(method, rest.partition(" ")[0].partition("?")[0])
                body = b"" if method == "HEAD" else text.encode()
                writer.write(
                    f"HTTP/1.1 {code}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                    f"Content-Length: {len(text.encode())}\r\nConnection: close\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
            pass  # the client has gone
        except asyncio.LimitOverrunError:
            writer.write(b"HTTP/1.1 431 Request Header Fields Too Large\r\n\r\n")
        finally:
            writer.close()

    def _answer(self, method: str, path: str) -> tuple[str, str]:
        if method not in ("GET", "HEAD"):
            return "405 Method Not Allowed", "GET only\n"
        if path == "/livez":
            return "200 OK", "ok\n"
        if path == "/metrics":
            return "200 OK", metrics_of(self._relay)
        if path == "/readyz":
            lines = [
                f"{name}: {each.role} {each.state} {each.error}".rstrip()
                for name, each in self._relay.status().items()
            ]
            code = "200 OK" if self._relay.is_ready else "503 Service Unavailable"
            return code, "\n".join(lines) + "\n"
        return "404 Not Found", "there are /livez, /readyz and /metrics\n"


def notify_systemd(text: str, path: str | None = None) -> bool:
    """Send a message to systemd; return `False` if there is no socket for it.

    Args:
        text: the message, such as `READY=1`.
        path: the socket; `None` takes it from the environment variable `NOTIFY_SOCKET`.
    """
    path = os.environ.get("NOTIFY_SOCKET") if path is None else path
    if not path:
        return False
    address = "\0" + path[1:] if path.startswith("@") else path
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.sendto(text.encode(), address)
        return True
    return False


async def keep_systemd_informed(relay: Relay) -> None:
    """Report to systemd until cancelled: the relay is ready, it is alive, and what it does."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    pause = int(microseconds) / 2_000_000 if microseconds.isdecimal() else 5.0
    is_ready = False
    try:
        while True:
            if not is_ready and relay.is_ready:
                is_ready = True
                notify_systemd("READY=1")
            roles = ", ".join(
                f"{name} {each.role} {each.state}".rstrip() for name, each in relay.status().items()
            )
            notify_systemd(f"WATCHDOG=1\nSTATUS={roles}")
            await asyncio.sleep(min(pause, 0.2) if not is_ready else min(pause, 5.0))
    finally:
        notify_systemd("STOPPING=1")
