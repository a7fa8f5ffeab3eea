"""All that lives in an event loop, found by walking what users can import, used from everywhere else."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import inspect
import logging
import os
import pkgutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final, get_origin

import pytest
from tests.helpers import Server, manager, until
from tests.unit.client.test_one_loop import CALLS, LOOKS, Held
from tests.unit.client.test_one_loop_of_others import CALL, FLEET, RINGS, SESSION, TO, WAYS, said, said_in_a_loop

import aioami
from aioami import ConnectionLost, Fleet, _owner, core
from aioami.agi import AsyncAGI, FastAGI, Session
from aioami.calls import CallEnd, EndReason
from aioami.fleet import FleetLive
from aioami.live import Live
from aioami.testing import FakeAsterisk

# No part of a program's own loop: programs, and servers for tests.
PROGRAMS: Final = {"cli", "demo", "pytest_plugin", "testing"}
ROOMS: Final = [
    each.name for each in pkgutil.iter_modules(aioami.__path__) if each.name[0] != "_" and each.name not in PROGRAMS
]


class World:
    """One of each thing that lives in a loop, in use."""

    def __init__(self) -> None:
        self.fake = FakeAsterisk()
        self.agi_done = asyncio.Event()

    async def begin(self) -> None:
        await self.fake.start()
        self.mgr, self.other = manager(self.fake), manager(self.fake)
        await self.mgr.connect()
        self.held = Held.of(self.mgr)
        self.fleet = Fleet({"pbx": self.other})
        await self.fleet.connect()
        self.merged = self.fleet.events("Tick")
        self.call = await self.mgr.call(RINGS, to=TO)
        await until(lambda: self.call.channel)
        self.changes = self.call.changes()
        self.placed = self.mgr.call(RINGS, to=TO)
        self.live = await Live(self.mgr).__aenter__()
        self.live_changes = self.live.changes()
        self.fleet_live = await FleetLive(self.fleet).__aenter__()
        self.fleet_changes = self.fleet_live.changes()
        self.agi = AsyncAGI(self.mgr)
        await self.agi.start()
        self.server = FastAGI(self._program, port=0)
        await self.server.start()
        self.response = await self.mgr.send(core.Originate_Context(RINGS, "test", "wait", 1, timeout=60_000))
        self.session: Session | None = None
        self.reader, self.writer = await asyncio.open_connection(self.server.host, self.server.port)
        self.writer.write(b"agi_network: yes\nagi_channel: PJSIP/alice\n\n")
        await until(lambda: self.session)

    async def _program(self, session: Session) -> None:
        self.session = session
        await self.agi_done.wait()
        await session.answer()

    async def end(self) -> None:
        """Use each thing once more where it belongs, and end it."""
        assert (await self.mgr.send(core.Ping())).success
        await self.live.refresh(timeout=5)
        await self.fleet_live["pbx"].refresh(timeout=5)
        await self.fleet["pbx"].send(core.Ping())
        self.agi_done.set()
        assert await asyncio.wait_for(self.reader.readline(), 5) == b"ANSWER\n"
        self.writer.write(b"200 result=0\n")
        await self.call.hang_up()
        assert (await self.call.ended(5)).by_us
        await self.live.__aexit__(None, None, None)
        await self.fleet_live.__aexit__(None, None, None)
        self.held.items.close()
        self.writer.close()
        await self.agi.close()
        await self.server.close(1)
        await self.fleet.close()
        await self.mgr.close()
        await self.fake.stop()


# What a user may do with each, by class; those of a manager and its streams are in `CALLS`.
USES: Final[dict[str, dict[str, Callable[[World], Any]]]] = {
    "Fleet": {name: lambda world, use=use: use(world.fleet) for name, use in FLEET.items()},  # type: ignore[misc]
    "MergedStream": {
        "__anext__": lambda world: world.merged.__anext__(),
        "__aiter__": lambda world: world.merged.__aiter__(),
        "close": lambda world: world.merged.close(),
    },
    "Call": {name: lambda world, use=use: use(world.call) for name, use in CALL.items()},  # type: ignore[misc]
    "CallChanges": {
        "__aiter__": lambda world: world.changes.__aiter__(),
        "__anext__": lambda world: world.changes.__anext__(),
    },
    "PlacedCall": {
        "__await__": lambda world: world.placed,
        "__aenter__": lambda world: world.placed.__aenter__(),
    },
    "Session": {name: lambda world, use=use: use(world.session) for name, use in SESSION.items()},  # type: ignore[misc]
    "Live": {
        "changes": lambda world: world.live.changes(),
        "refresh": lambda world: world.live.refresh(),
        "wait_synced": lambda world: world.live.wait_synced(),
        "__aexit__": lambda world: world.live.__aexit__(None, None, None),
    },
    "LiveChanges": {
        "__aiter__": lambda world: world.live_changes.__aiter__(),
        "__anext__": lambda world: world.live_changes.__anext__(),
    },
    "FleetLive": {
        "changes": lambda world: world.fleet_live.changes(),
        "__aenter__": lambda world: FleetLive(world.fleet).__aenter__(),
        "__aexit__": lambda world: world.fleet_live.__aexit__(None, None, None),
    },
    "FleetLiveChanges": {
        "__aiter__": lambda world: world.fleet_changes.__aiter__(),
        "__anext__": lambda world: world.fleet_changes.__anext__(),
    },
    "AsyncAGI": {
        "start": lambda world: AsyncAGI(world.mgr).start(),
        "close": lambda world: world.agi.close(),
        "__aexit__": lambda world: world.agi.__aexit__(None, None, None),
        "__aiter__": lambda world: world.agi.__aiter__(),
        "__anext__": lambda world: world.agi.__anext__(),
    },
    "FastAGI": {
        "start": lambda world: world.server.start(),
        "close": lambda world: world.server.close(),
        "serve_forever": lambda world: world.server.serve_forever(),
        "__aexit__": lambda world: world.server.__aexit__(None, None, None),
    },
    "OriginateReply": {"outcome": lambda world: world.response.outcome()},
}
# The same by other names, or what has no loop of its own; each with the reason.
ELSEWHERE: Final = {
    "ManagerLike": "a protocol",
    "EventStream": "in CALLS",
    "ListStream": "in CALLS",
    "Manager": "in CALLS",
    "NextEvent": "in CALLS",
    "Subscription": "in CALLS",
    "Routes": "a program, which has no state",
    "RemoteManager": "in tests/unit/bus/test_one_loop_of_remote.py",
    "RemoteStream": "in tests/unit/bus/test_one_loop_of_remote.py",
    "Relay": "in tests/unit/bus/test_one_loop_of_remote.py",
    "Discovery": "its fleet starts and closes it",
    "Connecting": "its manager checks",
    "OutcomeReply": "the base of OriginateReply",
    "AGIReply": "as OriginateReply",
    "SIPqualifyReply": "as OriginateReply",
}
# What the walk finds of a class, and is the same call as another one, or begins something of its own.
SAME: Final = {"__aenter__"}


def walked() -> dict[str, type]:
    """The classes that users can import, of which something is awaited."""
    found: dict[str, type] = {}
    for module in (aioami, *(importlib.import_module(f"aioami.{room}") for room in ROOMS)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            named = [getattr(module, name) for name in getattr(module, "__all__", ())]
        for each in named:
            # Until Python 3.10 `Callable[...]` is a class, too.
            if (
                inspect.isclass(each)
                and get_origin(each) is None
                and any(_is_awaited(each, name) for name in dir(each))
            ):
                found[each.__name__] = each
    return found


def _is_awaited(cls: type, name: str) -> bool:
    if name.startswith("_") and not name.startswith("__"):
        return False
    function = inspect.getattr_static(cls, name)
    return inspect.iscoroutinefunction(function) or name in ("__await__", "__anext__", "__aiter__")


def test_every_class_that_lives_in_a_loop_is_tried() -> None:
    """Each class that the walk finds has its uses here; each use that is awaited is among them."""
    found = walked()
    assert "Live" in found
    assert found.keys() - USES.keys() - ELSEWHERE.keys() == set()
    for name, uses in USES.items():
        if cls := found.get(name):
            awaited = {each for each in dir(cls) if _is_awaited(cls, each)} - SAME
            if name not in ("MergedStream", "PlacedCall"):  # whose ends are those of their base, and of the call
                assert awaited - uses.keys() == set(), name


def factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Each kind of event loop that is there."""
    found: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    with contextlib.suppress(ImportError):
        import uvloop

        found["uvloop"] = uvloop.new_event_loop
    if sys.version_info >= (3, 12):

        def eager() -> asyncio.AbstractEventLoop:
            loop = asyncio.new_event_loop()
            loop.set_task_factory(asyncio.eager_task_factory)
            return loop

        found["eager tasks"] = eager
    return found


