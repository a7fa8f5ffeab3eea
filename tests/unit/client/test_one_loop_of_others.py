"""What belongs to a manager belongs to its event loop: fleets, calls and sessions, from everywhere else."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from tests.helpers import Server, manager, until

from aioami import Fleet, Manager
from aioami.agi import FastAGI, Session
from aioami.calls import Call, CallState, EndReason
from aioami.calls.hub import Hub
from aioami.calls.watch import CallChanges
from aioami.testing import FakeAsterisk

RINGS = "Local/ring@test/n"
TO = "wait@test"

# Each public call that waits or acts.
FLEET: Final[dict[str, Callable[[Fleet], Any]]] = {
    "connect": lambda fleet: fleet.connect(),
    "close": lambda fleet: fleet.close(),
    "__aenter__": lambda fleet: fleet.__aenter__(),
    "__aexit__": lambda fleet: fleet.__aexit__(None, None, None),
    "add": lambda fleet: fleet.add("other", "ami://127.0.0.1"),
    "remove": lambda fleet: fleet.remove("pbx"),
    "events": lambda fleet: fleet.events("Tick"),
    "wait_for": lambda fleet: fleet.wait_for("Tick"),
    "on": lambda fleet: fleet.on("Tick"),
}
CALL: Final[dict[str, Callable[[Call], Any]]] = {
    "answered": lambda call: call.answered(),
    "ended": lambda call: call.ended(),
    "changes": lambda call: call.changes(),
    "hang_up": lambda call: call.hang_up(),
    "redirect": lambda call: call.redirect("test", "wait"),
    "transfer": lambda call: call.transfer("wait", "test"),
    "bridge": lambda call: call.bridge("PJSIP/alice"),
    "park": lambda call: call.park(),
    "mute": lambda call: call.mute(),
    "record": lambda call: call.record("file.wav"),
    "press": lambda call: call.press("1"),
    "get": lambda call: call.get("A"),
    "set": lambda call: call.set("A", "1"),
    "detach": lambda call: call.detach(),
}
SESSION: Final[dict[str, Callable[[Session], Any]]] = {
    "answer": lambda session: session.answer(),
    "hang_up": lambda session: session.hang_up(),
    "go_to": lambda session: session.go_to("test", "wait"),
    "leave": lambda session: session.leave(),
    "play": lambda session: session.play("beep"),
    "ask": lambda session: session.ask("beep", digits=1),
    "digit": lambda session: session.digit(1),
    "say_number": lambda session: session.say_number(1),
    "say_digits": lambda session: session.say_digits("1"),
    "spell": lambda session: session.spell("a"),
    "record": lambda session: session.record("file"),
    "get": lambda session: session.get("A"),
    "set": lambda session: session.set("A", "1"),
    "evaluate": lambda session: session.evaluate("${A}"),
    "exec": lambda session: session.exec("NoOp"),
    "dial": lambda session: session.dial("PJSIP/alice"),
    "command": lambda session: session.command("NOOP"),
}
# Those that only look, or are for the server alone.
LOOKS: Final[dict[type, set[str]]] = {
    Fleet: {"servers", "health", "statistics", "emit", "observe_servers", "owner"},
    Call: {"uniqueid", "channel", "state", "bridged_with", "held", "parked", "parking_space", "end", "to_dict"},
    Session: {"is_over", "call", "take_name"},
}


@pytest.mark.parametrize(("cls", "table"), [(Fleet, FLEET), (Call, CALL), (Session, SESSION)])
def test_every_public_call_is_tried(cls: type, table: dict[str, Any]) -> None:
    """The tables have every public method of what they are about."""
    public = {name for name in vars(cls) if not name.startswith("_")}
    assert public - LOOKS[cls] == {name for name in table if not name.startswith("_")}


def said(call: Callable[[Any], Any], held: Any) -> str:
    """What a call says without a running loop; in a new one, if it is to be awaited."""
    try:
        result = call(held)
        if inspect.isawaitable(result):
            asyncio.run(_bounded(result))
    except RuntimeError as error:
        return str(error)
    return ""


def said_in_a_loop(call: Callable[[Any], Any], held: Any) -> str:
    """What a call says in a running loop."""

    async def inside() -> str:
        try:
            result = call(held)
            if inspect.isawaitable(result):
                await _bounded(result)
        except RuntimeError as error:
            return str(error)
        return ""

    return asyncio.run(inside())


async def _bounded(what: Any) -> Any:
    return await asyncio.wait_for(what, 2)


WAYS: Final = [said, said_in_a_loop]


async def elsewhere(way: Callable[[Any, Any], str], table: dict[str, Any], held: Any) -> dict[str, str]:
    """What each call of a table says in another thread."""
    return await asyncio.to_thread(lambda: {name: way(call, held) for name, call in table.items()})


@pytest.mark.parametrize("way", WAYS)
async def test_a_fleet_is_refused_elsewhere(way: Callable[[Any, Any], str], fake: FakeAsterisk) -> None:
    """In another thread, with a running loop or without, each call raises; it goes on, and may be looked at."""
    async with Fleet({"pbx": manager(fake)}) as fleet:
        for name, sentence in (await elsewhere(way, FLEET, fleet)).items():
            assert "run_coroutine_threadsafe" in sentence, name
            assert "aioami.in_thread" in sentence, name
        assert await asyncio.to_thread(lambda: (fleet.servers, repr(fleet))) == (("pbx",), repr(fleet))
        assert set(await asyncio.to_thread(fleet.health)) == set(await asyncio.to_thread(fleet.statistics)) == {"pbx"}
        stream = fleet.events("Tick")
        await fake.send_event("Tick")
        assert (await anext(stream)).server == "pbx"


@pytest.mark.parametrize("way", WAYS)
async def test_a_call_is_refused_elsewhere(way: Callable[[Any, Any], str], mgr: Manager, fake: FakeAsterisk) -> None:
    """No byte leaves, and the call is what it was; its state may be read everywhere."""
    async with mgr.call(RINGS, to=TO) as call:
        await until(lambda: call.state is CallState.RINGING)
        changes = call.changes()
        before = len(fake.received)
        found = await elsewhere(way, {**CALL, "__anext__": lambda _: anext(changes)}, call)
        for name, sentence in found.items():
            assert "run_coroutine_threadsafe" in sentence, name
            assert "aioami.in_thread" in sentence, name
        assert len(fake.received) == before
        assert call.state is CallState.RINGING
        assert await asyncio.to_thread(call.to_dict) == call.to_dict()
        assert await asyncio.to_thread(repr, call) == repr(call)
        await call.hang_up()
        end = await call.ended(5)
        assert end.by_us
    # What has ended has nothing left to wait for.
    assert await asyncio.to_thread(lambda: asyncio.run(call.ended())) == end


async def test_a_call_that_is_placed_elsewhere_takes_no_other_with_it(mgr: Manager) -> None:
    """It is refused, and those that are held are held as before."""
    async with mgr.call(RINGS, to=TO) as call:
        await until(lambda: call.state is CallState.RINGING)
        placed = mgr.call(RINGS, to=TO)

        async def place() -> None:
            await placed

        with pytest.raises(RuntimeError, match=r"another event loop.*aioami\.in_thread"):
            await asyncio.to_thread(asyncio.run, place())
        assert (call.end, len(Hub.of(mgr))) == (None, 1)


async def test_another_thread_may_use_a_call_through_its_loop(mgr: Manager) -> None:
    """The coroutine may be made anywhere: it is checked when it runs."""
    loop = asyncio.get_running_loop()
    async with mgr.call(RINGS, to=TO) as call:
        await until(lambda: call.state is CallState.RINGING)
        await asyncio.to_thread(lambda: asyncio.run_coroutine_threadsafe(call.hang_up(), loop).result(5))
        assert (await call.ended(5)).by_us


@pytest.fixture
def standing(server: Server) -> Iterator[tuple[asyncio.AbstractEventLoop, Manager]]:
    """A loop that stands still between its runs, and a manager that is connected in it."""
    loop = asyncio.new_event_loop()
    mgr = manager(server.fake)
    loop.run_until_complete(mgr.connect())
    yield loop, mgr
    if not loop.is_closed():
        loop.run_until_complete(mgr.close())
        loop.close()


async def placed(mgr: Manager) -> Call:
    call = await mgr.call(RINGS, to=TO)
    await until(lambda: call.state is CallState.RINGING)
    return call


def test_a_call_while_its_loop_stands_still(standing: tuple[asyncio.AbstractEventLoop, Manager]) -> None:
    """What acts at once may be used in the loop's thread, as in a notebook; another loop is another owner."""
    loop, mgr = standing
    call = loop.run_until_complete(placed(mgr))
    assert isinstance(call.changes(), CallChanges)
    call.detach()
    assert "run_coroutine_threadsafe" in said_in_a_loop(CALL["ended"], call)
    loop.run_until_complete(call.hang_up())
    assert loop.run_until_complete(call.ended(5)).by_us


