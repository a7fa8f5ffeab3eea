"""The transport from a session to its channel: the base of FastAGI's and AsyncAGI's."""

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
from .commands import Command, Word, encode_command
from .environment import Environment

if TYPE_CHECKING:
    from .._client.like import ManagerLike

__all__ = ["AskByCommand", "Holder", "Transport", "failure", "may_be_the_end"]


_SECRET: Final = 4  # bytes that an argument has at least, if it may be a secret


class Holder(Protocol):
    """The watch of a session's call, which has to know if the program hangs the call up."""

    def begin_hang_up(self) -> None:
        """Note that the session is about to hang up."""

    def end_hang_up(self, done: bool) -> None:
        """Note the outcome; `done` is false if the session certainly has not hung up."""


class AskByCommand(Exception):
    """A variable can only be read or set by a command."""


def failure(command: Command, reply: Reply, *, session_over: bool = False) -> CommandFailed:
    """Return the error of a command that was not carried out, without the command's arguments."""
    name = command.name if command.is_known else "the command"
    # Asterisk's answer may repeat the arguments. Short ones are no secrets, and stay readable.
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
    """True if an answer may mean that the channel was hung up or redirected."""
    return (
        reply.code == 511 or reply.result == "-1" or (reply.result == "0" and command.hides_hangup)
    )


class Transport(ABC):
    """Runs the commands of one session, one at a time.

    Each coroutine may be cancelled. The transport then still waits for Asterisk's answer in the
    background, and `idle` returns when the answer is there.

    Attributes:
        environment: the lines about the call.
        encoding: the encoding of the text.
        limit: the longest command, in bytes.
        over: the error that says why the session is over; `None` while it goes on.
        survives_failures: true if the session goes on after a command that failed.
        answers_after_hangup: true if some commands are still answered on a dead channel.
        stops_with_digits: true if a manager can press a digit to stop the running command.
        on_hangup: called when the channel hangs up while no command runs.
        holder: the watch of the session's `Call`; `None` without one.
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
        """A manager of the same server; `None` without one."""

    def encode(self, *words: Word) -> Command:
        """Encode a command in the text and the length of this transport."""
        return encode_command(words, self.encoding, self.limit)

    @contextlib.contextmanager
    def ending(self) -> Iterator[None]:
        """Notify the session's `Call` that the program itself hangs up in this block."""
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
        """Run a command, and return its answer, even if that is a failure.

        Cancelling this stops the command, if Asterisk can.

        Raises:
            SessionEnded, ConnectionLost, ManagerTimeout, ProtocolError: there is no answer.
        """

    @abstractmethod
    async def idle(self) -> None:
        """Wait until no cancelled command runs any more."""

    @abstractmethod
    async def explain(self, command: Command, reply: Reply) -> ManagerError | None:
        """Find out if an answer that looks like a failure is the end of the session.

        Returns:
            The error to raise because the session is over; `None` if it goes on.
        """

    @abstractmethod
    async def settle(self) -> None:
        """Find out why the session is over, if it is and the reason is not known yet."""

    async def get(self, name: str | bytes) -> str | None:
        """Return a variable's value in a quicker way than by a command; `None` if it is unset.

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
        """Redirect a channel without a dialplan to a place.

        Returns:
            False if the channel has a dialplan, and was not redirected.

        Raises:
            CommandFailed: there is no such place.
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
        """End the session as its program is over, even if a command still runs.

        Args:
            hang_up: true to hang up the channel; false to let the dialplan go on.
        """

    @abstractmethod
    def abandon(self) -> None:
        """End the session at once, as its program does not end."""
