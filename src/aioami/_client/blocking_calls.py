"""Blocking calls, for a manager whose event loop runs in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .loopthread import LoopThread

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..calls import Call, CallChange, CallChanges, CallEnd, CallState, PlacedCall
    from ..enums import HangupCause

__all__ = ["BlockingCall", "BlockingCallChanges"]


class BlockingCall:
    """A call with blocking methods; see `Call`. `BlockingManager.call` places it.

    It is a context manager; leaving it hangs up the call, unless it was detached.
    """

    def __init__(self, thread: LoopThread, placed: PlacedCall, call: Call) -> None:
        self._thread = thread
        self._placed = placed
        self._call = call

    @property
    def uniqueid(self) -> str:
        """The Uniqueid of its channel."""
        return self._call.uniqueid

    @property
    def channel(self) -> str | None:
        """The name of its channel; `None` before there is one."""
        return self._call.channel

    @property
    def state(self) -> CallState:
        """The state, according to the events so far."""
        return self._call.state

    @property
    def bridged_with(self) -> tuple[str, ...]:
        """The Uniqueids of the channels in a bridge with it; a parking bridge does not count."""
        return self._call.bridged_with

    @property
    def held(self) -> bool:
        """True if the phone has put the call on hold."""
        return self._call.held

    @property
    def parked(self) -> bool:
        """True if it is parked."""
        return self._call.parked

    @property
    def parking_space(self) -> str | None:
        """The parking space of the call; see `Call.parking_space`."""
        return self._call.parking_space

    @property
    def end(self) -> CallEnd | None:
        """The end of the call; `None` while it goes on."""
        return self._call.end

    def to_dict(self) -> dict[str, Any]:
        """Return its state, and its end if it has ended, as a dictionary ready for JSON."""
        return self._call.to_dict()

    def answered(self, timeout: float | None = None) -> float:
        """Wait until somebody answers, and return the time of that; see `Call.answered`."""
        return self._thread.run(lambda: self._call.answered(timeout))

    def ended(self, timeout: float | None = None) -> CallEnd:
        """Wait until the call ends, and return its end; see `Call.ended`."""
        return self._call.end or self._thread.run(lambda: self._call.ended(timeout))

    def changes(self) -> BlockingCallChanges:
        """Return an iterator over the changes from now on; it ends with the call."""
        return BlockingCallChanges(self._thread, self._thread.at_once(self._call.changes))

    def hang_up(self, cause: HangupCause | int | None = None) -> None:
        """Hang up, in any state of the call; see `Call.hang_up`."""
        if self._call.end is None:
            self._thread.run(lambda: self._call.hang_up(cause))

    def redirect(
        self, context: str | bytes, exten: str | bytes, priority: int | str | bytes = 1
    ) -> None:
        """Send the call to another place in the dialplan; see `Call.redirect`."""
        self._thread.run(lambda: self._call.redirect(context, exten, priority))

    def transfer(self, exten: str | bytes, context: str | bytes) -> None:
        """Send the other party to an extension; see `Call.transfer`."""
        self._thread.run(lambda: self._call.transfer(exten, context))

    def bridge(self, other: BlockingCall | Call | str | bytes) -> None:
        """Connect the call with another channel; see `Call.bridge`."""
        given = other._call if isinstance(other, BlockingCall) else other
        self._thread.run(lambda: self._call.bridge(given))

    def park(self, *, timeout: float | None = None, lot: str | bytes | None = None) -> str:
        """Park the call, and return the space; see `Call.park`."""
        return self._thread.run(lambda: self._call.park(timeout=timeout, lot=lot))

    def mute(self, muted: bool = True, *, listening: bool = False, talking: bool = True) -> None:
        """Mute or unmute the call; see `Call.mute`."""
        self._thread.run(lambda: self._call.mute(muted, listening=listening, talking=talking))

    def record(self, file: str | bytes, *, options: str = "") -> str:
        """Record the call, and return the id of the recording; see `Call.record`."""
        return self._thread.run(lambda: self._call.record(file, options=options))

    def press(self, digits: str) -> None:
        """Send digits to the phone as tones; see `Call.press`."""
        self._thread.run(lambda: self._call.press(digits))

    def get(self, name: str | bytes) -> str | None:
        """Return a variable of its channel; see `Call.get`."""
        return self._thread.run(lambda: self._call.get(name))

    def set(self, name: str | bytes, value: str | bytes | int) -> None:
        """Set a variable of its channel; see `Call.set`."""
        self._thread.run(lambda: self._call.set(name, value))

    def detach(self) -> None:
        """Let the call go on when `with` is left."""
        self._thread.at_once(self._call.detach)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._call.end is None:
            self._thread.run(lambda: self._placed.__aexit__(kind, error, traceback))

    def __repr__(self) -> str:
        return f"<BlockingCall of {self._call!r}>"


class BlockingCallChanges:
    """The changes of a call, for a `for` loop; see `CallChanges`."""

    def __init__(self, thread: LoopThread, changes: CallChanges) -> None:
        self._thread = thread
        self._changes = changes

    def __iter__(self) -> Iterator[CallChange]:
        return self

    def __next__(self) -> CallChange:
        async def following() -> CallChange | None:
            try:
                return await self._changes.__anext__()
            except StopAsyncIteration:  # it cannot leave a coroutine
                return None

        change = self._thread.run_or(following, self._next_without_loop)
        if change is None:
            raise StopIteration
        return change

    def _next_without_loop(self) -> CallChange | None:
        """Return the next buffered change; `None` at the end. The closed manager ended the call."""
        try:
            self._changes.__anext__().send(None)
        except StopIteration as found:
            return found.value  # type: ignore[no-any-return]
        except StopAsyncIteration:
            return None
        raise AssertionError("the changes of a call that has ended do not wait")
