"""The session, fed by hand: which message belongs to which action."""

from __future__ import annotations

import gc
import logging
import re
import time
import tracemalloc
from typing import Any

import pytest
from tests.helpers import Promise

from aioami import (
    Action,
    ActionError,
    ConnectionLost,
    Event,
    ManagerAuthError,
    PermissionDenied,
    ProtocolError,
    Response,
    UnknownAction,
    actions,
    core,
    events,
)
from aioami._session.deadlines import Deadlines
from aioami._session.dispatch import Dispatcher, Selection
from aioami._session.outcomes import OutcomeWatch
from aioami._session.pending import FENCE, Outcome, Pending
from aioami._session.refusals import is_final, is_permission_denied, is_shutting_down, refusal
from aioami._session.session import Session
from aioami._session.statistics import Tally
from aioami.actions.base import ACTIONS, KnownAction
from aioami.wire.text import UTF8, Encoding


class Listener:
    """Keeps every event it gets."""

    def __init__(self, *selectors: Any) -> None:
        self.selection = Selection(selectors)
        self.events: list[Event] = []

    def put(self, event: Event, /) -> None:
        self.events.append(event)

    def settle(self) -> None: ...

    def miss(self, gap: float, count: int = 0, why: str = "", /) -> None:
        pass

    def finish(self, error: Exception | None, /) -> None:
        pass

    @property
    def names(self) -> list[str]:
        return [event.name for event in self.events]


class Conversation:
    """A session with one listener to everything, and a clock that stands."""

    def __init__(self, **options: Any) -> None:
        self.dispatcher = Dispatcher()
        self.listener = Listener()
        self.dispatcher.add(self.listener)
        self.tally = Tally()
        self.session = Session(self.dispatcher, clock=lambda: 0.0, tally=self.tally, **options)

    def send(self, action: Action[Any], action_id: str | None = None, on_item: Any = None) -> tuple[Pending, Promise]:
        promise = Promise()
        pending = self.session.submit(action, promise, action_id=action_id, on_item=on_item)
        pending.written = True
        return pending, promise

    def fence(self) -> None:
        """Send what the connection sends behind an odd action, and answer it."""
        self.session.submit(FENCE, Promise(), action_id="fence", counted=False).written = True
        self.receive("Response: Success|ActionID: fence|Ping: Pong")

    def receive(self, *messages: str) -> None:
        self.session.receive([message.replace("|", "\r\n") for message in messages])


@pytest.fixture
def talk() -> Conversation:
    return Conversation()


def test_pipelined_replies_go_to_their_actions(talk: Conversation) -> None:
    """Two actions under way at once each get the reply with their own ActionID."""
    _, first = talk.send(core.Ping(), "a")
    _, second = talk.send(core.Ping(), "b")
    talk.receive("Response: Success|ActionID: a|Ping: Pong", "Response: Success|ActionID: b|Ping: Pong")
    assert (first.result["ActionID"], second.result["ActionID"]) == ("a", "b")
    assert len(talk.session) == 0


def test_a_reply_without_an_action_id_belongs_to_the_oldest_unanswered_action(talk: Conversation) -> None:
    """Asterisk loses the ActionID of what it cannot parse, but it answers in order."""
    _, first = talk.send(core.Ping(), "a")
    _, second = talk.send(core.Ping(), "b")
    talk.receive("Response: Error|Message: Missing action in request")
    assert first.result.message == "Missing action in request"
    assert not second.done()


def test_a_reply_without_an_action_id_may_be_that_of_a_forgotten_action(talk: Conversation) -> None:
    """An action that timed out or was cancelled is still the oldest one that the server has not answered."""
    forgotten, promise = talk.send(core.Ping(), "a")
    _, second = talk.send(core.Ping(), "b")
    talk.session.forget(forgotten)
    talk.receive("Response: Error|Message: Failed to parse message: line too long")
    assert not promise.done()
    assert not second.done()
    talk.receive("Response: Success|ActionID: b|Ping: Pong")
    assert second.result.success
    assert talk.tally.strays == 0


def test_nothing_is_left_of_a_forgotten_action_that_was_passed_over(talk: Conversation) -> None:
    """An answer behind it shows that none will come for it."""
    forgotten, _ = talk.send(core.Ping(), "a")
    talk.send(core.Ping(), "b")
    talk.session.forget(forgotten)
    talk.receive("Response: Success|ActionID: b|Ping: Pong")
    assert len(talk.session) == 0


def test_where_a_server_stands_that_owes_an_answer(talk: Conversation) -> None:
    """It is told once an action was given up that may still be answered, and changes with each answer and each item."""
    session = talk.session
    waiting, _ = talk.send(Action("Slow"), "slow")
    unsent = session.submit(core.Ping(), Promise(), action_id="unsent")
    assert session.standstill() is None
    session.forget(unsent)
    listed, _ = talk.send(Action("Items"), "items")
    given_up, _ = talk.send(core.Ping(), "b")
    assert session.standstill() is None
    session.forget(given_up)
    first = session.standstill()
    assert first == session.standstill() == (waiting, 0)
    talk.receive("Event: Tick")
    assert session.standstill() == first
    talk.receive("Response: Success|ActionID: slow")
    assert session.standstill() == (listed, 0)
    talk.receive("Response: Success|ActionID: items|EventList: start")
    assert session.standstill() == (given_up, 0)
    talk.receive("Event: Item|ActionID: items", "Event: Item|ActionID: items")
    assert session.standstill() == (given_up, 2)
    session.forget(listed)  # whose answer is there, up to its end
    talk.receive("Response: Success|ActionID: b")
    assert session.standstill() is None


def test_a_late_answer_is_not_owed(talk: Conversation) -> None:
    """What was passed over stands in nobody's way, and neither does a list that goes on unseen."""
    passed, _ = talk.send(Action("Slow"), "slow")
    listed, _ = talk.send(Action("Items"), "items")
    talk.receive("Response: Success|ActionID: items|EventList: start")
    passed.forgotten = True  # as a promise that is given up in the same moment
    talk.session.forget(listed)
    assert talk.session.standstill() is None


def test_a_list_that_is_given_up_before_it_begins_goes_nowhere(talk: Conversation) -> None:
    """Neither its begin nor its items are handed on."""
    taken: list[Event | None] = []
    pending, _ = talk.send(Action("Items"), "a", lambda response, item: taken.append(item))
    talk.session.forget(pending)
    talk.receive("Response: Success|ActionID: a|EventList: start", "Event: Item|ActionID: a")
    assert taken == []
    assert talk.listener.events == []


def test_the_end_of_a_list_is_what_says_so(talk: Conversation) -> None:
    """Not a name, not another word in its header, and not the header's name in another; an odd event is an item."""
    _, promise = talk.send(core.CoreShowChannels(), "a")
    talk.receive(
        "Response: Success|ActionID: a|EventList: start",
        "Event: CoreShowChannelsComplete|ActionID: a",
        "Event: CoreShowChannel|ActionID: a|EventList: start",
        "Event: Odd|ActionID: a|Note: EventList",
    )
    assert not promise.done()
    talk.receive("Event: Whatever|ActionID: a|EVENTLIST: COMPLETE")
    assert [event.name for event in promise.result.events] == ["CoreShowChannelsComplete", "CoreShowChannel", "Odd"]
    assert promise.result.events.completion.name == "Whatever"


def test_a_list_that_ends_by_its_name_does_so_where_its_begin_is_marked_too(talk: Conversation) -> None:
    """FAXStats has no marked end on any server."""
    _, promise = talk.send(actions.FAXStats(), "a")
    talk.receive("Response: Success|ActionID: a|EventList: start", "Event: FAXStats|ActionID: a|CurrentSessions: 1")
    assert [event["CurrentSessions"] for event in promise.result.events] == ["1"]


