"""How actions and events are declared: what the declaration means, and what is refused when a class is made."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
from collections.abc import Iterator
from dataclasses import KW_ONLY
from typing import Any, Generic, TypeVar

import pytest

from aioami import Action, ActionError, Event, EventList, Manager, actions, core, enums, events
from aioami.actions.base import ACTIONS, KnownAction
from aioami.actions.parameters import header, whole_number
from aioami.events.base import EVENTS, UNSOLICITED
from aioami.fields import Integer, Numbered, Text, View
from aioami.permissions import of_use
from aioami.responses import ListReply, Response
from aioami.testing import FakeAsterisk

ItemT = TypeVar("ItemT", bound=Event)


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """What a test declares does not outlive it."""
    tables: tuple[dict[str, Any], ...] = (ACTIONS, EVENTS, UNSOLICITED)
    known = [dict(table) for table in tables]
    yield
    for table, before in zip(tables, known, strict=True):
        table.clear()
        table.update(before)


class Greet(KnownAction[Response], wire_name="Greet"):
    """Greet somebody."""

    whom: str = header("Whom")
    times: int = header("Times", whole_number(1, 9), default=1)
    _: KW_ONLY
    loudly: bool | None = header("Loudly", lambda field, value: "yes" if value else "no", default=None)


ACTIONS.pop("greet")  # other tests look at all that are known


def test_a_declared_action_is_called_like_a_function() -> None:
    """Positional and keyword arguments, defaults, and errors as Python itself words them."""
    assert Greet("Ann", 2, loudly=True).headers == (("Whom", "Ann"), ("Times", "2"), ("Loudly", "yes"))
    assert Greet(whom="Ann") == Greet("Ann", 1)
    assert (Greet("Ann").whom, Greet("Ann").times, Greet("Ann").loudly) == ("Ann", 1, None)
    for arguments, keywords, told in (
        ((), {}, r"Greet\(\) is missing the argument 'whom'"),
        (("Ann", 1, True), {}, r"Greet\(\) takes 2 positional arguments, but 3 were given"),
        (("Ann",), {"whom": "Bob"}, r"Greet\(\) got multiple values for argument 'whom'"),
        (("Ann",), {"nonsense": 1}, r"Greet\(\) got an unexpected keyword argument 'nonsense'"),
        ((None,), {}, "whom: expected text, not NoneType"),
        (("Ann", None), {}, "times: expected a whole number, not NoneType"),
        (("Ann", True), {}, "times: expected a whole number, not bool"),
    ):
        with pytest.raises(TypeError, match=told):
            Greet(*arguments, **keywords)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="times: 1 to 9, not 10"):
        Greet("Ann", 10)


def test_an_action_is_a_value() -> None:
    """It is compared, hashed, copied, pickled and matched; and it does not change."""
    action = actions.QueueAdd("PJSIP/a", "sales", penalty=2)
    for other in (copy.copy(action), copy.deepcopy(action), pickle.loads(pickle.dumps(action))):
        assert other == action
        assert hash(other) == hash(action)
        assert other.penalty == 2
    with pytest.raises(AttributeError, match="queue: an action is a value"):
        action.queue = "support"  # type: ignore[misc]
    match action:
        case actions.QueueAdd(interface, queue, penalty=penalty):
            assert (interface, queue, penalty) == ("PJSIP/a", "sales", 2)
        case _:
            pytest.fail("it does not match")
    once = actions.Events(iter(["call", "user"]))
    assert once.mask == ("call", "user")
    assert pickle.loads(pickle.dumps(once)) == once


def test_what_was_left_out_is_shared_by_nobody() -> None:
    """Nobody who changes what an action has can change another action."""
    assert actions.MessageSend("a", "b").variables is None
    assert actions.AOCMessage("D").unit_amount == ()


def test_a_subclass_is_the_same_action() -> None:
    """Unless it says otherwise, what refines a class is sent under the same name, and received under it."""

    class Quietly(Greet):
        """Greet somebody in a low voice."""

        how: str = header("How", default="low")

    assert (Quietly.wire_name, Quietly("Ann").headers[-1]) == ("Greet", ("How", "low"))
    assert inspect.signature(Quietly).parameters.keys() == {"whom", "times", "how", "loudly"}
    assert isinstance(Quietly, type)

    class Goodbye(events.Hangup):
        """A hang-up of ours."""

        reason = Text("X-Reason")

    parsed = events.parse("Event: Hangup\nX-Reason: tired")
    assert type(parsed) is Goodbye
    assert parsed.reason == "tired"


class Things(KnownAction[ListReply[ItemT, events.QueueStatusComplete]], Generic[ItemT], abstract=True):
    """An action of a user's own kind, whose items its subclasses choose."""


