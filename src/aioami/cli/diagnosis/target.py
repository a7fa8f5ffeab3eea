"""The server, the user and the options that a URL names."""

from __future__ import annotations

import ssl as tls
from dataclasses import dataclass
from typing import Final

from ..url import read_url
from .inference import EventMask

__all__ = ["PORT", "TLS_PORT", "Target", "target_of"]

PORT: Final = 5038
TLS_PORT: Final = 5039
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


def target_of(url: str) -> Target:
    """Read a URL that `Manager.from_url` accepts."""
    parts = read_url(url)
    options = parts.options
    timeout = options.get("timeout", "")
    context = None
    if parts.is_secure:
        context = tls.create_default_context(cafile=options.get("cafile"))
    return Target(
        host=parts.host,
        port=parts.port or (TLS_PORT if parts.is_secure else PORT),
        context=context,
        server_hostname=options.get("server_hostname"),
        username=parts.username,
        timeout=_TIMEOUT if timeout.lower() in ("", "none") else float(timeout),
        mask=EventMask(options.get("event_mask", "on")),
        has_filters="event_filter" in options,
    )
