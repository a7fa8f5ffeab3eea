"""Calls that are placed and held, on the fake server."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import re
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.helpers import manager, until

from aioami import (
    ActionError,
    ConnectionLost,
    HungUp,
    Manager,
    ManagerState,
    ManagerTimeout,
    NotAnswered,
    PermissionDenied,
    core,
    in_thread,
)
from aioami.calls import Application, Call, CallChange, CallState, EndReason, PlacedCall
from aioami.calls.hub import Hub
from aioami.enums import HangupCause
from aioami.testing import Account, FakeAsterisk, FakeConnection, FaultProxy

TO = "wait@test"
RINGS, ANSWERS, SILENT = "Local/ring@test/n", "Local/wait@test/n", "PJSIP/silent"


def tasks() -> set[str]:
    """The names of the tasks of calls."""
    return {task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("aioami call")}


@pytest.fixture(autouse=True)
async def nothing_is_left(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """When a test is over, so are its calls: no task is left of them."""
    yield
    await until(lambda: not tasks(), 3)


async def in_state(call: Call, state: CallState) -> None:
    """Wait until a call is in a state."""
    await until(lambda: call.state is state, 5)


async def ended(mgr: Manager, channel: str, **options: Any) -> Call:
    """Place a call, and return it when it has ended."""
    call = await mgr.call(channel, **{"to": TO, **options})
    await call.ended(5)
    return call


@pytest.mark.parametrize("version", ["16", "22"])
@pytest.mark.parametrize(
    ("channel", "options", "reason", "by_us"),
    [
        ("Local/short@test/n", {}, EndReason.ANSWERED, False),
        (ANSWERS, {"to": Application("Nosuch")}, EndReason.ANSWERED, False),
        ("Local/nosuch@test/n", {}, EndReason.UNKNOWN, False),
        ("Nosuch/one", {}, EndReason.NO_SUCH_CHANNEL, False),
        ("Local/busy@test/n", {}, EndReason.BUSY, False),
        ("Local/congestion@test/n", {}, EndReason.CONGESTION, False),
        ("Local/reject@test/n", {}, EndReason.REJECTED, False),
        (RINGS, {"timeout": 0.3}, EndReason.NO_ANSWER, False),
    ],
    ids=["answered", "application", "extension", "channel", "busy", "congestion", "rejected", "timeout"],
)
async def test_ends(version: str, channel: str, options: dict[str, Any], reason: EndReason, by_us: bool) -> None:
    """Each end has the same word on each version, and `answered` agrees with it."""
    async with FakeAsterisk(version=version) as fake, Manager.from_url(fake.url) as mgr:
        call = await ended(mgr, channel, **options)
        assert call.end is not None
        assert (call.end.reason, call.end.by_us) == (reason, by_us)
        assert call.state is CallState.ENDED
        if reason is EndReason.ANSWERED:
            assert await call.answered() > 1e9
        else:
            sentence = f"^the call to {channel} was not answered: {reason.value}$"
            with pytest.raises(NotAnswered, match=sentence) as caught:
                await call.answered()
            assert caught.value.end is call.end
        assert [change async for change in call.changes()] == []


async def test_a_call_that_is_entered_is_hung_up(mgr: Manager) -> None:
    """Leaving `async with` hangs up, and the end is there then."""
    async with mgr.call(ANSWERS, to=TO) as call:
        await call.answered(5)
        assert call.end is None
    assert call.end is not None
    assert (call.end.reason, call.end.by_us) == (EndReason.ANSWERED, True)


async def test_a_call_that_is_awaited_goes_on(mgr: Manager) -> None:
    """What is awaited is hung up by nobody, and neither is what was detached."""
    awaited = await mgr.call(ANSWERS, to=TO)
    async with mgr.call(ANSWERS, to=TO) as detached:
        detached.detach()
    await asyncio.gather(awaited.answered(5), detached.answered(5))
    await mgr.send(core.Ping())
    assert (awaited.end, detached.end) == (None, None)
    for call in (awaited, detached):
        await call.hang_up(HangupCause.USER_BUSY)
        assert (await call.ended(5)).by_us
        await call.hang_up()  # nothing is left to be done


async def test_the_uniqueid_is_chosen_before_a_byte_leaves(fake: FakeAsterisk, mgr: Manager) -> None:
    """Both halves of a Local channel have ids that this program chose, and so has the action."""
    call = await ended(mgr, "Local/short@test/n")
    await ended(mgr, "PJSIP/alice", timeout=0.05)
    local, phone = (dict(request.headers) for request in fake.sent("Originate"))
    assert local["ChannelId"] == local["ActionID"] == call.uniqueid
    assert not local["OtherChannelId"].startswith(call.uniqueid), "the action Bridge goes by the begin of an id"
    assert "OtherChannelId" not in phone


async def test_what_is_sent(fake: FakeAsterisk, mgr: Manager) -> None:
    """Each argument has its header; times are in seconds here."""
    placed = mgr.call(
        "Local/short@test/n",
        to=Application("Wait", 1),
        timeout=1.5,
        caller_id='"Ada" <100>',
        variables={"A": "x,y"},
        account="acc",
        codecs=("alaw", "ulaw"),
        early_media=True,
    )
    await (await placed).ended(5)
    sent = dict(fake.sent("Originate")[0].headers)
    wanted = {
        "Application": "Wait",
        "Data": "1",
        "Timeout": "1500",
        "CallerID": '"Ada" <100>',
        "Variable": "A=x\\,y",
        "Account": "acc",
        "Codecs": "alaw,ulaw",
        "EarlyMedia": "true",
        "Async": "true",
    }
    assert {key: sent[key] for key in wanted} == wanted


@pytest.mark.parametrize(
    ("channel", "options", "error"),
    [
        ("", {}, "channel"),
        (5, {}, "channel"),
        (RINGS, {"to": "nowhere"}, "to"),
        (RINGS, {"to": "@test"}, "to"),
        (RINGS, {"to": "100@"}, "to"),
        (RINGS, {"to": 5}, "to"),
        (RINGS, {"timeout": 0}, "timeout"),
        (RINGS, {"timeout": None}, "timeout"),
        (RINGS, {"timeout": float("nan")}, "timeout"),
        (RINGS, {"timeout": 1e9}, "timeout"),
        (RINGS, {"early_media": "no"}, "early_media"),
        (RINGS, {"variables": {"": "x"}}, "Variable"),
        (RINGS, {"codecs": ("a,b",)}, "codecs"),
        ("Local/a\r\nb@test", {}, "Channel"),
    ],
)
async def test_what_cannot_be_right_is_refused(mgr: Manager, channel: Any, options: dict[str, Any], error: str) -> None:
    """It is refused by name at the call, before a byte leaves."""
    with pytest.raises((ValueError, TypeError), match=error):
        mgr.call(channel, **{"to": TO, **options})


def test_applications_are_values() -> None:
    """They are compared, printed, and checked when they are made."""
    assert Application("Queue", "support", 5) == Application("Queue", "support", 5)
    assert repr(Application("Wait", 5)) == "Application(name='Wait', arguments=(5,))"
    for wrong in (("",), (5,), ("Wait", 1.5)):
        with pytest.raises((TypeError, ValueError)):
            Application(*wrong)  # type: ignore[arg-type]


async def test_a_refused_call_is_no_call(fake: FakeAsterisk, mgr: Manager) -> None:
    """A refusal raises ActionError from the await, and nothing is held."""
    with pytest.raises(ActionError, match="Extension does not exist"):
        await mgr.call(ANSWERS, to="nosuch@test")
    with pytest.raises(ActionError, match="Extension does not exist"):
        async with mgr.call(ANSWERS, to="nosuch@test"):
            raise AssertionError("the body is not entered")
    assert len(Hub.of(mgr)) == 0
    async with Manager.from_url(fake.url, read_only=True) as reader:
        with pytest.raises(PermissionDenied):
            await reader.call(ANSWERS, to=TO)
    assert len(fake.sent("Originate")) == 2


async def test_a_call_that_nobody_would_hear_of_is_refused(fake: FakeAsterisk) -> None:
    """An event mask without the class call would leave the call without a state and an end."""
    async with Manager.from_url(fake.url, event_mask="system") as mgr:
        with pytest.raises(ActionError, match="asks for system alone"):
            await mgr.call(ANSWERS, to=TO)
    async with Manager.from_url(fake.url, event_mask=False) as mgr:
        with pytest.raises(ActionError, match="asks for no events"):
            await mgr.call(ANSWERS, to=TO)
    assert not fake.sent("Originate")


async def test_a_call_is_placed_once(fake: FakeAsterisk, mgr: Manager) -> None:
    """What was awaited or entered places no second call."""
    placed = mgr.call("Local/busy@test/n", to=TO)
    call = await placed
    with pytest.raises(RuntimeError, match="placed already"):
        await placed
    with pytest.raises(RuntimeError, match="placed already"):
        async with placed:
            pass
    await call.ended(5)
    assert len(fake.sent("Originate")) == 1


async def test_nothing_is_sent_before_the_await(fake: FakeAsterisk, mgr: Manager) -> None:
    """A call that is neither awaited nor entered is none."""
    placed = mgr.call(ANSWERS, to=TO)
    assert "not placed" in repr(placed)
    await mgr.send(core.Ping())
    fake.expect_nothing("Originate")


async def test_without_a_link(fake: FakeAsterisk) -> None:
    """Before connect() and after close() placing a call raises ConnectionLost, which says so."""
    mgr = manager(fake)
    with pytest.raises(ConnectionLost, match="never connected"):
        await mgr.call(ANSWERS, to=TO)
    async with mgr:
        pass
    with pytest.raises(ConnectionLost):
        await mgr.call(ANSWERS, to=TO)
    assert len(Hub.of(mgr)) == 0


async def test_another_loop(mgr: Manager) -> None:
    """In another thread the call itself is refused."""
    with pytest.raises(RuntimeError, match="another"):
        await asyncio.get_running_loop().run_in_executor(None, lambda: mgr.call(ANSWERS, to=TO))


# Waiting


async def test_changes(mgr: Manager) -> None:
    """Changes come in order with the state of their time, and end with the call."""
    async with mgr.call("PJSIP/alice", to="dial@test", timeout=5) as call:
        changes = [change async for change in call.changes()]
    states = [change.state.name for change in changes if change.what == "state"]
    assert states[-3:] == ["RINGING", "ANSWERED", "ENDED"] or states[-2:] == ["ANSWERED", "ENDED"]
    assert any(change.what == "bridged_with" and change.to_dict()["bridged_with"] for change in changes)
    last = changes[-1].to_dict()
    assert (last["what"], last["state"], last["end"]["reason"]) == ("state", "ENDED", "ANSWERED")
    assert last["uniqueid"] == call.uniqueid
    assert all(isinstance(change, CallChange) and change.call is call for change in changes)


async def test_changes_for_several(mgr: Manager) -> None:
    """Each consumer gets all changes; a second task on one of them is a RuntimeError."""
    call = await mgr.call(RINGS, to=TO)
    one, two = call.changes(), call.changes()
    waiting = asyncio.create_task(anext(one))
    await in_state(call, CallState.RINGING)
    await waiting
    await call.hang_up()
    await call.ended(5)
    assert [change.what for change in [each async for each in two]][-1] == "state"
    call = await mgr.call(RINGS, to=TO)
    await in_state(call, CallState.RINGING)
    changes = call.changes()
    waiting = asyncio.create_task(anext(changes))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="another task"):
        await anext(changes)
    waiting.cancel()
    await call.hang_up()
    assert [change.state async for change in changes] == [CallState.ENDED]


async def test_timeouts_of_waiting(mgr: Manager) -> None:
    """A wait that takes too long is ManagerTimeout, and the call goes on; a cancelled one changes nothing."""
    async with mgr.call(RINGS, to=TO) as call:
        with pytest.raises(ManagerTimeout, match=f"^the call to {RINGS} was not answered within 0.01"):
            await call.answered(0.01)
        with pytest.raises(ManagerTimeout, match="not ended"):
            await call.ended(timeout=0.01)
        waiting = [asyncio.create_task(each) for each in (call.answered(), call.ended())]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        assert call.end is None
        with pytest.raises(TypeError, match="timeout"):
            await call.ended("5")  # type: ignore[arg-type]


# Hanging up


@pytest.mark.parametrize("state", [CallState.QUEUED, CallState.RINGING, CallState.ANSWERED], ids=str)
async def test_hang_up_in_each_state(mgr: Manager, state: CallState) -> None:
    """A call is hung up in whatever state it is, also before it has a channel."""
    call = await mgr.call(RINGS if state is CallState.RINGING else ANSWERS, to=TO)
    if state is not CallState.QUEUED:
        await in_state(call, state)
    await call.hang_up()
    end = await call.ended(5)
    assert end.by_us
    assert end.reason in (EndReason.CANCELLED, EndReason.ANSWERED)
    listed = await mgr.send(core.CoreShowChannels())
    assert call.uniqueid not in [each["Uniqueid"] for each in listed.events]


async def test_a_hang_up_before_there_is_a_channel(fake: FakeAsterisk, mgr: Manager) -> None:
    """It waits for the channel; one that never comes ends the call as it does without."""
    call = await mgr.call("Nosuch/one", to=TO)
    await call.hang_up()
    assert (await call.ended(5)).reason is EndReason.NO_SUCH_CHANNEL
    fake.expect_nothing("Hangup")


async def test_a_refused_hang_up(fake: FakeAsterisk) -> None:
    """Where the user may not hang up, the call goes on, and is not said to have been ended by us."""
    fake.accounts["caller"] = Account("s3cret", read="all", write="originate,reporting")
    async with manager(fake, username="caller") as mgr:
        call = await mgr.call("Local/short@test/n", to=TO)
        with pytest.raises(PermissionDenied):
            await call.hang_up()
        end = await call.ended(5)
        assert (end.reason, end.by_us) == (EndReason.ANSWERED, False)


async def test_leaving_where_the_user_may_not_hang_up(fake: FakeAsterisk, caplog: pytest.LogCaptureFixture) -> None:
    """Leaving the call does not raise; that it goes on is logged."""
    fake.accounts["caller"] = Account("s3cret", read="all", write="originate,reporting")
    async with manager(fake, username="caller") as mgr:
        async with mgr.call("Local/short@test/n", to=TO) as call:
            await call.answered(5)
        assert call.end is not None
    assert "cannot be hung up" in caplog.text


# Cancelling


async def test_a_cancelled_body_hangs_up(mgr: Manager) -> None:
    """Cancelling the body of `async with` hangs up; a second cancelling does not keep it from that."""
    held: list[Call] = []

    async def body() -> None:
        async with mgr.call(ANSWERS, to=TO) as call:
            held.append(call)
            await asyncio.Event().wait()

    for cancels in (1, 2):
        task = asyncio.create_task(body())
        await until(lambda count=cancels: len(held) == count)
        await held[-1].answered(5)
        for _ in range(cancels):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await held[-1].ended(5)).by_us


@pytest.mark.parametrize("enters", [False, True])
async def test_a_cancelled_placing(fake: FakeAsterisk, mgr: Manager, enters: bool) -> None:
    """Cancelled before the answer, a call that was to be entered is hung up; one that was awaited goes on."""

    async def place() -> None:
        placed = mgr.call(ANSWERS, to=TO)
        if enters:
            async with placed:
                raise AssertionError("the body is not entered")
        await placed

    fake.before("Originate", FakeConnection.stall)
    task = asyncio.create_task(place())
    await until(lambda: fake.sent("Originate"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    fake.resume()
    if enters:
        await until(lambda: fake.sent("Hangup"))
        await until(lambda: not fake.exchange.channels)
    else:
        await until(lambda: len(fake.exchange.channels) >= 2)
        await mgr.send(core.Ping())
        fake.expect_nothing("Hangup")
        await mgr.send(core.Hangup("/^.*/"))
    await until(lambda: len(Hub.of(mgr)) == 0)


async def test_a_cancelled_hang_up_hangs_up(mgr: Manager) -> None:
    """What was begun is not taken back."""
    call = await mgr.call(ANSWERS, to=TO)
    await call.answered(5)
    task = asyncio.create_task(call.hang_up())
    await asyncio.sleep(0)
    task.cancel()
    assert (await call.ended(5)).by_us


async def test_an_error_of_the_body_comes_out_as_it_is(mgr: Manager) -> None:
    """The call is hung up, and the error is the body's own."""
    with pytest.raises(ZeroDivisionError):
        async with mgr.call(ANSWERS, to=TO) as call:
            raise ZeroDivisionError
    assert call.end is not None


