"""The common part of all that connects, and of managers wherever their servers are."""

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
    """The base of what connects when `async with` enters it, and is closed when that is left."""

    __slots__ = ()

    @abstractmethod
    async def connect(self) -> None:
        """Connect, and return when the connection stands."""

    @abstractmethod
    async def close(self) -> None:
        """Close it. May be called again."""

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
    """The base of `Manager` and `RemoteManager`: what they do with their links alone."""

    _link: Any  # of its own kind in each
    _rights: Rights
    _observers: Observers[Action[Any]]

    @property
    @abstractmethod
    def version(self) -> str:
        """The server's AMI version; empty before it is known."""

    def observe_actions(self, observer: Callable[[Action[Any]], object]) -> Callable[[], None]:
        """Have a function called with each action of `send()`, once it was answered or given up.

        Some actions change the server without an event; a program that shows the server's state
        learns of them so. An action that was given up may have run. Lists of `stream()` are not
        reported, as they change nothing. What the function raises is logged
        under `aioami.manager`.

        Args:
            observer: the function, which must be quick.

        Returns:
            A function that ends it; it may be called again.

        Raises:
            RuntimeError: the manager is connected in another event loop, thread or process.
        """
        self._link.owner.check()
        return self._observers.add(observer)

    def observe_state(self, observer: Callable[[ManagerState], object]) -> Callable[[], None]:
        """Have a function called with the state of the link, each time that it is another one.

        It is called in the loop that the manager is connected in, before those who wait for the
        state go on. What it raises is logged under `aioami.manager`.

        Args:
            observer: the function, which must be quick.

        Returns:
            A function that ends it; it may be called again.

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
        """Place a call, and hold it: await what this returns, or enter it by `async with`.

        Either gives a `Call` once Asterisk has accepted it, long before anybody answers. Leaving
        `async with` hangs it up, unless it was detached; a call that was awaited goes on, whatever
        becomes of the task. Nothing is sent before that, and it is never placed twice.

        Example::

            async with mgr.call("PJSIP/alice", to="100@internal", timeout=20) as call:
                await call.answered()
                end = await call.ended()

        The user needs the write class `originate` and the read class `call`. With a program, and
        with applications that run programs, it also needs the write class `system`. Over a bus, it
        is the relay's user.

        Args:
            channel: whom to call, as `PJSIP/alice` or `Local/100@default/n`.
            to: to what the call goes once it is answered: an extension as `"100@internal"`, an
                `Application`, or a program, a coroutine function that takes a `Session`. Behind a
                program there is no dialplan: when it returns, the call is hung up.
            timeout: seconds for which it may ring.
            caller_id: the number that is shown, as `"Alice" <100>`.
            variables: channel variables. Every character of a value arrives as it is.
            account: the account code for billing.
            codecs: those to offer, by name.
            early_media: whether the call goes on to `to` before it is answered, as soon as the far
                end sends sound.

        Raises:
            ValueError: an argument cannot be right; the message names it.
            TypeError: an argument is of a wrong type; the message names it.
            RuntimeError: the manager is connected in another event loop, thread or process.
            ActionError: from the await: Asterisk refused, as for an extension that does not exist;
                or nothing would be heard of the call, because of the manager's event mask.
            ConnectionLost: from the await: there is no link, or it ended first. With `sent` it may
                have been placed; it is not on the server, as far as that could be found out.
            ManagerTimeout: from the await: there was no answer. It may be placed all the same.
            PermissionDenied: from the await: the user may not; or the manager is `read_only`.
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
        """Return what its user needs in manager.conf for all that was sent and selected until now.

        Its `str()` is a stanza for manager.conf, with the read and write classes and the
        `eventfilter` lines; see `aioami.permissions`. It counts what was asked for, whether or not
        the server allowed it. Events that come of an action (`outcome()`) count as selected when
        the action was sent.
        """
        return self._rights.required()

    def _select(self, selectors: tuple[Selector, ...]) -> None:
        """Record what is selected, and warn of names that cannot be right, once of each."""
        warn_of_names(self._rights.note_selectors(selectors), self.version)

    def _end_list(self, stop: Callable[[], None]) -> None:
        """End a list early; while its stream may do so, it holds the manager."""
        stop()

    async def _warn_if_idle(self) -> None:
        """Log that nothing will come, where no link is there and none is on its way."""
        if self._link.state is ManagerState.CLOSED:
            await asyncio.sleep(0)  # a task that was started beside this one may connect
        if self._link.state is ManagerState.CLOSED:
            log.warning("a stream waits, and nothing will come: %s", self._link.why_not())

    def __del__(self) -> None:
        link = getattr(self, "_link", None)
        if link is not None and link.abandon():
            text = f"{self!r} was dropped without close()"
            warnings.warn(text, ResourceWarning, source=self, stacklevel=2)
