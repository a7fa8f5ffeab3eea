"""The bases of all responses, with list items and outcomes of actions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, Generic, SupportsIndex, TypeVar, cast, overload

from .._check import check_seconds
from ..errors import ManagerError, ManagerTimeout
from ..events.base import Event
from ..fields import Field, Text, Values, as_dict, fields_of, values_of
from ..wire import Message
from ..wire.redaction import redact_echo, redact_words

if TYPE_CHECKING:
    import pandas
    import polars

    from ..actions.base import Action

__all__ = ["EventList", "ListReply", "OutcomeReply", "Response"]

EventT_co = TypeVar("EventT_co", bound=Event, covariant=True)
ItemT = TypeVar("ItemT")
ItemT_co = TypeVar("ItemT_co", bound=Event, covariant=True)
EndT_co = TypeVar("EndT_co", bound=Event, covariant=True)

# Servers before Asterisk 1.8 answer Ping with "Pong", and Events with "Events On" or "Events Off".
_SUCCESSFUL: Final = frozenset({"success", "follows", "goodbye", "pong", "events on", "events off"})


class EventList(list[ItemT]):
    """The items in the answer to a list action, in the server's order.

    Attributes:
        completion: the event that ended the list, with its totals; `None` without a list.
        item_classes: the classes that the items may have. They give the columns of a data frame if
            there are no items.
    """

    def __init__(
        self,
        items: Iterable[ItemT] = (),
        completion: Event | None = None,
        *,
        item_classes: tuple[type[Event], ...] = (),
    ) -> None:
        super().__init__(items)
        self.completion = completion
        self.item_classes = item_classes

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> ItemT: ...
    @overload
    def __getitem__(self, index: slice, /) -> EventList[ItemT]: ...
    def __getitem__(self, index: SupportsIndex | slice, /) -> ItemT | EventList[ItemT]:
        """Return an item, or a part of the list with the same completion."""
        if isinstance(index, slice):
            return EventList(
                super().__getitem__(index), self.completion, item_classes=self.item_classes
            )
        return super().__getitem__(index)

    def to_rows(
        self, *, attributes: bool = False, typed: bool = False, numbers: bool = False
    ) -> list[dict[str, Any]]:
        """Return the items as rows: dictionaries with the same keys, `None` for a missing value.

        Args:
            attributes, typed, numbers: the form of keys and values, as for `Event.to_dict`.

        Raises:
            ValueError: `numbers` without `typed`.
        """
        return self._rows(attributes, values_of(typed, numbers))

    def _rows(self, attributes: bool, values: Values) -> list[dict[str, Any]]:
        rows = [
            as_dict(item.headers, item, attributes=attributes, values=values)
            for item in cast("list[Event]", self)
        ]
        columns: dict[str, None] = {}
        for row in rows:
            columns.update(dict.fromkeys(row))
        return [{name: row.get(name) for name in columns} for row in rows]

    def to_pandas(self, *, attributes: bool = True) -> pandas.DataFrame:
        """Return the items as a pandas data frame, one row each. Secrets are not hidden.

        The columns have the types of the items' attributes: `Int64`, `Float64`, `boolean`, moments
        in UTC (`datetime64[us, UTC]`; Asterisk's 0 is missing), dates in the server's own time zone
        (`datetime64[us]`), categories with the names of an enumeration's members, and dictionaries
        of channel variables. All other columns are text, in which bytes that were no UTF-8 are
        escapes. A value that is absent, or does not convert, is missing. Without items, the frame
        has the columns that the items could have.

        Args:
            attributes: `True` for the names of attributes as columns, `False` for headers.

        Raises:
            ImportError: pandas is not installed; the extra `pandas` brings it.
        """
        from .._show.dataframes import to_pandas

        return to_pandas(self, *self._both(attributes), self._empty(attributes))

    def to_polars(self, *, attributes: bool = True) -> polars.DataFrame:
        """Return the items as a polars data frame, one row each. Secrets are not hidden.

        The columns have the types of the items' attributes: `Int64`, `Float64`, `Boolean`,
        `Datetime` in UTC (Asterisk's 0 is missing), `Datetime` without a zone for dates in the
        server's own time zone, `Categorical` with the names of an enumeration's members, and lists
        of `name` and `value` for channel variables. All other columns are `String`, in which bytes
        that were no UTF-8 are escapes. A value that is absent, or does not convert, is null.
        Without items, the frame has the columns that the items could have.

        Args:
            attributes: `True` for the names of attributes as columns, `False` for headers.

        Raises:
            ImportError: polars is not installed; the extra `polars` brings it.
        """
        from .._show.dataframes import to_polars

        return to_polars(self, *self._both(attributes), self._empty(attributes))

    def _empty(self, attributes: bool) -> dict[str, Field[Any]]:
        """The columns that the items could have, except those that hardly any message has."""
        common = fields_of(Event)
        found: dict[str, Field[Any]] = {"event" if attributes else "Event": Text("Event")}
        for each in self.item_classes or (Event,):
            for name, field in fields_of(each).items():
                if name not in common or field is Event.action_id:
                    found.setdefault(name if attributes else field.header, field)
        return found

    def _both(self, attributes: bool) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        return self._rows(attributes, "typed"), self._rows(attributes, "text")

    def _repr_html_(self) -> str:
        """The list as HTML, for a notebook."""
        from .._show.html import list_html

        return list_html(self, self.completion)


def note_secrets(response: Response, secrets: Iterable[str]) -> None:
    """Hide secrets in the display of a refusal that repeats them, though they were not sent.

    Only secrets that are in the response's text are kept.
    """
    if repeated := tuple(each for each in secrets if each in response.text):
        response._repeated = repeated


def repeated_secrets(response: Response) -> tuple[str, ...]:
    """The secrets that were noted because the server repeats them in the response."""
    return getattr(response, "_repeated", ())


class Response(Message):
    """The server's answer to one action: a read-only mapping over its headers.

    Attributes:
        action: the action; `None` for a response that was read from a text.
        seconds: the time from the action's last byte to this response, on a monotonic clock;
            `None` if not measured.
    """

    __slots__ = ("_items", "_repeated", "action", "seconds")

    # Few responses have one of these.
    _items: EventList[Any]
    _repeated: tuple[str, ...]

    def __init__(
        self, text: str, action: Action[Any] | None = None, *, seconds: float | None = None
    ) -> None:
        Message.__init__(self, text)  # `super()` would double the cost, at each action
        self.action = action
        self.seconds = seconds

    @property
    def events(self) -> EventList[Event]:
        """The items, if the action is answered with a list; else an empty list."""
        items: EventList[Any] | None = getattr(self, "_items", None)
        if items is None:
            classes = () if self.action is None else self.action.answered_as.items
            items = self._items = EventList(item_classes=classes)
        return items

    @property
    def success(self) -> bool:
        """True if the server carried the action out."""
        return (self.find("Response") or "").strip().lower() in _SUCCESSFUL

    @property
    def message(self) -> str:
        """Asterisk's message; empty without one."""
        return self.find("Message") or ""

    @property
    def action_id(self) -> str | None:
        """The ActionID that the server repeated; `None` if it did not."""
        return self.find("ActionID")

    @property
    def data(self) -> list[str]:
        """The lines of the answer, if the action is answered in lines; else empty."""
        return list(self.output)

    def to_dict(
        self, *, attributes: bool = False, typed: bool = False, numbers: bool = False
    ) -> dict[str, Any]:
        """Return a plain dictionary of the headers, without list items; see `Event.to_dict`."""
        found = as_dict(self.headers, self, attributes=attributes, values=values_of(typed, numbers))
        return {
            "message" if attributes and name == "message_" else name: value
            for name, value in found.items()
        }

    def _as_shown(self) -> Response:
        """The response without secrets of the action and of the login that the server repeats."""
        text = redact_words(self.text, repeated_secrets(self))
        if self.action is not None:
            text = redact_echo(text, self.action.name, self.action.headers)
        return type(self)(text, self.action, seconds=self.seconds)

    def __repr__(self) -> str:
        return Message.__repr__(self._as_shown())

    def _repr_html_(self) -> str:
        """The response as HTML, for a notebook."""
        from .._show.html import response_html

        items: EventList[Any] | None = getattr(self, "_items", None)
        shown = self._as_shown()
        return response_html(
            shown,
            action="" if self.action is None else repr(self.action)[1:-1].removeprefix("Action "),
            success=self.success,
            text=shown.message,
            seconds=self.seconds,
            listed=items._repr_html_() if items is not None and (items or items.completion) else "",
        )


class ListReply(Response, Generic[ItemT_co, EndT_co]):
    """The answer to a list action.

    Asterisk answers some of these actions with an error if there are no items. Here this is an
    empty list.

    On a server that marks no lists, as Asterisk 11 and older, the list ends with its completion. If
    Asterisk sends no completion, it ends with the answer to a Ping behind it. If neither an item
    nor the completion came, the action raises `ActionError`.
    """

    @property
    def events(self) -> EventList[ItemT_co]:  # type: ignore[override]
        """The items, in the server's order."""
        return super().events  # type: ignore[return-value]

    @property
    def completion(self) -> EndT_co | None:
        """The event that ended the list, with its totals; `None` if there was no list."""
        return super().events.completion  # type: ignore[return-value]

    @property
    def success(self) -> bool:
        return super().success or (
            self.action is not None
            and self.message.strip() in self.action.answered_as.empty_list_messages
        )


class OutcomeReply(Response, Generic[EventT_co]):
    """The answer that accepts an action, whose outcome follows in an event."""

    __slots__ = ("_has_outcome", "_hindrance", "_sight", "_wait_for_outcome")

    def __init__(
        self, text: str, action: Action[Any] | None = None, *, seconds: float | None = None
    ) -> None:
        super().__init__(text, action, seconds=seconds)
        self._wait_for_outcome: Callable[[float | None], Awaitable[Event]] | None = None
        self._has_outcome: Callable[[], bool] | None = None
        self._hindrance: Callable[[], ManagerError | None] | None = None
        self._sight: Callable[[], str] | None = None

    def expect_outcome(
        self, wait: Callable[[float | None], Awaitable[Event]], is_there: Callable[[], bool]
    ) -> None:
        """Set the function with which `outcome()` waits; the connection calls this.

        Args:
            wait: waits for the event for a number of seconds, and returns it.
            is_there: returns `True` once the event is there, or it is known that none will come.
        """
        self._wait_for_outcome = wait
        self._has_outcome = is_there

    def explain_outcome(
        self, hindrance: Callable[[], ManagerError | None], sight: Callable[[], str]
    ) -> None:
        """Let `outcome()` explain why the event cannot or may not come; the manager calls this.

        Args:
            hindrance: returns the error if it is known that the event cannot come, else `None`.
            sight: returns a clause on the limits of the manager's events.
        """
        self._hindrance = hindrance
        self._sight = sight

    async def outcome(self, timeout: float | None = -1.0) -> EventT_co:
        """Wait for the event with the outcome of this action, and return it.

        An event that came before the call counts too. May be called again, and by several tasks;
        cancelling one of them does not affect the others.

        Args:
            timeout: seconds to wait; `None` is no limit; left out, the action's own timeout.

        Raises:
            ManagerTimeout: the event did not come in time; the message names limits of the events.
            ConnectionLost: the link was lost before the event came.
            ActionError: the server will not send the event; or, at once, it cannot come because of
                the event mask or the filters of the manager.
            PermissionDenied: at once, if it is known (`Manager.view`) that the user lacks the
                event's read class.
            TypeError, ValueError: `timeout` is no number, or one that no clock reaches.
        """
        check_seconds("timeout", timeout)
        if self._wait_for_outcome is None:
            raise ManagerError(
                "this response did not come over a connection, so no outcome follows"
            )
        if timeout == -1.0 and self.action is not None:
            timeout = self.action.outcome_timeout
        if self._hindrance is not None and not (self._has_outcome and self._has_outcome()):
            error = self._hindrance()
            if error is not None:
                raise error
        try:
            return await self._wait_for_outcome(timeout)  # type: ignore[return-value]
        except ManagerTimeout as error:
            if self._sight is None:
                raise
            raise ManagerTimeout(f"{error} ({self._sight()})", action=error.action) from error
