"""The server that a command talks to: its URL, the secret, and a manager for it."""

from __future__ import annotations

import os
import sys
from typing import Any

import typer

from aioami import Manager

from .process import notify
from .url import read_url

__all__ = ["manager", "server_url", "with_secret"]


def server_url(url: str | None) -> str:
    """The value of `--url` or `AIOAMI_URL`, with the secret in it.

    Raises:
        typer.BadParameter: neither is given.
    """
    if not url:
        raise typer.BadParameter("say which server: --url ami://user@host, or AIOAMI_URL")
    return with_secret(url)


def manager(url: str | None, *, events: bool, **options: Any) -> Manager:
    """Make a manager of the server.

    Args:
        url: the value of `--url` or `AIOAMI_URL`.
        events: `False` asks for no events, and makes a lost link final: one question, one answer.
        options: further arguments of `Manager`.
    """
    full = server_url(url)
    if events:
        return Manager.from_url(full, **options)
    defaults = ("event_mask=off", "reconnect=no")
    own = [each for each in defaults if each.partition("=")[0] + "=" not in full]
    return Manager.from_url(f"{full}{'&' if '?' in full else '?'}{'&'.join(own)}", **options)


def with_secret(url: str) -> str:
    """The URL with the user's secret: its own, that of AIOAMI_SECRET, or one that is asked for."""
    parts = read_url(url)
    if parts.has_secret and any(url in argument for argument in sys.argv[1:]):
        notify(
            "the secret in --url can be read by everybody in the list of processes; "
            "AIOAMI_SECRET and AIOAMI_URL hide it"
        )
    if parts.username is None or parts.has_secret:
        return url
    secret = os.environ.get("AIOAMI_SECRET")
    if secret is None:
        secret = typer.prompt(f"Secret of {parts.username}", hide_input=True, err=True)
    return parts.with_secret(secret)
