"""Calls that are placed and held, on real servers: every end in the same words, and what is done with a call."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.helpers import QUICK, begins, until
from tests.real.agi_calls import Transport, both, lay_out, run

from aioami import ActionError, HungUp, Manager, ManagerState, NotAnswered, TakenAway, actions, core, events
from aioami.agi import Session
from aioami.calls import Application, Call, CallState, EndReason
from aioami.calls.hub import Hub
from aioami.testing import FaultProxy

TO = "wait@test"
ANSWERS, RINGS = "Local/wait@test/n", "Local/ring@test/n"


async def hung_up_far(mgr: Manager, call: Call, cause: int) -> None:
    """Have the far end of a Local channel that rings hang up."""
    await until(lambda: call.state is CallState.RINGING)
    far = (call.channel or "")[:-1] + "2"
    await mgr.send(core.Hangup(far, cause=cause))


async def hung_up_answered(mgr: Manager, call: Call) -> None:
    """Hang up when somebody has answered."""
    await call.answered(5)
    await call.hang_up()


# channel, options, what is done, reason, cause on 16 and on 22
CASES: dict[str, tuple[str, dict[str, Any], Any, EndReason, tuple[int | None, int | None]]] = {
    "answered": ("Local/short@test/n", {}, None, EndReason.ANSWERED, (16, 16)),
    "no_application": (ANSWERS, {"to": Application("Nosuch")}, None, EndReason.ANSWERED, (None, None)),
    "no_far_extension": ("Local/nosuch@test/n", {}, None, EndReason.UNKNOWN, (None, None)),
    "no_technology": ("Nosuch/one", {}, None, EndReason.NO_SUCH_CHANNEL, (None, None)),
    "no_endpoint": ("PJSIP/nosuch", {}, None, EndReason.NO_SUCH_CHANNEL, (None, None)),
    "not_registered": ("PJSIP/alice", {}, None, EndReason.NO_SUCH_CHANNEL, (None, None)),
    "busy": ("Local/busy@test/n", {}, None, EndReason.BUSY, (None, None)),
    "congestion": ("Local/congestion@test/n", {}, None, EndReason.CONGESTION, (None, None)),
    "rejected": ("Local/reject@test/n", {}, None, EndReason.REJECTED, (21, 21)),
    "far_rejected": (RINGS, {}, lambda mgr, call: hung_up_far(mgr, call, 21), EndReason.REJECTED, (21, 21)),
    "far_busy": (RINGS, {}, lambda mgr, call: hung_up_far(mgr, call, 17), EndReason.BUSY, (17, 17)),
    "no_answer": (RINGS, {"timeout": 0.4}, None, EndReason.NO_ANSWER, (None, 19)),
    "cancelled": (RINGS, {}, lambda mgr, call: call.hang_up(), EndReason.CANCELLED, (None, None)),
    "hung_up_at_once": (ANSWERS, {"to": Application("Hangup", 16)}, None, EndReason.ANSWERED, (16, 16)),
    "fork": ("Local/fork@test/n", {}, hung_up_answered, EndReason.ANSWERED, (None, None)),
    "fork_in_vain": ("Local/fork-in-vain@test/n", {}, None, EndReason.BUSY, (17, 17)),
}
OURS = ("cancelled", "fork")
RANG = ("far_rejected", "far_busy", "no_answer")


async def test_every_end(mgr: Manager) -> None:
    """All ends have the same words on both versions, and `answered` and the seconds agree with them; so many calls are apart."""

    async def one(name: str) -> tuple[EndReason, int | None, bool]:
        channel, options, act, *_ = CASES[name]
        call = await mgr.call(channel, **{"to": TO, **options})
        if act is not None:
            await act(mgr, call)
        end = await call.ended(5)
        if end.reason is EndReason.ANSWERED:
            await call.answered()
        else:
            with pytest.raises(NotAnswered):
                await call.answered()
        assert (end.talked > 0) == (end.reason is EndReason.ANSWERED)
        assert end.rang > 0 or name not in RANG
        return end.reason, end.cause, end.by_us

    await lay_out(mgr, "test", "fork", f"Dial({RINGS}&{ANSWERS},10)")
    await lay_out(mgr, "test", "fork-in-vain", "Dial(Local/busy@test/n&Local/reject@test/n,10)", "Hangup(17)")
    ends = dict(zip(CASES, await asyncio.gather(*map(one, CASES)), strict=True))
    column = 0 if mgr.version.startswith("5.") else 1
    assert ends == {name: (reason, causes[column], name in OURS) for name, (*_, reason, causes) in CASES.items()}
    assert len(Hub.of(mgr)) == 0


async def test_a_place_that_does_not_exist(mgr: Manager) -> None:
    """A missing extension or context of ours is refused, and there is no call."""
    for to in ("nosuch@test", "wait@nosuch"):
        with pytest.raises(ActionError, match="Extension does not exist"):
            await mgr.call(ANSWERS, to=to)
    assert len(Hub.of(mgr)) == 0


async def test_a_fork_whose_first_answer_wins(mgr: Manager) -> None:
    """Of several that are called at once the call is the one that answers; the others are hung up, and it goes on."""
    await lay_out(mgr, "test", "fork-won", f"Dial({RINGS}&{ANSWERS},10)")
    with mgr.events(events.DialEnd, where=lambda end: end.get("Channel", "").startswith("Local/fork-won@")) as ends:
        async with mgr.call("Local/fork-won@test/n", to=TO) as call:
            await call.answered(5)
            seen = [(await asyncio.wait_for(anext(ends), 5)).get("DialStatus") for _ in range(2)]
            assert sorted(filter(None, seen)) == ["ANSWER", "CANCEL"]
            assert (call.state, call.end) == (CallState.ANSWERED, None)
    assert call.end is not None
    assert (call.end.reason, call.end.by_us) == (EndReason.ANSWERED, True)


async def test_steering(mgr: Manager) -> None:
    """What is done with a call is done on the server, by its Uniqueid alone; on one that is gone it raises HungUp."""
    async with mgr.call(ANSWERS, to=TO) as call, mgr.call(ANSWERS, to=TO) as other:
        await call.set("COLOUR", "blue")
        assert (await call.get("COLOUR"), await call.get("NOSUCH")) == ("blue", None)
        await call.mute()
        await call.mute(False)
        recording = await call.record("held.wav")
        assert (await mgr.send(actions.StopMixMonitor(call.uniqueid, recording))).success
        await call.press("1#")
        await call.redirect("elsewhere", "target")
        await other.answered(5)
        await call.bridge(other)
        await until(lambda: call.bridged_with == (other.uniqueid,) and other.bridged_with == (call.uniqueid,))
        await call.transfer("target", "elsewhere")
        await until(lambda: not other.bridged_with)
        assert await other.get("EXTEN") == "target"
        await other.park()
        await until(lambda: other.parked)
        assert other.bridged_with == ()
        await mgr.send(core.Hangup(other.uniqueid))
        gone = (lambda: other.get("A"), lambda: other.press("1"), lambda: other.record("x.wav"), other.park)
        for act in gone:
            with pytest.raises(HungUp):
                while True:  # the hang-up itself takes a moment
                    await act()
    assert other.end is not None
    assert not other.end.by_us


async def test_programs(mgr: Manager) -> None:
    """A program steers the call; leave() and a return hang up, go_to() and a redirect by others take it away."""
    seen: list[object] = []

    async def returns(session: Session) -> None:
        seen.append(await session.evaluate("${EXTEN}"))

    async def leaves(session: Session) -> None:
        await session.leave()
        with pytest.raises(TakenAway):
            await session.answer()
        seen.append("left")

    async def goes(session: Session) -> None:
        await session.go_to("elsewhere", "target")

    async def waits(session: Session) -> None:
        try:
            await session.digit(None)
        except Exception as error:
            seen.append(type(error))
            raise

    one, two = await mgr.call(ANSWERS, to=returns), await mgr.call(ANSWERS, to=leaves)
    assert [(await call.ended(5)).by_us for call in (one, two)] == [True, True]
    await until(lambda: len(seen) == 2)
    assert set(seen) == {"wait", "left"}
    begun = begins(mgr, "WAIT FOR DIGIT")
    async with mgr.call(ANSWERS, to=goes) as gone, mgr.call(ANSWERS, to=waits) as taken:
        await begun
        await taken.redirect("elsewhere", "target")
        await until(lambda: len(seen) == 3)
        assert seen[-1] is TakenAway
        for call in (gone, taken):
            assert await call.get("EXTEN") == "target"
            assert call.end is None
    begun = begins(mgr, "WAIT FOR DIGIT")
    async with mgr.call(ANSWERS, to=waits):
        await begun
    await until(lambda: len(seen) == 4)
    assert seen[-1] is HungUp


@pytest.mark.parametrize("way", ["redirect", "bridge"])
async def test_a_call_that_is_taken_from_its_program_while_it_plays(mgr: Manager, way: str) -> None:
    """Nothing comes for what the program runs, and no dialplan is behind it: it is TakenAway all the same, and lives."""
    seen: list[type[Exception]] = []

    async def plays(session: Session) -> None:
        try:
            await session.play("demo-congrats", "demo-congrats")
        except Exception as error:
            seen.append(type(error))
            raise

    begun = begins(mgr, "EXEC")
    async with mgr.call(ANSWERS, to=plays) as call, mgr.call(ANSWERS, to=TO) as other:
        await begun
        await other.answered(5)
        await (call.redirect("elsewhere", "target") if way == "redirect" else call.bridge(other))
        await until(lambda: seen)
        assert seen == [TakenAway]
        assert call.end is None


@both
async def test_the_call_of_a_session(mgr: Manager, transport: Transport) -> None:
    """A session has its call on either transport: with its state, with what can be done, and its end."""
    held: list[Call] = []

    async def program(session: Session) -> None:
        call = session.call
        held.append(call)
        await until(lambda: call.state is CallState.ANSWERED)
        await call.set("A", "b")
        assert await session.get("A") == "b"
        assert session.call is call
        await session.hang_up()

    options = {"manager": mgr} if transport == "fastagi" else {}
    await run(mgr, transport, program, **options)
    end = await held[0].ended(5)
    assert (end.reason, end.by_us) == (EndReason.ANSWERED, True)


async def test_a_local_channel_that_takes_itself_out_is_followed(mgr: Manager) -> None:
    """Once both sides talk, the call goes on with the channel that was called, and ends with it."""
    steps = {("inner", 1): ("Answer", ""), ("inner", 2): ("Playback", "demo-congrats&demo-congrats")}
    steps[("outer", 1)] = ("Answer", "")
    steps[("outer", 2)] = ("Dial", "Local/inner@optimized/n,20")
    for (exten, priority), (application, data) in steps.items():
        step = actions.DialplanExtensionAdd(
            "optimized", exten, priority, application, application_data=data, replace=True
        )
        await mgr.send(step)
    async with mgr.call("Local/outer@optimized", to="outer@optimized") as call:
        first = call.uniqueid
        await call.answered(5)
        await until(lambda: call.uniqueid != first)
        await until(lambda: call.bridged_with)
        assert call.end is None
        assert call.state is CallState.ANSWERED
        assert await call.get("CHANNEL(name)") == call.channel
    assert call.end is not None
    assert call.end.by_us


async def test_a_lost_link(mgr: Manager, asterisk: Any) -> None:
    """Calls that are there after a reconnect go on; one that ended meanwhile ends, and none is placed again."""
    async with (
        FaultProxy("127.0.0.1", int(asterisk.url.rpartition(":")[2])) as proxy,
        Manager(proxy.host, proxy.port, "admin", "s3cret", reconnect=QUICK) as own,
    ):
        stays, ringing, gone = [await own.call(channel, to=TO) for channel in (ANSWERS, RINGS, ANSWERS)]
        await asyncio.gather(stays.answered(5), gone.answered(5))
        proxy.cut()
        await until(lambda: own.state is not ManagerState.READY)
        await mgr.send(core.Hangup(gone.uniqueid))
        end = await gone.ended(5)
        assert (end.reason, end.by_us) == (EndReason.ANSWERED, False)
        assert (stays.state, ringing.state) == (CallState.ANSWERED, CallState.RINGING)
        for call in (stays, ringing):
            await call.hang_up()
            assert (await call.ended(5)).by_us


async def test_a_call_that_is_picked_up_goes_on(mgr: Manager) -> None:
    """The channel that picks up a call that rings takes its place; what OriginateResponse names on 16 misleads nobody."""
    async with mgr.call(RINGS, to=TO) as call:
        await until(lambda: call.state is CallState.RINGING)
        first = call.uniqueid
        picker = await mgr.call(ANSWERS, to=Application("PickupChan", call.channel or ""))
        await call.answered(5)
        await until(lambda: call.uniqueid != first)
        assert call.end is None
        assert await call.get("CHANNEL(name)") == call.channel
    assert call.end is not None
    assert (call.end.reason, call.end.by_us) == (EndReason.ANSWERED, True)
    await picker.ended(5)
