"""The settings from the environment: the server, the users, the numbers that may be dialled."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aioami.fleet import is_bus, read_servers

from .users import Users

__all__ = ["ONE", "Settings"]

ONE: Final = "asterisk"
"""The name of the server of `AIOAMI_URL`; the page does not show it, as there is only one server."""


@dataclass
class Settings:
    """The settings of the dashboard.

    Attributes:
        servers: the names of the servers and their URLs, as for `Fleet`; or the URL of a bus, for all of its servers.
        users: the users who may log in.
        dial: the dial string for "your phone", with `{}` for the number.
        context: the dialplan's context of the other number, also for transfers.
        hosts: the host names under which the page is served.
        secure: whether the session's cookie is for https only; use it behind a proxy with TLS.
    """

    servers: Mapping[str, str] | str = field(repr=False)
    users: Users
    dial: str = "Local/{}@default"
    context: str = "default"
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost")
    secure: bool = False

    def __post_init__(self) -> None:
        if "{}" not in self.dial:
            raise ValueError("DASHBOARD_DIAL: has {} where the number goes, as in PJSIP/{}")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings from the environment.

        Raises:
            ValueError: a setting is missing or wrong; the message names it.
            OSError: the file with the users, or with the servers, cannot be read.
        """
        url, fleet = environment.get("AIOAMI_URL"), environment.get("AIOAMI_FLEET")
        if not url and not fleet:
            raise ValueError("AIOAMI_URL: say which server, as ami://user:secret@host; or AIOAMI_FLEET: which file")
        if url and fleet:
            raise ValueError("AIOAMI_URL and AIOAMI_FLEET are two ways to say which servers; choose one")
        if not environment.get("DASHBOARD_USERS"):
            raise ValueError("DASHBOARD_USERS: name a file with a line for each user; `password NAME` writes one")
        if environment.get("DASHBOARD_SECURE", "no") not in ("yes", "no"):
            raise ValueError("DASHBOARD_SECURE: yes or no")
        return cls(
            servers=read_servers(fleet) if fleet else url if is_bus(url) and url else {ONE: url or ""},
            users=Users.read(Path(environment["DASHBOARD_USERS"])),
            dial=environment.get("DASHBOARD_DIAL", cls.dial),
            context=environment.get("DASHBOARD_CONTEXT", cls.context),
            hosts=tuple(environment.get("DASHBOARD_HOSTS", ",".join(cls.hosts)).split(",")),
            secure=environment.get("DASHBOARD_SECURE") == "yes",
        )