@contextlib.contextmanager
def world_in(factory: Callable[[], asyncio.AbstractEventLoop]) -> Iterator[tuple[asyncio.AbstractEventLoop, World]]:
    """A world whose loop stands still, as between two cells of a notebook."""
    loop = factory()
    world = loop.run_until_complete(_made())
    yield loop, world
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


async def _made() -> World:
    world = World()
    await world.begin()
    return world


def refusals(way: Callable[[Any, Any], str], world: World) -> dict[str, str]:
    """What each use says, in the thread in which this is called."""
    return {f"{cls}.{name}": way(use, world) for cls, uses in USES.items() for name, use in uses.items()} | {
        name: way(lambda world, use=use: use(world.held), world) for name, use in CALLS.items()
    }  # type: ignore[misc]


def not_refused(found: dict[str, str]) -> dict[str, str]:
    return {name: sentence for name, sentence in found.items() if "run_coroutine_threadsafe" not in sentence}


@pytest.mark.parametrize("kind", ["asyncio", "uvloop", "eager tasks"])
def test_all_is_refused_elsewhere_and_goes_on_where_it_belongs(kind: str) -> None:
    """In another thread, with a loop and without, and in another loop of the same thread, while its own runs or stands.

    No byte leaves; each thing is used once more in its loop, and ended there.
    """
    if kind not in factories():
        pytest.skip(f"no {kind} here")

    async def in_threads(world: World) -> list[dict[str, str]]:
        return [await asyncio.to_thread(refusals, way, world) for way in WAYS]

    with world_in(factories()[kind]) as (loop, world):
        before = len(world.fake.received)
        for found in (*loop.run_until_complete(in_threads(world)), refusals(said_in_a_loop, world)):
            assert not_refused(found) == {}
        actions = {str(each["Action"]) for each in world.fake.received[before:]}
        assert actions <= {"Ping"}, "of the library's own"
        loop.run_until_complete(world.end())


