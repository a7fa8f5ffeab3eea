"""Programs of AGI on the fake server: callers hear and press, over both transports, in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from aioami import Manager, actions
from aioami.agi import AsyncAGI, CommandFailed, FastAGI, HungUp, Program, Session, TakenAway
from aioami.testing import FakeAsterisk

both = pytest.mark.parametrize("transport", ["fastagi", "asyncagi"])


@pytest.fixture(params=["16", "22"])
async def fake(request: pytest.FixtureRequest) -> AsyncIterator[FakeAsterisk]:
    async with FakeAsterisk(version=request.param, virtual_time=True) as fake:
        yield fake


@contextlib.asynccontextmanager
async def serving(
    fake: FakeAsterisk, transport: str, program: Program, *, with_manager: bool = False, **options: Any
) -> AsyncIterator[Manager]:
    """Serve a program at the extension `menu`, which tells the caller afterwards that it was there."""
    async with Manager.from_url(fake.url) as mgr:
        if transport == "asyncagi":
            server: FastAGI | AsyncAGI = AsyncAGI(mgr, program, **options)
            url = "agi:async"
        else:
            server = FastAGI(program, port=0, manager=mgr if with_manager else None, **options)
        async with server:
            if isinstance(server, FastAGI):
                url = f"agi://127.0.0.1:{server.port}/menu"
            fake.add_extension("menu", f"AGI({url},one,two)", "Playback(${AGISTATUS})", "Hangup()")
            yield mgr


@both
async def test_a_menu_is_tested_in_milliseconds(fake: FakeAsterisk, transport: str) -> None:
    """A caller hears prompts in their order and presses keys; minutes of a call pass at once."""
    said: list[object] = []

    async def menu(call: Session) -> None:
        await call.answer()
        said.append(await call.ask("main-menu", digits=2, timeout=5))
        await call.play("thanks", "goodbye")
        await call.say_digits("42")
        said.append(await call.digit(600))
        recording = await call.record("/tmp/message", timeout=60, beep=True)
        said.append((recording.reason, recording.seconds))

    began = time.perf_counter()
    async with serving(fake, transport, menu):
        caller = fake.incoming("PJSIP/trunk", to="menu", caller='"Ada" <100>')
        await caller.hears("main-menu")
        assert caller.state == "Up"
        await caller.presses("12")
        await caller.hears("goodbye")
        await caller.hears("42")
        await caller.hears("beep", within=700)
        await caller.waits(10)
        await caller.presses("#")
        await caller.hears("SUCCESS")
        await caller.ended()
    assert caller.sounds == ["main-menu", "thanks", "goodbye", "42", "beep", "SUCCESS"]
    assert said[:2] == ["12", None]
    assert said[2] == ("digit", pytest.approx(10, abs=1))
    assert fake.time() - fake.exchange.epoch > 600
    assert time.perf_counter() - began < 5


@both
async def test_the_environment_is_there(fake: FakeAsterisk, transport: str) -> None:
    """A session knows its caller, its place, its arguments and the version of the server."""
    seen: dict[str, str] = {}

    async def program(call: Session) -> None:
        seen.update(call.environment)
        assert call.arguments == ("one", "two")

    async with serving(fake, transport, program):
        caller = fake.incoming("PJSIP/trunk", to="menu", caller='"Ada" <100>')
        await caller.hears("SUCCESS")
    assert seen["agi_callerid"] == "100"
    assert seen["agi_calleridname"] == "Ada"
    assert seen["agi_extension"] == "menu"
    assert seen["agi_uniqueid"] == caller.uniqueid
    assert seen["agi_version"].startswith(f"{fake.major}.")
    assert ("agi_network" in seen) == (transport == "fastagi")


@both
async def test_a_caller_hangs_up(fake: FakeAsterisk, transport: str) -> None:
    """A hang-up ends the command that runs, and every later one; the call is over when the program is."""
    raised: list[BaseException] = []

    async def program(call: Session) -> None:
        try:
            await call.ask("main-menu", digits=1, timeout=60)
        except HungUp as error:
            raised.append(error)
        try:
            await call.answer()
        except HungUp as error:
            raised.append(error)

    async with serving(fake, transport, program):
        caller = fake.incoming("PJSIP/trunk", to="menu")
        await caller.hears("main-menu")
        await caller.waits(1)
        await caller.hang_up()
        await caller.ended()
    assert len(raised) == 2
    assert caller.state == "gone"


@both
async def test_a_hangup_while_nothing_runs(fake: FakeAsterisk, transport: str) -> None:
    """A program that waits for something else finds out with its next command."""
    go_on = asyncio.Event()
    ended = asyncio.Event()

    async def program(call: Session) -> None:
        await call.answer()
        await go_on.wait()
        with pytest.raises(HungUp):
            await call.play("too-late")
        ended.set()

    async with serving(fake, transport, program):
        caller = fake.incoming("PJSIP/trunk", to="menu")
        await caller.waits(5)
        await caller.hang_up()
        go_on.set()
        await asyncio.wait_for(ended.wait(), 5)
        await caller.ended()
    assert "too-late" not in caller.sounds


def until_taken(taken: list[Session]) -> Program:
    """A program that waits until its call is taken away, and tells of it."""

    async def program(call: Session) -> None:
        with pytest.raises(TakenAway):
            await call.digit(None)
        taken.append(call)

    return program


@both
async def test_a_redirect_takes_the_call_away(fake: FakeAsterisk, transport: str) -> None:
    """A redirect is TakenAway, and the caller goes on where he was sent."""
    taken: list[Session] = []
    async with serving(fake, transport, until_taken(taken)) as mgr:
        fake.add_extension("elsewhere", "Playback(arrived)", "Hangup()")
        caller = fake.incoming("PJSIP/trunk", to="menu")
        await caller.waits(1)
        await mgr.send(actions.Redirect(caller.channel, "default", "elsewhere", 1))
        await caller.hears("arrived")
    assert len(taken) == 1


@both
async def test_a_bridge_takes_the_call_away(fake: FakeAsterisk, transport: str) -> None:
    """A bridge by an action is TakenAway, and the two talk."""
    taken: list[Session] = []
    async with serving(fake, transport, until_taken(taken)) as mgr:
        fake.add_extension("other", "Answer()", "Wait(600)")
        caller, other = fake.incoming("PJSIP/trunk", to="menu"), fake.incoming("PJSIP/alice", to="other")
        await caller.waits(1)
        await mgr.send(actions.Bridge(caller.channel, other.channel))
        await caller.waits(1)
        assert caller.talks_to == [other.channel]
        assert len(taken) == 1


@both
async def test_a_missing_file_fails_as_on_a_real_server(fake: FakeAsterisk, transport: str) -> None:
    """A file that is missing fails; one that could be stopped ends the session of AsyncAGI, and not that of FastAGI."""
    fake.missing_files.add("nosuchfile")
    over: list[bool] = []

    async def program(call: Session) -> None:
        for failing in (call.play("nosuchfile"), call.ask("nosuchfile", digits=1), call.play("nosuchfile", stop="1")):
            with pytest.raises(CommandFailed) as caught:
                await failing
            over.append(caught.value.session_over)

    async with serving(fake, transport, program):
        caller = fake.incoming("PJSIP/trunk", to="menu")
        await caller.hears("FAILURE")
    assert over == [False, False, transport == "asyncagi"]


@both
async def test_a_cancelled_command_is_stopped(fake: FakeAsterisk, transport: str) -> None:
    """A timeout around a command ends it, and the session goes on."""
    begun = asyncio.Event()

    async def program(call: Session) -> None:
        waiting = asyncio.ensure_future(call.digit(None))
        await begun.wait()
        waiting.cancel()
        await call.play("still-here")

    async with serving(fake, transport, program):
        caller = fake.incoming("PJSIP/trunk", to="menu")
        await caller.waits(1)
        begun.set()
        await caller.hears("still-here")
        await caller.hears("SUCCESS")


@both
async def test_a_program_that_raises_hangs_up(
    fake: FakeAsterisk, transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A program that fails leaves no caller in silence."""

    async def program(call: Session) -> None:
        await call.answer()
        raise LookupError("a mistake")

    async with serving(fake, transport, program):
        caller = fake.incoming("PJSIP/trunk", to="menu")
        await caller.ended(within=5)
    assert "a mistake" in caplog.text


