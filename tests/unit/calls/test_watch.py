"""The watching of calls: what is asked where events are missing, with a manager that answers word for word."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from tests.helpers import until

from aioami import ActionError, ConnectionLost, EventsLost, HungUp, ManagerError, ManagerTimeout
from aioami.agi import Session
from aioami.calls import Call, CallState, EndReason, PlacedCall
from aioami.calls.call import hold
from aioami.calls.hub import Hub
from aioami.calls.machine import CallMachine
from aioami.calls.placing import _hang_up
from aioami.calls.program import CallProgram
from aioami.calls.watch import Watch
from aioami.events.base import parse


def event(name: str, /, **headers: object) -> Any:
    """An event as the wire has it."""
    return parse("\r\n".join([f"Event: {name}", *(f"{key}: {value}" for key, value in headers.items())]))


def item(uniqueid: str, bridge: str = "", state: int = 6) -> Any:
    """A channel in a list."""
    return event("CoreShowChannel", Channel=f"A/{uniqueid}", Uniqueid=uniqueid, ChannelState=state, BridgeId=bridge)


class Stream:
    """A stream of what the test says."""

    def __init__(self) -> None:
        self.items: asyncio.Queue[Any] = asyncio.Queue()

    @property
    def pending(self) -> int:
        return self.items.qsize()

    async def __anext__(self) -> Any:
        told = await self.items.get()
        if isinstance(told, Exception):
            raise told
        return told

    def close(self) -> None:
        self.items.put_nowait(StopAsyncIteration())


class Server:
    """A manager that answers each action with the next of what was laid out for it; the last stands for all further."""

    def __init__(self, **replies: list[Any]) -> None:
        self.sent: list[str] = []
        self.replies = replies
        self.ready: Exception | None = None
        self.streams: list[Stream] = []
        self.view = SimpleNamespace(mask=None)

    def events(self, *selectors: Any, **options: Any) -> Stream:
        self.streams.append(Stream())
        return self.streams[-1]

    @property
    def stream(self) -> Stream:
        """The stream of the calls."""
        return self.streams[0]

    async def send(self, action: Any, **options: Any) -> Any:
        self.sent.append(action.name)
        replies = self.replies[action.name]
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        await asyncio.sleep(0)
        if callable(reply):
            reply = reply()
        if isinstance(reply, Exception):
            raise reply
        events = SimpleNamespace(completion=None)
        return SimpleNamespace(events=reply if isinstance(reply, list) else events, get=lambda name: None)

    async def wait_ready(self) -> None:
        if self.ready is not None:
            raise self.ready

    def say(self, *told: Any) -> None:
        """Have events come."""
        for each in told:
            for stream in self.streams:
                stream.items.put_nowait(each)


class Listed(list[Any]):
    """The items of a list, and the event behind them."""

    completion: Any = None


def gone() -> ActionError:
    """The error of an action about a channel that is not there."""
    return ActionError("refused", response=SimpleNamespace(message="No such channel"))  # type: ignore[arg-type]


def held(server: Server, uniqueid: str = "1", **options: Any) -> tuple[Call, Watch]:
    """A call that is held."""
    machine = options.pop("machine", None) or CallMachine(uniqueid)
    return hold(server, machine, **{"ticket": uniqueid, "phone": f"A/{uniqueid}", "ring": 5, **options})  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked again is asked soon."""
    monkeypatch.setattr("aioami.calls.hub._AGAIN", 0.02)


def up(uniqueid: str = "1") -> Any:
    """A channel is made, and answers."""
    return event("Newchannel", Channel=f"A/{uniqueid}", Uniqueid=uniqueid, ChannelState=6)


async def over(call: Call, server: Server) -> None:
    """End a call."""
    server.say(event("Hangup", Uniqueid=call.uniqueid, Cause=16))
    await call.ended(5)


# Whose events they are


async def test_two_calls_that_share_a_channel_both_hear_of_it() -> None:
    """A channel that is the other half of one call and the own of another is told to both, as long as they last."""
    server = Server()
    own, _ = held(server)
    other, _ = held(server, "2", machine=CallMachine("2", other="1"))
    hub = Hub.of(server)  # type: ignore[arg-type]
    server.say(up("1"), up("2"))
    await other.answered(5)
    assert hub.find("1") is not None
    assert hub.find("1")[0] is own  # type: ignore[index]
    await over(own, server)
    assert hub.find("1") is None
    assert other.end is None
    await over(other, server)