def test_all_may_be_looked_at_elsewhere() -> None:
    """Reprs, states and the maps of live states answer in every thread."""

    def look(world: World) -> list[str]:
        for each in LOOKS.values():
            each(world.held)
        things = (world.mgr, world.fleet, world.call, world.live, world.fleet_live, world.agi, world.server)
        shown = [*map(repr, things), repr(world.session), repr(world.response)]
        return [*shown, str(sorted(world.live.channels)), str(world.live.synced), str(world.call.to_dict())]

    with world_in(asyncio.new_event_loop) as (loop, world):
        here = look(world)
        assert loop.run_until_complete(asyncio.to_thread(look, world)) == here
        loop.run_until_complete(world.end())


def test_what_acts_at_once_works_while_the_loop_stands() -> None:
    """Between two cells of a notebook streams, changes and calls may be made and ended."""
    with world_in(asyncio.new_event_loop) as (loop, world):
        assert world.live.changes() is not world.live_changes
        assert world.fleet_live.changes() is not world.fleet_changes
        assert world.call.changes() is not world.changes
        assert said(USES["MergedStream"]["close"], world) == ""
        assert said(USES["LiveChanges"]["__aiter__"], world) == ""
        # What is awaited runs in the loop of the next cell.
        following: Coroutine[Any, Any, None] = world.live.refresh(timeout=5)
        loop.run_until_complete(following)
        loop.run_until_complete(world.end())


async def used_after_its_loop(world: World) -> None:
    """Whatever was in use is over, says so, and begins anew."""

    async def next_change() -> None:
        while True:  # those that were there already come first
            await world.live_changes.__anext__()

    for use in (
        world.live.refresh(timeout=2),
        world.live.wait_synced(2),
        next_change(),
        world.agi.__anext__(),
        world.response.outcome(2),
    ):
        with pytest.raises(ConnectionLost):
            await asyncio.wait_for(use, 2)
    with contextlib.suppress(StopAsyncIteration):
        while True:
            await asyncio.wait_for(world.fleet_changes.__anext__(), 2)
    end: CallEnd = await asyncio.wait_for(world.call.ended(), 2)
    assert end.reason is EndReason.LOST
    for leave in (
        world.live.__aexit__(None, None, None),
        world.fleet_live.__aexit__(None, None, None),
        world.agi.close(),
        world.server.close(),
        world.fleet.close(),
        world.mgr.close(),
    ):
        await asyncio.wait_for(leave, 2)
    async with FakeAsterisk() as fake, manager(fake) as mgr, AsyncAGI(mgr), world.server, Live(mgr) as live:
        assert live.synced


def test_what_a_closed_loop_left_behind_is_told() -> None:
    """Whatever was in use: its end is an error at once in the next loop, and nobody waits in vain."""

    def used() -> None:
        loop = asyncio.new_event_loop()
        world = loop.run_until_complete(_made())
        loop.set_exception_handler(lambda *_: None)
        loop.close()
        asyncio.run(used_after_its_loop(world))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        used()
        gc.collect()


