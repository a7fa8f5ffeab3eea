"""AGI sessions on real servers: sessions that lose their channel, on either transport."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable
from typing import Any

from tests.helpers import begins
from tests.real.agi_calls import Transport, both, lay_out, run, run_each
from tests.real.test_agi_commands import rows
from tests.real.test_agi_ends import raised_by

from aioami import Action, Event, Manager, ManagerError, actions, core, events
from aioami.agi import CommandFailed, HungUp, Session

ALSO_ENDED: dict[str, Callable[[Session], Awaitable[object]]] = {
    "phonetic": lambda call: call.command("SAY PHONETIC", "abcdefghijk", ""),
    "date": lambda call: call.command("SAY DATE", 0, ""),
    "datetime": lambda call: call.command("SAY DATETIME", 0, ""),
    "option": lambda call: call.command("GET OPTION", "demo-congrats", "1", 9000),
    "control": lambda call: call.command("CONTROL STREAM FILE", "demo-congrats", "1"),
    "background": lambda call: call.exec("BackGround", "demo-congrats"),
    "read": lambda call: call.exec("Read", "X", "", 5, "", 1, 9),
    "read a file": lambda call: call.exec("Read", "X", "demo-congrats"),
    "confbridge": lambda call: call.exec("ConfBridge", "aioami"),
    "waitexten": lambda call: call.exec("WaitExten", 20),
    "echo": lambda call: call.exec("Echo"),
    "several": lambda call: call.play("demo-congrats", "demo-congrats"),
}


@both
async def test_a_hangup_ends_further_commands(mgr: Manager, transport: Transport) -> None:
    """A hang-up in the middle is HungUp within half a second also in commands that have no method."""
    seen = await raised_by(mgr, transport, ALSO_ENDED, lambda call: mgr.send(core.Hangup(call.uniqueid)))
    assert {name: raised for name, (raised, _) in seen.items()} == dict.fromkeys(seen, "HungUp")
    assert {name: after for name, (_, after) in seen.items() if after >= 0.5} == {}


@both
async def test_applications_that_do_not_tell_of_a_hangup(mgr: Manager, transport: Transport) -> None:
    """Applications that go on for a while, or for ever, or return 0 at a hang-up, are HungUp at once with a manager."""
    recording: dict[str, Callable[[Session], Awaitable[object]]] = {
        "record": lambda call: call.exec("Record", "/tmp/aioami-hung-up.wav"),
        "saynumber": lambda call: call.exec("SayNumber", "1234567"),
        "voicemail": lambda call: call.exec("VoiceMail", "1234@default"),
        "voicemailmain": lambda call: call.exec("VoiceMailMain", "1234@default"),
    }
    options = {"manager": mgr} if transport == "fastagi" else {}
    seen = await raised_by(mgr, transport, recording, lambda call: mgr.send(core.Hangup(call.uniqueid)), **options)
    assert {name: raised for name, (raised, _) in seen.items()} == dict.fromkeys(seen, "HungUp")
    assert {name: after for name, (_, after) in seen.items() if after >= 0.5} == {}


@both
async def test_commands_that_wait_for_their_turn_end_with_the_channel(mgr: Manager, transport: Transport) -> None:
    """A hang-up is HungUp in the command that runs, and in all that wait behind it, and none waits for ever."""

    async def program(call: Session) -> list[str]:
        runs = begins(mgr, "WAIT FOR DIGIT", call.channel)
        begun = asyncio.create_task(call.digit(None))
        queued = [asyncio.create_task(each) for each in (call.set("A", "b"), call.play("beep"), call.leave())]
        await runs
        await mgr.send(core.Hangup(call.uniqueid))
        ended = await asyncio.wait_for(asyncio.gather(begun, *queued, return_exceptions=True), 0.6)
        return [type(each).__name__ for each in ended]

    assert await run(mgr, transport, program) == ["HungUp"] * 4


@both
async def test_a_bridge_and_a_transfer_take_the_call_away(mgr: Manager, transport: Transport) -> None:
    """A bridge by an action, and a transfer while the session dials, are TakenAway, with a manager and without."""

    async def raised(command: Awaitable[object], call: Session) -> list[str]:
        ended = []
        for each in (command, call.answer()):
            try:
                ended.append(f"returned {await asyncio.wait_for(each, 5)!r}")
            except (ManagerError, asyncio.TimeoutError) as error:
                ended.append(type(error).__name__)
        return ended

    async def bridged(call: Session) -> list[str]:
        other = await (await mgr.send(core.Originate_Application("Local/wait@test/n", "Wait", ("60",)))).outcome()
        runs = begins(mgr, "WAIT FOR DIGIT", call.channel)
        running = asyncio.create_task(call.digit(None))
        await runs
        await mgr.send(core.Bridge(call.channel, other.channel or ""))
        return await raised(running, call)

    async def transferred(call: Session) -> list[str]:
        joined = mgr.wait_for(events.BridgeEnter, where=lambda event: event.get("Uniqueid") == call.uniqueid, timeout=5)
        running = asyncio.create_task(call.dial("Local/wait@test/n"))
        await joined
        other = mgr.wait_for(
            events.Newexten,
            where=lambda step: step.get("Uniqueid") == call.uniqueid and step.exten == "target",
            timeout=5,
        )
        await mgr.send(core.Redirect(call.channel, "elsewhere", "target", 1))
        ended = await raised(running, call)
        await other
        return ended

    programs = [bridged, transferred]
    expected = [["TakenAway"] * 2] * 2
    assert await run_each(mgr, transport, programs) == expected
    if transport == "fastagi":
        assert await run_each(mgr, transport, programs, manager=mgr) == expected


async def bridge_with_another(mgr: Manager, call: Session) -> None:
    """Have the channel of a session talk with another one."""
    other = await (await mgr.send(core.Originate_Application("Local/wait@test/n", "Wait", ("60",)))).outcome()
    await mgr.send(core.Bridge(call.channel, other.channel or ""))


async def park(mgr: Manager, call: Session) -> None:
    """Park the channel of a session."""
    await mgr.send(Action("Park", {"Channel": call.channel}))


@both
async def test_whoever_is_taken_out_of_an_application_is_taken_away(mgr: Manager, transport: Transport) -> None:
    """A bridge by an action, and parking, are TakenAway while an application plays or waits, too."""
    commands: dict[str, Callable[[Session], Awaitable[object]]] = {
        "play": lambda call: call.play("demo-congrats", "demo-congrats"),
        "wait": lambda call: call.exec("Wait", 60),
    }
    for act in (bridge_with_another, park):
        seen = await raised_by(mgr, transport, commands, lambda call, act=act: act(mgr, call))
        assert {name: raised for name, (raised, _) in seen.items()} == dict.fromkeys(commands, "TakenAway")


@both
async def test_whoever_is_taken_out_of_a_routine_is_taken_away(mgr: Manager, transport: Transport) -> None:
    """So they are while GOSUB runs a routine, at the latest in the next command."""
    await lay_out(mgr, "agi-routine", "s", "Wait(60)", "Return()")

    async def routine(call: Session) -> None:
        await call.command("GOSUB", "agi-routine", "s", "1")
        await call.answer()  # over FastAGI the routine is over as others are

    for act in (bridge_with_another, park):
        seen = await raised_by(mgr, transport, {"routine": routine}, lambda call, act=act: act(mgr, call))
        assert seen["routine"][0] == "TakenAway"


@both
async def test_who_transfers_and_who_is_transferred(mgr: Manager, transport: Transport) -> None:
    """Whom the other side transfers is TakenAway; who transfers that one, or is asked back about, goes on behind `dial`."""
    desk = {"fastagi": "771", "asyncagi": "772"}[transport]
    await lay_out(mgr, "elsewhere", desk, "Answer()", "Wait(60)")

    def dialling(act: Callable[[Session, str], Awaitable[None]]) -> Callable[[Session], Awaitable[list[str]]]:
        async def program(call: Session) -> list[str]:
            answered = mgr.wait_for(events.DialEnd, where=lambda event: event.get("Uniqueid") == call.uniqueid)
            joined = mgr.wait_for(events.BridgeEnter, where=lambda event: event.get("Uniqueid") == call.uniqueid)
            running = asyncio.create_task(call.dial("Local/music@test/n", options="Tt"))
            other = (await asyncio.wait_for(answered, 5)).dest_channel or ""
            await asyncio.wait_for(joined, 5)
            await act(call, other)
            ended = []
            for each in (running, call.get("DIALSTATUS")):
                try:
                    told = await asyncio.wait_for(each, 5)
                    ended.append(told if isinstance(told, str) else type(told).__name__)
                except ManagerError as error:
                    ended.append(type(error).__name__)
            return ended

        return program

    async def by_other(call: Session, other: str) -> None:
        await mgr.send(actions.BlindTransfer(other, "target", "elsewhere"))

    async def by_caller(call: Session, other: str) -> None:
        await mgr.send(actions.BlindTransfer(call.channel, "target", "elsewhere"))

    async def asked_back(call: Session, other: str) -> None:
        def is_new(event: Event) -> bool:
            return event.get("Channel", "").startswith(f"Local/{desk}@elsewhere") and event["Channel"].endswith(";1")

        third = mgr.wait_for(events.BridgeEnter, where=is_new, timeout=10)
        done = mgr.wait_for(
            events.AttendedTransfer, where=lambda event: event.get("OrigTransfererChannel") == other, timeout=5
        )
        await mgr.send(actions.Atxfer(other, desk, "elsewhere"))
        channel = (await third).channel or ""
        await mgr.send(core.Hangup(other))
        await done
        await asyncio.sleep(0.3)  # in which it would end
        assert await mgr.send(core.Getvar("DIALSTATUS", channel=call.channel))  # it talks on
        await mgr.send(core.Hangup(channel))

    programs = [dialling(each) for each in (by_other, by_caller, asked_back)]
    options = {"manager": mgr} if transport == "fastagi" else {}
    seen = await run_each(mgr, transport, programs, caller="music", **options)
    assert seen == [["TakenAway"] * 2, ["DialResult", "ANSWER"], ["DialResult", "ANSWER"]]


@both
async def test_no_command_fails_because_the_channel_is_dead(mgr: Manager, asterisk: Any, transport: Transport) -> None:
    """On a channel that was hung up each command of Asterisk is answered or HungUp, and -1 is never CommandFailed."""
    commands = {row.command for row in rows("16" if asterisk.major < 22 else "22", transport)}
    commands = {each for each in commands if "/tmp/" not in each and "{other}" not in each}
    wrong = {}

    async def program(call: Session) -> None:
        await mgr.send(core.Hangup(call.uniqueid))
        for command in sorted(commands):
            try:
                reply = await call.command(*shlex.split(command))
            except HungUp:
                continue
            except CommandFailed as error:
                reply = error.reply
                if reply is None or (reply.code == 200 and reply.result != "-2"):  # wrong words are so anywhere
                    wrong[command] = repr(error)
            else:
                if reply.result == "-1":
                    wrong[command] = repr(reply)

    await run(mgr, transport, program)
    assert wrong == {}
