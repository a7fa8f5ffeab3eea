"""Changes of the live state, and the iterator that a consumer follows them by."""

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
    """A change of the live state. It names the thing that changed; `Live` shows how that is now.

    Attributes:
        kind: `"channel"`, `"call"`, `"bridge"`, `"queue"`, `"hint"`, `"parking"` (a parking lot),
            `"conference"`, `"mailbox"`, `"endpoint"` or `"registration"`; `"link"` if
            `Live.synced` changed; `"everything"` if more changed than was held for this consumer,
            so that all is to be looked at again.
        key: the key in `Live.channels`, `Live.calls()`, `Live.bridges` ...; else empty.
        gone: true if the thing is no longer there. A call that is gone is over, and the last in
            `Live.ended`, or it has become a part of another one.
        server: the name of the server, where it comes of a `FleetLive`; else empty.
    """

    kind: Kind
    key: str = ""
    gone: bool = False
    server: str = ""

    def to_dict(self) -> dict[str, str | bool]:
        """Return it as a dictionary, ready for JSON; with the server's name if there is one."""
        server = {"server": self.server} if self.server else {}
        return {"kind": self.kind, "key": self.key, "gone": self.gone, **server}


class LiveChanges:
    """The changes since the call of `Live.changes()`, through `async for`; for one task.

    Several changes of one thing, before the consumer takes the first, are reported once. The
    iteration ends when its `Live` is left or the manager is closed, and raises the error that ended
    the link for good. Cancelling the consumer loses nothing; dropping the object ends it.
    """

    def __init__(self, maxsize: int, check: Callable[[], None]) -> None:
        self._maxsize = maxsize
        self._check = check
        self._waiting: OrderedDict[tuple[Kind, str], bool] = OrderedDict()
        self._everything = False  # is among those that wait
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
            RuntimeError: another task waits for it already; or the live state was entered in
                another event loop, thread or process.
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
    """All who follow the changes of one live state. It holds none of them."""

    def __init__(self) -> None:
        self._references: list[weakref.ref[LiveChanges]] = []
        self._ended = False
        self._error: BaseException | None = None

    def open(self, maxsize: int, check: Callable[[], None]) -> LiveChanges:
        """Return the changes from now on.

        Args:
            maxsize: things that may wait.
            check: raises where the changes may not be taken.
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
