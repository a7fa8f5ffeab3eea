"""The server, the user and the options that a URL names."""

from __future__ import annotations

import ssl as tls
from dataclasses import dataclass
from typing import Final

from aioami.url import PORT, TLS_PORT, ServerUrl

from .inference import EventMask

__all__ = ["Target", "target_of"]

_TIMEOUT: Final = 5.0  # seconds


@dataclass(frozen=True)
class Target:
    """The server, the user and the options that a URL names.

    Attributes:
        host: the name or address of the server.
        port: its port.
        context: the TLS settings; `None` without TLS.
        server_hostname: the name expected in the certificate; `None` is the host.
        username: the user; `None` if the URL names none.
        timeout: seconds for each step.
        mask: the events that the URL asks for.
        has_filters: true if the URL has event filters.
    """

    host: str
    port: int
    context: tls.SSLContext | None
    server_hostname: str | None
    username: str | None
    timeout: float
    mask: EventMask
    has_filters: bool

    @property
    def user(self) -> str:
        """The user's name for texts."""
        return self.username or "user"


def target_of(url: ServerUrl) -> Target:
    """Return the target of an examination; a URL without a timeout gives each step five seconds."""
    options = url.options
    return Target(
        host=url.host,
        port=url.port or (TLS_PORT if url.is_secure else PORT),
        context=url.context(),
        server_hostname=options.get("server_hostname"),
        username=url.username,
        timeout=options.get("timeout") or _TIMEOUT,
        mask=EventMask(options.get("event_mask", "on")),
        has_filters="event_filters" in options,
    )
