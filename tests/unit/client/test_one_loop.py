"""A manager belongs to one event loop, thread and process: each public call, made from everywhere else."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from tests.helpers import Server, manager, until

from aioami import (
    ConnectionLost,
    EventStream,
    ListStream,
    Manager,
    ManagerState,
    NextEvent,
    ProtocolError,
    Subscription,
    _owner,
    core,
)
from aioami._client.connection import Connection
from aioami._owner import Owner
from aioami._session.dispatch import Dispatcher
from aioami._session.statistics import Tally
from aioami.testing import FakeAsterisk, Recording


@dataclass
class Held:
    """A manager that is connected, and something of each kind that it gives out."""

    mgr: Manager
    stream: EventStream[Any]
    items: ListStream[Any]
    next: NextEvent[Any]
    subscription: Subscription[Any]
    fresh: Subscription[Any]

    @classmethod
    def of(cls, mgr: Manager) -> Held:
        subscription = mgr.on("Tick")
        subscription(print)
        return cls(
            mgr,
            mgr.events("Tick"),
            mgr.stream(core.QueueStatus()),
            mgr.wait_for("Tick"),
            subscription,
            mgr.on("Tick"),
        )


# Each public call that waits or acts, by the name that a user knows.
CALLS: Final[dict[str, Callable[[Held], Any]]] = {
    "Manager.connect": lambda held: held.mgr.connect(),
    "Manager.wait_ready": lambda held: held.mgr.wait_ready(),
    "Manager.wait_booted": lambda held: held.mgr.wait_booted(),
    "Manager.close": lambda held: held.mgr.close(),
    "Manager.__aenter__": lambda held: held.mgr.__aenter__(),
    "Manager.__aexit__": lambda held: held.mgr.__aexit__(None, None, None),
    "Manager.send": lambda held: held.mgr.send(core.Ping()),
    "Manager.stream": lambda held: held.mgr.stream(core.QueueStatus()),
    "Manager.events": lambda held: held.mgr.events(),
    "Manager.wait_for": lambda held: held.mgr.wait_for("Tick"),
    "Manager.on": lambda held: held.mgr.on("Tick"),
    "Manager.call": lambda held: held.mgr.call("Local/1@default", to="100@test"),
    "Manager.observe_actions": lambda held: held.mgr.observe_actions(print),
    "Manager.observe_state": lambda held: held.mgr.observe_state(print),
    "View.ask": lambda held: held.mgr.view.ask(),
    "EventStream.close": lambda held: held.stream.close(),
    "EventStream.__exit__": lambda held: held.stream.__exit__(None, None, None),
    "EventStream.__aexit__": lambda held: held.stream.__aexit__(None, None, None),
    "EventStream.__aiter__": lambda held: held.stream.__aiter__(),
    "EventStream.__anext__": lambda held: held.stream.__anext__(),
    "ListStream.close": lambda held: held.items.close(),
    "ListStream.__aiter__": lambda held: held.items.__aiter__(),
    "NextEvent.__await__": lambda held: held.next,
    "Subscription.__call__": lambda held: held.fresh(print),
    "Subscription.close": lambda held: held.subscription.close(),
    "Subscription.wait_closed": lambda held: held.subscription.wait_closed(),
}
# Those that only look, and answer everywhere.
LOOKS: Final[dict[str, Callable[[Held], Any]]] = {
    "Manager.state": lambda held: held.mgr.state,
    "Manager.server": lambda held: held.mgr.server,
    "Manager.reason": lambda held: held.mgr.reason,
    "Manager.encoding": lambda held: held.mgr.encoding,
    "Manager.errors": lambda held: held.mgr.errors,
    "Manager.version": lambda held: held.mgr.version,
    "Manager.read_only": lambda held: held.mgr.read_only,
    "Manager.view": lambda held: (held.mgr.view.mask, held.mgr.view.filters, held.mgr.view.permissions),
    "Manager.statistics": lambda held: held.mgr.statistics(),
    "Manager.required_permissions": lambda held: held.mgr.required_permissions(),
    "Manager.__repr__": lambda held: repr(held.mgr),
    "EventStream.__repr__": lambda held: repr(held.stream),
    "EventStream.__enter__": lambda held: held.stream.__enter__(),
    "EventStream.delivered": lambda held: held.stream.delivered,
    "EventStream.dropped": lambda held: held.stream.dropped,
    "EventStream.gaps": lambda held: held.stream.gaps,
    "EventStream.pending": lambda held: held.stream.pending,
    "EventStream.ended": lambda held: held.stream.ended,
    "EventStream.selection": lambda held: held.stream.selection,
    "ListStream.response": lambda held: held.items.response,
    "ListStream.completion": lambda held: held.items.completion,
    "Subscription.__repr__": lambda held: repr(held.subscription),
}


def refusal(call: Callable[[Held], Any], held: Held) -> str:
    """Return what a call says where it is wrong, awaited in a new loop if it is to be awaited."""
    try:
        result = call(held)
        if inspect.isawaitable(result):
            asyncio.run(asyncio.wait_for(_awaited(result), 2))
    except RuntimeError as error:
        return str(error)
    return ""


async def _awaited(result: Awaitable[Any]) -> Any:
    return await result


def in_a_running_loop(call: Callable[[Held], Any], held: Held) -> str:
    """The same, with the call itself in a running loop."""

    async def inside() -> str:
        try:
            result = call(held)
            if inspect.isawaitable(result):
                await asyncio.wait_for(result, 2)
        except RuntimeError as error:
            return str(error)
        return ""

    return asyncio.run(inside())


def test_every_public_call_is_tried() -> None:
    """The two tables above have every public method and property of what a manager is and gives out."""
    tried = {name for table in (CALLS, LOOKS) for name in table}
    plain = {
        "Manager.from_url",
        "Manager.__init__",
        "EventStream.__init__",
        "NextEvent.__init__",
        "Subscription.__init__",
        "EventStream.__aenter__",
    }
    for cls in (Manager, EventStream, ListStream, NextEvent, Subscription):
        for name in vars(cls):
            special = name in ("__await__", "__call__", "__anext__", "__aiter__", "__repr__") or "exit" in name
            if special or not name.startswith("_"):
                full = f"{cls.__name__}.{name}"
                known = full in tried or full in plain or callable(getattr(cls, name)) is None
                assert known or name in ("task", "renew", "start", "finish"), full


@pytest.fixture
async def held(fake: FakeAsterisk) -> AsyncIterator[Held]:
    """A manager that is connected, with a stream, a list, an event to wait for, and callbacks."""
    async with manager(fake) as mgr:
        held = Held.of(mgr)
        yield held
        held.items.close()


@pytest.mark.parametrize("where", [refusal, in_a_running_loop])
async def test_another_thread_is_refused(
    where: Callable[[Callable[[Held], Any], Held], str], held: Held, fake: FakeAsterisk
) -> None:
    """In another thread, with a running loop or without, each call raises, and no byte leaves."""
    before = held.mgr.statistics().bytes_sent
    for name, call in CALLS.items():
        said = await asyncio.to_thread(where, call, held)
        # A loop runs there, or is made for what is awaited.
        assert "another event loop" in said or "another thread" in said, name
        assert "run_coroutine_threadsafe" in said, name
        assert "aioami.in_thread" in said, name
    assert held.mgr.statistics().bytes_sent == before
    assert held.mgr.state is ManagerState.READY
    assert (await held.mgr.send(core.Ping())).success


async def test_an_event_that_is_there_is_not_taken_elsewhere(held: Held, fake: FakeAsterisk) -> None:
    """Though nothing is waited for then: each `anext` of a stream is checked, and each begin of an iteration."""
    await fake.send_event("Tick")
    await held.mgr.send(core.Ping())
    pending = held.stream.pending
    assert pending
    for name in ("EventStream.__anext__", "EventStream.__aiter__"):
        assert "another event loop" in await asyncio.to_thread(in_a_running_loop, CALLS[name], held)
    assert held.stream.pending == pending
    assert (await anext(held.stream)).name
    assert (held.stream.pending, held.stream.delivered) == (pending - 1, 1)


async def test_another_thread_may_look(held: Held) -> None:
    """What only looks answers in every thread."""
    for name, look in LOOKS.items():
        assert await asyncio.to_thread(look, held) == look(held) or name in ("Manager.statistics", "Manager.view"), name


async def test_another_thread_may_send_through_the_loop(held: Held) -> None:
    """The coroutine of `send` may be made anywhere: it is checked when it runs."""
    loop = asyncio.get_running_loop()

    def elsewhere() -> bool:
        return asyncio.run_coroutine_threadsafe(held.mgr.send(core.Ping()), loop).result(5).success

    assert await asyncio.to_thread(elsewhere)


def test_a_loop_that_stands_still_is_right(loop_of_fake: Runner) -> None:
    """In the owner's thread, between two runs of its loop, streams and callbacks may be made and ended."""
    run = loop_of_fake
    mgr = manager(run.fake)
    run(mgr.connect())
    held = Held.of(mgr)
    for name in ("EventStream.close", "ListStream.close", "Subscription.close", "Subscription.__call__"):
        CALLS[name](held)
    run(run.fake.send_event("Tick"))
    assert run(_awaited(held.next)).name == "Tick"
    stream = mgr.stream(core.QueueStatus())
    assert run(_all(stream)) is not None
    run(mgr.close())


