"""The protocol of all managers, whether connected directly or over a bus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload, runtime_checkable

from .._session.dispatch import Selector
from .._session.statistics import Statistics
from ..actions.base import Action, ResponseT_co
from ..events.base import Event
from ..states import ManagerState
from .buffers import OnLoss, Overflow, Predicate
from .callbacks import Subscription
from .options import Timeout
from .streams import EventStream, ListStream, NextEvent

if TYPE_CHECKING:
    from ..calls import Destination, PlacedCall
    from ..permissions import Permissions

__all__ = ["AskingView", "ManagerLike", "View"]

EventT = TypeVar("EventT", bound=Event)


class View(Protocol):
    """The part of a server that a manager can see; see `Manager.view`."""

    @property
    def mask(self) -> frozenset[str] | None:
        """The event classes that the server is asked for; `None` if unknown."""

    @property
    def filters(self) -> tuple[Action[Any], ...] | None:
        """The filters that this manager has set on the server; `None` if unknown."""

    @property
    def permissions(self) -> Permissions | None:
        """The rights of the user; `None` if unknown."""


class AskingView(View, Protocol):
    """A view that can ask the server for the rights. Not every manager's view can."""

    async def ask(self) -> Permissions | None:
        """Ask the server for the rights of the user, and return them."""


@runtime_checkable
class ManagerLike(Protocol):
    """A manager of one server: a `Manager`, a `RemoteManager`, or any class with these methods.

    `aioami.live.Live`, the call tracer and the metrics take any. Each method does what `Manager`
    documents for it. A class may also have `observe_actions`, `observe_state`, and `observe_view`
    as `RemoteManager` has it. Without these a `Live` misses actions that change the server without
    an event, an outage without a `Disconnected`, and rights that become known later.
    """

    @property
    def state(self) -> ManagerState:
        """The current state of the link."""

    @property
    def version(self) -> str:
        """The server's AMI version; empty before it greets."""

    @property
    def view(self) -> View:
        """The part of the server that this manager can see."""

    def statistics(self) -> Statistics:
        """Return the counts of the link's traffic since the manager was made."""

    async def connect(self) -> None:
        """Connect, and log in if there is a username."""

    async def wait_ready(self, timeout: float | None = None) -> None:
        """Wait until the manager is logged in."""

    async def wait_booted(self, timeout: float | None = None) -> None:
        """Wait until the manager is logged in and Asterisk has loaded all its modules."""

    async def close(self) -> None:
        """Close the link and end all streams."""

    async def send(
        self,
        action: Action[ResponseT_co],
        *,
        timeout: Timeout = ...,
        check: bool = ...,
        action_id: str | None = ...,
    ) -> ResponseT_co:
        """Send an action and return its response."""

    def stream(self, action: Action[Any], *, timeout: Timeout = ...) -> ListStream[Any]:
        """Send a list action, and return a stream of the items."""

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
        """Place a call: await the result, or enter it with `async with`."""

    # fmt: off
    @overload
    def events(
        self, a: type[EventT], /, *,
        where: Callable[[EventT], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ..., on_loss: OnLoss = ...,
    ) -> EventStream[EventT]: ...
    @overload
    def events(
        self, *selectors: Selector,
        where: Callable[[Event], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ..., on_loss: OnLoss = ...,
    ) -> EventStream[Event]: ...
    # fmt: on
    def events(
        self,
        *selectors: Selector,
        where: Predicate | None = None,
        maxsize: int | None = 10_000,
        overflow: Overflow = "drop_oldest",
        on_loss: OnLoss = "count",
    ) -> EventStream[Any]:
        """Return a stream of the events that come from now on."""

    # fmt: off
    @overload
    def wait_for(
        self, a: type[EventT], /, *,
        where: Callable[[EventT], object] | None = ..., timeout: float | None = ...,
    ) -> NextEvent[EventT]: ...
    @overload
    def wait_for(
        self, *selectors: Selector,
        where: Callable[[Event], object] | None = ..., timeout: float | None = ...,
    ) -> NextEvent[Event]: ...
    # fmt: on
    def wait_for(
        self, *selectors: Selector, where: Predicate | None = None, timeout: float | None = None
    ) -> NextEvent[Any]:
        """Return an awaitable for the next event that matches."""

    # fmt: off
    @overload
    def on(
        self, a: type[EventT], /, *,
        where: Callable[[EventT], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ...,
    ) -> Subscription[EventT]: ...
    @overload
    def on(
        self, *selectors: Selector,
        where: Callable[[Event], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ...,
    ) -> Subscription[Event]: ...
    # fmt: on
    def on(
        self,
        *selectors: Selector,
        where: Predicate | None = None,
        maxsize: int | None = 10_000,
        overflow: Overflow = "drop_oldest",
    ) -> Subscription[Any]:
        """Return a decorator that subscribes a function to the events."""