async def test_a_generic_base_is_filled_by_its_subclasses(fake: FakeAsterisk) -> None:
    """What stands in the brackets behind such a base becomes the items; the answer comes as its class says."""

    class Members(Things[events.QueueMember], wire_name="QueueStatus"):
        """The members alone are of interest."""

    assert (Members.response_type, Members.items) == (ListReply, (events.QueueMember,))
    assert Members.completion is events.QueueStatusComplete
    async with Manager.from_url(fake.url) as mgr:
        both = await asyncio.gather(mgr.send(Members()), mgr.send(core.Ping()))
    assert [response.success for response in both] == [True, True]


def test_what_cannot_answer_an_action_is_refused() -> None:
    """An event in the brackets is a mistake, and is told where it is made."""
    with pytest.raises(TypeError, match="Wrong: what answers an action is a class of responses"):

        class Wrong(KnownAction[events.QueueMember]):  # type: ignore[type-var]
            """It is answered with an event, which cannot be."""


def test_a_class_of_ones_own_for_a_known_event() -> None:
    """It has the event's read classes, and the event keeps Asterisk's spelling."""

    class Mine(Event, wire_name="hangup"):
        """A class from nothing."""

    assert of_use([], [Mine]) == of_use([], ["Hangup"])
    assert of_use([], [Mine]).event_filters == ("^Event: Hangup[[:space:]]",)


def test_an_event_is_named_by_one_line() -> None:
    """A name with a line break could never come, and is refused when the class is made; any other is found as it stands."""
    with pytest.raises(ValueError, match="Broken: a name of one line"):

        class Broken(events.KnownEvent, wire_name="A\r\nChannel: b"):
            pass

    class Odd(events.KnownEvent, wire_name=" Odd: name "):
        pass

    odd = events.parse("Event:  Odd: name \r\nKey: 1\r")
    assert isinstance(odd, Odd)
    assert (odd["Event"], odd["event"], odd.name) == (" Odd: name ",) * 3


def test_the_read_classes_of_an_event_of_ones_own() -> None:
    """Its class may declare them; those of another event that it extends are not its own."""

    class Door(events.Hangup, wire_name="Door"):
        """An event with the headers of another."""

        read_classes = ("user", "call")

    class Gate(events.Hangup, wire_name="Gate"):
        """Another one."""

    assert of_use([], [Door]).read == ("call", "user")
    assert of_use([], [Gate]).read == ()
    with pytest.raises(TypeError, match="read_classes"):

        class _(Event, abstract=True):
            read_classes = "call"  # type: ignore[assignment]


def make(body: dict[str, Any], annotations: dict[str, str], bases: tuple[type, ...] = (KnownAction,)) -> type:
    return type("Made", bases, {**body, "__annotations__": annotations, "__module__": __name__})


def test_parameters_that_could_not_work_are_refused_when_the_class_is_made() -> None:
    """Without an annotation, with a name that every action has, or a required one behind an optional one."""
    with pytest.raises(TypeError, match=r"Made\.bar: a parameter needs an annotation"):
        make({"bar": header("Bar")}, {})
    for name in ("timeout", "headers", "encode", "name"):
        with pytest.raises(TypeError, match=rf"Made\.{name}: a parameter cannot have this name"):
            make({name: header("Bar")}, {name: "str"})
    with pytest.raises(TypeError, match=r"Made\.b: what is required cannot follow a, which is not"):
        make({"a": header("A", default=None), "b": header("B")}, {"a": "str | None", "b": "str"})
    mixin = type("Mixin", (), {"bar": header("Bar")})
    with pytest.raises(TypeError, match=r"Made\.bar: a parameter needs an annotation, in a class of an action"):
        make({}, {}, (mixin, KnownAction))
    for name in ("privilege", "empty_list_messages", "outcome_events"):
        with pytest.raises(TypeError, match=rf"Made\.{name}: expected a tuple of texts"):
            make({name: "call"}, {})
    with pytest.raises(TypeError, match=r"Made\.completion: a list that is unmarked"):
        make({"list_unmarked": True}, {})


