"""The common base of all classes that connect, and of all managers."""

from __future__ import annotations

import asyncio
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from .._log import get_logger
from .._near import with_near_keywords
from .._session.dispatch import Selector
from ..actions.base import Action
from ..states import ManagerState
from .naming import warn_of_names
from .observers import Observers
from .options import CALL_WORDS

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..calls import Destination, PlacedCall
    from ..permissions import Permissions
    from .like import ManagerLike
    from .rights import Rights

__all__ = ["Connectable", "ManagerBase"]

log = get_logger("aioami.manager")


class Connectable(ABC):
    """The base of classes that `async with` connects at its beginning and closes at its end."""

    __slots__ = ()

    @abstractmethod
    async def connect(self) -> None:
        """Connect, and return when the connection is established."""

    @abstractmethod
    async def close(self) -> None:
        """Close the connection. May be called again."""

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


class ManagerBase(Connectable):
    """The base of `Manager` and `RemoteManager`: the methods that need only their links."""

    _link: Any  # each subclass has its own kind of link
    _rights: Rights
    _observers: Observers[Action[Any]]

    @property
    @abstractmethod
    def version(self) -> str:
        """The server's AMI version; empty before it is known."""

    def observe_actions(self, observer: Callable[[Action[Any]], object]) -> Callable[[], None]:
        """Register a function to be called with each action of `send()` when that has ended.

        It is called once the action was answered or given up; in the latter case the action may
        have run. Some actions change the server without an event; this shows them to programs that
        follow the server's state. Lists of `stream()` are left out, because they change nothing. An
        exception of the function is logged under `aioami.manager`.

        Args:
            observer: the function, which must be quick.

        Returns:
            A function that ends the observation; it may be called again.

        Raises:
            RuntimeError: the manager is connected in another event loop, thread or process.
        """
        self._link.owner.check()
        return self._observers.add(observer)

    def observe_state(self, observer: Callable[[ManagerState], object]) -> Callable[[], None]:
        """Register a function to be called with each new state of the link.

        It is called in the manager's event loop, before tasks that wait for the state go on. An
        exception of the function is logged under `aioami.manager`.

        Args:
            observer: the function, which must be quick.

        Returns:
            A function that ends the observation; it may be called again.

        Raises:
            RuntimeError: the manager is connected in another event loop, thread or process.
        """
        self._link.owner.check()
        end: Callable[[], None] = self._link.observers.add(observer)
        return end

    @with_near_keywords(CALL_WORDS)
    def call(
        self,
        channel: str | bytes,
        *,
        to: Destination,
        timeout: float = 30.0,
        caller_id: str | bytes | None = None,
        variables: Mapping[str, str | bytes | int] | None = None,
        account: str | bytes | None = None,
        codecs: str | Iterable[str] | None = None,
        early_media: bool = False,
    ) -> PlacedCall:
        """Place a call: await the result, or enter it with `async with`.

        Either gives a `Call` once Asterisk has accepted it, long before anybody answers. Leaving
        `async with` hangs it up, unless it was detached. A call that was awaited goes on, whatever
        happens to the task. Before the await or `async with` nothing is sent. The call is never
        placed twice.

        Example::

            async with mgr.call("PJSIP/alice", to="100@internal", timeout=20) as call:
                await call.answered()
                end = await call.ended()

        The user needs the write class `originate` and the read class `call`. With a program, and
        with applications that run programs, it also needs the write class `system`. Over a bus,
        this is the relay's user.

        Args:
            channel: the channel to call, such as `PJSIP/alice` or `Local/100@default/n`.
            to: the target of the call once it is answered: an extension such as `"100@internal"`,
                an `Application`, or a program, a coroutine function that takes a `Session`. No
                dialplan follows a program: when it returns, the call is hung up.
            timeout: seconds for which it may ring.
            caller_id: the caller id to show, such as `"Alice" <100>`.
            variables: channel variables. Every character of a value arrives as it is.
            account: the account code for billing.
            codecs: the codecs to offer, by name.
            early_media: whether the call goes on to `to` before it is answered, as soon as the far
                end sends sound.

        Raises:
            ValueError: an argument cannot be right; the message names it.
            TypeError: an argument is of a wrong type; the message names it.
            RuntimeError: the manager is connected in another event loop, thread or process.
            ActionError: from the await: Asterisk refused, for example because the extension does
                not exist; or the manager's event mask lets no events of the call through.
            ConnectionLost: from the await: there is no link, or it ended first. If its `sent` is
                true, the call may have been placed; it is not on the server, as far as that could
                be found out.
            ManagerTimeout: from the await: there was no answer. The call may still be placed.
            PermissionDenied: from the await: the user lacks a right; or the manager is `read_only`.
        """
        self._link.owner.check()
        from ..calls import PlacedCall

        return PlacedCall(
            cast("ManagerLike", self),
            channel,
            to=to,
            timeout=timeout,
            caller_id=caller_id,
            variables=variables,
            account=account,
            codecs=codecs,
            early_media=early_media,
        )

    def required_permissions(self) -> Permissions:
        """Return the rights that the user needs for all actions sent and events selected so far.

        The `str()` of the result is a stanza for manager.conf, with the read and write classes and
        the `eventfilter` lines; see `aioami.permissions`. All requests count, also those that the
        server refused. Once an action is sent, the event with its `outcome()` counts as selected.
        """
        return self._rights.required()

    def _select(self, selectors: tuple[Selector, ...]) -> None:
        """Record the selected events, and warn once about each name that cannot be right."""
        warn_of_names(self._rights.note_selectors(selectors), self.version)

    def _end_list(self, stop: Callable[[], None]) -> None:
        """End a list early. A stream refers to this method, and so keeps the manager alive."""
        stop()

    async def _warn_if_idle(self) -> None:
        """Log that no event will come if there is no link and none is being established."""
        if self._link.state is ManagerState.CLOSED:
            await asyncio.sleep(0)  # another task that has just been started may connect
        if self._link.state is ManagerState.CLOSED:
            log.warning("a stream waits, and nothing will come: %s", self._link.why_not())

    def __del__(self) -> None:
        link = getattr(self, "_link", None)
        if link is not None and link.abandon():
            text = f"{self!r} was dropped without close()"
            warnings.warn(text, ResourceWarning, source=self, stacklevel=2)
