"""What the environment says: which server, which users, what may be dialled."""

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
"""The name of the server that `AIOAMI_URL` names; as it is the only one, nobody sees it."""


@dataclass
class Settings:
    """How the dashboard is set up.

    Attributes:
        servers: the servers: their names, and their URLs as `Fleet` reads them; or the URL of a bus, for all of its servers.
        users: who may log in.
        dial: what is called for the number in "your phone", with `{}` for it.
        context: the dialplan's context in which the other number is looked for, also by a transfer.
        hosts: the names under which the page may be asked for.
        secure: whether the session's cookie is for https alone; say so behind a proxy that speaks TLS.
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
        """The settings that the environment names.

        Raises:
            ValueError: one of them is missing or cannot be right; the message names it.
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