async def _all(stream: EventStream[Any]) -> list[Any]:
    return [each async for each in stream]


def test_another_loop_in_the_same_thread_is_refused(loop_of_fake: Runner) -> None:
    """While the owner's loop stands still, another loop is another owner."""
    mgr = manager(loop_of_fake.fake)
    loop_of_fake(mgr.connect())
    held = Held.of(mgr)
    for name, call in CALLS.items():
        assert "another event loop" in in_a_running_loop(call, held), name
    loop_of_fake(mgr.close())


class Runner:
    """A loop that runs a fake server for as long as it is asked for something, and stands still between."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.fake = FakeAsterisk()
        self(self.fake.start())

    def __call__(self, what: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(what)


@pytest.fixture
def loop_of_fake() -> Iterator[Runner]:
    """A loop that stands still, with a fake server in it."""
    loop = asyncio.new_event_loop()
    runner = Runner(loop)
    yield runner
    runner(runner.fake.stop())
    loop.close()


# Before there is an owner, and after


async def test_before_it_is_connected_anybody_may_subscribe(fake: FakeAsterisk) -> None:
    """Streams, waits and callbacks may be made in any thread before the first connect, and after a close."""
    mgr = manager(fake)
    for _ in range(2):
        stream, following, subscription = await asyncio.to_thread(
            lambda: (mgr.events("Tick"), mgr.wait_for("Tick"), mgr.on("Tick"))
        )
        seen = asyncio.Event()
        await asyncio.to_thread(subscription, _setter(seen))
        async with mgr:
            await fake.send_event("Tick")
            assert (await anext(stream)).name == "Tick"
            assert (await following).name == "Tick"
            await seen.wait()
        subscription.close()
        for call in (mgr.send(core.Ping()), _streamed(mgr)):
            with pytest.raises(ConnectionLost, match=r"closed|never connected"):
                await asyncio.to_thread(asyncio.run, call)
        with pytest.raises(ConnectionLost, match=r"closed|never connected"):
            await asyncio.to_thread(mgr.stream, core.CoreShowChannels())  # where no loop runs


def _setter(seen: asyncio.Event) -> Callable[[object], None]:
    return lambda event: seen.set()


async def _streamed(mgr: Manager) -> None:
    mgr.stream(core.QueueStatus())


async def test_who_waited_before_in_another_loop_is_refused(fake: FakeAsterisk) -> None:
    """A loop that waits for a manager which then connects in another gets an error, and does not hang."""
    mgr = manager(fake)
    stream = mgr.events("Tick")
    waiting = threading.Event()
    said: list[str] = []

    async def elsewhere() -> None:
        tasks = [asyncio.ensure_future(each) for each in (_awaited(anext(stream)), mgr.wait_ready())]
        await asyncio.sleep(0)
        waiting.set()
        said.extend(map(str, await asyncio.gather(*tasks, return_exceptions=True)))

    other = asyncio.ensure_future(asyncio.to_thread(lambda: asyncio.run(elsewhere())))
    await asyncio.to_thread(waiting.wait)
    async with mgr:
        await fake.send_event("Tick")
        await other
    assert ["another event loop" in each for each in said] == [True, True]


# A loop that ended without a close of the manager


KEPT: Final[list[asyncio.Future[Any]]] = []
"""Tasks that a loop left behind, as a program may that holds them."""


def keep(what: Coroutine[Any, Any, Any]) -> None:
    KEPT.append(asyncio.ensure_future(what))


async def ready(mgr: Manager, server: Server) -> None:
    await mgr.connect()
    subscription = mgr.on("Tick")
    subscription(print)
    keep(_all(mgr.events("Tick")))
    keep(mgr.send(core.Ping()))
    await asyncio.sleep(0)


async def connecting(mgr: Manager, server: Server) -> None:
    server.call(server.proxy.stall)
    keep(mgr.connect())
    keep(mgr.wait_ready())
    await asyncio.sleep(0.02)
    assert mgr.state is ManagerState.CONNECTING


async def reconnecting(mgr: Manager, server: Server) -> None:
    await mgr.connect()
    server.proxy.refuse = True
    server.call(server.proxy.cut)
    await until(lambda: mgr.state is ManagerState.RECONNECTING)
    keep(mgr.send(core.Ping()))
    await asyncio.sleep(0)


async def closing(mgr: Manager, server: Server) -> None:
    await mgr.connect()
    server.call(server.proxy.stall)
    keep(mgr.close())
    await until(lambda: mgr.state is ManagerState.CLOSING)


async def lost(mgr: Manager, server: Server) -> None:
    await mgr.connect()
    server.do(server.fake.send_raw(b"\x16\x03 garbage" + b"x" * 3000))
    await until(lambda: mgr.state is ManagerState.LOST)


async def closed(mgr: Manager, server: Server) -> None:
    await mgr.connect()
    await mgr.close()


def new_loop(factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop) -> asyncio.AbstractEventLoop:
    """A loop in which asyncio does not tell of each task that it was closed with, as it rightly does to such a program."""
    loop = factory()
    loop.set_exception_handler(
        lambda loop, context: None if "task" in context else loop.default_exception_handler(context)
    )
    return loop


def close_the_loop(first: Coroutine[Any, Any, None]) -> None:
    """Leave the loop as a program may that never cancels what is under way."""
    loop = new_loop()
    loop.run_until_complete(first)
    loop.close()


ENDS: Final = {"asyncio.run": asyncio.run, "loop.close": close_the_loop}


# asyncio's own coroutine raises where it is dropped between a TCP connection and its transport, and the loop is closed.
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("life", [ready, connecting, reconnecting, closing, lost, closed])
@pytest.mark.parametrize("then", ["close", "connect", "look", "drop"])
def test_a_loop_that_ended_took_the_link_with_it(
    life: Callable[[Manager, Server], Coroutine[Any, Any, None]], end: str, then: str, server: Server
) -> None:
    """Whatever the link was doing: the manager is closed then, its streams end, and it may connect in the next loop."""
    mgr = manager(server.proxy, timeout=2, max_frame_size=2000)
    stream = mgr.events("Tick")
    ENDS[end](life(mgr, server))
    server.proxy.refuse = False
    server.call(server.proxy.resume)
    assert mgr.state is ManagerState.CLOSED
    assert "closed" in repr(mgr)
    assert mgr.statistics().bytes_sent >= 0

    async def another_loop() -> None:
        if then == "close":
            await mgr.close()
            with pytest.raises(ConnectionLost, match=r"closed|Asterisk|garbage"):
                await mgr.send(core.Ping())
        elif then == "look":
            with pytest.raises(ConnectionLost):
                mgr.stream(core.QueueStatus())
        if life is not connecting:  # after a first connect that failed, streams go on waiting for a link
            # No event that was missed is hidden: the stream has ended, by an error if nobody closed it.
            with contextlib.suppress(ConnectionLost, ProtocolError, StopAsyncIteration):
                pytest.fail(f"an event came: {await asyncio.wait_for(_awaited(anext(stream)), 2)}")
            assert stream.ended
        following = mgr.wait_for("Tick")
        async with mgr:
            await asyncio.get_running_loop().run_in_executor(None, server.do, server.fake.send_event("Tick"))
            assert (await following).name == "Tick"
            assert stream.ended or (await anext(stream)).name == "Tick"
            await mgr.wait_ready(1)
        assert mgr.state is ManagerState.CLOSED

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # of the sockets and loops that were left open
        if then == "drop":
            del mgr, stream
        else:
            asyncio.run(another_loop())
        KEPT.clear()
        gc.collect()


def test_a_loop_that_ended_in_a_login_leaves_nothing(server: Server, tmp_path: Path) -> None:
    """The loop is closed while the manager logs in: the recording ends, and the next loop connects."""
    record = tmp_path / "record.jsonl"
    options: dict[str, Any] = {"record": record, "timeout": 5}

    async def begun() -> None:
        server.fake.reply_to("Login", None, times=1)
        keep(mgr.connect())
        await asyncio.to_thread(server.do, server.fake.expect("Login"))

    mgr = manager(server.fake, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        loop = new_loop()
        loop.run_until_complete(begun())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        assert mgr.state is ManagerState.CLOSED
        asyncio.run(mgr.close())
        KEPT.clear()
        gc.collect()
        asyncio.run(_pinged(mgr))
        gc.collect()
    assert len(Recording.load(record).entries) > 2


def test_a_recording_ends_with_its_loop(server: Server, tmp_path: Path) -> None:
    """The file is closed when the loop turns out to be, and what was written is there."""
    record = tmp_path / "record.jsonl"
    mgr = manager(server.fake, record=record)
    close_the_loop(mgr.connect())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        asyncio.run(mgr.close())
        gc.collect()
    assert [each.direction for each in Recording.load(record).entries].count("sent") == 2


def test_a_connection_without_a_socket_ends_with_its_loop() -> None:
    """One that had not reached the server when its loop was closed has nothing to end."""

    async def made() -> Connection:
        return Connection(
            Manager()._options,
            dispatcher=Dispatcher(),
            tally=Tally(),
            ended=lambda *_: None,
            logged_in=lambda: None,
            recorder=None,
        )

    connection = asyncio.run(made())
    connection.close(ConnectionLost("given up"))
    assert str(connection.reason) == "given up"


async def _pinged(mgr: Manager) -> None:
    async with mgr:
        assert (await mgr.send(core.Ping())).success


def test_after_a_fork_an_owner_is_elsewhere() -> None:
    """In a child the manager's calls raise, and what is dropped there ends nothing."""
    called: list[str] = []

    async def owned() -> None:
        owner = Owner()
        owner.take()
        owner.check()
        assert not owner.is_elsewhere
        _owner._forked()
        assert owner.is_elsewhere
        assert owner.is_gone
        with pytest.raises(RuntimeError, match="another process"):
            owner.check()
        owner.call(lambda: called.append("ended"))

    asyncio.run(owned())
    assert not called


