"""The server that a command talks to: its URL, the secret, and a manager for it."""

from __future__ import annotations

import os
import sys
from typing import Any

import typer

from aioami import Manager
from aioami.fleet import is_bus
from aioami.url import ServerUrl, read_url

from .process import notify

__all__ = ["manager", "server_url", "with_secret"]


def server_url(url: str | None) -> ServerUrl:
    """The value of `--url` or `AIOAMI_URL`, with the secret in it.

    Raises:
        typer.BadParameter: neither is given.
    """
    if not url:
        raise typer.BadParameter("say which server: --url ami://user@host, or AIOAMI_URL")
    return with_secret(url)


def manager(url: str | ServerUrl | None, *, events: bool, **options: Any) -> Manager:
    """Make a manager of the server.

    Args:
        url: the value of `--url` or `AIOAMI_URL`, or what was read from it.
        events: `False` asks for no events, and makes a lost link final: one question, one answer.
        options: further arguments of `Manager`.
    """
    parts = url if isinstance(url, ServerUrl) else server_url(url)
    defaults: dict[str, Any] = {} if events else {"event_mask": False, "reconnect": False}
    return Manager(**{**defaults, **parts.arguments(), **options})


def with_secret(url: str) -> ServerUrl:
    """The URL with the user's secret: its own, that of AIOAMI_SECRET, or one that is asked for."""
    if is_bus(url):
        needed = "this command speaks with a server itself: ami://; events and top take a bus"
        raise typer.BadParameter(needed, param_hint="--url")
    # Also of a URL that cannot be read.
    user = url.partition("://")[2].rpartition("@")[0]
    if ":" in user and any(url in argument for argument in sys.argv[1:]):
        notify(
            "the secret in --url can be read by everybody in the list of processes; "
            "AIOAMI_SECRET and AIOAMI_URL hide it"
        )
    parts = read_url(url)
    if parts.username is None or parts.secret is not None:
        return parts
    secret = os.environ.get("AIOAMI_SECRET")
    if secret is None:
        secret = typer.prompt(f"Secret of {parts.username}", hide_input=True, err=True)
    return parts.with_secret(secret)