async def test_a_result_of_nobody_is_passed_over() -> None:
    """The result of a call that has just ended is no other's; the merge of two bridges is told to all."""
    server = Server()
    call, _ = held(server)
    response = {"Response": "Failure", "Reason": 0}
    server.say(event("OriginateResponse", ActionID="another", **response), event("BridgeMerge"), up())
    await call.answered(5)
    await over(call, server)


async def test_a_timeout_names_a_call_that_came_by_itself() -> None:
    """Of a call that nobody placed the channel is named."""
    server = Server()
    machine = CallMachine("1", channel="PJSIP/ada-1", is_placed=False)
    call, _ = held(server, machine=machine, ticket="", phone="", ring=None)
    with pytest.raises(ManagerTimeout, match="^the call of PJSIP/ada-1 was not answered within 0.01 seconds"):
        await call.answered(0.01)
    await over(call, server)


def test_calls_of_one_manager_are_in_one_loop() -> None:
    """While calls are held in one event loop, another one cannot hold any of that manager's."""
    server = Server()
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()

    async def placed() -> Call:
        return held(server)[0]

    call = first.run_until_complete(placed())
    with pytest.raises(RuntimeError, match="belongs to another event loop"):
        second.run_until_complete(placed())
    server.say(up())
    first.run_until_complete(call.answered(5))
    first.run_until_complete(over(call, server))
    for loop in (first, second):
        loop.close()


async def test_a_loop_that_was_closed_took_its_calls_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that were held in a loop that is closed are lost, and the manager's next ones are held in the next loop."""
    server = Server()
    lost, _ = held(server)
    closed = asyncio.new_event_loop()
    closed.close()
    monkeypatch.setattr(Hub.of(server)._owner, "loop", closed)  # type: ignore[arg-type]
    call, _ = held(server, "2")
    assert lost.end is not None
    assert lost.end.reason is EndReason.LOST
    server.say(up("2"))
    await call.answered(5)
    await over(call, server)


# Looking for calls


async def test_a_call_is_looked_for_until_that_is_answered(caplog: pytest.LogCaptureFixture) -> None:
    """A list that is refused or late is asked for again, with a warning; one that a further loss made old, too."""
    server = Server()
    call, _ = held(server)
    hub = Hub.of(server)  # type: ignore[arg-type]

    def lost_again() -> list[Any]:
        hub.look()
        return Listed([item("1")])

    server.replies["CoreShowChannels"] = [ManagerTimeout("late"), lost_again, Listed([item("1")])]
    server.say(up(), EventsLost("2 events were lost", count=2))
    await until(lambda: len(server.sent) == 3 and not hub.is_looking)
    assert "calls cannot be looked for, and this is tried again: late" in caplog.text
    assert call.state is CallState.ANSWERED
    await over(call, server)


async def test_a_lost_link_ends_the_looking() -> None:
    """When the link is lost meanwhile, the next one asks anew."""
    server = Server(CoreShowChannels=[ConnectionLost("the link was lost", sent=True)])
    call, _ = held(server)
    hub = Hub.of(server)  # type: ignore[arg-type]
    server.say(up(), EventsLost("a gap", gap=1.0))
    await until(lambda: server.sent and not hub.is_looking)
    assert call.end is None
    await over(call, server)


async def test_calls_that_change_while_they_are_looked_for() -> None:
    """One that ends meanwhile has ended, and one that gets its channel meanwhile is not missing."""
    server = Server()
    hub = Hub.of(server)  # type: ignore[arg-type]
    ends, _ = held(server, "ends")
    begins, _ = held(server, "begins")
    late, _ = held(server, "late")
    gone, _ = held(server, "gone")

    def first() -> list[Any]:
        server.say(up("begins"), event("Hangup", Uniqueid="ends", Channel="A/ends", Cause=16))
        return Listed([item("ends")])

    def second() -> list[Any]:
        server.say(up("late"))
        return Listed([])

    server.replies["CoreShowChannels"] = [first, second]
    server.say(up("ends"))
    await ends.answered(5)
    hub.look()
    assert (await gone.ended(5)).reason is EndReason.UNKNOWN
    assert ends.end is not None
    assert (begins.state, late.state) == (CallState.ANSWERED, CallState.ANSWERED)
    for each in (begins, late):
        await over(each, server)


async def test_a_call_that_is_made_just_behind_the_list_is_found() -> None:
    """Asterisk may take the action and make the channel a moment later: a second list shows it."""
    server = Server(CoreShowChannels=[Listed([]), Listed([item("1", state=5)])])
    call, _ = held(server)
    Hub.of(server).look()  # type: ignore[arg-type]
    await until(lambda: call.state is CallState.RINGING)
    await over(call, server)