def test_what_a_closed_loop_left_behind_is_collected(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its garbage is logged as no error, and raises nothing where nobody can catch it."""
    raised: list[str] = []

    def made() -> None:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(_made())
        loop.set_exception_handler(lambda *_: None)
        loop.close()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        monkeypatch.setattr(sys, "unraisablehook", lambda each: raised.append(f"{each.exc_value!r}: {each.object!r}"))
        made()
        gc.collect()
    assert not raised
    assert not [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR]


def test_a_consumer_of_a_closed_loop_is_collected_in_another(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its stream raises nothing where nobody can catch it; left in another thread by a program, it does."""
    mgr = manager(server.fake)
    raised: list[str] = []

    async def consume(stream: Any) -> None:
        async with stream:
            await asyncio.Event().wait()

    async def another_loop(consumer: Any) -> None:
        consumer.close()  # as the garbage collector, which runs anywhere

    async def next_loop(consumer: Any) -> None:
        await mgr.close()
        async with mgr:
            await asyncio.to_thread(asyncio.run, another_loop(consumer))
            with pytest.raises(RuntimeError, match="another thread"):
                await asyncio.to_thread(mgr.events("Hangup").__exit__, None, None, None)

    loop = asyncio.new_event_loop()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        monkeypatch.setattr(sys, "unraisablehook", lambda each: raised.append(f"{each.exc_value!r}: {each.object!r}"))
        loop.run_until_complete(mgr.connect())
        consumer = consume(mgr.events("Hangup"))
        task = loop.create_task(consumer)
        loop.run_until_complete(asyncio.sleep(0))
        loop.set_exception_handler(lambda *_: None)
        loop.close()
        del task
        asyncio.run(next_loop(consumer))
        del consumer
        gc.collect()
    assert not raised


def test_a_manager_that_connects_in_the_next_loop_has_a_new_asyncagi(server: Server) -> None:
    """The one that a closed loop left behind takes no more calls, and says so; it may be closed beside the new one."""
    mgr, other = manager(server.fake), manager(server.fake)
    old, fast = AsyncAGI(mgr), FastAGI(lambda session: session.answer(), port=0, manager=other)

    async def begun() -> None:
        await mgr.connect()
        await other.connect()
        await old.start()
        await fast.start()

    async def next_loop() -> None:
        await mgr.close()
        async with mgr, AsyncAGI(mgr) as new:
            with pytest.raises(ConnectionLost, match="loop"):
                await asyncio.wait_for(old.__anext__(), 2)
            await old.close()
            assert "closed" not in repr(new)
            with pytest.raises(RuntimeError, match="has an AsyncAGI already"):
                await AsyncAGI(mgr).start()
        async with other, AsyncAGI(other), fast:
            assert "closed" not in repr(fast)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loop = asyncio.new_event_loop()
        loop.run_until_complete(begun())
        loop.set_exception_handler(lambda *_: None)
        loop.close()
        asyncio.run(next_loop())
        gc.collect()


async def test_a_thing_of_another_process_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though its loop and its thread look the same after a fork."""
    owner = _owner.Owner(None, "thing", "thing.use()")
    owner.take()
    owner.check()
    monkeypatch.setattr(_owner, "_here", object())
    with pytest.raises(RuntimeError, match=r"another event loop, thread or process.*thing\.use\(\)"):
        owner.check()


def forked() -> None:
    """Use everything in a child, which must raise, and go on in the parent."""
    with world_in(asyncio.new_event_loop) as (loop, world):
        child = os.fork()
        if child == 0:
            wrong = [*not_refused(refusals(said, world)), *not_refused(refusals(said_in_a_loop, world))]

            # In what the child takes for the same loop; its sockets are the parent's.
            async def same() -> None:
                for cls, uses in USES.items():
                    for name, use in uses.items():
                        try:
                            result = use(world)
                            if inspect.isawaitable(result):
                                await asyncio.wait_for(result, 2)
                        except RuntimeError as error:
                            if "process" in str(error):
                                continue
                        except Exception as error:
                            wrong.append(f"{cls}.{name}: {error!r}")
                            continue
                        wrong.append(f"{cls}.{name} in the same loop")

            loop.run_until_complete(same())
            print(wrong, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        loop.run_until_complete(world.end())
    print("the parent goes on")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_all_is_refused_after_a_fork() -> None:
    """In a child each use raises, in each loop, and the parent goes on."""
    program = "from tests.unit.client.test_one_loop_of_all import forked; forked()"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.splitlines() == ["[]", "the parent goes on"], done.stderr