@both
async def test_many_callers_at_once(fake: FakeAsterisk, transport: str) -> None:
    """Calls do not disturb each other, and each program gets its own caller's keys."""
    got: dict[str, str] = {}

    async def program(call: Session) -> None:
        got[call.channel] = await call.ask("main-menu", digits=3, timeout=5)

    async with serving(fake, transport, program):
        callers = [fake.incoming("PJSIP/trunk", to="menu") for _ in range(9)]
        for number, caller in enumerate(callers):
            await caller.hears("main-menu")
            if number % 3:
                await caller.presses(f"{number}#")
        for caller in callers:
            await caller.hears("SUCCESS")
    assert len(got) == 9
    assert sum(1 for digits in got.values() if digits) == len([n for n in range(9) if n % 3])


async def test_nobody_listens(fake: FakeAsterisk) -> None:
    """The dialplan goes on with AGISTATUS FAILURE where no FastAGI server is, or no program can be run."""
    async with FastAGI(lambda call: asyncio.sleep(0), port=0) as server:
        port = server.port
    fake.add_extension(
        "nobody",
        *(f"AGI(agi://127.0.0.1:{port}/menu)", "Playback(${AGISTATUS}-1)"),
        *("AGI(program.py)", "Playback(${AGISTATUS}-2)"),
    )
    caller = fake.incoming("PJSIP/trunk", to="nobody")
    await caller.hears("FAILURE-1")
    await caller.hears("FAILURE-2")


