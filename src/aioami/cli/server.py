"""The server that a command talks to: its address, the secret, and a manager for it."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import typer

from aioami import Manager
from aioami.fleet import is_bus
from aioami.url import ServerUrl, read_url

from .process import notify

if TYPE_CHECKING:
    from aioami.bus import RemoteManager

__all__ = ["Address", "OnBus", "manager", "ready", "server_url", "warn_of_secret", "with_secret"]

_RELAY: Final = 5.0  # seconds to wait for a relay that leads

ManagerT = TypeVar("ManagerT", bound="Manager | RemoteManager")


@dataclass(frozen=True)
class OnBus:
    """A server on a bus.

    Attributes:
        url: the bus.
        name: the name of the server there.
    """

    url: str
    name: str

    @property
    def display_name(self) -> str:
        """The server in a form for people."""
        return self.name


Address: TypeAlias = "str | ServerUrl | OnBus | None"
"""A server: the value of `--url` or `AIOAMI_URL`, as text or as read; or a server on a bus."""


def server_url(url: str | None) -> ServerUrl:
    """Return the URL of `--url` or `AIOAMI_URL`, with the secret in it.

    Raises:
        typer.BadParameter: neither is given.
    """
    if not url:
        raise typer.BadParameter("say which server: --url ami://user@host, or AIOAMI_URL")
    return with_secret(url)


def manager(url: Address, *, events: bool, **options: Any) -> Manager | RemoteManager:
    """Make a manager for the server.

    Args:
        url: the server.
        events: `False` asks for no events, and does not reconnect: for one action and its answer.
        options: further arguments of `Manager` for the link; not used on a bus, where the link is
            the relay's.
    """
    if isinstance(url, OnBus):
        from aioami.bus import RemoteManager

        return RemoteManager(url.url, url.name)
    parts = url if isinstance(url, ServerUrl) else server_url(url)
    defaults: dict[str, Any] = {} if events else {"event_mask": False, "reconnect": False}
    return Manager(**{**defaults, **parts.arguments(), **options})


@asynccontextmanager
async def ready(own: ManagerT) -> AsyncIterator[ManagerT]:
    """Connect a manager, and close it in the end; on a bus, wait for a relay.

    Raises:
        ManagerTimeout: no relay leads, or it has no link to the server.
        ManagerError: an error of the manager's `connect()`.
    """
    async with own:
        if not isinstance(own, Manager):
            await own.wait_ready(_RELAY)
        yield own


@functools.cache  # a URL is read more than once, and its warning is shown once
def warn_of_secret(url: str, option: str, advice: str) -> None:
    """Warn that others can see the secret in a typed URL, even if the URL is wrong.

    Args:
        url: the URL of a server; or of a bus, in which a text alone before the `@` is a token.
        option: the option with the URL.
        advice: a way to hide the secret.
    """
    login = url.partition("://")[2].rpartition("@")[0]
    is_secret = bool(login) if is_bus(url) else ":" in login
    if is_secret and any(url in argument for argument in sys.argv[1:]):
        notify(
            f"the secret in {option} can be read by everybody in the list of processes; {advice}"
        )


def with_secret(url: str) -> ServerUrl:
    """Return a URL with the user's secret: from the URL, AIOAMI_SECRET, or a prompt."""
    if is_bus(url):
        needed = "this is a bus: --server says which of its servers is meant"
        raise typer.BadParameter(needed, param_hint="--url")
    warn_of_secret(url, "--url", "AIOAMI_SECRET and AIOAMI_URL hide it")
    parts = read_url(url)
    if parts.username is None or parts.secret is not None:
        return parts
    secret = os.environ.get("AIOAMI_SECRET")
    if secret is None:
        secret = typer.prompt(f"Secret of {parts.username}", hide_input=True, err=True)
    return parts.with_secret(secret)
