"""The names that every manager has, wherever its server is."""

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
        """The event classes that the server is asked for; `None` where unknown."""

    @property
    def filters(self) -> tuple[Action[Any], ...] | None:
        """The filters that this manager has set on the server; `None` where unknown."""

    @property
    def permissions(self) -> Permissions | None:
        """The rights of the user; `None` where unknown."""


class AskingView(View, Protocol):
    """A view that can ask for the rights, which that of another kind of manager need not."""

    async def ask(self) -> Permissions | None:
        """Ask the server for the rights of the user, and return them."""


@runtime_checkable
class ManagerLike(Protocol):
    """A manager of one server, whatever is between: `Manager` is one, directly connected.

    `aioami.live.Live`, the call tracer and the metrics take any. Each name does what `Manager`
    documents for it. One may also have `observe_actions` and `observe_state`, and `observe_view` of
    `RemoteManager`. Without them a `Live` does not see the actions that change something without an
    event, an outage that no `Disconnected` tells, and rights that become known later.
    """

    @property
    def state(self) -> ManagerState:
        """The state of the link at this moment."""

    @property
    def version(self) -> str:
        """The server's AMI version; empty before it greets."""

    @property
    def view(self) -> View:
        """The part of the server that is seen from here."""

    def statistics(self) -> Statistics:
        """Return the counts of all that went over the link since the manager was made."""

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
        """Send an action that is answered with a list; return a stream of the items."""

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
        """Place a call, and hold it: await what this returns, or enter it by `async with`."""

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
        """Return the next event that matches, to be awaited."""

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
        """Return a decorator that has a function called with each event from then on."""
