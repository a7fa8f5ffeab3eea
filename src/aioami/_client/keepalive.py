"""Detection of a server that is gone, as opposed to one that is silent because it is busy."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Final, Protocol

from .._session.pending import Pending
from .._session.session import Session
from ..errors import ConnectionLost, ManagerError
from .options import Options

__all__ = ["Keepalive", "Watched"]

_NEVER: Final = float("inf")
_FEW: Final = 64  # actions that hold the session, before those that are over are looked for
_WINDOW: Final = 32768  # bytes that a peer's system certainly takes even if the peer does not read
_LATE: Final = 0.1  # seconds; a timer that is later shows that the event loop was held up
_MAX_TCP_SECONDS: Final = 32767
_MAX_TCP_MILLISECONDS: Final = 2**31 - 1


class Watched(Protocol):
    """The connection that is watched."""

    session: Session

    def ping(self) -> None:
        """Send a Ping whose answer is only a sign of life."""

    def lose(self, reason: ManagerError, /) -> None:
        """End the link, for a reason that all waiting callers get."""

    def interrupted(self, error: BaseException, /) -> None:
        """End the link because an exception interrupted its work."""


class Keepalive:
    """Sends a Ping after a silence, and gives the link up if nothing at all comes after it.

    A server that sends events but answers nothing is useless too. So once an action was given up,
    only an answer is a sign of life, until an answer shows that the action is over.

    Some actions hold the session, perhaps for minutes: meanwhile the server answers no later
    action. For as long as such an action may take, silence does not count.

    Args:
        options: `keepalive` is the length of the silence, `timeout` the time for the answer.
        connection: the connection to watch.

    Attributes:
        heard_at: when bytes last came from the server, on the loop's clock; the connection sets it.
    """

    __slots__ = (
        "_asked_at",
        "_connection",
        "_free_since",
        "_granted_more",
        "_holding",
        "_loop",
        "_options",
        "_purge_at",
        "_socket",
        "_standing",
        "_standing_since",
        "_timer",
        "_written",
        "heard_at",
    )

    def __init__(self, options: Options, connection: Watched) -> None:
        self._loop = asyncio.get_running_loop()
        self._options = options
        self._connection = connection
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._asked_at: float | None = None
        # The server's progress with its answers while it owes one, and when that was first seen.
        self._standing: tuple[Pending | None, int] | None = None
        self._standing_since = 0.0
        self._granted_more = False
        # The actions that hold the session, each with its time of submission and its time limit.
        self._holding: list[tuple[Pending, float, float]] = []
        self._purge_at = _FEW
        self._free_since = 0.0  # the earliest time at which the oldest of them can have begun
        self._written = 0  # bytes written while such actions were under way
        self.heard_at = self._loop.time()

    # Asking for a sign of life

    def start(self) -> None:
        """Begin to watch the connection."""
        self._check()

    def stop(self) -> None:
        """Stop watching, and forget the actions."""
        if self._timer is not None:
            self._timer.cancel()
        self._holding.clear()
        self._standing = None

    @property
    def _timeout(self) -> float:
        """The seconds within which a sign of life must follow a Ping; else the link is lost."""
        return self._options.timeout or self._options.keepalive or 0.0

    def _check(self) -> None:
        try:
            self._ask_if_silent()
        except BaseException as error:  # such as Ctrl-C: the watching would stop
            self._connection.interrupted(error)
            raise

    def _ask_if_silent(self) -> None:
        keepalive = self._options.keepalive
        if keepalive is None:
            return
        now = self._loop.time()
        heard_at = self._last_sign_of_life(now)
        if self._asked_at is not None and heard_at >= self._asked_at:
            self._asked_at = None
        if self._asked_at is None:
            due = max(heard_at, self.held_until()) + keepalive
            if now >= due:
                self._asked_at = now
                self._granted_more = False
                self._connection.ping()
                due = now + self._timeout
        else:
            due = self._asked_at + self._timeout
            if now >= due and (self._granted_more or not self._loop_was_held_up(now)):
                silence = f"for {now - heard_at:.3g} seconds"
                sentence = (
                    f"Asterisk has been silent {silence}, and answers no Ping"
                    if heard_at == self.heard_at
                    else f"Asterisk sends events, but has answered nothing {silence}, and no Ping"
                )
                self._connection.lose(ConnectionLost(sentence))
                return
            # If this program itself was held up, the answer may already wait to be read. More time
            # is granted once, because the loop reads it before this runs again.
            self._granted_more = self._granted_more or now >= due
            due = max(due, now + _LATE)
        # An action may stop holding the session before its time limit; then silence counts again.
        self._timer = self._loop.call_at(min(due, now + keepalive), self._check)

    def _last_sign_of_life(self, now: float) -> float:
        """Return the time of the server's last sign of life, on the loop's clock."""
        standing = self._connection.session.standstill()
        if standing is None:
            self._standing = None
            return self.heard_at
        if standing != self._standing:
            self._standing, self._standing_since = standing, now
        return min(self.heard_at, self._standing_since)

    def _loop_was_held_up(self, now: float) -> bool:
        """True if the event loop ran this check too late."""
        return self._timer is not None and now - self._timer.when() > _LATE

    # Actions that hold the session

    def hold(self, pending: Pending, timeout: float | None) -> None:
        """Ignore silence while an action is under way, for `timeout` seconds at most."""
        own = pending.action.timeout
        seconds = _NEVER if timeout is None else timeout if own is None else max(own, timeout)
        self._holding.append((pending, self._loop.time(), seconds))
        # Without a keepalive, actions that are over are removed only here.
        if len(self._holding) >= self._purge_at:
            self.held_until()
            self._purge_at = max(_FEW, 2 * len(self._holding))

    @property
    def is_held(self) -> bool:
        """True if the server may be busy with an action, and answer no later one meanwhile."""
        return self.held_until() > self._loop.time()

    def held_until(self) -> float:
        """Return the time until which silence does not count, on the loop's clock."""
        is_open = self._connection.session.is_open
        still = [each for each in self._holding if is_open(each[0])]
        if len(still) < len(self._holding):
            # The next action can have begun only after the one before it ended.
            self._free_since = self.heard_at
        self._holding = still
        if not still:
            if self._written > _WINDOW:
                self._limit_unacknowledged()
            self._written = 0
            return 0.0
        # The server runs one after the other, so their times add up.
        until = self._free_since
        for pending, submitted, seconds in still:
            # Without this, an action that was given up but has no time limit would hide a dead link
            # for ever.
            if pending.forgotten and seconds == _NEVER:
                seconds = pending.action.timeout or 0.0
            until = max(until, submitted) + seconds
        return until

    # Detection by the operating system

    def attach(self, link: socket.socket) -> None:
        """Have the operating system detect a dead peer too, even on an idle connection."""
        self._socket = link
        keepalive = self._options.keepalive
        if keepalive is None:
            return
        link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._set("TCP_KEEPIDLE", min(max(1, round(keepalive)), _MAX_TCP_SECONDS))
        self._set("TCP_KEEPINTVL", min(max(1, round(self._timeout / 3)), _MAX_TCP_SECONDS))
        self._set("TCP_KEEPCNT", 3)
        self._limit_unacknowledged()

    def written(self, count: int) -> None:
        """Note that bytes were written."""
        if not self._holding or self._options.keepalive is None:
            return
        # A busy server does not read. Once its receive window is full, it looks like a dead peer.
        if self._written <= _WINDOW < self._written + count:
            self._set("TCP_USER_TIMEOUT", 0)
        self._written += count

    def _limit_unacknowledged(self) -> None:
        """Have the operating system end the link if the peer does not acknowledge the bytes."""
        milliseconds = round(((self._options.keepalive or 0.0) + self._timeout) * 1000)
        self._set("TCP_USER_TIMEOUT", min(milliseconds, _MAX_TCP_MILLISECONDS))

    def _set(self, name: str, value: int) -> None:
        """Set an option of TCP, if the platform has it."""
        if self._socket is not None and hasattr(socket, name):
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
