"""The part of a server that a manager can see."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from ..actions.base import Action
from ..actions.config import GetConfig
from ..actions.system import Command
from .connection import Connection
from .link import Link
from .options import DEFAULT, Options

if TYPE_CHECKING:
    from ..permissions import Permissions

__all__ = ["ServerView"]


class ServerView:
    """The part of a server that a manager can see: its event mask, its filters, its user's rights.

    The values are always the current ones. `repr()` shows all three.
    """

    __slots__ = ("_asked", "_link", "_options", "_permissions")

    def __init__(self, options: Options, link: Link) -> None:
        self._options = options
        self._link = link
        self._permissions: Permissions | None = None
        self._asked: weakref.ref[Connection] | None = None

    @property
    def mask(self) -> frozenset[str] | None:
        """The event classes that the server is asked to send; `"all"` stands for all of them.

        It is the manager's `event_mask`, or the last `core.Events` that the server accepted, as
        Asterisk reads it: classes that Asterisk does not know are left out. Empty is no events.
        `None` is unknown: without a username, the program's own login sets the mask.
        """
        sent = self._link.mask
        if sent is None and self._options.username is None:
            return None
        return self._link.event_classes

    @property
    def filters(self) -> tuple[Action[Any], ...]:
        """The filters that this manager sets on the server, in their order.

        They are its `event_filters`, and each `Filter` action that the server accepted. The user's
        filters in manager.conf are in `permissions`, if these are known.
        """
        return (*self._options.event_filters, *self._link.filters)

    @property
    def permissions(self) -> Permissions | None:
        """The rights of the user, as the server showed them on this connection.

        `None` is unknown: `ask()` asks the server.
        """
        asked = self._asked() if self._asked is not None else None
        return self._permissions if asked is not None and asked is self._link.connection else None

    async def ask(self) -> Permissions | None:
        """Ask the server for the rights of the user, and return them.

        A user with the write class `command` sees them by `manager show user`, and one with
        `config` in manager.conf itself. To others the server does not show them. The result counts
        until the link is lost. Cancelling it gives up the question.

        Returns:
            The rights; `None` if the server does not show them, or there is no username.

        Raises:
            ManagerTimeout, ConnectionLost, RuntimeError: as for `Manager.send`.
        """
        from ..permissions.granted import granted

        self._link.owner.check()
        user = self._options.username
        if user is None:
            return None
        question = Command(f"manager show user {user}")
        answer = await self._link.send(question, timeout=DEFAULT, action_id=None)
        found = granted(user, shown=answer.data) if answer.success else None
        if found is None:
            file = GetConfig("manager.conf")
            config = await self._link.send(file, timeout=DEFAULT, action_id=None)
            found = granted(user, config=config.headers) if config.success else None
        connection = self._link.connection
        self._permissions = found
        self._asked = None if connection is None else weakref.ref(connection)
        return found

    def __repr__(self) -> str:
        return f"<View mask={self.mask} filters={self.filters} permissions={self.permissions!r}>"