def test_items_of_a_list_name_their_server(talk: Conversation) -> None:
    """As all events of a server in a fleet do."""
    talk.dispatcher.server = "pbx1"
    _, promise = talk.send(Action("Items"), "a")
    talk.receive("Response: Success|ActionID: a|EventList: start", "Event: Item|ActionID: a")
    talk.receive("Event: ItemsComplete|ActionID: a|EventList: Complete")
    assert [event.server for event in promise.result.events] == ["pbx1"]
    assert promise.result.events.completion.server == "pbx1"


@pytest.mark.parametrize("how", ["an answer behind it", "whoever carried it"])
def test_a_missing_list_is_told(talk: Conversation, how: str) -> None:
    """The error says what was missing, and has the action and its answer."""
    action = core.QueueStatus()
    _, promise = talk.send(action, "a")
    talk.receive("Response: Success|ActionID: a|Message: Queue status will follow")
    if how == "an answer behind it":
        talk.fence()
    else:
        talk.session.conclude()
    assert str(promise.error) == (
        "QueueStatus was answered without a list: this server marks no lists, and neither an item nor "
        "QueueStatusComplete followed"
    )
    assert isinstance(promise.error, ActionError)
    assert promise.error.action is action
    assert promise.error.response is not None
    assert promise.error.response.message == "Queue status will follow"


def test_lines_without_a_response_become_one(talk: Conversation) -> None:
    """It reads as a command's does on a new server."""
    _, promise = talk.send(Action("IAXnetstats"), "a")
    talk.receive("1 2|3")
    talk.fence()
    assert promise.result.text == "Response: Success\nOutput: 1 2\r\nOutput: 3"


def test_a_reply_without_an_action_id_never_goes_to_one_that_was_passed_over(talk: Conversation) -> None:
    """An action that was sent before an answered one gets nothing any more, so it is not the oldest."""
    _, silent = talk.send(Action("Silent"), "a")
    _, second = talk.send(core.Ping(), "b")
    _, third = talk.send(core.Ping(), "c")
    talk.receive("Response: Success|ActionID: b|Ping: Pong", "Response: Error|Message: Missing action in request")
    assert second.result.success
    assert third.result.message == "Missing action in request"
    assert not silent.done()