def test_a_call_ends_with_its_loop(standing: tuple[asyncio.AbstractEventLoop, Manager]) -> None:
    """A loop that was closed took the link with it: the call is lost, and nobody waits for it in vain."""
    loop, mgr = standing
    call = loop.run_until_complete(placed(mgr))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loop.close()
        end = asyncio.run(_bounded(call.ended()))
        asyncio.run(mgr.close())
        gc.collect()
    assert end.reason is EndReason.LOST


async def test_a_session_is_refused_elsewhere() -> None:
    """Each of its methods, in another loop: no byte leaves, and it goes on where it belongs."""
    done: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()

    async def program(session: Session) -> None:
        done.set_result(await elsewhere(said, SESSION, session))
        await session.answer()

    async with FastAGI(program, port=0) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"agi_network: yes\nagi_channel: PJSIP/alice\n\n")
        for name, sentence in (await asyncio.wait_for(done, 20)).items():
            assert "run_coroutine_threadsafe" in sentence, name
        assert await asyncio.wait_for(reader.readline(), 5) == b"ANSWER\n"
        writer.write(b"200 result=0\n")
        writer.close()


# Another process


def forked() -> None:
    """Connect, hold, fork, and try each call in the child, which must raise."""
    loop = asyncio.new_event_loop()
    fake = FakeAsterisk()
    loop.run_until_complete(fake.start())
    mgr, fleet = manager(fake), Fleet({"pbx": manager(fake)})
    loop.run_until_complete(mgr.connect())
    loop.run_until_complete(fleet.connect())
    call = loop.run_until_complete(placed(mgr))
    child = os.fork()
    if child == 0:
        wrong = [
            f"{name} {way.__name__}"
            for table, held in ((FLEET, fleet), (CALL, call))
            for name, use in table.items()
            for way in WAYS
            if "process" not in way(use, held)
        ]
        try:  # what the child takes for the same loop
            loop.run_until_complete(call.ended(0.1))
            wrong.append("the same loop")
        except RuntimeError as error:
            if "process" not in str(error):
                wrong.append(str(error))
        print(wrong, flush=True)
        os._exit(len(wrong))
    os.waitpid(child, 0)
    loop.run_until_complete(call.hang_up())
    assert loop.run_until_complete(call.ended(5)).by_us
    for closing in (fleet.close(), mgr.close(), fake.stop()):
        loop.run_until_complete(closing)
    loop.close()
    print("the parent goes on")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_forked_process_is_refused() -> None:
    """In a child each call of a fleet and of a call raises, and the parent goes on."""
    program = "from tests.unit.client.test_one_loop_of_others import forked; forked()"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stdout.splitlines() == ["[]", "the parent goes on"], done.stderr