@pytest.mark.parametrize("policy", ["uvloop", "eager tasks"])
def test_the_same_on_other_loops(policy: str, server: Server) -> None:
    """A manager on uvloop, or where tasks start at once, is refused elsewhere and goes on in the next loop."""
    factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    if policy == "uvloop":
        factory = pytest.importorskip("uvloop").new_event_loop
    elif sys.version_info < (3, 12):
        pytest.skip("tasks that start at once came with Python 3.12")
    mgr = manager(server.proxy)

    async def used() -> None:
        await mgr.connect()
        held = Held.of(mgr)
        said = await asyncio.to_thread(lambda: [in_a_running_loop(call, held) for call in CALLS.values()])
        assert all("another event loop" in each for each in said)
        assert (await mgr.send(core.Ping())).success
        held.items.close()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        for _ in range(2):
            loop = new_loop(factory)
            if policy == "eager tasks":
                loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined,unused-ignore]
            loop.run_until_complete(used())
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()
            assert mgr.state is ManagerState.CLOSED
        asyncio.run(mgr.close())
        gc.collect()


# Another process


def forked() -> None:
    """Connect, fork, and try each call in the child, which must raise, and touch nothing of the parent's."""
    loop = asyncio.new_event_loop()
    fake = FakeAsterisk()
    loop.run_until_complete(fake.start())
    mgr = manager(fake)
    loop.run_until_complete(mgr.connect())
    held = Held.of(mgr)
    child = os.fork()
    if child == 0:
        wrong = [name for name, call in CALLS.items() if "another process" not in in_a_running_loop(call, held)]
        wrong += [name for name, call in CALLS.items() if "another process" not in refusal(call, held)]
        # Also in what the child takes for the same loop.
        ping = core.Ping()
        with contextlib.suppress(RuntimeError):
            loop.run_until_complete(mgr.send(ping))
            wrong.append("the same loop")
        for look in LOOKS.values():
            look(held)
        if mgr.state is not ManagerState.CLOSED:
            wrong.append(f"state: {mgr.state}")
        del held, mgr
        gc.collect()
        print(wrong, flush=True)
        os._exit(len(wrong))
    os.waitpid(child, 0)
    # The parent's link stands, and its loop was not touched.
    assert loop.run_until_complete(mgr.send(core.Ping())).success
    held.items.close()
    loop.run_until_complete(mgr.close())
    loop.run_until_complete(fake.stop())
    loop.close()
    print("the parent goes on")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_forked_process_is_refused() -> None:
    """In a child each call raises, the state is closed, dropping it touches nothing, and the parent goes on."""
    program = "from tests.unit.client.test_one_loop import forked; forked()"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stdout.splitlines() == ["[]", "the parent goes on"], done.stderr


# Dropped


async def test_dropping_in_another_thread_is_safe(fake: FakeAsterisk) -> None:
    """The last reference may go anywhere: the loop is only asked to end what is left."""
    mgr = manager(fake)
    await mgr.connect()
    streams = [mgr.events("Tick"), mgr.stream(core.QueueStatus()), mgr.wait_for("Tick")]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        await asyncio.to_thread(streams.clear)
        holder = [mgr]
        del mgr
        await asyncio.to_thread(holder.clear)
        await until(lambda: not fake.connections)
    assert [each.category for each in said] == [ResourceWarning]
    assert "dropped without close" in str(said[0].message)