@pytest.mark.parametrize(
    "reply", ["Response: Error|Message: Missing action in request", "Response: Success|ActionID: x"]
)
def test_a_reply_that_nobody_waits_for_is_counted_and_logged(
    talk: Conversation, reply: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A stray reply is told, and disturbs no later action."""
    with caplog.at_level(logging.WARNING, "aioami"):
        talk.receive(reply)
    assert talk.tally.strays == 1
    assert "no action waits for" in caplog.text
    _, promise = talk.send(core.Ping(), "a")
    talk.receive("Response: Success|ActionID: a|Ping: Pong")
    assert promise.result.success


def test_the_log_of_a_stray_reply_shows_no_value(talk: Conversation, caplog: pytest.LogCaptureFixture) -> None:
    """Its headers are named alone: a value may repeat a secret, and no action tells which."""
    with caplog.at_level(logging.DEBUG, "aioami"):
        talk.receive("Response: Error|ActionID: b|Message: no user with hush-hush", "Response: hush-hush|Message: x")
    assert "error, with Response, ActionID, Message" in caplog.text
    assert "hush-hush" not in caplog.text


def test_the_second_of_two_replies_is_a_stray(talk: Conversation) -> None:
    """An action that ought to answer once and answers twice has its first answer."""
    _, promise = talk.send(core.ModuleLoad("reload"), "a")
    talk.receive("Response: Success|ActionID: a", "Response: Error|ActionID: a|Message: Could not")
    assert promise.result.success
    assert talk.tally.strays == 1


def test_the_last_of_two_replies_counts_where_two_are_due(talk: Conversation) -> None:
    """JabberSend is answered that Asterisk will try, and then what came of it: the second is its answer."""
    for second in ("Success", "Error"):
        _, promise = talk.send(Action("JabberSend"), "a")
        talk.receive("Response: Success|ActionID: a|Message: Attempting to send Jabber Message")
        assert not promise.done()
        talk.receive(f"Response: {second}|ActionID: a|Message: x")
        assert promise.result["Response"] == second
        talk.fence()
    assert (talk.tally.strays, len(talk.session)) == (0, 0)


def test_a_first_refusal_is_final_where_two_replies_are_due(talk: Conversation) -> None:
    """An error is the end; one more that comes behind it is swallowed, and the next action is not disturbed."""
    _, promise = talk.send(Action("PRIDebugSet"), "a")
    talk.receive("Response: Error|ActionID: a|Message: first", "Event: Item|ActionID: a")
    talk.receive("Response: Error|ActionID: a|Message: second")
    assert promise.result.message == "first"
    assert promise.result.events == []
    talk.fence()
    assert (talk.tally.strays, len(talk.session)) == (0, 0)


def test_a_second_reply_that_does_not_come_is_not_waited_for(talk: Conversation) -> None:
    """The answer to what was sent behind it tells that there will be no second one: the first counts."""
    _, promise = talk.send(Action("PRIDebugSet"), "a")
    talk.receive("Response: Success|ActionID: a|Message: Debug level set")
    assert not promise.done()
    talk.fence()
    assert promise.result.message == "Debug level set"
    assert len(talk.session) == 0


@pytest.mark.parametrize("action_id", ["7 x ", "~!#", "x" * 67])
def test_action_ids_are_compared_as_they_come_back(talk: Conversation, action_id: str) -> None:
    """Trailing blanks and other signs survive the round trip."""
    _, promise = talk.send(core.Ping(), action_id)
    talk.receive(f"Response: Success|ActionID: {action_id}|Ping: Pong")
    assert promise.result.action_id == action_id


@pytest.mark.parametrize("action_id", ["", "x" * 68, "é" * 34, " x", "a\r\nAction: Command", "a\0"])
def test_action_ids_that_would_not_come_back_are_refused(talk: Conversation, action_id: str) -> None:
    """An ActionID that is empty, over 67 bytes, begins with a blank or breaks the line never leaves."""
    with pytest.raises(ValueError, match="ActionID"):
        talk.send(core.Ping(), action_id)
    assert len(talk.session) == 0


def test_an_action_id_in_use_is_refused_until_it_is_answered(talk: Conversation) -> None:
    """Two actions never share an ActionID, not even when nobody waits for the first one any more."""
    pending, _ = talk.send(core.Ping(), "a")
    talk.session.forget(pending)
    with pytest.raises(ValueError, match="not answered yet"):
        talk.send(core.Ping(), "a")
    talk.receive("Response: Success|ActionID: a|Ping: Pong")
    talk.send(core.Ping(), "a")


def test_generated_action_ids_differ_between_sessions() -> None:
    """OriginateResponse and UserEvent repeat an ActionID to every client, so it must be nobody else's."""
    ids = {Conversation().send(core.Ping())[0].action_id for _ in range(50)}
    assert len(ids) == 50
    assert all(re.fullmatch("[0-9a-f]{12}-1", item) for item in ids)


def test_actions_leave_in_the_encoding_of_the_session(talk: Conversation) -> None:
    """Under an ActionID of the library's, and under one of the caller's."""
    talk.session = Session(talk.dispatcher, clock=lambda: 0.0, encoding=Encoding("latin-1"))
    action = Action("Foo", {"Key": "Zoë"})
    for action_id in (None, "mine"):
        pending, _ = talk.send(action, action_id)
        assert pending.data == b"Action: Foo\r\nKey: Zo\xeb\r\nActionID: %b\r\n\r\n" % pending.action_id.encode()


def test_an_action_is_answered_as_its_own_class_says(talk: Conversation) -> None:
    """Though another class has its name; one without a class, as its name says; a fence, as nothing at all."""

    class First(KnownAction[Response], wire_name="TwiceMade"):
        """Made first."""

    class Second(KnownAction[Response], wire_name="TwiceMade"):
        """Made later, so that the name is its own."""

    try:
        given = First()
        assert talk.send(given)[0].shape is given
        assert talk.send(Action("twicemade"))[0].shape is Second
        assert talk.send(FENCE)[0].shape is FENCE
    finally:
        del ACTIONS["twicemade"]
    assert talk.session.needs_fence is False


def test_events_name_their_server(talk: Conversation) -> None:
    """Those of a server in a fleet have its name; elsewhere it is empty."""
    talk.receive("Event: Tick")
    talk.dispatcher.server = "pbx1"
    talk.receive("Event: Tick")
    assert [event.server for event in talk.listener.events] == ["", "pbx1"]


def test_a_list_is_complete_with_its_completion_event(talk: Conversation) -> None:
    """The items of a list are in its response, in order, with the event that ended it; no stream sees them."""
    _, promise = talk.send(core.CoreShowChannels(), "a")
    talk.receive(
        "Response: Success|ActionID: a|EventList: start|Message: Channels will follow",
        "Event: CoreShowChannel|ActionID: a|Channel: x",
        "Event: CoreShowChannel|Channel: y|ActionID: a",
    )
    assert not promise.done()
    talk.receive("Event: CoreShowChannelsComplete|ActionID: a|EventList: Complete|ListItems: 2")
    assert [event["Channel"] for event in promise.result.events] == ["x", "y"]
    assert promise.result.events.completion["ListItems"] == "2"
    assert talk.listener.events == []


@pytest.mark.parametrize("start", ["start", "Start"])
def test_an_empty_list_is_an_empty_list(talk: Conversation, start: str) -> None:
    """A list may have no items, a wrong count, and either spelling of its start."""
    _, promise = talk.send(Action("FAXSessions"), "a")
    talk.receive(
        f"Response: Success|ActionID: a|EventList: {start}",
        "Event: FAXSessionsComplete|ActionID: a|EventList: Complete|ListItems: 7",
    )
    assert promise.result.events == []
    assert promise.result.events.completion is not None


def test_a_list_action_may_be_answered_without_a_list(talk: Conversation) -> None:
    """`No active conferences.` is an error, no voicemail user a plain success: both are an empty list, by any action."""
    _, refused = talk.send(Action("ConfbridgeListRooms"), "a")
    _, plain = talk.send(core.VoicemailUsersList(), "b")
    talk.receive(
        "Response: Error|ActionID: a|Message: No active conferences.",
        "Response: Success|ActionID: b|Message: There are no voicemail users currently defined.",
    )
    assert refused.result.success
    assert refused.result.events == plain.result.events == []
    assert plain.result.events.completion is None


def test_events_of_the_same_name_without_the_action_id_are_no_items(talk: Conversation) -> None:
    """A broadcast event goes to the listeners, even if items of a list are called the same."""
    _, promise = talk.send(core.ParkedCalls(), "a")
    talk.receive(
        "Event: ParkedCall|ParkeeChannel: before",
        "Response: Success|ActionID: a|EventList: start",
        "Event: ParkedCall|ActionID: a|ParkeeChannel: item",
        "Event: ParkedCallsComplete|ActionID: a|EventList: Complete",
        "Event: ParkedCall|ParkeeChannel: after",
    )
    assert [event["ParkeeChannel"] for event in talk.listener.events] == ["before", "after"]
    assert [event["ParkeeChannel"] for event in promise.result.events] == ["item"]


@pytest.mark.parametrize("name", ["UserEvent", "OriginateResponse", "SIPQualifyPeerDone"])
def test_broadcast_events_with_an_action_id_are_no_items(talk: Conversation, name: str) -> None:
    """Events that repeat somebody's ActionID to everyone never become items, nor end an action."""
    _, promise = talk.send(core.CoreShowChannels(), "a")
    talk.receive("Response: Success|ActionID: a|EventList: start", f"Event: {name}|ActionID: a|EventList: Complete")
    assert not promise.done()
    assert talk.listener.names == [name]


def test_a_refusal_in_the_middle_of_a_list_refuses_the_action(talk: Conversation) -> None:
    """A list that turns into an error is no list; what still comes of it is swallowed."""
    _, promise = talk.send(Action("PJSIPShowEndpoint"), "a")
    talk.receive(
        "Response: Success|ActionID: a|EventList: start",
        "Event: EndpointDetail|ActionID: a",
        "Response: Error|ActionID: a|Message: Unable to retrieve",
        "Event: EndpointDetail|ActionID: a",
        "Event: EndpointDetailComplete|ActionID: a|EventList: Complete",
    )
    assert promise.result.message == "Unable to retrieve"
    assert talk.listener.events == []
    assert len(talk.session) == 0


@pytest.mark.parametrize("begin", [(), ("Response: Success|ActionID: a|EventList: start",)], ids=["first", "in a list"])
def test_a_refusal_that_repeats_the_secret_of_the_login_does_not_show_it(begin: tuple[str, ...]) -> None:
    """Neither its repr nor the exception for it, whether it is the first answer or stands in the middle of a list."""
    talk = Conversation(secrets=("hush-hush",))
    pending, promise = talk.send(Action("PJSIPShowEndpoint"), "a")
    talk.receive(*begin, "Response: Error|ActionID: a|Message: the user of hush-hush may not")
    assert promise.result.message == "the user of hush-hush may not"
    for shown in (repr(promise.result), str(refusal(promise.result, pending.action))):
        assert "the user of *** may not" in shown


def test_a_refused_list_without_an_end_is_over_with_the_next_answer(talk: Conversation) -> None:
    """CoreShowChannelMap sends no end after its error; the next action's answer shows that it is over."""
    talk.send(Action("CoreShowChannelMap"), "a")
    talk.receive("Response: Success|ActionID: a|EventList: start", "Response: Error|ActionID: a|Message: x")
    assert len(talk.session) == 1
    talk.send(core.Ping(), "b")
    talk.receive("Response: Success|ActionID: b|Ping: Pong")
    assert len(talk.session) == 0


def test_the_rest_of_a_forgotten_list_is_swallowed(talk: Conversation) -> None:
    """A list that nobody waits for any more goes on to its end without being seen."""
    pending, promise = talk.send(core.QueueStatus(), "a")
    talk.receive("Response: Success|ActionID: a|EventList: start", "Event: QueueParams|ActionID: a")
    talk.session.forget(pending)
    talk.receive("Event: QueueMember|ActionID: a", "Event: QueueStatusComplete|ActionID: a|EventList: Complete")
    assert not promise.done()
    assert talk.listener.events == []
    assert len(talk.session) == 0


def test_fax_stats_is_one_event_without_an_end(talk: Conversation) -> None:
    """FAXStats answers with one event that is item and end in one."""
    _, promise = talk.send(Action("FAXStats"), "a")
    talk.receive("Response: Success|ActionID: a|Message: FAXStats event will follow")
    assert not promise.done()
    talk.receive("Event: FAXStats|ActionID: a|CurrentSessions: 0")
    assert [event["CurrentSessions"] for event in promise.result.events] == ["0"]


def test_wait_event_ends_with_its_own_event(talk: Conversation) -> None:
    """WaitEvent ends with WaitEventComplete; the events before it are everybody's."""
    _, promise = talk.send(Action("WaitEvent"), "a")
    talk.receive(
        "Response: Success|ActionID: a|Message: Waiting for Event completed.",
        "Event: Hangup|Channel: x",
        "Event: WaitEventComplete|ActionID: a",
    )
    assert promise.result.events.completion.name == "WaitEventComplete"
    assert talk.listener.names == ["Hangup"]


def test_hangup_answers_a_name_and_lists_a_pattern(talk: Conversation) -> None:
    """One class serves both: the reply itself says whether a list follows."""
    _, single = talk.send(core.Hangup("x"), "a")
    _, several = talk.send(core.Hangup("/^x/"), "b")
    talk.receive(
        "Response: Success|ActionID: a|Message: Channel Hungup",
        "Response: Success|ActionID: b|EventList: start",
        "Event: ChannelHungup|ActionID: b|Channel: x1",
        "Event: ChannelsHungupListComplete|ActionID: b|EventList: Complete",
    )
    assert single.result.success
    assert [event["Channel"] for event in several.result.events] == ["x1"]


def test_lines_without_a_response_answer_a_raw_action(talk: Conversation) -> None:
    """IAXnetstats and Queues answer with bare lines, blank ones among them; what comes behind tells that this was all."""
    _, promise = talk.send(Action("IAXnetstats"), "a")
    talk.receive("1 2 3\n4 5 6")
    assert not promise.done()
    talk.receive("7 8 9")
    talk.fence()
    assert promise.result.data == ["1 2 3", "4 5 6", "", "7 8 9"]


def test_a_raw_answer_has_a_limit() -> None:
    """Its lines count as the items of a list do; those of an action that was given up are not kept."""
    talk = Conversation()
    talk.session = Session(talk.dispatcher, clock=lambda: 0.0, max_list_items=4)
    forgotten, _ = talk.send(Action("IAXnetstats"), "a")
    talk.session.forget(forgotten)
    talk.receive(*["1\n2"] * 9)
    talk.fence()
    assert talk.session.error is None
    talk.send(Action("IAXnetstats"), "b")
    talk.receive("1\n2", "3")
    assert talk.session.error is None
    talk.receive("4")
    assert str(talk.session.error) == "the answer to IAXnetstats exceeds max_list_items (4 lines)"


def test_a_raw_answer_in_many_pieces_is_linear(talk: Conversation) -> None:
    """Thirty thousand pieces of one answer take no longer than so many messages do."""
    _, promise = talk.send(Action("IAXnetstats"), "a")
    began = time.process_time()
    talk.receive(*["line"] * 30_000)
    talk.fence()
    assert time.process_time() - began < 2
    assert len(promise.result.data) == 59_999


def test_an_answer_of_nothing_is_an_answer(talk: Conversation) -> None:
    """Without calls IAXnetstats answers with a blank line, which cannot be seen; what comes behind tells."""
    _, promise = talk.send(Action("IAXnetstats"), "a")
    talk.fence()
    assert (promise.result.success, promise.result.data) == (True, [])


def test_headers_without_a_response_are_headers(talk: Conversation) -> None:
    """SKINNYshowdevice answers with headers alone, and with nothing for a device that does not exist."""
    _, known = talk.send(actions.SKINNYshowdevice("phone"), "a")
    talk.receive(
        "Channeltype: SKINNY|ObjectName: phone|ChannelObjectType: device|NumberOfLines: 2|Line: 1 (a)|Line: 2 (b)"
    )
    talk.fence()
    assert (known.result.object_name, known.result.number_of_lines) == ("phone", 2)
    assert known.result.line == ["1 (a)", "2 (b)"]
    assert known.result.success
    _, unknown = talk.send(actions.SKINNYshowdevice("none"), "b")
    talk.fence()
    assert not unknown.result.success


def test_items_without_a_blank_line_between_them_are_items(talk: Conversation) -> None:
    """SKINNYdevices sends its list in one message: each event in it is an item, and the last one is the end."""
    _, promise = talk.send(actions.SKINNYdevices(), "a")
    talk.receive(
        "Response: Success|ActionID: a|EventList: start",
        "Event: DeviceEntry|ActionID: a|ObjectName: one|Event: DeviceEntry|ActionID: a|ObjectName: two"
        "|Event: DevicelistComplete|EventList: Complete|ListItems: 2|ActionID: a",
    )
    assert [item.object_name for item in promise.result.events] == ["one", "two"]
    assert promise.result.completion.list_items == 2
    assert talk.listener.names == []


def test_one_event_without_an_end_is_a_list(talk: Conversation) -> None:
    """FAXStats answers with one event that nothing marks; without it, what comes behind tells that there is none."""
    _, stats = talk.send(actions.FAXStats(), "a")
    talk.receive("Response: Success|ActionID: a", "Event: FAXStats|ActionID: a|CurrentSessions: 3")
    assert [item.current_sessions for item in stats.result.events] == [3]
    talk.fence()
    _, none = talk.send(actions.FAXStats(), "b")
    talk.receive("Response: Success|ActionID: b")
    talk.fence()
    assert (none.result.success, none.result.events) == (True, [])


def test_a_list_that_is_cut_short_is_not_whole(talk: Conversation) -> None:
    """A fence does not end a list that the server has said to mark the end of."""
    _, stats = talk.send(actions.FAXStats(), "a")
    talk.receive("Response: Success|ActionID: a|EventList: start")
    talk.fence()
    assert not stats.done()


def test_a_fence_counts_nowhere(talk: Conversation) -> None:
    """It is no action of the user's, no round trip that was measured, and no message."""
    talk.fence()
    counted = talk.tally
    assert (counted.actions, counted.successes, counted.messages, counted.others) == (0, 0, 0, 0)
    assert counted.last_round_trip is None


def test_a_forgotten_action_with_a_fence_is_forgotten_for_good(talk: Conversation) -> None:
    """Whoever gave up is told nothing when the fence is reached, and nothing of the action remains."""
    pending, promise = talk.send(Action("IAXnetstats"), "a")
    talk.session.forget(pending)
    talk.receive("1 2 3")
    talk.fence()
    assert not promise.done()
    assert len(talk.session) == 0


def test_lines_that_nobody_asked_for_are_counted(talk: Conversation, caplog: pytest.LogCaptureFixture) -> None:
    """Text that is neither event nor reply is told, and the session lives on."""
    _, promise = talk.send(core.Ping(), "a")
    with caplog.at_level(logging.WARNING, "aioami"):
        talk.receive("1 2 3", "Response: Success|ActionID: a|Ping: Pong")
    assert talk.tally.strays == 1
    assert "neither an event nor a reply" in caplog.text
    assert promise.result.success


def test_the_kind_of_a_message_is_read_in_any_case(talk: Conversation) -> None:
    """`event:` and `RESPONSE:` are what they say."""
    _, promise = talk.send(core.Ping(), "a")
    talk.receive("event:Hangup|Channel: x", "RESPONSE: Success|ActionID: a")
    assert talk.listener.names == ["Hangup"]
    assert promise.result.success


def test_losing_the_link_fails_what_is_under_way(talk: Conversation) -> None:
    """Every waiter hears the recorded reason, and whether its bytes had left."""
    _, sent = talk.send(core.CoreShowChannels(), "a")
    talk.receive("Response: Success|ActionID: a|EventList: start", "Event: CoreShowChannel|ActionID: a")
    unsent, kept = talk.send(core.Ping(), "b")
    unsent.written = False
    reason = ConnectionLost("Asterisk closed the connection")
    talk.session.lose(reason)
    assert isinstance(sent.error, ConnectionLost)
    assert isinstance(kept.error, ConnectionLost)
    assert (sent.error.sent, kept.error.sent) == (True, False)
    assert sent.error.__cause__ is reason
    assert len(talk.session) == 0


def test_a_forgotten_action_that_never_left_leaves_no_trace(talk: Conversation) -> None:
    """What is given up before it is written is not counted as unanswered."""
    pending, _ = talk.send(core.Ping(), "a")
    pending.written = False
    talk.session.forget(pending)
    assert len(talk.session) == 0
    _, promise = talk.send(core.Ping(), "b")
    talk.receive("Response: Error|Message: Missing action in request")
    assert promise.done()


def test_stream_items_are_handed_on_as_they_come(talk: Conversation) -> None:
    """With a taker for items, the response does not collect them."""
    taken: list[Event | None] = []
    _, promise = talk.send(core.QueueStatus(), "a", lambda response, item: taken.append(item))
    talk.receive("Response: Success|ActionID: a|EventList: start", "Event: QueueParams|ActionID: a|Queue: q")
    assert [item["Queue"] if item is not None else None for item in taken] == [None, "q"]
    talk.receive("Event: QueueStatusComplete|ActionID: a|EventList: Complete")
    assert promise.result.events == []
    assert promise.result.events.completion is not None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Permission denied", PermissionDenied),
        ("Originate Access Forbidden: app or data blacklisted", PermissionDenied),
        ("Invalid/unknown command: Foo. Use Action: ListCommands to show available commands.", UnknownAction),
        ("No such channel", ActionError),
        ("permission denied", ActionError),
    ],
)
def test_the_text_of_a_refusal_decides_its_class(text: str, kind: type[ActionError]) -> None:
    """Asterisk's errors have no code, so their exact texts are the table."""
    action = core.Hangup("x")
    response = Response(f"Response: Error\r\nMessage: {text}", action)
    error = refusal(response, action)
    assert type(error) is kind
    assert isinstance(error, ActionError)
    assert (error.action, error.response) == (action, response)
    assert text in str(error)