# Steering


async def test_steering(fake: FakeAsterisk, mgr: Manager) -> None:
    """Each method sends its action for the call's Uniqueid."""
    async with mgr.call(ANSWERS, to=TO) as call:
        await call.set("COLOUR", "blue")  # waits for the channel
        assert await call.get("COLOUR") == "blue"
        assert await call.get("NOSUCH") is None
        await call.mute()
        await call.mute(False, listening=True)
        assert await call.record("one.wav")
        await call.press("1#")
        await call.redirect("elsewhere", "target")
        async with mgr.call(ANSWERS, to=TO) as other:
            await other.answered(5)
            await call.bridge(other)
            await until(lambda: call.bridged_with == (other.uniqueid,))
            assert other.bridged_with == (call.uniqueid,)
            space = await call.park()
            await until(lambda: call.parked)
            assert call.bridged_with == ()
            assert (space, call.to_dict()["parking_space"]) == ("701", "701")
            assert await call.park(timeout=60) == call.parking_space
        seen = {request.get("Channel") or request.get("Channel1") for request in fake.received if request.name in DONE}
        assert seen == {call.uniqueid}
    assert (call.parked, call.parking_space) == (False, None)
    assert [request.get("Digit") for request in fake.sent("PlayDTMF")] == ["1", "#"]
    assert [request.get("Direction") for request in fake.sent("MuteAudio")] == ["in", "all"]


