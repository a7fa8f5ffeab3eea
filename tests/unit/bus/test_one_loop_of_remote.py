"""A remote manager and a relay belong to one event loop, thread and process, as a direct manager does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest
from tests.helpers import until
from tests.unit.bus.office import Office, office
from tests.unit.client.test_one_loop import CALLS, Held, in_a_running_loop, refusal
from tests.unit.client.test_one_loop_of_all import factories, not_refused

from aioami import ConnectionLost, Manager, ManagerState, core
from aioami.bus import RemoteManager
from aioami.bus.relay import Relay
from aioami.testing.nats import NatsServer

# What a manager has over the bus alone.
MORE: Final[dict[str, Callable[[Held], Any]]] = {
    "RemoteManager.observe_view": lambda held: held.mgr.observe_view(print),  # type: ignore[attr-defined]
}
RELAY: Final[dict[str, Callable[[Any], Any]]] = {
    "Relay.start": lambda relay: relay.start(),
    "Relay.close": lambda relay: relay.close(),
    "Relay.wait": lambda relay: relay.wait(),
}


@pytest.fixture(scope="module")
def bus(nats_program: Path) -> Iterator[NatsServer]:
    """A bus for these tests."""
    with NatsServer(nats_program) as server:
        yield server


@pytest.fixture
async def led(bus: NatsServer) -> AsyncIterator[tuple[Office, Relay]]:
    """A server with a relay that leads."""
    async with office(bus) as place, place.relay() as relay:
        await until(lambda: relay.is_ready and relay.status()[place.name].role == "leader")
        yield place, relay


def refusals(way: Callable[[Callable[[Any], Any], Any], str], held: Held) -> dict[str, str]:
    return {name: way(call, held) for name, call in {**CALLS, **MORE}.items()}


def test_every_public_name_is_that_of_a_manager() -> None:
    """What a remote manager has beyond `Manager` is tried here."""
    more = {name for name in dir(RemoteManager) if not name.startswith("_")} - set(dir(Manager))
    assert more == {name.rpartition(".")[2] for name in MORE}


@pytest.mark.parametrize("kind", ["asyncio", "uvloop", "eager tasks"])
async def test_a_remote_manager_on_each_loop(kind: str, led: tuple[Office, Relay]) -> None:
    """In a loop of its own it works, is refused elsewhere, in threads and in another loop, and ends with its loop."""
    if kind not in factories():
        pytest.skip(f"no {kind} here")
    await asyncio.to_thread(used_in, factories()[kind], led[0])


def used_in(factory: Callable[[], asyncio.AbstractEventLoop], place: Office) -> None:
    loop = factory()
    loop.set_exception_handler(lambda *_: None)
    mgr = place.remote()

    async def begun() -> Held:
        await mgr.connect()
        await mgr.wait_ready(20)
        held = Held.of(mgr)  # type: ignore[arg-type]
        await mgr.send(core.Ping())  # behind the list that it asks for
        return held

    async def in_threads(held: Held) -> list[dict[str, str]]:
        return [await asyncio.to_thread(refusals, way, held) for way in (refusal, in_a_running_loop)]

    held = loop.run_until_complete(begun())
    before = mgr.statistics().actions
    for found in (*loop.run_until_complete(in_threads(held)), refusals(in_a_running_loop, held)):
        assert not_refused(found) == {}
    assert mgr.statistics().actions == before
    assert loop.run_until_complete(asyncio.to_thread(lambda: mgr.state)) is ManagerState.READY
    # While the loop stands, what acts at once is right.
    mgr.events("Tick").close()
    held.items.close()
    assert loop.run_until_complete(mgr.send(core.Ping())).success
    loop.run_until_complete(cancelled())
    loop.run_until_complete(loop.shutdown_default_executor())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loop.close()
        assert mgr.state is ManagerState.CLOSED

        async def next_loop() -> None:
            with pytest.raises(ConnectionLost):
                await mgr.send(core.Ping())
            await mgr.close()
            async with mgr:
                await mgr.wait_ready(20)
                assert (await mgr.send(core.Ping())).success

        asyncio.run(next_loop())


async def cancelled() -> None:
    """Cancel all that is under way, as `asyncio.run` does at its end; more than once, as nats-py may miss it."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=1)