def test_a_channel_of_agi_may_be_named_by_its_uniqueid(talk: Conversation) -> None:
    """The outcome of an AGI command is found by the channel's name or its Uniqueid, whichever the action named."""
    pending, _ = talk.send(core.AGI("1700000000.1", "ANSWER"), "a")
    talk.receive("Response: Success|ActionID: a")
    talk.receive("Event: AsyncAGIExec|Channel: x|Uniqueid: 1700000000.2|Result: 200")
    outcome = pending.outcome
    assert outcome is not None
    assert not isinstance(outcome.result, Event)
    talk.receive("Event: AsyncAGIExec|Channel: x|Uniqueid: 1700000000.1|Result: 200")
    assert isinstance(outcome.result, Event)


def test_an_agi_result_without_an_id_belongs_to_the_oldest_command(talk: Conversation) -> None:
    """Commands of one channel run in order, so results without a CommandId do too; a hang-up ends all of them."""
    pendings = [talk.send(core.AGI("c", "ANSWER"), name)[0] for name in ("a", "b", "c")]
    outcomes = [pending.outcome for pending in pendings]
    talk.receive(*(f"Response: Success|ActionID: {name}" for name in ("a", "b", "c")))
    talk.receive("Event: AsyncAGIExec|Channel: other|Result: 200", "Event: AsyncAGIExec|Channel: c|Result: 200%201")
    settled = [outcome.result for outcome in outcomes if outcome is not None]
    assert isinstance(settled[0], Event)
    assert settled[1:] == [None, None]
    talk.receive("Event: Hangup|Channel: c")
    assert [type(outcome.result) for outcome in outcomes[1:] if outcome is not None] == [ActionError, ActionError]


