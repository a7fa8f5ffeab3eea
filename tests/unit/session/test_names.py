"""The names that a selection stands for, and the end of a session that somebody else carried."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aioami import ActionError, Disconnected, Event, core, events
from aioami._client.buffers import Buffer
from aioami._session.dispatch import Dispatcher, Selection
from aioami._session.session import Session
from aioami.actions import DAHDIShowStatus, FAXStats
from aioami.errors import EventsLost
from aioami.events.base import KnownEvent


class OwnUserEvent(events.UserEvent, abstract=True):
    """A part of the user events."""


@pytest.mark.parametrize(
    ("selectors", "names"),
    [
        ((), None),
        ((events.Hangup,), {"Hangup"}),
        (("hangup", events.Newchannel), {"Hangup", "Newchannel"}),
        (("Queue*",), None),
        (("NobodyKnowsIt",), None),
        ((Event,), None),
        ((KnownEvent,), None),
        ((Disconnected,), set()),
        ((OwnUserEvent,), {"UserEvent"}),
    ],
    ids=lambda value: repr(sorted(value)) if isinstance(value, set) else repr(value),
)
def test_a_selection_knows_its_names(selectors: Any, names: set[str] | None) -> None:
    """Names and classes stand for names in Asterisk's spelling; what may stand for any event has none."""
    found = Selection(selectors).names()
    assert found == (None if names is None else frozenset(names))


def test_a_part_of_an_event_is_looked_for_in_each() -> None:
    """Of the events that a class of the user extends, only its own are given on; of all others, none."""
    given: list[Event] = []
    selection = Selection((OwnUserEvent,))
    put = selection.sink("UserEvent", events.UserEvent, given.append)
    assert put is not None
    own = OwnUserEvent("Event: UserEvent\r\n\r\n")
    put(events.UserEvent("Event: UserEvent\r\n\r\n"))
    put(own)
    assert given == [own]
    assert selection.sink("Hangup", events.Hangup, given.append) is None


def submitted(action: Any) -> tuple[Session, asyncio.Future[Any]]:
    """A session with one action under way."""
    promise: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    session = Session(Dispatcher(), clock=lambda: 0.0)
    session.submit(action, promise, action_id="1").written = True
    return session, promise


async def test_a_session_that_is_over_ends_what_has_an_answer() -> None:
    """What nothing marks the end of ends, or is refused; a list without its end stays open, as does what has no answer."""
    session, promise = submitted(core.CoreShowChannels())
    session.conclude()
    assert not promise.done()
    session.receive(["Response: Success\r\nActionID: 1\r\nEventList: start"])
    session.conclude()
    assert not promise.done()
    session, promise = submitted(core.CoreShowChannels())
    session.receive(["Response: Success\r\nActionID: 1"])
    session.conclude()
    with pytest.raises(ActionError, match="without a list"):
        await promise
    # One whose answer may go on behind a blank line, and one that marks no list.
    session, promise = submitted(FAXStats())
    session.receive(["Response: Success\r\nActionID: 1"])
    assert not promise.done()
    session.conclude()
    assert promise.result().success
    session, promise = submitted(DAHDIShowStatus())
    session.receive(["Response: Success\r\nActionID: 1"])
    session.conclude()
    with pytest.raises(ActionError, match="DAHDIShowStatusComplete"):
        await promise


def test_a_long_first_line_is_not_kept() -> None:
    """A server that makes up first lines without end fills no memory with them; short ones are found again."""
    routes = Dispatcher().routes
    for kind in ("Event", "Response"):
        assert routes[f"{kind}: {'x' * 200}"][1] == ()
    assert not routes
    assert routes["Event: Hangup"][0] is events.Hangup
    assert set(routes) == {"Event: Hangup"}


async def test_reasons_of_a_loss_stand_together() -> None:
    """What is missing in one place is one error, which names each reason once."""
    buffer = Buffer(Selection(()), None, None, on_loss="raise")
    for why in ("the log was short", "the relay changed", "the relay changed"):
        buffer.miss(1.0, 2, why)
    with pytest.raises(EventsLost) as lost:
        buffer.give()
    assert str(lost.value) == "events are missing: the log was short, and the relay changed"
    assert (lost.value.count, lost.value.gap) == (6, 3.0)
