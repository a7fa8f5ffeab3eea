"""One conversation with a server, without any I/O: it assigns replies to actions.

Messages come in as texts. Events go to the subscribers that selected them; replies and list items
go to the action that asked for them. Asterisk answers strictly in the order of the actions, and
puts no foreign message into a list. Two rules follow. A reply without an ActionID belongs to the
oldest unanswered action. Once an action is answered, no answer will come for earlier ones.
"""

from __future__ import annotations

import itertools
import logging
import os
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from .._log import get_logger
from ..actions.base import Action
from ..errors import ActionError, ConnectionLost, ManagerError, ProtocolError, because
from ..events.base import Event, event_class, name_server
from ..responses.base import Response, note_secrets
from ..wire import Message
from ..wire.limits import MAX_FRAME_SIZE, MAX_LIST_ITEMS
from ..wire.text import UTF8, Encoding, join, split
from .dispatch import Dispatcher
from .outcomes import OutcomeWatch
from .pending import FENCE, Outcome, Pending, Promise
from .refusals import refusal
from .statistics import Tally

__all__ = ["Session"]

log = get_logger("aioami.session")

_SHOWN_NAMES: Final = 8  # header names in the log of a reply that belongs to no action
_BETWEEN_EVENTS: Final = re.compile("\r?\n(?=Event: )")
_ID_FIRST: Final = re.compile("ActionID:[^\n]*\nResponse:", re.IGNORECASE)

# These events go to every client, with the ActionID of the action that caused them. They are never
# items of a list.
_BROADCAST_WITH_ID: Final = frozenset({"UserEvent", "OriginateResponse", "SIPQualifyPeerDone"})


# Actions whose success changes the state of the connection. The empty name stands for the fence,
# which has no class.
_CHANGING_STATE: Final = frozenset({"", "ping", "login", "logoff"})