def test_an_agi_result_is_found_among_many(talk: Conversation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each result is judged for the commands that it may belong to, and not for all that are under way."""
    judged = 0
    conclusion = core.AGI.conclusion

    def count(self: Action[Any], action_id: str, event: Event) -> object:
        nonlocal judged
        judged += 1
        return conclusion(self, action_id, event)

    monkeypatch.setattr(core.AGI, "conclusion", count)
    pendings = [talk.send(core.AGI(f"c{n % 50}", "ANSWER", str(n)), f"a{n}")[0] for n in range(200)]
    talk.receive(*(f"Response: Success|ActionID: a{n}" for n in range(200)))
    for n in range(100):
        talk.receive(f"Event: AsyncAGIExec|Channel: c{n % 50}|Uniqueid: {n}|CommandId: {n}|Result: 200")
    assert all(isinstance(pending.outcome.result, Event) for pending in pendings[:100] if pending.outcome)
    assert judged == 100
    talk.receive("Event: AsyncAGIExec|Channel: elsewhere|CommandId: 150|Result: 200", "Event: Hangup|Channel: none")
    assert judged == 101
    talk.receive("Event: Hangup|Channel: c0|Uniqueid: 7")
    ended = [
        n for n, pending in enumerate(pendings) if pending.outcome and isinstance(pending.outcome.result, ActionError)
    ]
    assert ended == [100, 150]


def test_outcomes_of_agi_that_nobody_waits_for_are_forgotten() -> None:
    """Commands whose outcome was dropped leave nothing behind, even where no event ever comes."""
    watch = OutcomeWatch("Hangup", UTF8)
    tracemalloc.start()
    try:
        for n in range(1000):
            watch.add(Outcome(core.AGI(f"c{n}", "ANSWER"), str(n)))
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for n in range(4000):
            watch.add(Outcome(core.AGI(f"d{n}", "ANSWER"), str(n)))
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 100_000
    finally:
        tracemalloc.stop()
    kept = [Outcome(core.AGI(f"c{n}", "ANSWER"), str(n)) for n in range(300)]
    for outcome in kept:
        watch.add(outcome)
    watch.put(events.parse("Event: Hangup\r\nChannel: c299\r\nUniqueid: 1"))
    assert [n for n, outcome in enumerate(kept) if outcome.result is not None] == [299]


def test_a_reply_that_comes_out_of_order_is_still_taken(talk: Conversation) -> None:
    """Asterisk does not do that; should it, nobody waits in vain."""
    _, first = talk.send(core.Ping(), "a")
    _, second = talk.send(core.Ping(), "b")
    talk.receive("Response: Success|ActionID: b", "Response: Success|ActionID: a")
    assert first.result.action_id == "a"
    assert second.result.action_id == "b"


def test_the_rest_of_a_forgotten_list_is_over_with_the_next_reply(talk: Conversation) -> None:
    """A list whose end never comes is not remembered for ever, once a later action is answered."""
    pending, _ = talk.send(Action("Items"), "a")
    talk.receive("Response: Success|ActionID: a|EventList: start")
    talk.session.forget(pending)
    talk.send(core.Ping(), "b")
    talk.receive("Response: Success|ActionID: b")
    assert len(talk.session) == 0
    talk.receive("Event: Item|ActionID: a")
    assert talk.listener.names == ["Item"]


def test_a_second_reply_within_a_list(talk: Conversation, caplog: pytest.LogCaptureFixture) -> None:
    """An error refuses the list; a second success is a stray, and a reply for a forgotten list is nothing."""
    _, refused = talk.send(Action("Items"), "a")
    talk.receive("Response: Success|ActionID: a|EventList: start", "Response: Success|ActionID: a")
    assert talk.tally.strays == 1
    assert "waits for: success, with Response, ActionID" in caplog.text
    talk.receive("Response: Error|ActionID: a|Message: no")
    assert refused.result.message == "no"
    talk.receive("Response: Error|ActionID: a|Message: again")
    assert talk.tally.strays == 1
    assert talk.tally.errors == 1


def test_a_promise_that_is_done_is_left_alone(talk: Conversation) -> None:
    """Whoever gave up in the same moment is not told a second time, by a reply, a refusal, an outcome or a loss."""
    waiting = [talk.send(action, str(number)) for number, action in enumerate([core.Ping()] * 2 + [Action("Items")])]
    for _, promise in waiting:
        promise.set_exception(ValueError())
    talk.receive("Response: Success|ActionID: 0", "Response: Success|ActionID: 2|EventList: start")
    talk.receive("Response: Error|ActionID: 2")
    talk.session.lose(ConnectionLost("gone"))
    assert [promise.result for _, promise in waiting] == [None] * 3
    pending, _ = talk.send(core.Originate_Application("Local/1@x", "Wait"), "o")
    assert pending.outcome is not None
    done = Promise()
    done.set_exception(ValueError())
    pending.outcome.waiting.append(done)
    talk.receive("Response: Success|ActionID: o", "Event: OriginateResponse|ActionID: o|Response: Success")
    pending.outcome.settle(ConnectionLost("too late"))
    assert isinstance(pending.outcome.result, Event)
    assert done.result is None


def test_events_are_held_back_until_the_gate_is_open() -> None:
    """What comes behind a login waits for the news of it; lists and replies do not wait."""
    talk = Conversation()
    talk.session = Session(talk.dispatcher, clock=lambda: 0.0, gated=True, tally=talk.tally)
    _, promise = talk.send(Action("Items"), "a")
    talk.receive("Event: Early", "Response: Success|ActionID: a|EventList: start", "Event: Item|ActionID: a")
    talk.receive("Event: ItemsComplete|ActionID: a|EventList: Complete")
    assert [event.name for event in promise.result.events] == ["Item"]
    assert talk.listener.names == []
    talk.session.open_gate()
    talk.receive("Event: Late")
    talk.session.open_gate()
    assert talk.listener.names == ["Early", "Late"]
    assert talk.tally.messages - talk.tally.others == 4


def test_a_list_over_the_limit_is_an_error_of_the_session() -> None:
    """The item that is one too many is not kept, whoever waits for the list, and the completing event counts as none."""
    for items, wrong in ((2, False), (3, True)):
        talk = Conversation()
        talk.session = Session(talk.dispatcher, clock=lambda: 0.0, max_list_items=2)
        _, promise = talk.send(Action("Items"), "a")
        talk.receive("Response: Success|ActionID: a|EventList: start", *["Event: Item|ActionID: a"] * items)
        assert (talk.session.error is not None) is wrong
        if not wrong:
            talk.receive("Event: ItemsComplete|ActionID: a|EventList: Complete")
            assert len(promise.result.events) == 2


@pytest.mark.parametrize(
    ("action", "held"),
    [
        (core.Command("x"), True),
        (Action("comMand"), True),
        (core.Ping(), False),
        (Action("Unknown"), False),
        (core.Originate_Application("Local/1@x", "Wait"), False),
        (core.Originate_Application("Local/1@x", "Wait", async_=False), True),
        (Action("Originate", {"async": "Yes"}), False),
        (Action("Originate", {"Async": "no"}), True),
    ],
)
def test_which_actions_hold_the_session(talk: Conversation, action: Action[Any], held: bool) -> None:
    """Those whose class says so, by any spelling of the name, unless they are asynchronous."""
    assert talk.send(action)[0].holds_session is held


def test_an_action_is_open_until_it_or_a_later_one_is_answered(talk: Conversation) -> None:
    """Also when it was forgotten: the server may still be at work on it."""
    first, _ = talk.send(core.Command("x"), "a")
    second, _ = talk.send(core.Command("y"), "b")
    talk.session.forget(first)
    assert talk.session.is_open(first)
    assert talk.session.is_open(second)
    talk.receive("Response: Success|ActionID: b")
    assert not talk.session.is_open(first)
    assert not talk.session.is_open(second)


def test_how_actions_end_is_counted_once(talk: Conversation) -> None:
    """Success, error, and no whole answer; what the library sends for itself does not count."""
    for action_id in "abcdefgh":
        talk.send(core.Ping(), action_id)
    talk.receive("Response: Success|ActionID: g", "Response: Error|ActionID: h")
    over = talk.session._pending["a"]
    talk.session.submit(core.Ping(), Promise(), counted=False)
    talk.receive("Response: Success|ActionID: a", "Response: Error|ActionID: b", "Response: Success|ActionID: a")
    talk.session.forget(over)
    forgotten = talk.session._pending["c"]
    talk.session.forget(forgotten)
    talk.session.forget(forgotten)
    talk.receive("Response: Success|ActionID: c")
    tally = talk.tally
    assert (tally.actions, tally.successes, tally.errors, tally.failures) == (8, 2, 2, 1)
    talk.session.lose(ConnectionLost("gone"))
    assert (tally.actions, tally.successes, tally.errors, tally.failures) == (8, 2, 2, 4)


_JABBER = actions.JabberSend("account", "jid", "text")


@pytest.mark.parametrize(
    ("action", "answers", "knows"),
    [
        (Action("IAXnetstats"), ["1 2"], False),
        (Action("IAXnetstats"), [], False),
        (core.Hangup("/x/"), ["Response: Success|ActionID: a"], False),
        (_JABBER, ["Response: Success|ActionID: a"] * 2, False),
        (_JABBER, ["Response: Success|ActionID: a"], False),
        (_JABBER, ["Response: Success|ActionID: a"], True),
    ],
    ids=[
        "bare lines",
        "no line",
        "no list where one may come",
        "both replies",
        "one of two",
        "one, and the caller knows",
    ],
)
def test_an_answer_of_any_form_counts_as_a_success(
    talk: Conversation, action: Action[Any], answers: list[str], knows: bool
) -> None:
    """It is no refusal and no missing answer, whether the next answer shows its end or the caller knows it."""
    talk.send(action, "a")
    talk.receive(*answers)
    if knows:
        talk.session.conclude()
    else:
        talk.fence()
    assert (talk.tally.successes, talk.tally.errors, talk.tally.failures) == (1, 0, 0)


def test_an_outcome_whose_action_id_is_used_again_does_not_come(talk: Conversation) -> None:
    """An ActionID may be used again when its action is answered; who waits for the first outcome is told, not forgotten."""
    call = core.Originate_Application("Local/1@x", "Playback", ("x",))
    first, _ = talk.send(call, "a")
    talk.receive("Response: Success|ActionID: a")
    outcome = first.outcome
    second, _ = talk.send(call, "a")
    talk.receive("Response: Success|ActionID: a", "Event: OriginateResponse|ActionID: a|Response: Success")
    assert outcome is not None
    assert isinstance(outcome.result, ActionError)
    assert second.outcome is not None
    assert isinstance(second.outcome.result, Event)


def test_an_event_without_a_name_ends_no_list(talk: Conversation) -> None:
    """A list is complete with what Asterisk ends it with, and with nothing else."""
    _, promise = talk.send(core.CoreShowChannels(), "a")
    talk.receive("Response: Success|ActionID: a|EventList: start", "Event: |ActionID: a")
    assert not promise.done()


def test_an_outcome_is_told_to_all_who_wait(talk: Conversation) -> None:
    """Whoever still waits gets that very event, or an error of its own that says the same, also behind one who gave up."""
    for result in (Event("Event: OriginateResponse"), ActionError("no")):
        outcome = Outcome(core.Originate_Application("Local/1@x", "Wait"), "a")
        promises = [Promise() for _ in range(3)]
        promises[0].set_exception(ValueError())
        outcome.waiting.extend(promises)
        outcome.settle(result)
        told = [promise.result if isinstance(result, Event) else promise.error for promise in promises[1:]]
        if isinstance(result, Event):
            assert told == [result, result]
        else:
            assert [(type(each), str(each)) for each in told] == [(ActionError, "no")] * 2
            assert told[0] is not told[1]


def test_an_outcome_goes_to_the_action_whose_id_it_bears(talk: Conversation) -> None:
    """And to no other that waits, however long."""
    calls = [talk.send(core.Originate_Application("Local/1@x", "Wait"), name)[0] for name in "abc"]
    talk.receive(*(f"Response: Success|ActionID: {name}" for name in "abc"))
    talk.receive("Event: OriginateResponse|ActionID: b|Response: Failure", "Event: OriginateResponse|ActionID: none")
    assert [call.outcome is not None and call.outcome.result is not None for call in calls] == [False, True, False]


def test_an_outcome_without_an_id_is_offered_to_all_who_wait(talk: Conversation) -> None:
    """Those whom it does not concern are passed over, and what cannot come any more is said of its own action."""
    other, _ = talk.send(core.AGI("other", "ANSWER"), "a")
    mine, _ = talk.send(core.AGI("mine", "ANSWER"), "b")
    talk.receive("Response: Success|ActionID: a", "Response: Success|ActionID: b")
    talk.receive("Event: Hangup|Channel: mine")
    assert other.outcome is not None
    assert other.outcome.result is None
    assert mine.outcome is not None
    error = mine.outcome.result
    assert isinstance(error, ActionError)
    assert str(error) == "AGI: the channel hung up before the command ended"
    assert error.action is mine.action


def test_an_outcome_that_comes_with_the_answer(talk: Conversation) -> None:
    """A synchronous call's answer is its outcome; a refusal is that of an asynchronous one."""
    waited, _ = talk.send(core.Originate_Application("Local/1@x", "Wait", async_=False), "a")
    refused, _ = talk.send(core.Originate_Application("Local/1@x", "Wait"), "b")
    talk.receive("Response: Success|ActionID: a", "Response: Error|ActionID: b|Message: Permission denied")
    assert waited.outcome is not None
    assert isinstance(waited.outcome.result, Event)
    assert waited.outcome.result["Response"] == "Success"
    assert refused.outcome is not None
    assert isinstance(refused.outcome.result, PermissionDenied)
    assert refused.outcome.result.action is refused.action


def test_a_lost_link_is_told_to_outcomes_by_name(talk: Conversation) -> None:
    """Each of those who wait for one hears what was cut off, that it may have run, and why; no event is watched for any more."""
    calls = [talk.send(core.Originate_Application("Local/1@x", "Wait"), name)[0] for name in "ab"]
    talk.receive("Response: Success|ActionID: a", "Response: Success|ActionID: b")
    watching = len(talk.dispatcher)
    reason = ConnectionLost("Asterisk closed the connection")
    talk.session.lose(reason)
    for call in calls:
        assert call.outcome is not None
        error = call.outcome.result
        assert isinstance(error, ConnectionLost)
        assert str(error) == "the outcome of Originate was cut off: Asterisk closed the connection"
        assert error.sent is True
        assert error.__cause__ is reason
    assert len(talk.dispatcher) == watching - 1


def test_a_lost_link_is_told_to_actions_by_name(talk: Conversation) -> None:
    """The sentence says which action it was."""
    _, promise = talk.send(core.Ping(), "a")
    talk.session.lose(ConnectionLost("Asterisk closed the connection"))
    assert str(promise.error) == "Ping was cut off: Asterisk closed the connection"


def test_an_action_that_has_not_left_is_not_answered(talk: Conversation) -> None:
    """A reply without an ActionID cannot be meant for it."""
    pending = talk.session.submit(core.Ping(), Promise())
    assert (pending.written, pending.forgotten, pending.overtaken) == (False, False, False)
    assert (pending.last_progress, pending.sent_at) == (None, 0.0)
    assert talk.session.submit(core.Ping(), Promise(), counted=False).counted is False
    talk.receive("Response: Error|Message: Missing action in request")
    assert talk.tally.strays == 1


def test_a_response_knows_its_action_and_its_time() -> None:
    """Whether it is a single reply, refuses a list, or is made of bare lines; a Ping's time is kept."""
    talk = Conversation()
    now = [10.0]
    talk.session = Session(talk.dispatcher, clock=lambda: now[0], tally=talk.tally)
    asked = [core.Ping(), Action("Items"), Action("IAXnetstats")]
    sent = [talk.send(action, name) for action, name in zip(asked, "abc", strict=True)]
    for pending, _ in sent:
        pending.sent_at = 9.0
    now[0] = 12.5
    talk.receive("Response: Success|ActionID: a", "Response: Success|ActionID: b|EventList: start", "1 2\r\n3\r")
    talk.receive("Response: Error|ActionID: b")
    talk.fence()
    assert [promise.result.action for _, promise in sent] == asked
    assert [promise.result.seconds for _, promise in sent] == [3.5, 3.5, 3.5]
    assert sent[2][1].result.data == ["1 2", "3"]
    assert talk.tally.last_round_trip == 3.5


def test_a_login_and_a_logoff_are_noticed(talk: Conversation) -> None:
    """By whatever spelling of the action, and only if the server agreed."""
    assert (talk.session.logged_in, talk.session.said_goodbye, talk.tally.last_round_trip) == (False, False, None)
    for name, verdict, expected in (
        *(("Ping", "Success", (False, False)), ("LogIn", "Error", (False, False)), ("LogIn", "Success", (True, False))),
        *(("LOGOFF", "Error", (True, False)), ("LOGOFF", "Goodbye", (True, True))),
    ):
        talk.send(Action(name), "a")
        talk.receive(f"Response: {verdict}|ActionID: a")
        assert (talk.session.logged_in, talk.session.said_goodbye) == expected


def test_the_first_line_may_be_written_otherwise(talk: Conversation) -> None:
    """Blanks before the event's name are dropped, those behind it are a part of it; neither is another kind of message."""
    talk.receive("EVENT:   Foo |A: 1", "event:Bar", "event: Xray", "event: \tTab")
    assert talk.listener.names == ["Foo ", "Bar", "Xray", "\tTab"]
    assert (talk.tally.messages, talk.tally.others) == (4, 0)
    talk.receive("Response: Success|ActionID: x", "Response: Success|ActionID: x")
    assert (talk.tally.messages, talk.tally.others) == (6, 2)


def test_output_that_looks_like_an_action_id_is_output(talk: Conversation) -> None:
    """The old form of a command's reply has its ActionID in its head, or none; what a command prints is no header."""
    _, first = talk.send(core.Command("x"), "a")
    _, second = talk.send(core.Command("y"), "b")
    talk.receive("Response: Follows\r\nPrivilege: Command\r\nfoo\nActionID: b\n--END COMMAND--")
    assert first.result.data == ["foo", "ActionID: b"]
    assert not second.done()


@pytest.mark.parametrize("header", ["ActionID: a", "ActionID:a", "ActionID: a|Other: 1|ActionID: b"])
def test_an_action_id_is_read_as_it_stands(talk: Conversation, header: str) -> None:
    """With a blank behind the colon or without; the first one counts."""
    talk.send(core.Ping(), "first")
    _, promise = talk.send(core.Ping(), "a")
    talk.send(core.Ping(), "b")
    talk.receive(f"Response: Success|{header}")
    assert promise.done()


def test_strays_are_logged_once_and_counted_always(talk: Conversation, caplog: pytest.LogCaptureFixture) -> None:
    """The first one with what it was, the others only where somebody wants to know."""
    caplog.set_level(logging.DEBUG, "aioami.session")
    for _ in range(2):
        talk.receive("Response: Success|ActionID: x", "1 2 3")
    assert talk.tally.strays == 4
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "a reply came that no action waits for: success, with Response, ActionID"),
        *[("DEBUG", "the server sent 5 characters that are neither an event nor a reply")],
        *[("DEBUG", "a reply came that no action waits for: success, with Response, ActionID")],
        *[("DEBUG", "the server sent 5 characters that are neither an event nor a reply")],
    ]