def test_one_parameter_may_serve_two_classes() -> None:
    """What one of them makes of it does not change the other."""
    shared = header("Whom", default=None)
    first = make({"whom": shared}, {"whom": "str | None"})
    second = make({"whom": shared}, {"_": "KW_ONLY", "whom": "str | None"})
    assert first("Ann").headers == (("Whom", "Ann"),)
    with pytest.raises(TypeError):
        second("Ann")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: core.Park(None, "b"),  # type: ignore[arg-type]
        lambda: core.Park("a", ["b", "c"]),  # type: ignore[arg-type]
        lambda: core.Login(None, "s"),  # type: ignore[arg-type]
        lambda: core.Login("u", None),  # type: ignore[arg-type]
        lambda: core.Login("u", "s", challenge=object()),  # type: ignore[arg-type]
        lambda: core.Login("u", "s", events=5),  # type: ignore[arg-type]
        lambda: core.Events(5),  # type: ignore[arg-type]
        lambda: core.SIPnotify(None),  # type: ignore[arg-type]
        lambda: core.MuteAudio(None, True),  # type: ignore[arg-type]
        lambda: core.Originate_Application(["c", "d"], "Echo"),  # type: ignore[arg-type]
        lambda: core.Originate_Application("c", None),  # type: ignore[arg-type]
        lambda: core.Originate_Application("c", "a", [True]),
        lambda: core.Originate_Application("c", "a", [None]),  # type: ignore[list-item]
        lambda: core.Originate_Application("c", "a", channel_id=5.5),  # type: ignore[arg-type]
        lambda: core.Originate_Context("c", None, "1", 1),  # type: ignore[arg-type]
        lambda: core.UpdateConfig(None, "b", []),  # type: ignore[arg-type]
        lambda: core.UpdateConfig("a", "b", [], reload=0),  # type: ignore[arg-type]
        lambda: core.UpdateConfig("a", "b", None),  # type: ignore[arg-type]
        lambda: core.ModuleLoad("load", ["a", "b"]),  # type: ignore[arg-type]
        lambda: actions.PJSIPNotify(["a", "b"]),  # type: ignore[arg-type]
        lambda: actions.Filter(None),  # type: ignore[arg-type]
        lambda: actions.MessageSend("a", variables={1: "b"}),  # type: ignore[dict-item]
        *(lambda value=value: core.AbsoluteTimeout("c", value) for value in ("", False, [], None)),  # type: ignore[misc]
        lambda: core.Monitor("c", "f", mix=None),  # type: ignore[arg-type]
        lambda: core.QueueReload(members=None),  # type: ignore[arg-type]
        lambda: actions.AOCMessage("D", unit_amount="12"),  # type: ignore[arg-type]
        lambda: actions.AOCMessage("D", unit_amount=["x"]),  # type: ignore[list-item]
    ],
)
def test_wrong_types_are_refused_by_the_name_of_the_parameter(wrong: Any) -> None:
    """Nothing that has the wrong type is sent in part, or left out."""
    with pytest.raises(TypeError, match=r"^(Variable|event mask|[a-z_]+): "):
        wrong()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: core.AbsoluteTimeout("c", 10**400),
        lambda: core.AbsoluteTimeout("c", -1),
        lambda: actions.WaitEvent(10**400),
        lambda: core.Originate_Application("c", "a", timeout=10**400),
        lambda: core.QueueAdd("i", "q", penalty=2**31),
        lambda: core.Bridge("a", "b", "nonsense"),
        lambda: core.PlayDTMF("c", "xyz"),
        lambda: core.Hangup("c", cause="NONSENSE"),
        lambda: core.Hangup("c", cause=128),
        lambda: actions.AOCMessage("D", currency_name="twelve signs"),
        lambda: actions.AOCMessage("D", unit_amount=[1] * 33),
        lambda: actions.AOCMessage("D", unit_amount=[-1]),
        lambda: actions.MessageSend("a", base64_body="?"),
    ],
)
def test_wrong_values_are_refused_by_the_name_of_the_parameter(wrong: Any) -> None:
    """A number beyond its limit, and a word that Asterisk does not know, never leave."""
    with pytest.raises(ValueError, match=r"^[a-z0-9_]+: .{,200}$"):
        wrong()


def test_numbers_with_names_are_given_as_either() -> None:
    """A hang-up cause is a member, its name, or the number; a time that is as good as none is none."""
    for cause in (enums.HangupCause.USER_BUSY, "user_busy", "17", 17):
        assert core.Hangup("c", cause=cause).headers[1] == ("Cause", "17")
    assert core.AbsoluteTimeout("c", 1e-9).headers[1] == ("Timeout", "0.0000001")


def test_fields_that_would_hide_a_message_are_refused() -> None:
    """A field cannot be called like what every message has; and a numbered view needs a place for the number."""
    for name in ("get", "headers", "name", "items"):
        with pytest.raises((TypeError, RuntimeError)) as caught:  # Python before 3.12 wraps it
            type("Made", (events.UserEvent,), {name: Text("X"), "__module__": __name__}, abstract=True)
        assert "every message has" in str(caught.value.__cause__ or caught.value)
    with pytest.raises(ValueError, match="no place for the number"):
        Numbered(View, "Report")