async def test_a_relay_is_refused_elsewhere(led: tuple[Office, Relay]) -> None:
    """In another thread, with a loop or without, it is neither begun nor ended; it may be looked at, and goes on."""
    place, relay = led
    for way in (refusal, in_a_running_loop):
        found = await asyncio.to_thread(lambda way=way: {name: way(use, relay) for name, use in RELAY.items()})  # type: ignore[misc]
        assert not_refused(found) == {}
    assert (await asyncio.to_thread(lambda: (relay.is_ready, repr(relay)))) == (True, repr(relay))
    async with place.remote() as mgr:
        await mgr.wait_ready(20)
        assert (await mgr.send(core.Ping())).success


# Another process


def forked(url: str, server: str) -> None:
    """Connect, fork, and try each call in the child, which must raise; the parent goes on."""
    loop = asyncio.new_event_loop()
    mgr = RemoteManager(url, server)

    async def begun() -> Held:
        await mgr.connect()
        await mgr.wait_ready(20)
        return Held.of(mgr)  # type: ignore[arg-type]

    held = loop.run_until_complete(begun())
    child = os.fork()
    if child == 0:
        wrong = [*not_refused(refusals(refusal, held)), *not_refused(refusals(in_a_running_loop, held))]

        async def waited(result: Awaitable[Any]) -> Any:
            return await asyncio.wait_for(result, 2)

        for name, call in {**CALLS, **MORE}.items():  # in what the child takes for the same loop
            with contextlib.suppress(RuntimeError):
                result = call(held)
                if hasattr(result, "__await__"):
                    loop.run_until_complete(waited(result))
                wrong.append(f"{name} in the same loop")
        if mgr.state is not ManagerState.CLOSED:
            wrong.append(f"state: {mgr.state}")
        print(wrong, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    assert loop.run_until_complete(mgr.send(core.Ping())).success
    held.items.close()
    loop.run_until_complete(mgr.close())
    loop.close()
    print("the parent goes on")


async def in_a_program(function: str, *arguments: str) -> list[str]:
    """Run a function of this file in a program of its own; return what it prints."""
    program = f"import sys; from tests.unit.bus.test_one_loop_of_remote import {function}; {function}(*sys.argv[1:])"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "ignore", "-c", program, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    return out.decode().splitlines()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
async def test_a_forked_process_is_refused(bus: NatsServer, led: tuple[Office, Relay]) -> None:
    """In a child each call raises, the state is closed, and the parent goes on."""
    assert await in_a_program("forked", bus.url, led[0].name) == ["[]", "the parent goes on"]


def forked_relay(url: str) -> None:
    """Start a relay, fork, and try each call in the child, which must raise; the parent's relay leads on, and ends."""
    loop = asyncio.new_event_loop()

    async def begun(stack: contextlib.AsyncExitStack) -> tuple[Office, Relay]:
        place = await stack.enter_async_context(office(cast(NatsServer, SimpleNamespace(url=url))))
        relay = await stack.enter_async_context(place.relay())
        await until(lambda: relay.is_ready and relay.status()[place.name].role == "leader")
        return place, relay

    def said_in_the_same_loop(use: Callable[[Any], Any], relay: Relay) -> str:
        # It is not run, as it would read what the parent's sockets have.
        asyncio._set_running_loop(loop)
        try:
            result = use(relay)
            if asyncio.iscoroutine(result):
                result.send(None)
        except RuntimeError as error:
            return str(error)
        finally:
            asyncio._set_running_loop(None)
        return ""

    async def goes_on(place: Office, relay: Relay) -> None:
        async with place.remote() as mgr:
            await mgr.wait_ready(20)
            assert (await mgr.send(core.Ping())).success
        assert relay.status()[place.name].takeovers == 1

    stack = contextlib.AsyncExitStack()
    place, relay = loop.run_until_complete(begun(stack))
    child = os.fork()
    if child == 0:
        ways = (refusal, in_a_running_loop, said_in_the_same_loop)
        wrong = [
            f"{name} {way.__name__}" for way in ways for name, use in RELAY.items() if "process" not in way(use, relay)
        ]
        print([*wrong, *(["repr"] if repr(relay) != f"<Relay {relay.name} {place.name}: leader>" else [])], flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    loop.run_until_complete(goes_on(place, relay))
    loop.run_until_complete(stack.aclose())
    loop.close()
    print("the parent goes on")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
async def test_a_forked_relay_is_refused(bus: NatsServer) -> None:
    """In a child it is neither begun nor ended nor waited for, and in the parent it leads on."""
    assert await in_a_program("forked_relay", bus.url) == ["[]", "the parent goes on"]