DONE = ("Setvar", "Getvar", "MuteAudio", "MixMonitor", "PlayDTMF", "Redirect", "Bridge", "Park")


async def test_a_transfer_sends_the_other_one(fake: FakeAsterisk, mgr: Manager) -> None:
    """Whom the call talks with goes to the extension; with nobody there it is refused."""
    async with mgr.call(ANSWERS, to=TO) as alone:
        await alone.answered(5)
        with pytest.raises(ActionError):
            await alone.transfer("target", "elsewhere")
    async with mgr.call(ANSWERS, to="user@test") as call:
        await call.answered(5)
        async with mgr.call(ANSWERS, to=TO) as other:
            await other.answered(5)
            await call.bridge(other)
            await until(lambda: call.bridged_with)
            await call.transfer("target", "elsewhere")
            await until(lambda: fake.exchange.channels[other.channel or ""].exten == "target")
            assert other.end is None


@pytest.mark.parametrize(
    "act",
    [
        lambda call: call.set("A", "b"),
        lambda call: call.get("A"),
        lambda call: call.redirect("test", "wait"),
        lambda call: call.transfer("wait", "test"),
        lambda call: call.park(),
        lambda call: call.mute(),
        lambda call: call.record("one.wav"),
        lambda call: call.press("1"),
        lambda call: call.bridge("Local/x"),
    ],
    ids=["set", "get", "redirect", "transfer", "park", "mute", "record", "press", "bridge"],
)
async def test_steering_what_is_gone(fake: FakeAsterisk, mgr: Manager, act: Callable[[Call], Any]) -> None:
    """On a call that has ended, and on one whose channel has just gone, each method raises HungUp."""
    call = await ended(mgr, "Local/busy@test/n")
    with pytest.raises(HungUp, match="^the call to Local/busy@test/n has ended$"):
        await act(call)
    call = await mgr.call(ANSWERS, to=TO)
    await call.answered(5)
    # The server is quicker than its events: they are not read before the action is sent.
    fake.exchange.channels[call.channel or ""].hang_up()
    with pytest.raises(HungUp):
        await act(call)
    await call.ended(5)