async def test_the_looking_ends_with_the_last_call() -> None:
    """Where the list says that the last call is gone, nothing more is asked, even if events were lost once more."""
    server = Server()
    call, _ = held(server)
    hub = Hub.of(server)  # type: ignore[arg-type]

    def lost_again() -> list[Any]:
        hub.look()
        return Listed([])

    server.replies["CoreShowChannels"] = [lost_again]
    server.say(up())
    await call.answered(5)
    hub.look()
    assert (await call.ended(5)).reason is EndReason.ANSWERED
    await until(lambda: not hub.is_looking)
    assert server.sent == ["CoreShowChannels"]


async def test_a_failure_whose_channel_lives_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the result and the channel contradict each other, the channels are asked for, and the call goes on."""
    monkeypatch.setattr("aioami.calls.machine.ANSWER_GRACE", 0.02)
    server = Server(CoreShowChannels=[Listed([item("1", state=5)])])
    call, watch = held(server)
    failed = event("OriginateResponse", ActionID="1", Response="Failure", Reason=0)
    server.say(event("Newchannel", Channel="A/1", Uniqueid="1", ChannelState=0), failed)
    await until(lambda: server.sent == ["CoreShowChannels"])
    assert call.end is None
    # While a hang-up is on its way, a grace that runs out says nothing.
    watch.begin_hang_up()
    watch.take(failed)
    watch._settle()
    assert call.end is None
    watch.end_hang_up(False)
    await over(call, server)


# Bridges


async def test_others_in_the_bridge_are_asked_for() -> None:
    """Where a bridge has more channels than were told of, they and its type are learned, also in lists."""
    answer = Listed([event("BridgeInfoChannel", Uniqueid=each, Channel=f"A/{each}") for each in ("1", "b", "c")])
    answer.completion = event("BridgeInfoComplete", BridgeType="basic")
    server = Server(BridgeInfo=[answer], CoreShowChannels=[Listed([item("1", "two"), item("d", "two")])])
    call, _ = held(server)
    server.say(up())
    await call.answered(5)
    entered = {"BridgeUniqueid": "one", "BridgeType": "basic", "Uniqueid": "1", "Channel": "A/1"}
    server.say(event("BridgeEnter", BridgeNumChannels=1, **entered))
    await until(lambda: not server.stream.pending)
    assert server.sent == []
    server.say(event("BridgeEnter", BridgeNumChannels=3, **entered))
    await until(lambda: call.bridged_with == ("b", "c"))
    answer[:] = [event("BridgeInfoChannel", Uniqueid=each, Channel=f"A/{each}") for each in ("1", "d")]
    Hub.of(server).look()  # type: ignore[arg-type]
    await until(lambda: call.bridged_with == ("d",))
    assert server.sent == ["BridgeInfo", "CoreShowChannels", "BridgeInfo"]
    # Who enters another bridge is none of the call's.
    server.say(event("BridgeEnter", BridgeNumChannels=9, BridgeUniqueid="x", Uniqueid="x", Channel="A/x"))
    await over(call, server)


@pytest.mark.parametrize("answer", [ActionError("refused"), Listed([])], ids=["refused", "empty"])
async def test_a_bridge_that_is_not_known_stays_as_it_was_told(answer: Any) -> None:
    """A server that does not tell who else is there leaves the call with those who were told of."""
    server = Server(BridgeInfo=[answer])
    call, _ = held(server)
    entered = {"BridgeUniqueid": "one", "BridgeType": "basic", "Uniqueid": "1", "Channel": "A/1"}
    server.say(up(), event("BridgeEnter", BridgeNumChannels=3, **entered))
    await until(lambda: server.sent == ["BridgeInfo"])
    await asyncio.sleep(0)
    assert call.bridged_with == ()
    await over(call, server)


async def test_a_call_that_ends_right_behind_the_bridge_asks_nothing() -> None:
    """Where the last call is over before it can be asked, nothing is."""
    server = Server()
    call, _ = held(server)
    entered = {"BridgeUniqueid": "one", "BridgeType": "basic", "Uniqueid": "1", "Channel": "A/1"}
    server.say(up(), event("BridgeEnter", BridgeNumChannels=3, **entered), event("Hangup", Uniqueid="1", Cause=16))
    await call.ended(5)
    await asyncio.sleep(0.01)  # in which it would ask
    assert server.sent == []


# Hanging up and steering, while another channel takes the place of the call's


async def test_a_hang_up_of_a_channel_that_is_gone_looks_for_the_call() -> None:
    """Where the channel is not there any more, and no end was told, the channels are asked for."""
    server = Server(Hangup=[gone()], CoreShowChannels=[Listed([])])
    call, _ = held(server)
    server.say(up())
    await call.answered(5)
    await call.hang_up()
    assert (await call.ended(5)).reason is EndReason.ANSWERED


@pytest.mark.parametrize("name", ["Hangup", "Setvar"])
async def test_an_action_follows_the_call_to_its_new_channel(name: str) -> None:
    """An action that comes too late for a channel goes to the one that has taken its place."""
    server = Server()
    call, watch = held(server)

    def picked_up() -> Exception:
        watch.take(event("Pickup", Channel="A/2", Uniqueid="2", TargetUniqueid="1"))
        watch.take(event("Hangup", Uniqueid="1", Cause=26))
        return gone()

    server.replies[name] = [picked_up, Listed([])]
    server.say(up())
    await call.answered(5)
    await (call.hang_up() if name == "Hangup" else call.set("A", "b"))
    assert (server.sent, call.uniqueid) == ([name, name], "2")
    await over(call, server)


async def test_leaving_a_call_whose_link_is_gone_for_good() -> None:
    """Where there is no next link, the hang-up is given up: the call is lost."""
    server = Server(Hangup=[ConnectionLost("the link is gone", sent=False)])
    server.ready = ConnectionLost("the manager was closed")
    call, _ = held(server)
    server.say(up())
    await call.answered(5)
    await _hang_up(server, call)  # type: ignore[arg-type]
    assert server.sent == ["Hangup"]
    server.say(ConnectionLost("the link is gone"))
    assert (await call.ended(5)).reason is EndReason.LOST


async def test_an_originate_that_is_not_answered_in_time() -> None:
    """A call whose action is late may ring all the same: it is hung up where `async with` was to be entered."""
    server = Server(Originate=[ManagerTimeout("late")], Hangup=[Listed([])])
    unset = dict.fromkeys(("caller_id", "variables", "account", "codecs"))
    options: dict[str, Any] = {"to": "100@internal", "timeout": 30.0, "early_media": False, **unset}
    placed = PlacedCall(server, "PJSIP/alice", **options)  # type: ignore[arg-type]
    with pytest.raises(ManagerTimeout, match="late"):
        async with placed:
            raise AssertionError
    assert placed._held is not None
    call, _ = placed._held
    server.say(event("Newchannel", Channel="PJSIP/alice-1", Uniqueid=call.uniqueid, ChannelState=5))
    await until(lambda: server.sent == ["Originate", "Hangup"])
    server.say(event("Hangup", Uniqueid=call.uniqueid, Cause=0))
    assert (await call.ended(5)).reason is EndReason.CANCELLED
    placed._hang_up(*placed._held)
    await asyncio.sleep(0)
    assert server.sent == ["Originate", "Hangup"]


@pytest.mark.parametrize("length", [10, 1024], ids=["whole", "cut"])
async def test_a_program_whose_call_has_entered_while_the_link_was_down(length: int) -> None:
    """A list that shows the call in AsyncAGI begins its program, once, with the environment that the list has."""
    began: list[str] = []

    async def program(session: Session) -> None:
        began.append(session.uniqueid)

    server = Server(Setvar=[Listed([])], AGI=[ActionError("refused")])
    call, watch = held(server)
    running = CallProgram(server, watch, program)  # type: ignore[arg-type]
    found = event("CoreShowChannel", Channel="A/1", Uniqueid="1", ChannelState=6, Application="AGI",
                  ApplicationData="agi:async,".ljust(length, "x"))  # fmt: skip
    watch.found(item("1"))  # it is not there yet
    watch.found(found)
    watch.found(found)
    await until(lambda: "AGI" in server.sent)
    await until(lambda: not running._is_open)
    running._close()
    assert began == ([] if length == 1024 else ["1"])
    await over(call, server)


async def test_what_is_lost_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """When the manager is closed, how many calls are lost is logged."""
    server = Server()
    call, _ = held(server)
    with caplog.at_level(logging.INFO, "aioami.calls"):
        server.stream.close()
        assert (await call.ended(5)).reason is EndReason.LOST
    assert "1 calls are lost, as the manager was closed" in caplog.text
    with pytest.raises(HungUp):
        await call.set("A", "b")
    assert isinstance(HungUp("over"), ManagerError)
