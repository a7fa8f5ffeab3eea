"""The line from a session to its channel: what FastAGI and AsyncAGI have in common."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, Protocol

from ..errors import CommandFailed, ManagerError
from ..wire.redaction import redact_words
from ..wire.text import Encoding
from .answers import Reply
from .commands import Command
from .environment import Environment

if TYPE_CHECKING:
    from .._client.like import ManagerLike

__all__ = ["AskByCommand", "Holder", "Transport", "failure", "may_be_the_end"]


_SECRET: Final = 4  # bytes


class Holder(Protocol):
    """Holds the call of a session, and wants to know who ends it."""

    def begin_hang_up(self) -> None:
        """Take note that the session is about to hang up."""

    def end_hang_up(self, done: bool) -> None:
        """Take note that it has done so, or has not."""


class AskByCommand(Exception):
    """A variable cannot be read or set but by a command."""


def failure(command: Command, reply: Reply, *, session_over: bool = False) -> CommandFailed:
    """Return the error of a command that was not carried out; it shows none of its arguments."""
    name = command.name if command.is_known else "the command"
    # Asterisk may repeat them. Those of few characters are no secrets, and may be all that it says.
    arguments = {
        each.decode(encoding, "backslashreplace")
        for each in command.arguments
        for encoding in ("utf-8", "latin-1")
        if len(each) >= _SECRET
    }
    data, result = (redact_words(text or "", arguments) for text in (reply.data, reply.result))
    if reply.code == 510:
        why = "Asterisk does not have it"
    elif reply.code == 520:
        why = "Asterisk refuses its arguments"
    elif reply.code == 200:
        why = f"Asterisk answered {result}" + (f" ({data})" if data else "")
    else:
        why = f"Asterisk answered {reply.code} {data}".rstrip()
    end = ", which ended the session" if session_over else ""
    return CommandFailed(f"{name}: {why}{end}", reply=reply, session_over=session_over)


def may_be_the_end(command: Command, reply: Reply) -> bool:
    """True of an answer that is given on a channel that was hung up, too, or was redirected."""
    return (
        reply.code == 511 or reply.result == "-1" or (reply.result == "0" and command.hides_hangup)
    )


class Transport(ABC):
    """Runs the commands of one session, one at a time.

    Each coroutine may be cancelled. What Asterisk still has to say to it is waited for behind that,
    and `idle` returns when it is there.

    Attributes:
        environment: the lines about the call.
        encoding: the encoding.
        limit: bytes that a command may have.
        over: why no more commands are run; `None` while they are.
        survives_failures: true if the session goes on after a command that failed.
        answers_after_hangup: true if some commands are still answered when the channel is dead.
        stops_with_digits: true if a digit can be pressed from outside to stop what runs.
        on_hangup: called when the channel hangs up while no command runs.
        holder: who holds the call of the session; `None` if nobody does.
    """

    environment: Environment
    encoding: Encoding
    limit: int
    over: ManagerError | None = None
    survives_failures = False
    answers_after_hangup = False
    stops_with_digits = False
    on_hangup: Callable[[], None] | None = None
    holder: Holder | None = None

    @property
    @abstractmethod
    def manager(self) -> ManagerLike | None:
        """A manager of the same server, if there is one."""

    @contextlib.contextmanager
    def ending(self) -> Iterator[None]:
        """Tell the call of the session that a hang-up in this block is the program's own."""
        holder = self.holder
        if holder is None:
            yield
            return
        done = False
        holder.begin_hang_up()
        try:
            yield
            done = True
        except asyncio.CancelledError:
            done = True  # it may be on its way
            raise
        finally:
            holder.end_hang_up(done)

    @abstractmethod
    async def run(self, command: Command) -> Reply:
        """Run a command, and return its answer, whatever that says.

        Cancelling it stops the command, if Asterisk can.

        Raises:
            SessionEnded, ConnectionLost, ManagerTimeout, ProtocolError: there is no answer.
        """

    @abstractmethod
    async def idle(self) -> None:
        """Wait until nothing of what was cancelled goes on."""

    @abstractmethod
    async def explain(self, command: Command, reply: Reply) -> ManagerError | None:
        """Find out whether a -1, or what else looks like a failure, is the end of the session.

        Returns:
            The error to raise because the session is over; `None` if it goes on.
        """

    @abstractmethod
    async def settle(self) -> None:
        """Find out why the session is over, if it is and that is not known yet."""

    async def get(self, name: str | bytes) -> str | None:
        """Return a variable's value in a quicker way than by a command, `None` where it is unset.

        Raises:
            AskByCommand: there is no quicker way.
        """
        raise AskByCommand

    async def set(self, name: str | bytes, value: bytes) -> None:
        """Set a variable in a quicker way than by a command.

        Raises:
            AskByCommand: there is no quicker way.
        """
        raise AskByCommand

    async def send_to(self, context: str, exten: str, priority: int | str) -> bool:
        """Send the channel to a place, if it has no dialplan that could go on there.

        Returns:
            False if it has one, and nothing was done.

        Raises:
            CommandFailed: there is no such label.
        """
        return False

    @abstractmethod
    async def leave(self) -> None:
        """Give the channel back to the dialplan."""

    @abstractmethod
    def hung_up(self) -> None:
        """Note that the session itself has hung up the channel."""

    @abstractmethod
    async def finish(self, *, hang_up: bool) -> None:
        """End the session, whatever still runs in it: the program is over.

        Args:
            hang_up: hang up the channel; else the dialplan goes on.
        """

    @abstractmethod
    def abandon(self) -> None:
        """End the session at once, as its program does not end."""