def test_a_list_goes_on_when_a_later_action_is_answered(talk: Conversation) -> None:
    """Only one that nobody waits for is over then."""
    _, promise = talk.send(Action("Items"), "a")
    talk.receive("Response: Success|ActionID: a|EventList: start")
    talk.send(core.Ping(), "b")
    talk.receive("Response: Success|ActionID: b", "Event: Item|ActionID: a")
    talk.receive("Event: ItemsComplete|ActionID: a|EventList: Complete")
    assert len(promise.result.events) == 1


def test_the_item_over_the_limit_goes_nowhere() -> None:
    """Neither to the list nor to a stream; the error names the list, the limit and its unit."""
    talk = Conversation()
    talk.session = Session(talk.dispatcher, clock=lambda: 0.0, max_list_items=1)
    taken: list[tuple[Response, Event | None]] = []
    talk.send(Action("Items"), "a", lambda response, item: taken.append((response, item)))
    talk.receive("Response: Success|ActionID: a|EventList: start", *["Event: Item|ActionID: a"] * 2)
    assert [(type(response), item and item.name) for response, item in taken] == [(Response, None), (Response, "Item")]
    assert talk.listener.names == []
    assert str(talk.session.error) == "the list of Items exceeds max_list_items (1 items)"


def test_a_list_over_the_limit_is_not_made_whole_by_its_end() -> None:
    """Though the end comes in the same read as the item that is one too many; and nothing else behind it counts."""
    for on_item in (None, lambda response, item: None):
        talk = Conversation()
        talk.session = Session(talk.dispatcher, clock=lambda: 0.0, max_list_items=1)
        _, promise = talk.send(Action("Items"), "a", on_item)
        _, later = talk.send(Action("Later"), "b")
        end = "Event: ItemsComplete|ActionID: a|EventList: Complete"
        behind = (end, "Response: Success|ActionID: b", "Event: Tick")
        talk.receive("Response: Success|ActionID: a|EventList: start", *["Event: Item|ActionID: a"] * 2, *behind)
        assert talk.session.error is not None
        assert not promise.done()
        assert not later.done()
        assert talk.listener.names == []
        talk.session.lose(talk.session.error)
        assert isinstance(promise.error, ConnectionLost)