class Session:
    """The actions of one connection, and their answers.

    Args:
        dispatcher: delivers the events.
        clock: returns the seconds on a monotonic clock, for round-trip times.
        max_list_items: the most items in one list; `None` lifts the limit.
        tally: counts the messages.
        gated: true to hold events back until `open_gate`.
        max_held: the most characters of events that are held back; `None` lifts the limit.
        encoding: the encoding of the actions.
        secrets: secrets that the server knows anyway, the user's, and may repeat in a refusal.

    Attributes:
        logged_in: true after a successful login.
        said_goodbye: true if the server confirmed a Logoff, so that the end of the link is no loss.
        needs_fence: true if a fence must be sent, because an action was answered whose end may be
            unmarked.
        error: the `ProtocolError` after which the connection cannot go on; else `None`.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        *,
        clock: Callable[[], float],
        max_list_items: int | None = MAX_LIST_ITEMS,
        tally: Tally | None = None,
        gated: bool = False,
        max_held: int | None = MAX_FRAME_SIZE,
        encoding: Encoding = UTF8,
        secrets: Iterable[str] = (),
    ) -> None:
        self._dispatcher = dispatcher
        self._routes = dispatcher.routes
        self._clock = clock
        self._max_list_items = max_list_items
        self._tally = tally or Tally()
        self._held: list[str] | None = [] if gated else None
        self._held_size = 0
        self._max_held = max_held
        self._encoding = encoding
        self._secrets = tuple(secrets)
        # Some events repeat the ActionID to every client, so two clients must not use the same one.
        self._prefix = os.urandom(6).hex()
        self._numbers = itertools.count(1)
        self._pending: dict[str, Pending] = {}
        # The unanswered actions, in the order in which they were sent, as a linked list: a deque
        # would take a tenth of the memory of a quiet connection.
        self._oldest: Pending | None = None
        self._newest: Pending | None = None
        self._lists: dict[str, Pending] = {}
        self._watches: dict[str, OutcomeWatch] = {}
        self._stray_level = logging.WARNING
        self.logged_in = False
        self.said_goodbye = False
        self.needs_fence = False
        self.error: ProtocolError | None = None

    def __len__(self) -> int:
        return len(self._pending)

    def submit(
        self,
        action: Action[Any],
        promise: Promise,
        *,
        action_id: str | None = None,
        on_item: Callable[[Response, Event | None], None] | None = None,
        counted: bool = True,
    ) -> Pending:
        """Accept an action; the caller must write its `data` next.

        Args:
            promise: gets the complete response, or the error.
            on_item: gets the reply that starts a list, without an item, and then the reply with
                each item as it comes. The items are then not kept in the response's `events`.
            counted: `False` for an action of the library itself, which `statistics()` leaves out.

        Raises:
            ValueError: the ActionID cannot be sent, or belongs to an action that is not over; or
                the encoding cannot write a header, or a line becomes too long in it.
        """
        if action_id is None:
            action_id = f"{self._prefix}-{next(self._numbers)}"
            data = action.encode(action_id, trusted=True, encoding=self._encoding)
        elif action_id in self._pending:
            sentence = f"{action_id!r} is that of an action which is not answered yet"
            raise ValueError(f"ActionID: {sentence}")
        else:
            data = action.encode(action_id, encoding=self._encoding)
        pending = Pending(action, action_id, data, promise, on_item)
        self._pending[action_id] = pending
        if self._newest is None:
            self._oldest = pending
        else:
            self._newest.next = pending
        self._newest = pending
        # Counted now, and again when it ends, so that the numbers add up.
        if counted:
            pending.counted = True
            self._tally.actions += 1
        if pending.shape.outcome_events:
            self._expect_outcome(pending)
        return pending

    def _expect_outcome(self, pending: Pending) -> None:
        action, action_id = pending.action, pending.action_id
        pending.outcome = Outcome(action, action_id)
        for name in pending.shape.outcome_events:
            watch = self._watch(name)
            # If two actions had one ActionID, an event could belong to either.
            if (earlier := watch.outcomes.get(action_id)) is not None:
                used = earlier.action
                sentence = f"the ActionID of {used.name} was used again before its outcome came"
                earlier.settle(ActionError(sentence, action=used))
            watch.add(pending.outcome)

    def forget(self, pending: Pending) -> None:
        """Give an action up, and discard late answers to it. May be called again."""
        if pending.forgotten:
            return
        self._count(pending, None)
        pending.promise = None
        pending.outcome = None
        pending.on_item = None
        pending.forgotten = True
        if pending.response is not None:  # drop its items, which take memory
            pending.response.events.clear()
        # It stays while an answer may come; otherwise another action would get that answer.
        if not pending.written or pending.overtaken:
            self._drop(pending)

    def lose(self, reason: ManagerError) -> None:
        """Fail all actions and all outcomes, because the link is lost."""
        # Cleared first, so that a promise that fails finds no action here that is over.
        pendings, outcomes = list(self._pending.values()), self._outcomes()
        self._pending.clear()
        self._oldest = self._newest = None
        self._lists.clear()
        for watch in self._watches.values():
            self._dispatcher.remove(watch)
        self._watches.clear()
        for pending in pendings:
            self._count(pending, None)
            if pending.promise is not None and not pending.promise.done():
                error = _lost(reason, pending.action.name, sent=pending.written)
                pending.promise.set_exception(error)
        for outcome in outcomes:
            outcome.settle(_lost(reason, f"the outcome of {outcome.action.name}", sent=True))

    def is_open(self, pending: Pending) -> bool:
        """True if the server may still work on an action, judging by its answers."""
        return self._pending.get(pending.action_id) is pending and not pending.overtaken

    def standstill(self) -> tuple[Pending | None, int] | None:
        """Return the server's progress, if it owes the answer to an action that was given up.

        Two results are equal if the server has answered nothing in between: neither the oldest
        unanswered action, nor a further item of a list.

        Returns:
            A value to compare; `None` if no such answer is due.
        """
        for each in self._pending.values():
            if each.forgotten and each.written and not each.overtaken and each.response is None:
                items = sum(pending.items for pending in self._lists.values())
                return self._oldest_unanswered(), items
        return None

    def open_gate(self) -> None:
        """Deliver the events that were held back, and hold back no further ones."""
        held, self._held = self._held, None
        if held:
            self._deliver(held)
            self._dispatcher.settle()

    def _hold_back(self, text: str) -> None:
        # Streams must get no events of a link whose login, filters or mask may still fail.
        assert self._held is not None
        self._held_size += len(text)
        if self._max_held is None or self._held_size <= self._max_held:
            self._held.append(text)
            return
        self._held.clear()
        raise ProtocolError(
            f"the events before the login was done exceed max_frame_size ({self._max_held} bytes)"
        )

    def receive(self, texts: list[str]) -> None:
        """Process messages, as `Framer.feed` returns them, and let the subscribers settle.

        It stops at a message that exceeds a limit, and records that in `error`.
        """
        self._tally.messages += len(texts)
        try:
            self._deliver(texts)
        except ProtocolError as error:
            # The rest of the read is not delivered: the end of a list that is too long would make
            # the list look complete.
            self.error = error
        self._dispatcher.settle()

    def _deliver(self, texts: list[str]) -> None:
        routes, lists, server = self._routes, self._lists, self._dispatcher.server
        for text in texts:
            cls, sinks = routes[text.partition("\n")[0]]
            if cls is None:
                self._receive_other(text)
            elif lists and self._take_items(text, cls):
                pass
            elif self._held is not None:
                self._hold_back(text)
            elif sinks:
                event = cls(text)
                if server:
                    event._server = server  # like `name_server`, at half the cost
                for sink in sinks:
                    sink(event)

    def _receive_other(self, text: str) -> None:
        # Only the first line's key counts: OriginateResponse events have a Response header too.
        if not text.startswith("Response: "):
            kind = text.partition(":")[0].lower()
            if kind == "event":
                self._deliver(split(text, _with_usual_name))
                return
            # AstManProxy begins its own answers with the ActionID.
            if kind != "response" and not _ID_FIRST.match(text):
                self._tally.others += 1
                self._receive_bare_reply(text)
                return
        self._tally.others += 1
        # Answers come in order, so this one usually belongs to the oldest action.
        pending = self._oldest_unanswered()
        response = Response(text) if pending is None else self._response(pending, text)
        action_id = response.find("ActionID")
        if action_id is not None and (pending is None or pending.action_id != action_id):
            pending = self._pending.get(action_id)
            response = Response(text) if pending is None else self._response(pending, text)
        if pending is None:
            self._stray(response)
        elif pending.response is not None:
            self._receive_second_reply(pending, response)
        else:
            self._receive_first_reply(pending, response)

    # Replies

    def _receive_first_reply(self, pending: Pending, response: Response) -> None:
        if self._oldest is pending and not self._lists:  # the usual case
            self._step_on(pending)
        else:
            self._pass_over_those_before(pending)
        shape = pending.shape
        success = response.success
        if success and shape.wire_name.lower() in _CHANGING_STATE:
            self._take_note(pending.action, response)
        # An EventList header announces a list. Without it, the action's class decides whether more
        # follows; an error is always the whole answer.
        if _is_list(response):
            self._begin_list(pending, response, shape.completion if shape.list_unmarked else None)
        elif success and (shape.completion is not None or shape.reply_count > 1):
            self._begin_unmarked_list(pending, response)
        else:
            self._finish(pending, response, success)

    def _begin_list(
        self,
        pending: Pending,
        response: Response,
        end: type[Event] | None = None,
        *,
        is_unmarked: bool = False,
    ) -> None:
        pending.response = response
        pending.items = 0
        pending.end = end
        pending.is_unmarked = is_unmarked
        self._lists[pending.action_id] = pending
        if pending.on_item is not None:
            pending.on_item(response, None)

    def _begin_unmarked_list(self, pending: Pending, response: Response) -> None:
        """Wait for a list that may follow a success without an announcement."""
        shape = pending.shape
        if shape.list_unmarked or shape.completion is None:
            self._begin_list(pending, response, shape.completion)
        elif shape.list_optional or response.message.strip() in shape.empty_list_messages:
            self._finish(pending, response, response.success)
        else:
            # Asterisk 11 and older mark no list, and do not end every list with an event. The
            # answer to a Ping shows that the list is over in any case.
            self._begin_list(pending, response, shape.completion, is_unmarked=True)
            self.needs_fence = True

    def _response(self, pending: Pending, text: str) -> Response:
        action = pending.action
        kind = pending.shape.response_type
        return kind(text, action, seconds=self._clock() - pending.sent_at)

    def _take_note(self, action: Action[Any], response: Response) -> None:
        """Update the state of the connection after a successful Ping, Login or Logoff."""
        name = action.name.lower()
        if action is FENCE:  # it changes no state and no statistics
            self._tally.messages -= 1
            self._tally.others -= 1
        elif name == "ping":
            self._tally.last_round_trip = response.seconds
        elif name == "login":
            self.logged_in = True
        elif name == "logoff":
            self.said_goodbye = True

    def _receive_second_reply(self, pending: Pending, response: Response) -> None:
        """Process the last of several replies, or an error in the middle of a list."""
        if pending.forgotten:
            return
        if pending.shape.reply_count > 1:
            self._finish(pending, response, response.success)
            return
        if response.success:  # a second success tells nothing about the list
            self._stray(response)
            return
        note_secrets(response, self._secrets)
        # After an error in the middle of a list, more items may come, and the end may be missing.
        # So the error is the answer, and the rest is discarded.
        self._count(pending, False)
        if pending.promise is not None and not pending.promise.done():
            pending.promise.set_result(response)
        self.forget(pending)

    def _finish(self, pending: Pending, response: Response, success: bool) -> None:
        """Give an action its complete response."""
        if not success:
            note_secrets(response, self._secrets)
        # The outcome first: no event follows a refusal, or an answer that already is the outcome.
        outcome = pending.outcome
        if outcome is not None:
            conclusion = pending.action.conclusion_of_response(response)
            if conclusion is not None:
                outcome.settle(conclusion)
            elif not success:
                outcome.settle(refusal(response, pending.action))
        self._drop(pending)
        self._count(pending, success)
        promise, pending.promise = pending.promise, None
        if promise is not None and not promise.done():
            promise.set_result(response)
        if pending.shape.reply_count > 1 and not pending.overtaken:
            # Another reply may come, but is useless.
            pending.forgotten = True
            self._pending[pending.action_id] = pending
            self._begin_list(pending, response)

    def _count(self, pending: Pending, success: bool | None) -> None:
        """Count a user's action as carried out, refused, or without an answer (`None`)."""
        if not pending.counted:
            return
        pending.counted = False
        if success is None:
            self._tally.failures += 1
        elif success:
            self._tally.successes += 1
        else:
            self._tally.errors += 1

    def _receive_bare_reply(self, text: str) -> None:
        """Process lines without a `Response` header, which a few actions have as their answer.

        The last line is not marked; the answer to a later action shows that all lines have come.
        """
        pending = self._oldest_unanswered()
        if pending is None or not pending.shape.bare_reply:
            self._stray(text)
            return
        if pending.forgotten:
            return
        if pending.bare_lines is None:
            pending.bare_lines = []
        else:
            pending.bare_lines.append("")
        pending.bare_lines += split(text, lambda lines: lines.split("\n"))
        limit = self._max_list_items
        if limit is not None and len(pending.bare_lines) > limit:
            name = pending.action.name
            raise ProtocolError(f"the answer to {name} exceeds max_list_items ({limit} lines)")

    def _conclude(self, pending: Pending) -> None:
        """End an action without a marked end, because a later one was answered."""
        response = pending.response
        if response is not None:
            if pending.is_unmarked and not pending.items:
                self._refuse_unmarked_list(pending, response)
            elif not _is_list(response):  # a marked list has its own end, or is never complete
                self._finish(pending, response, response.success)
            return
        lead = "" if pending.shape.bare_reply == "headers" else "Output: "
        lines = ["Response: Success", *(join((lead, line)) for line in pending.bare_lines or ())]
        self._finish(pending, self._response(pending, join(lines, "\n")), True)

    def _refuse_unmarked_list(self, pending: Pending, response: Response) -> None:
        """Fail a list action that was answered with a success but without any part of a list."""
        action, end = pending.action, pending.end
        assert end is not None  # an unmarked list is expected only if its class declares the end
        sentence = (
            f"{action.name} was answered without a list: this server marks no lists, and neither "
            f"an item nor {end.wire_name} followed"
        )
        self._count(pending, False)
        self._drop(pending)
        promise, pending.promise = pending.promise, None
        if promise is not None and not promise.done():
            promise.set_exception(ActionError(sentence, action=action, response=response))

    def conclude(self) -> None:
        """Take note that no more answers come for the actions under way, as the caller knows.

        Actions without a marked end are over now; a list whose marked end is missing stays open.
        """
        for pending in list(self._pending.values()):
            if pending.response is not None:
                if pending.is_unmarked and not pending.items:
                    self._refuse_unmarked_list(pending, pending.response)
                elif not _is_list(pending.response):
                    self._finish(pending, pending.response, pending.response.success)

    def _oldest_unanswered(self) -> Pending | None:
        """Return the action that the next reply without an ActionID belongs to."""
        while self._oldest is not None and self._oldest.forgotten and not self._oldest.written:
            self._step_on(self._oldest)  # it never left, so no answer will come for it
        return self._oldest if self._oldest is not None and self._oldest.written else None

    def _step_on(self, oldest: Pending) -> None:
        """Remove the oldest action from the unanswered ones."""
        self._oldest, oldest.next = oldest.next, None
        if self._oldest is None:
            self._newest = None

    def _pass_over_those_before(self, pending: Pending) -> None:
        """Take note that an action is answered, so no answer will come for earlier ones."""
        if pending.overtaken:  # its answer comes late, and tells nothing about those before it
            return
        while (earlier := self._oldest) is not pending:
            assert earlier is not None  # every unanswered action is in the linked list
            self._step_on(earlier)
            # It does not fail yet: a late answer is still accepted; otherwise its deadline ends it.
            earlier.overtaken = True
            if earlier.forgotten or earlier.action is FENCE:
                self._drop(earlier)
            elif earlier.shape.fenced:
                self._conclude(earlier)
        self._step_on(pending)
        # Asterisk sends no other answer within a list. If another action is answered, an open list
        # is either over, or will never end.
        for earlier in list(self._lists.values()):
            earlier.overtaken = True
            if earlier.forgotten:
                self._drop(earlier)
            elif earlier.is_unmarked or earlier.shape.fenced:
                self._conclude(earlier)

    def _drop(self, pending: Pending) -> None:
        """Remove an action for which no more answers come."""
        if self._pending.get(pending.action_id) is pending:
            del self._pending[pending.action_id]
        if self._lists:
            self._lists.pop(pending.action_id, None)

    def _stray(self, message: Response | str) -> None:
        """Count and log a message that belongs to no action."""
        self._tally.strays += 1
        # A faulty server will repeat the fault, which must not fill the log.
        level, self._stray_level = self._stray_level, logging.DEBUG
        if isinstance(message, str):
            log.log(
                level,
                "the server sent %d characters that are neither an event nor a reply",
                len(message),
            )
        else:
            # Values are not shown: without a known action, secrets in them cannot be recognised.
            kind = "success" if message.success else "error"
            names = ", ".join(list(message)[:_SHOWN_NAMES])
            log.log(level, "a reply came that no action waits for: %s, with %s", kind, names)

    # Lists

    def _take_items(self, text: str, cls: type[Event]) -> bool:
        """Process an event as an item of its list; return `False` if it belongs to none."""
        event = cls(text)
        pending = self._lists.get(event.find("ActionID") or "")
        if pending is None or pending.response is None or cls.wire_name in _BROADCAST_WITH_ID:
            return False
        if pending.shape.items_unseparated:
            for part in split(text, _BETWEEN_EVENTS.split):
                each = event_class(Event(part).name)(part)
                self._take_item(pending, pending.response, each, part)
        else:
            self._take_item(pending, pending.response, event, text)
        return True

    def _take_item(self, pending: Pending, response: Response, event: Event, text: str) -> None:
        if self._dispatcher.server:
            name_server(event, self._dispatcher.server)
        # Most lists end with a header that says so; some only by the name of their last event.
        end = pending.end
        ends_by_name = end is not None and event.name == end.wire_name
        complete = ends_by_name or (
            # The text is searched first: the search for an absent header takes four times as long.
            "eventlist" in text.lower() and _says_of_list(event) == "complete"
        )
        # Counted here, because the items of a `stream()` are not kept, but are limited too.
        pending.items += 1
        limit = self._max_list_items
        if complete:
            response.events.completion = event
        elif limit is not None and pending.items > limit and not pending.forgotten:
            name = pending.action.name
            raise ProtocolError(f"the list of {name} exceeds max_list_items ({limit} items)")
        # An event that ends the list by its name is also an item if the action's class says so.
        items = pending.shape.items
        is_item = isinstance(event, items) if items and ends_by_name else not complete
        if not pending.forgotten and is_item:
            if pending.on_item is not None:
                pending.on_item(response, event)
            else:
                response.events.append(event)
        if complete:
            self._finish(pending, response, response.success)

    # Outcomes

    def _watch(self, event_name: str) -> OutcomeWatch:
        # Kept while the link lives: most programs wait for outcomes in the same few events.
        watch = self._watches.get(event_name)
        if watch is None:
            watch = self._watches[event_name] = OutcomeWatch(event_name, self._encoding)
            self._dispatcher.add(watch)
        return watch

    def _outcomes(self) -> list[Outcome]:
        """Return all outcomes that have not come yet, each of them once."""
        watched = [each for watch in self._watches.values() for each in watch.outcomes.values()]
        return list({id(each): each for each in watched}.values())


def _lost(reason: ManagerError, what: str, *, sent: bool) -> ConnectionLost:
    return because(ConnectionLost(f"{what} was cut off: {reason}", sent=sent), reason)


def _with_usual_name(text: str) -> list[str]:
    """The text of an event with `Event: ` as its first header's name, in this spelling."""
    return [f"Event: {text.partition(':')[2].lstrip(' ')}"]


def _is_list(response: Response) -> bool:
    """True if a response announces a list, whose end will be marked."""
    return _says_of_list(response) == "start"


def _says_of_list(message: Message) -> str:
    """The value of a message's `EventList` header in lower case; empty without the header."""
    return (message.find("EventList") or "").lower()
