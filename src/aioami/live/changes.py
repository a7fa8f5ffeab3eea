"""Changes of the live state, and the iterator over them."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .._signals import Signal
from ..errors import fresh

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Consumers", "Kind", "LiveChange", "LiveChanges"]

Kind = Literal[
    "channel",
    "call",
    "bridge",
    "queue",
    "hint",
    "parking",
    "conference",
    "mailbox",
    "endpoint",
    "registration",
    "link",
    "everything",
]


@dataclass(frozen=True, slots=True)
class LiveChange:
    """A change of the live state. It names the object that changed; `Live` has its present state.

    Attributes:
        kind: `"channel"`, `"call"`, `"bridge"`, `"queue"`, `"hint"`, `"parking"` (a parking lot),
            `"conference"`, `"mailbox"`, `"endpoint"` or `"registration"`; `"link"` if
            `Live.synced` changed; `"everything"` if there were too many changes to keep, so look at
            the whole state again.
        key: the key in `Live.channels`, `Live.calls()`, `Live.bridges` ...; else empty.
        gone: true if the object no longer exists. A call that is gone is over, and the last in
            `Live.ended`; or it became a part of another call.
        server: the name of the server, if the change is from a `FleetLive`; else empty.
    """

    kind: Kind
    key: str = ""
    gone: bool = False
    server: str = ""

    def to_dict(self) -> dict[str, str | bool]:
        """Return the change as a dictionary, ready for JSON; with `server` only if it has one."""
        server = {"server": self.server} if self.server else {}
        return {"kind": self.kind, "key": self.key, "gone": self.gone, **server}


class LiveChanges:
    """The changes since the call of `Live.changes()`, through `async for`, for a single task.

    Several changes of one object are reported once, if the task has taken none of them yet. The
    iteration ends when the `Live` is left or the manager is closed. It raises the error if the link
    is lost for good. Cancelling the task loses no change. When this object is dropped, changes are
    no longer collected.
    """

    def __init__(self, maxsize: int, check: Callable[[], None]) -> None:
        self._maxsize = maxsize
        self._check = check
        self._waiting: OrderedDict[tuple[Kind, str], bool] = OrderedDict()
        self._everything = False  # true while the change "everything" waits
        self._arrival = Signal()
        self._ended = False
        self._error: BaseException | None = None

    def _notify(self, kind: Kind, key: str, gone: bool) -> None:
        waiting = self._waiting
        if self._everything and kind != "link":
            return
        waiting[kind, key] = gone
        if len(waiting) > self._maxsize:
            link = ("link", "") in waiting
            waiting.clear()
            self._everything = True
            waiting["everything", ""] = False
            if link:
                waiting["link", ""] = False
        if self._arrival:
            self._arrival.send()

    def _finish(self, error: BaseException | None) -> None:
        self._ended, self._error = True, error
        self._arrival.send()

    def __aiter__(self) -> Self:
        self._check()
        return self

    async def __anext__(self) -> LiveChange:
        """Return the next change.

        Raises:
            RuntimeError: another task waits for the next change already; or the live state was
                entered in another event loop, thread or process.
        """
        self._check()
        while not self._waiting:
            if self._error is not None:
                raise fresh(self._error)
            if self._ended:
                raise StopAsyncIteration
            if self._arrival:
                raise RuntimeError("another task is already waiting for the next change")
            await self._arrival.wait()
        (kind, key), gone = self._waiting.popitem(last=False)
        if kind == "everything":
            self._everything = False
        return LiveChange(kind, key, gone)


class Consumers:
    """The iterators over the changes of one live state, with weak references to them."""

    def __init__(self) -> None:
        self._references: list[weakref.ref[LiveChanges]] = []
        self._ended = False
        self._error: BaseException | None = None

    def open(self, maxsize: int, check: Callable[[], None]) -> LiveChanges:
        """Return the changes from now on.

        Args:
            maxsize: the most changes that may wait.
            check: raises `RuntimeError` in a wrong event loop, thread or process.
        """
        changes = LiveChanges(maxsize, check)
        if self._ended:
            changes._finish(self._error)
        else:
            self._references = [*self._references, weakref.ref(changes, self._forget)]
        return changes

    def notify(self, kind: Kind, key: str, gone: bool = False) -> None:
        """Report a change to all consumers."""
        for reference in self._references:
            consumer = reference()
            if consumer is not None:
                consumer._notify(kind, key, gone)

    def finish(self, error: BaseException | None) -> None:
        """End all iterations, with an error if there is one."""
        self._ended, self._error = True, error
        for reference in self._references:
            consumer = reference()
            if consumer is not None:
                consumer._finish(error)
        self._references = []

    def _forget(self, reference: weakref.ref[LiveChanges]) -> None:
        self._references = [each for each in self._references if each is not reference]