def test_a_refusal_is_a_sentence() -> None:
    """Also where the server gave no reason, and of a login, whatever text it has."""
    ping, login = core.Ping(), core.Login("u", "s", challenge="1")
    response = Response("Response: Error", ping)
    assert str(refusal(response, ping)) == "Ping was refused: no reason given"
    for action in (login, Action("login")):
        error = refusal(Response("Response: Error\r\nMessage: Account expired", action), action)
        assert isinstance(error, ManagerAuthError)
        assert str(error) == "the login was refused: Account expired"
        assert error.response is not None
        assert error.response.message == "Account expired"


def test_the_id_that_is_used_again_is_named(talk: Conversation) -> None:
    """Whoever waits for the first outcome reads which action it was."""
    call = core.Originate_Application("Local/1@x", "Playback", ("x",))
    first, _ = talk.send(call, "a")
    talk.receive("Response: Success|ActionID: a")
    talk.send(call, "a")
    assert first.outcome is not None
    error = first.outcome.result
    assert isinstance(error, ActionError)
    assert str(error) == "the ActionID of Originate was used again before its outcome came"
    assert error.action is call


# Deadlines


def waiting(talk: Conversation, last_progress: Any = None) -> Pending:
    pending, _ = talk.send(core.Ping())
    pending.last_progress = last_progress
    return pending