async def test_a_name_is_looked_up_while_time_stands_still(fake: FakeAsterisk) -> None:
    """A host name takes real time to be resolved, and none of the call's."""

    async def program(call: Session) -> None:
        await call.play("found")

    async with FastAGI(program, port=0) as server:
        fake.add_extension("menu", f"AGI(agi://localhost:{server.port}/?a=b)")
        caller = fake.incoming("PJSIP/trunk", to="menu")
        await caller.hears("found", within=0.5)


async def test_what_was_not_heard_is_told(fake: FakeAsterisk) -> None:
    """An expectation that is not met says what the caller heard, at the end of the time or of the call."""
    fake.add_extension("menu", "Playback(one&two)", "Wait(5)")
    caller = fake.incoming("PJSIP/trunk", to="menu")
    with pytest.raises(AssertionError, match=r"hears three: not within 3 seconds; it heard one, two"):
        await caller.hears("three", within=3)
    with pytest.raises(AssertionError, match=r"has ended, and did not hear three; it heard one, two"):
        await caller.hears("three")
    await caller.hears("one")
    with pytest.raises(AssertionError, match="did not hear one"):
        await caller.hears("one")
    fake.add_extension("silence", "Wait(5)")
    silent = fake.incoming("PJSIP/trunk", to="silence")
    with pytest.raises(AssertionError, match="it heard nothing"):
        await silent.hears("x", within=0)


async def test_wrong_arguments_are_told(fake: FakeAsterisk) -> None:
    """An extension without steps, a step that is none, and a key that no phone has are refused by name."""
    with pytest.raises(ValueError, match=r"steps: at least one"):
        fake.add_extension("menu")
    with pytest.raises(ValueError, match=r"steps: an application, as Wait\(5\), not '\?'"):
        fake.add_extension("menu", "?")
    fake.add_extension("menu@test", "Wait(5)")
    caller = fake.incoming("PJSIP/trunk", to="menu@test")
    with pytest.raises(ValueError, match=r"digits: .* not '1x'"):
        await caller.presses("1x")


@both
async def test_two_queued_stops_and_settings(fake: FakeAsterisk, transport: str) -> None:
    """Commands that move the call, limit it and name its caller do what they say."""

    async def program(call: Session) -> None:
        await call.command("SET CALLERID", '"Grace" <200>')
        await call.command("SET AUTOHANGUP", 60)
        await call.command("SET MUSIC", "ON")
        await call.command("SET MUSIC", "OFF")
        assert await call.get("CALLERID(num)") == "200"
        await call.go_to("default", "there", 1)

    async with serving(fake, transport, program):
        fake.add_extension("there", "Playback(there)", "Wait(600)")
        caller = fake.incoming("PJSIP/trunk", to="menu")
        await caller.hears("there")
        await caller.ended(within=60)