def test_views_have_their_own_headers_alone() -> None:
    """What begins with the same letters and belongs to another group, or to another number, is not theirs."""
    transfer = events.parse("Event: AttendedTransfer\nOrigTransfererChannel: A\nOrigBridgeUniqueid: b")
    assert isinstance(transfer, events.AttendedTransfer)
    assert transfer.orig.to_dict() == {"BridgeUniqueid": "b"}
    lines = "".join(f"\nReport{number}SourceSSRC: 0x{number}" for number in range(12))
    packet = events.parse(f"Event: RTCPReceived\nReportCount: 12{lines}")
    assert isinstance(packet, events.RTCPReceived)
    assert [report.source_ssrc for report in packet.reports] == [f"0x{number}" for number in range(12)]
    assert packet.reports[1].to_dict() == {"SourceSSRC": "0x1"}
    parked = events.parse("Event: ParkedCall\nParkerDialString: x\nParkeeChanVariable(A): a=1")
    assert isinstance(parked, events.ParkedCall)
    assert not parked.parker
    assert parked.parkee
    assert parked.parkee.chan_variable == {"a": "1"}


def test_headers_with_parentheses_are_kept() -> None:
    """Only variables have a channel's name in theirs; all else keeps its own key and its text."""
    event = events.parse("Event: Hangup\nchannel: A\nChannel(2): B\nchanvariable: a=1")
    assert event.to_dict(typed=True)["Channel(2)"] == "B"
    assert event.to_dict(typed=True)["chanvariable"] == {"a": "1"}


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999", "1_0", "\u0661", "9" * 5000])
def test_numbers_that_json_does_not_know_are_none(text: str) -> None:
    """What a dictionary has can be written as JSON; what Asterisk would not write is no number."""
    event = events.parse(f"Event: RTCPReceived\nRTT: {text}\nTimestamp: {text}\nSentRTP: {text}")
    told = event.to_dict(typed=True)
    assert (told["RTT"], told["Timestamp"], told["SentRTP"]) == (None, None, None) or text == "9" * 5000


def test_a_part_of_a_list_is_a_list() -> None:
    """It has the same end, and becomes rows like the whole."""
    end = events.parse("Event: QueueStatusComplete")
    items: EventList[Event] = EventList([events.parse(f"Event: QueueParams\nQueue: {name}") for name in "abc"], end)
    assert items[1:].to_rows() == [{"Event": "QueueParams", "Queue": "b"}, {"Event": "QueueParams", "Queue": "c"}]
    assert items[1:].completion is end
    assert items[0]["Queue"] == "a"


def test_user_events_are_named_by_their_classes() -> None:
    """The class's name is the event's, if nothing else is said; what they share can be a class that stands for none."""

    class Door(events.UserEvent, abstract=True):
        door = Integer("Door")

    class DoorOpened(Door):
        """One of several."""

    parsed = events.parse("Event: UserEvent\nUserEvent: dooropened\nDoor: 3")
    assert type(parsed) is DoorOpened
    assert parsed.door == 3
    assert type(events.parse("Event: UserEvent\nUserEvent: Door\nDoor: 3")) is events.UserEvent


async def test_a_fenced_action_may_be_called_ping(fake: FakeAsterisk) -> None:
    """A class of a user's own that is called as the fence is does not fence the fence."""

    class Ping(KnownAction[Response]):
        fenced = True

    async with Manager.from_url(fake.url) as mgr:
        assert (await mgr.send(Ping())).success
        assert (await mgr.send(core.Events(True))).success


async def test_a_failed_voicemail_action_is_an_error(fake: FakeAsterisk) -> None:
    """What Asterisk calls a success is one only if its sentence says so, with a bare line feed at its end."""
    fake.reply_to("VoicemailMove", {"Response": "Success", "Message": "Message move failed"})
    async with Manager.from_url(fake.url) as mgr:
        with pytest.raises(ActionError, match="Message move failed"):
            await mgr.send(actions.VoicemailMove("default", 1234, "INBOX", "1", "Old"))
        assert isinstance(Action("VoicemailMove"), Action)


async def test_a_class_of_ones_own_selects_its_user_event(fake: FakeAsterisk) -> None:
    """Of all user events those come that the class is for; a pattern and the class that they share select all."""

    class Bell(events.UserEvent):
        door = Integer("Door")

    async with Manager.from_url(fake.url) as mgr:
        with mgr.events(Bell) as bells, mgr.events(events.UserEvent) as all_of_them, mgr.events("UserE*") as by_name:
            await mgr.send(core.UserEvent(UserEvent="Cat", Door="1"))
            await mgr.send(core.UserEvent(UserEvent="Bell", Door="3"))
            ring = await bells.__anext__()
            assert (type(ring), ring.door, bells.pending) == (Bell, 3, 0)
            assert [type(await all_of_them.__anext__()) for _ in range(2)] == [events.UserEvent, Bell]
            assert [type(await by_name.__anext__()) for _ in range(2)] == [events.UserEvent, Bell]