def test_deadlines_are_told_in_the_order_in_which_they_are_due() -> None:
    """Whatever the patience of each, the first to be due comes first; what was answered is due no more."""
    talk, deadlines = Conversation(), Deadlines()
    long, short, late, answered = (waiting(talk) for _ in range(4))
    assert deadlines.next == float("inf")
    assert [deadlines.add(long, 5.0, 0.0), deadlines.add(short, 1.0, 1.0), deadlines.add(late, 5.0, 2.0)] == [5, 2, 7]
    deadlines.add(answered, 1.0, 1.5)
    answered.promise = None
    assert (deadlines.next, len(deadlines)) == (2.0, 4)
    assert deadlines.expire(1.9) == []
    assert deadlines.expire(6.0) == [(short, 1.0), (long, 5.0)]
    assert (deadlines.next, len(deadlines)) == (7.0, 1)
    assert deadlines.expire(7.0) == [(late, 5.0)]
    assert (deadlines.next, len(deadlines)) == (float("inf"), 0)


def test_progress_puts_a_deadline_off() -> None:
    """A list is due when nothing of it came for its patience, and keeps its place among those of the same patience."""
    talk, deadlines = Conversation(), Deadlines()
    moving, behind = waiting(talk, lambda: 3.0), waiting(talk)
    deadlines.add(moving, 5.0, 0.0)
    deadlines.add(behind, 5.0, 4.0)
    assert deadlines.expire(5.0) == []
    assert deadlines.next == 8.0
    assert deadlines.expire(8.0) == [(moving, 5.0)]
    assert deadlines.expire(9.0) == [(behind, 5.0)]


def test_deadlines_of_what_is_over_are_swept_away() -> None:
    """However many are added, those that are over are not kept behind one that is not, and rows do not outlive what was in them."""
    talk, deadlines = Conversation(), Deadlines()
    first = waiting(talk)
    deadlines.add(first, 5.0, 0.0)
    for number in range(5000):
        pending = waiting(talk)
        deadlines.add(pending, 5.0 if number % 2 else 5.0 + number / 10_000, 0.0)
        pending.promise = None
    assert len(deadlines) <= 2048
    assert len(deadlines._fifos) <= 1025
    assert deadlines.expire(100.0) == [(first, 5.0)]


@pytest.mark.parametrize(("limit", "refused"), [(25, True), (26, False), (27, False), (None, False)])
def test_what_is_held_back_has_a_limit_in_sum(limit: int | None, refused: bool) -> None:
    """The events before the login is done count together; one character too many ends the link, and says which limit."""
    talk = Conversation()
    talk.session = Session(talk.dispatcher, clock=lambda: 0.0, gated=True, max_held=limit)
    talk.receive("Event: Hello", "Event: Goodbye")
    expected = f"the events before the login was done exceed max_frame_size ({limit} bytes)" if refused else "None"
    assert str(talk.session.error) == expected
    talk.session.open_gate()
    assert talk.listener.names == ([] if refused else ["Hello", "Goodbye"])


def test_messages_that_are_no_events_are_counted(talk: Conversation) -> None:
    """Replies, in any letter case, and lines that are neither; the others are events."""
    talk.send(core.Ping(), "a")
    talk.send(core.Ping(), "b")
    talk.receive(
        "Response: Success|ActionID: a", "RESPONSE: Success|ActionID: b", "1 2 3", "x", "Event: Hello", "event:Hello"
    )
    assert (talk.tally.messages, talk.tally.others, talk.tally.strays) == (6, 4, 2)
    assert talk.listener.names == ["Hello", "Hello"]


def response_with(message: str) -> Response:
    return Response(f"Response: Error\r\nMessage: {message}\r")


@pytest.mark.parametrize(
    ("message", "denied", "ending", "final"),
    [
        ("Permission denied", True, False, True),
        ("Asterisk is shutting down", False, True, True),
        ("Authentication failed", False, False, True),
        ("Login Already In Use", False, False, False),
    ],
)
def test_a_refusal_is_told_by_its_text(message: str, denied: bool, ending: bool, final: bool) -> None:
    """A lack of rights, a server that ends, and a login that may succeed later are told apart."""
    response = response_with(message)
    assert is_permission_denied(response) is denied
    assert is_shutting_down(response) is ending
    assert is_final(refusal(response, core.Login("u", "s", challenge="1"))) is final


def test_what_is_no_refusal_may_be_tried_again() -> None:
    """A lost link is not final; an action that was refused, or a login that nobody answered with a text, is."""
    assert not is_final(ConnectionLost("gone"))
    assert is_final(ActionError("refused", action=core.Ping()))
    assert is_final(ManagerAuthError("no challenge"))
    assert not is_final(RuntimeError("can't start new thread"))
    assert not is_final(ProtocolError("no greeting"))


def test_what_ends_a_link_that_stood_for_good() -> None:
    """What a server said once it will say again; a lost link, and anything else, is established again."""
    assert is_final(ProtocolError("too long"), established=True)
    assert not is_final(ConnectionLost("gone"), established=True)
    assert not is_final(ActionError("refused", action=core.Ping()), established=True)