async def test_parking_that_is_not_told_of(fake: FakeAsterisk, mgr: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes it and says nothing is a timeout; a call that ends meanwhile is over."""
    monkeypatch.setattr("aioami.calls.call._PARK_TIMEOUT", 0.05)
    fake.reply_to("Park", {"Response": "Success", "Message": "Park successfully queued"}, times=2)
    async with mgr.call(ANSWERS, to=TO) as call:
        await call.answered(5)
        with pytest.raises(ManagerTimeout, match="was not parked within 0.05 seconds, and goes on"):
            await call.park()
        monkeypatch.undo()
        parking = asyncio.create_task(call.park())
        await until(lambda: len(fake.sent("Park")) == 2)
        await call.hang_up()
        with pytest.raises(HungUp, match="has ended"):
            await parking


@pytest.mark.parametrize(
    ("keyword", "meant"),
    [
        ("callerid", "; is caller_id meant?"),
        ("variable", "; is variables meant?"),
        ("timeot", "; is timeout meant?"),
        ("exten", "; is to='100@internal' meant?"),
        ("application", "; is to=Application('Playback', 'hello-world') meant?"),
        ("colour", ""),
    ],
)
async def test_an_argument_that_a_call_does_not_have(mgr: Manager, keyword: str, meant: str) -> None:
    """The one that is meant is named, also by the words of the action Originate."""
    sentence = re.escape(f"call() got an unexpected keyword argument {keyword!r}{meant}") + "$"
    wrong: dict[str, Any] = {keyword: "x"}
    with pytest.raises(TypeError, match=sentence):
        mgr.call(ANSWERS, to=TO, **wrong)
    with pytest.raises(TypeError, match=sentence):
        in_thread(Manager()).call(ANSWERS, to=TO, **wrong)


@pytest.mark.parametrize(
    "act",
    [
        lambda call: call.press(""),
        lambda call: call.press("12x"),
        lambda call: call.mute(talking=False),
        lambda call: call.park(timeout=0.5),
        lambda call: call.park(timeout="5"),
        lambda call: call.record(""),
        lambda call: call.record("x\r\ny"),
        lambda call: call.bridge(5),
        lambda call: call.hang_up(500),
        lambda call: call.redirect("a\nb", "x"),
        lambda call: call.set("", "x\n"),
    ],
)
async def test_wrong_arguments_of_steering(fake: FakeAsterisk, mgr: Manager, act: Callable[[Call], Any]) -> None:
    """They are refused before anything is sent."""
    async with mgr.call(RINGS, to=TO) as call:
        await in_state(call, CallState.RINGING)
        count = len(fake.received)
        with pytest.raises((ValueError, TypeError)):
            await act(call)
        assert len(fake.received) == count


async def test_places_and_channels_of_odd_bytes(fake: FakeAsterisk, mgr: Manager) -> None:
    """A destination, a place, a channel, a lot and a file that are bytes are sent as they are."""
    async with mgr.call(ANSWERS, to=TO.encode()) as call:
        await call.answered(5)
        for steer in (
            lambda: mgr.call(ANSWERS, to=b"wait\xfc@te\xffst"),
            lambda: call.redirect(b"te\xfcst", b"wait\xff", b"step\xfc"),
            lambda: call.bridge(b"PJSIP/\xfc1"),
            lambda: call.transfer(b"wait\xff", b"te\xfcst"),
            lambda: call.park(lot=b"lot\xfc"),
            lambda: call.record(b"one\xfc.wav"),
        ):
            with contextlib.suppress(ActionError):  # there is no such place, channel or lot
                await steer()
    for action, header in {
        "Originate": b"Context: te\xffst\r\nExten: wait\xfc\r\n",
        "Redirect": b"Context: te\xfcst\r\nExten: wait\xff\r\nPriority: step\xfc\r\n",
        "Bridge": b"Channel2: PJSIP/\xfc1\r\n",
        "BlindTransfer": b"Exten: wait\xff\r\nContext: te\xfcst\r\n",
        "Park": b"Parkinglot: lot\xfc\r\n",
        "MixMonitor": b"File: one\xfc.wav\r\n",
    }.items():
        assert header in fake.sent(action)[-1].raw, action
    with pytest.raises(ValueError, match="^to: an extension with its context"):
        mgr.call(ANSWERS, to=b"wait")


# A lost link


@contextlib.asynccontextmanager
async def behind(proxy: FaultProxy, **options: Any) -> AsyncIterator[Manager]:
    """A manager behind a proxy."""
    async with manager(proxy, **options) as mgr:
        yield mgr


@pytest.mark.parametrize("state", [CallState.QUEUED, CallState.RINGING, CallState.ANSWERED], ids=str)
async def test_a_call_outlives_the_link(proxy: FaultProxy, fake: FakeAsterisk, state: CallState) -> None:
    """A call that is there after a reconnect goes on, in each state, and its end is told as ever."""
    async with behind(proxy) as mgr:
        call = await mgr.call(RINGS if state is CallState.RINGING else ANSWERS, to=TO)
        if state is not CallState.QUEUED:
            await in_state(call, state)
        proxy.cut()
        await until(lambda: mgr.state is not ManagerState.READY)
        await mgr.wait_ready(5)
        await until(lambda: fake.sent("CoreShowChannels"))
        await in_state(call, CallState.RINGING if state is CallState.RINGING else CallState.ANSWERED)
        await call.hang_up()
        assert (await call.ended(5)).by_us
    assert len(fake.sent("Originate")) == 1


@pytest.mark.parametrize(
    ("channel", "reason"), [(RINGS, EndReason.UNKNOWN), (ANSWERS, EndReason.ANSWERED)], ids=["ringing", "answered"]
)
async def test_a_call_that_ended_while_the_link_was_down(
    proxy: FaultProxy, fake: FakeAsterisk, channel: str, reason: EndReason
) -> None:
    """It ends after the reconnect, and says no more than is known."""
    async with behind(proxy) as mgr:
        call = await mgr.call(channel, to=TO)
        await in_state(call, CallState.RINGING if channel is RINGS else CallState.ANSWERED)
        proxy.cut()
        await until(lambda: mgr.state is not ManagerState.READY)
        for each in list(fake.exchange.channels.values()):
            each.hang_up()
        end = await call.ended(5)
        assert (end.reason, end.cause, end.by_us) == (reason, None, False)


@pytest.mark.parametrize("channel", [RINGS, ANSWERS], ids=["ringing", "answered"])
async def test_a_link_that_is_gone_for_good(proxy: FaultProxy, channel: str) -> None:
    """The call is LOST, and every waiter is told."""
    async with behind(proxy, reconnect=False) as mgr:
        call = await mgr.call(channel, to=TO)
        await in_state(call, CallState.RINGING if channel is RINGS else CallState.ANSWERED)
        waiting = asyncio.gather(call.ended(), anext(call.changes()), return_exceptions=True)
        steering = asyncio.create_task(call.get("A"))
        proxy.cut()
        end, change = await asyncio.wait_for(waiting, 5)
        assert (end.reason, change.state) == (EndReason.LOST, CallState.ENDED)
        with pytest.raises((HungUp, ConnectionLost)):
            await steering


async def test_a_manager_that_is_closed(fake: FakeAsterisk) -> None:
    """Its calls are LOST, whatever state they are in, and those who wait for a channel are told."""
    async with manager(fake) as mgr:
        ringing = await mgr.call(RINGS, to=TO)
        await in_state(ringing, CallState.RINGING)
        waiting = asyncio.create_task(ringing.answered())
        await asyncio.sleep(0)
    with pytest.raises(NotAnswered, match="lost"):
        await waiting
    assert ringing.end is not None
    assert ringing.end.reason is EndReason.LOST
    with pytest.raises(HungUp):
        await ringing.get("A")


async def test_a_link_that_is_lost_while_a_call_is_placed(proxy: FaultProxy, fake: FakeAsterisk) -> None:
    """The Originate is never repeated: the call is found by its Uniqueid, and returned."""
    async with behind(proxy) as mgr:
        fake.before("Originate", FakeConnection.stall)
        placing = asyncio.ensure_future(_place(mgr))
        await until(lambda: fake.sent("Originate"))
        proxy.cut()
        call = await asyncio.wait_for(placing, 5)
        assert await call.answered(5)
        await call.hang_up()
        await call.ended(5)
    assert len(fake.sent("Originate")) == 1


async def test_a_call_that_was_not_placed_when_the_link_was_lost(proxy: FaultProxy, fake: FakeAsterisk) -> None:
    """Where it is not on the server, placing it raises ConnectionLost with `sent`, and nothing is held."""
    async with behind(proxy) as mgr:
        fake.reply_to("Originate", None, times=1)
        placing = asyncio.ensure_future(_place(mgr))
        await until(lambda: fake.sent("Originate"))
        proxy.cut()
        with pytest.raises(ConnectionLost) as caught:
            await asyncio.wait_for(placing, 5)
        assert caught.value.sent
        assert len(Hub.of(mgr)) == 0
    assert len(fake.sent("Originate")) == 1


async def _place(mgr: Manager) -> Call:
    return await mgr.call(ANSWERS, to=TO)


async def test_leaving_while_the_link_is_down(proxy: FaultProxy, fake: FakeAsterisk) -> None:
    """The call is hung up with the next link, even if nobody waits for that any more."""
    async with behind(proxy, timeout=0.2) as mgr:
        with contextlib.suppress(asyncio.TimeoutError):
            async with mgr.call(ANSWERS, to=TO) as call:
                await call.answered(5)
                proxy.cut()
                await fake.stop()
                await until(lambda: mgr.state is not ManagerState.READY)
                asyncio.get_running_loop().call_later(0.5, lambda: asyncio.ensure_future(fake.start()))
        await until(lambda: not fake.exchange.channels)
        await call.ended(5)


async def test_a_user_who_may_not_look(proxy: FaultProxy, fake: FakeAsterisk, caplog: pytest.LogCaptureFixture) -> None:
    """Where calls cannot be looked for, they are lost: no waiter hangs, and the log says why."""
    fake.accounts["caller"] = Account("s3cret", read="all", write="originate")
    async with behind(proxy, username="caller") as mgr:
        call = await mgr.call(ANSWERS, to=TO)
        await call.answered(5)
        proxy.cut()
        assert (await call.ended(5)).reason is EndReason.LOST
    assert "may not look" in caplog.text


async def test_a_user_who_may_ask_for_the_status_alone(proxy: FaultProxy, fake: FakeAsterisk) -> None:
    """With the write class call, calls are looked for by Status."""
    fake.accounts["caller"] = Account("s3cret", read="all", write="originate,call")
    async with behind(proxy, username="caller") as mgr:
        call, other = [await mgr.call(ANSWERS, to=TO) for _ in range(2)]
        await call.bridge(other)
        await until(lambda: call.bridged_with)
        proxy.cut()
        await until(lambda: mgr.state is not ManagerState.READY)
        fake.exchange.channels[call.channel or ""].redirect(("elsewhere", "target", 1))
        await until(lambda: fake.sent("Status"))
        await until(lambda: not call.bridged_with)
        assert call.state is CallState.ANSWERED
        await other.ended(5)
        await call.hang_up()
        await call.ended(5)


# Facts in any order, and many calls


@pytest.mark.parametrize("seed", range(10))
async def test_mixed_events(fake: FakeAsterisk, mgr: Manager, seed: int) -> None:
    """Where events of different threads of Asterisk change places, each call ends as it should."""
    fake.reorder(seed)
    wanted = {
        "Local/short@test/n": EndReason.ANSWERED,
        "Local/busy@test/n": EndReason.BUSY,
        "Local/reject@test/n": EndReason.REJECTED,
        "Local/nosuch@test/n": EndReason.UNKNOWN,
        "Nosuch/one": EndReason.NO_SUCH_CHANNEL,
    }
    calls = await asyncio.gather(*(ended(mgr, channel) for channel in wanted))
    assert [call.end and call.end.reason for call in calls] == list(wanted.values())


async def test_calls_are_not_mixed_up(mgr: Manager) -> None:
    """Of several calls at once each has its own end, and the result of another's Originate is not taken."""
    channels = ["Local/busy@test/n", "Local/short@test/n", "Local/congestion@test/n"] * 5
    calls = await asyncio.gather(*(ended(mgr, channel) for channel in channels))
    found = [call.end.reason.name for call in calls if call.end is not None]
    assert found == ["BUSY", "ANSWERED", "CONGESTION"] * 5


async def test_a_result_that_never_comes(fake: FakeAsterisk, mgr: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Asterisk tells nothing at all of a call, it is looked for, and ends."""
    monkeypatch.setattr("aioami.calls.watch._SLACK", 0.05)
    monkeypatch.setattr("aioami.calls.hub._AGAIN", 0.05)
    fake.reply_to("Originate", {"Response": "Success", "Message": "Originate successfully queued"})
    call = await mgr.call(ANSWERS, to=TO, timeout=0.05)
    assert (await call.ended(5)).reason is EndReason.UNKNOWN


async def test_a_user_who_hears_nothing(fake: FakeAsterisk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without the read class call has calls with an end all the same: they are looked for."""
    for name in ("watch._SLACK", "hub._AGAIN", "watch._DEAF"):
        monkeypatch.setattr(f"aioami.calls.{name}", 0.05)
    fake.accounts["deaf"] = Account("s3cret", read="system", write="all")
    async with manager(fake, username="deaf") as mgr:
        call = await mgr.call("Local/short@test/n", to=TO, timeout=0.05)
        await call.answered(5)
        assert (await call.ended(5)).reason is EndReason.ANSWERED


async def test_a_thousand_calls_leave_nothing(fake: FakeAsterisk, mgr: Manager) -> None:
    """When they have ended, no task, no stream, no waiter and no object of them is left."""
    hub = Hub.of(mgr)
    before = len(asyncio.all_tasks())
    calls: list[weakref.ref[Call]] = []

    async def one(number: int) -> None:
        channel = "Local/busy@test/n" if number % 2 else "Nosuch/one"
        async with mgr.call(channel, to=TO) as call:
            calls.append(weakref.ref(call))
            await call.ended()

    for _ in range(10):
        await asyncio.gather(*map(one, range(100)))
    with pytest.raises(ActionError):
        await mgr.call(ANSWERS, to="nosuch@test")
    refused = fake.sent("Originate")[-1].get("ChannelId")
    await asyncio.sleep(0)
    gc.collect()
    assert len(calls) == 1000
    assert not [each for each in gc.get_objects() if isinstance(each, Call) and each.uniqueid == refused]
    assert not [each() for each in calls if each() is not None]
    assert len(asyncio.all_tasks()) == before
    assert len(hub) == 0


async def test_a_thousand_answered_calls_leave_nothing(mgr: Manager) -> None:
    """Whoever has ended them, and whoever followed them, no task, waiter, stream or other object of ours is left."""

    def ours() -> Counter[str]:
        """What the program and the library hold, by kind; what the fake server remembers is its own."""
        gc.collect()
        kinds = Counter(type(each) for each in gc.get_objects())
        return Counter(
            {
                kind.__qualname__: count
                for kind, count in kinds.items()
                if f"{kind.__module__}.".startswith(("aioami.", "_asyncio.", "asyncio."))
                and not kind.__module__.startswith("aioami.testing.")
            }
        )

    async def one(number: int) -> None:
        async with mgr.call("Local/short@test/n" if number % 2 else ANSWERS, to=TO) as call:
            refs.append(weakref.ref(call))
            following = asyncio.create_task(follow(call))
            assert await call.answered() > 0
            if number % 2:
                await call.ended()  # the other end has hung up; else leaving does
        assert await following == "ENDED"
        assert call.end is not None
        assert (call.end.reason, call.end.by_us) == (EndReason.ANSWERED, number % 2 == 0)

    async def follow(call: Call) -> str:
        last = ""
        async for change in call.changes():
            last = change.state.name
        return last

    refs: list[weakref.ref[Call]] = []
    await asyncio.gather(*map(one, range(100)))
    await mgr.send(core.Ping())
    tasks_before, before = len(asyncio.all_tasks()), ours()
    for _ in range(9):
        await asyncio.gather(*map(one, range(100)))
    await mgr.send(core.Ping())
    after = ours()
    assert len(asyncio.all_tasks()) == tasks_before
    assert len(Hub.of(mgr)) == 0
    assert len(refs) == 1000
    assert not [each() for each in refs if each() is not None]
    grown = after - before
    assert not {kind: count for kind, count in grown.items() if count >= 90}, grown  # a tenth of one for each call


async def test_a_dropped_call_is_held_until_it_ends(mgr: Manager) -> None:
    """Whoever drops a call that goes on loses nothing but the object: it is let go of when it ends."""
    dropped = weakref.ref(await mgr.call("Local/short@test/n", to=TO))
    await until(lambda: (gc.collect(), dropped())[1] is None, 5)


async def test_a_loop_that_ends_in_the_middle(caplog: pytest.LogCaptureFixture) -> None:
    """When asyncio.run ends its tasks, those who wait for a call are told, and nothing is logged as an error."""
    ends: list[EndReason] = []

    async def main() -> None:
        async with FakeAsterisk() as fake:
            mgr = manager(fake)
            await mgr.connect()
            call = await mgr.call(RINGS, to=TO)

            async def wait() -> None:
                try:
                    await call.ended()
                finally:
                    ends.append(call.end.reason if call.end is not None else EndReason.UNKNOWN)

            waiting = asyncio.create_task(wait())
            await asyncio.sleep(0)
            await mgr.close()
            await waiting

    await asyncio.get_running_loop().run_in_executor(None, lambda: asyncio.run(main()))
    assert ends == [EndReason.LOST]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_what_it_shows(mgr: Manager) -> None:
    """Its repr and its dictionary show the state, and the end when it is there."""
    call = await mgr.call(RINGS, to=TO)
    await in_state(call, CallState.RINGING)
    assert repr(call) == f"<Call {call.uniqueid} {call.channel} ringing>"
    shown = call.to_dict()
    assert (shown["state"], shown["end"], shown["channel"]) == ("RINGING", None, call.channel)
    await call.hang_up()
    await call.ended(5)
    assert repr(call).endswith("ended, cancelled>")
    assert call.to_dict()["end"]["by_us"] is True
    assert isinstance(mgr.call(RINGS, to=TO), PlacedCall)


async def test_a_call_that_is_not_placed_yet_says_how(mgr: Manager, caplog: pytest.LogCaptureFixture) -> None:
    """Its names raise an error that says to await it, and one that is thrown away unplaced is logged."""
    placed: Any = mgr.call("PJSIP/alice", to=TO)
    with pytest.raises(AttributeError, match=r"answered is of the call.*await mgr\.call"):
        placed.answered()
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        placed.nothing()
    del placed
    gc.collect()
    [record] = caplog.records
    assert record.name == "aioami.calls"
    assert "the call to PJSIP/alice was never placed: write `call = await" in record.message


async def test_errors_of_a_call_have_no_secret(mgr: Manager) -> None:
    """A phone that is named with its login is shown without, and a long one is shortened."""
    placed = mgr.call("SIP/user:s3cret@host", to=TO)
    assert "s3cret" not in repr(placed)
    call = await placed
    await call.ended(5)
    with pytest.raises(NotAnswered) as caught:
        await call.answered()
    assert "s3cret" not in str(caught.value)
    many = mgr.call("&".join(["PJSIP/alice"] * 9), to=TO)
    with pytest.raises(RuntimeError, match="placed already") as twice:
        await (await many).ended(5)
        await many
    assert len(str(twice.value)) < 150
