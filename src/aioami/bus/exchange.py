"""One action that was sent over the bus, and its answers."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from .. import errors
from .._log import get_logger
from .._session.dispatch import Dispatcher
from .._session.pending import Outcome, Promise
from .._session.session import Session
from .._session.statistics import Tally
from ..actions.base import Action
from ..errors import (
    ActionError,
    ConnectionLost,
    ManagerError,
    ManagerTimeout,
    PermissionDenied,
    ProtocolError,
    because,
)
from ..events.base import Event
from ..responses.base import Response
from ..wire import Framer
from ..wire.text import Encoding
from .engine import is_nobody
from .format import Answer, Failure, Turn

if TYPE_CHECKING:
    from nats.aio.msg import Msg

__all__ = ["Exchange"]

log = get_logger("aioami.bus")

_ENDS: Final = frozenset({"answer", "error"})


class Exchange:
    """An action with its answer, its list and its outcome, as a direct link would give them.

    The relay passes on the bytes of the AMI. A session, made for this action alone, reads them, so
    they mean the same as on a direct link.

    Args:
        action: the action.
        action_id: its ActionID.
        promise: the future that gets the response, or the error.
        subject: the subject of the request.
        tally: counts the action and its answer.
        encoding: the encoding of text on the wire.
        max_list_items: items that a list may have; `None` lifts the limit.
        on_item: called with each item of a list, which is not collected then.
        confirm: called with each part of a long answer; it lets the relay send another part, when
            there is room for it.
        over: called when no further message can come.

    Attributes:
        subject: the same as the argument.
        data: the action as on the wire, without its blank line.
        mark_passed: `False` while the answer is held back, until the events that came before it
            were delivered.
        turn: the turn of the relay that took requests when the action was sent; `None` if no relay
            was known.
    """

    def __init__(
        self,
        action: Action[Any],
        action_id: str,
        promise: Promise,
        *,
        subject: str,
        tally: Tally,
        encoding: Encoding,
        max_list_items: int | None,
        on_item: Callable[[Response, Event | None], None] | None = None,
        confirm: Callable[[Msg], None],
        over: Callable[[Exchange], None],
    ) -> None:
        self._arrived = 0.0
        self._tally = tally
        self._session = Session(
            Dispatcher(),
            clock=self._clock,
            max_list_items=max_list_items,
            tally=tally,
            encoding=encoding,
        )
        self._pending = self._session.submit(action, promise, action_id=action_id, on_item=on_item)
        self._encoding = encoding
        self._framer = Framer(None, banner=False, encoding=encoding.name, errors=encoding.errors)
        self._confirm = confirm
        self._report = over
        self._part = 0
        self._is_complete = False
        self._held: list[tuple[Answer, Msg]] | None = None
        self._outcome: weakref.ref[Outcome] | None = None
        self._is_over = False
        self.action = action
        self.action_id = action_id
        self.subject = subject
        self.data = self._pending.data.removesuffix(b"\r\n\r\n")
        self.mark_passed = True
        self.turn: Turn | None = None

    @property
    def outcome(self) -> Outcome | None:
        """The outcome that may follow the answer; only its waiters keep a reference to it."""
        return self._pending.outcome

    @property
    def is_held_back(self) -> bool:
        """True if the answer is complete, and is held back for the events before it."""
        return self._is_complete and not self.mark_passed

    def hold_back(self) -> None:
        """Hold answers back until `pass_mark()`, as earlier events must be delivered first."""
        self.mark_passed = False

    def written(self, size: int) -> None:
        """Note that the request was sent, so that the action may run from now on."""
        self._pending.written = True
        self._pending.data = b""
        self._pending.sent_at = time.perf_counter()

    def _clock(self) -> float:
        return self._arrived or time.perf_counter()

    # What comes back

    def take(self, message: Msg) -> None:
        """Take a message of the relay, or of the bus itself."""
        self._tally.bytes_received += len(message.data)
        if is_nobody(message):
            self._pending.written = False
            sentence = "no relay listens for this server"
            self.fail(ConnectionLost(f"{self.action.name} was not sent: {sentence}", sent=False))
            return
        try:
            answer = Answer.parse(message.headers, message.data)
        except ProtocolError as error:
            self._break_off(error)
            return
        if answer.kind in ("part", "answer", "error") and self._is_complete:
            return
        if answer.kind in ("part", "answer"):
            self._part += 1
            if answer.number != self._part:
                lost = f"part {self._part} of the answer is missing, and {answer.number} came"
                self._break_off(ProtocolError(lost))
                return
        if answer.kind in _ENDS:
            self._is_complete = True
            self._arrived = time.perf_counter()
        # An error from the relay has no place among the events, and need not wait for them.
        if not self.mark_passed and answer.kind != "error":
            if self._held is None:
                self._held = []
            self._held.append((answer, message))
            return
        self._read(answer, message)

    def pass_mark(self) -> None:
        """Read the answers that were held back, as the events before them were delivered."""
        self.mark_passed = True
        held, self._held = self._held, None
        for each in held or ():
            if not self._is_over:
                self._read(*each)

    def _read(self, answer: Answer, message: Msg) -> None:
        if answer.kind == "error":
            self.fail(_error(Failure.parse(answer.body), self.action))
        elif answer.kind == "failed":
            outcome = self._awaited()
            if outcome is not None:
                error = _error(Failure.parse(answer.body), self.action)
                outcome.settle(
                    error if isinstance(error, ManagerError) else ManagerError(str(error))
                )
            self._end()
        elif answer.kind == "outcome":
            self._session.receive([self._encoding.decode(answer.body)])
            self._end()
        else:
            self._read_part(answer, message)

    def _read_part(self, answer: Answer, message: Msg) -> None:
        texts = self._framer.feed(answer.body)
        if texts:
            self._session.receive(texts)
        error = self._framer.error or self._session.error
        if error is not None:
            self._break_off(error)
            return
        if answer.kind == "part":
            self._confirm(message)
            return
        self._session.conclude()
        if not self._is_settled:
            self._break_off(ProtocolError(f"the answer to {self.action.name} is not whole"))
            return
        outcome = self._pending.outcome
        if outcome is None or outcome.result is not None:
            self._end()
        else:  # only a caller who can still ask for the outcome keeps a reference to it
            self._outcome = weakref.ref(outcome, lambda _: self._end())
            self._pending.outcome = None

    @property
    def _is_settled(self) -> bool:
        promise = self._pending.promise
        return promise is None or promise.done()

    def _awaited(self) -> Outcome | None:
        return self._outcome() if self._outcome is not None else self._pending.outcome

    # Its end

    def forget(self) -> None:
        """Give the action up, and discard later answers to it."""
        self._session.forget(self._pending)
        self._end()

    def fail(self, error: Exception) -> None:
        """End the exchange with an error."""
        if isinstance(error, ConnectionLost) and not error.sent and self._pending.counted:
            self._pending.counted = False
            self._tally.actions -= 1
            self._tally.unsent += 1
        promise = self._pending.promise
        outcome = self._awaited()
        self._session.forget(self._pending)
        if promise is not None and not promise.done():
            promise.set_exception(error)
        if outcome is not None and isinstance(error, ManagerError):
            outcome.settle(error)
        self._end()

    def expire(self, timeout: float) -> None:
        """End the exchange, as no answer came in time."""
        sentence = f"{self.action.name} was not answered within {timeout:g} seconds"
        self.fail(ManagerTimeout(sentence, action=self.action))

    def _break_off(self, error: ProtocolError) -> None:
        sentence = f"{self.action.name} was cut off: {error}"
        self.fail(because(ConnectionLost(sentence, sent=True), error))

    def refuse(self, error: PermissionDenied) -> None:
        """End the exchange, as the bus refused to pass the action on."""
        denied = PermissionDenied(f"{self.action.name} was refused: {error}", action=self.action)
        self.fail(denied)

    def lose(self, reason: ManagerError) -> None:
        """End the exchange, as the bus or the relay was lost."""
        self._held = None
        self._session.lose(reason)
        self._end()

    def _end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._report(self)


def _error(failure: Failure, action: Action[Any]) -> Exception:
    """Return the exception that a relay reports."""
    kind = getattr(errors, failure.error, None)
    text = failure.text
    if failure.error == "ValueError":
        return ValueError(text)
    if kind is ConnectionLost:
        return ConnectionLost(text, sent=failure.sent)
    if kind is ManagerTimeout:
        return ManagerTimeout(text, action=action)
    if isinstance(kind, type) and issubclass(kind, ActionError):
        return kind(text, action=action)
    if kind in (errors.ManagerAuthError, ManagerError):
        return kind(text)
    # After a ProtocolError the action did not run: the relay could not read the request. After an
    # error of a kind that is unknown here it may have run.
    sent = failure.sent or kind is not ProtocolError
    return because(ConnectionLost(text, sent=sent), ProtocolError(text))
