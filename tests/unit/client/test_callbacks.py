"""Functions that are called with events: in order, apart from each other, and for as long as there is a link."""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import sys
import threading
import warnings
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from tests.helpers import interruptible, manager, until

from aioami import (
    ConnectionLost,
    Disconnected,
    Event,
    Manager,
    ManagerAuthError,
    ManagerState,
    Reconnected,
    Subscription,
    core,
    events,
)
from aioami.testing import FakeAsterisk


async def tell(fake: FakeAsterisk, *numbers: int, name: str = "Tick") -> None:
    for number in numbers:
        await fake.send_event(name, {"N": str(number)})


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR]


# What is called


async def test_a_plain_function_is_called_in_the_event_loop(fake: FakeAsterisk, mgr: Manager) -> None:
    """It gets each event in the server's order, in the loop's own thread, and stays the function that it was."""
    seen: list[tuple[str, threading.Thread]] = []

    def ticked(event: Event) -> None:
        seen.append((event["N"], threading.current_thread()))

    assert mgr.on("Tick")(ticked) is ticked
    await tell(fake, *range(100))
    await until(lambda: len(seen) == 100)
    assert [number for number, _ in seen] == [str(number) for number in range(100)]
    assert {thread for _, thread in seen} == {threading.current_thread()}


class Door:
    """A callback with a memory, as an object, a method and a static method."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def __call__(self, event: Event) -> None:
        await self.noted(event)

    async def noted(self, event: Event, also: str = "") -> None:
        await asyncio.sleep(0)
        self.seen.append(event["N"])


CALLABLES: dict[str, Callable[[Door], Callable[[Event], object]]] = {
    "object": lambda door: door,
    "method": lambda door: door.noted,
    "partial": lambda door: functools.partial(door.noted, also="x"),
    "partial of a partial": lambda door: functools.partial(functools.partial(door.noted), also="x"),
    "partial of an object": lambda door: functools.partial(door),
    "lambda": lambda door: lambda event: door.noted(event),
    "task": lambda door: lambda event: asyncio.ensure_future(door.noted(event)),
}


@pytest.mark.parametrize("kind", CALLABLES)
async def test_whatever_returns_an_awaitable_is_awaited(kind: str, fake: FakeAsterisk, mgr: Manager) -> None:
    """A coroutine function is known by what it returns, however it is wrapped."""
    door = Door()
    mgr.on("Tick")(CALLABLES[kind](door))
    await tell(fake, 1, 2)
    await until(lambda: len(door.seen) == 2)
    assert door.seen == ["1", "2"]


async def test_one_event_after_the_other(fake: FakeAsterisk, mgr: Manager) -> None:
    """A callback that takes its time is never called twice at once, and holds up no other subscription."""
    running, most, slow, quick = 0, 0, [], []

    @mgr.on("Tick")
    async def dawdles(event: Event) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await until(lambda: len(quick) == 5)
        slow.append(event["N"])
        running -= 1

    @mgr.on("Tick")
    async def hurries(event: Event) -> None:
        quick.append(event["N"])

    await tell(fake, *range(5))
    await until(lambda: len(slow) == 5)
    assert (most, slow, quick) == (1, list("01234"), list("01234"))


async def test_selectors_and_options_are_those_of_streams(
    fake: FakeAsterisk, mgr: Manager, caplog: pytest.LogCaptureFixture
) -> None:
    """Classes, names, patterns and `where` select; `maxsize` and `overflow` bound what waits, and the loss is logged."""
    picked: list[str | None] = []
    kept: list[str] = []
    gate = asyncio.Event()

    @mgr.on(events.Hangup, "New*", where=lambda event: event.get("N") != "2")
    def picks(event: Event) -> None:
        picked.append(event.get("N"))

    @mgr.on("Tick", maxsize=2, overflow="drop_newest")
    async def keeps(event: Event) -> None:
        kept.append(event["N"])
        await gate.wait()

    await fake.send_event("Hangup", {"N": "1"})
    await fake.send_event("Newchannel", {"N": "2"})
    await fake.send_event("Newexten", {"N": "3"})
    await fake.send_event("DialEnd", {"N": "4"})
    await tell(fake, 0)
    await until(lambda: kept == ["0"])
    await tell(fake, *range(1, 6))
    await mgr.send(core.Ping())
    gate.set()
    await until(lambda: len(kept) == 3)
    assert picked == ["1", "3"]
    assert kept == ["0", "1", "2"]
    assert mgr.statistics().dropped == 3
    assert "consumed too slowly" in caplog.text


async def test_a_flood_lets_others_have_their_turn(fake: FakeAsterisk, mgr: Manager) -> None:
    """A plain callback that has much to do does not keep the socket from being read."""
    left = 200
    turns = 0

    @mgr.on("Tick")
    def grinds(event: Event) -> None:
        nonlocal left
        deadline = asyncio.get_running_loop().time() + 0.001
        while asyncio.get_running_loop().time() < deadline:
            pass
        left -= 1

    await tell(fake, *range(200))
    while left:
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 10


# What goes wrong in it


async def test_a_callback_that_raises_goes_on(
    fake: FakeAsterisk, mgr: Manager, caplog: pytest.LogCaptureFixture
) -> None:
    """What it raises is logged with its traceback and its name, each time; its later events come, and those of all others."""
    seen: list[str] = []

    @mgr.on("Tick")
    def plain(event: Event) -> None:
        raise KeyError("in plain")

    @mgr.on("Tick")
    async def awaits(event: Event) -> None:
        await asyncio.sleep(0)
        raise ValueError("in awaits")

    @mgr.on("Tick")
    def other(event: Event) -> None:
        seen.append(event["N"])

    await tell(fake, 1, 2)
    await until(lambda: len(seen) == 2 and len(errors(caplog)) == 4)
    assert all(each.name == "aioami.callbacks" and each.exc_info for each in caplog.records)
    assert sum("plain raised on 'Tick', and goes on with the next event" in each for each in errors(caplog)) == 2
    assert caplog.text.count('raise ValueError("in awaits")') == 2


async def test_what_is_bound_to_a_callback_is_not_logged(
    fake: FakeAsterisk, mgr: Manager, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names the function, and shows no argument of a partial, nor any object's repr."""

    class Hook:
        def __repr__(self) -> str:
            return "Hook(token='s3cret')"

        def __call__(self, token: str, event: Event) -> None:
            raise ValueError("refused")

    subscription = mgr.on("Tick")
    subscription(functools.partial(Hook(), "s3cret"))
    await tell(fake, 1)
    await until(lambda: errors(caplog))
    assert "Hook raised on 'Tick'" in caplog.text
    assert "s3cret" not in caplog.text + repr(subscription)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="before 3.11 a task cannot tell whether it is cancelled itself")
async def test_a_cancelled_future_is_an_error_like_others(
    fake: FakeAsterisk, mgr: Manager, caplog: pytest.LogCaptureFixture
) -> None:
    """A callback that awaits what somebody has cancelled has failed; it is not over."""
    seen: list[str] = []

    @mgr.on("Tick")
    async def awaits(event: Event) -> None:
        seen.append(event["N"])
        if len(seen) == 1:
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            await future

    await tell(fake, 1, 2)
    await until(lambda: len(seen) == 2)
    assert ["awaits raised" in each for each in errors(caplog)] == [True]


async def test_a_callback_that_somebody_cancels_has_ended(
    fake: FakeAsterisk, mgr: Manager, caplog: pytest.LogCaptureFixture
) -> None:
    """Its subscription is over, which is logged, and keeps no events; a later connect begins again."""
    before = len(mgr._dispatcher)
    seen: list[str] = []
    subscription = mgr.on("Tick")

    @subscription
    async def hangs(event: Event) -> None:
        seen.append(event["N"])
        await asyncio.Event().wait()

    await tell(fake, 1)
    await until(lambda: seen)
    assert subscription.task is not None
    subscription.task.cancel()
    await subscription.wait_closed()
    assert "hangs was cancelled by somebody else, and gets no more events" in caplog.text
    assert len(mgr._dispatcher) == before
    await mgr.close()
    await mgr.connect()
    await tell(fake, 2)
    await until(lambda: len(seen) == 2)


async def test_leaving_the_program_is_no_error_of_a_callback() -> None:
    """`sys.exit()` in a callback ends the event loop and the program, with its exit code."""
    program = """
import asyncio, sys
from aioami import Manager
from aioami.testing import FakeAsterisk

async def main():
    async with FakeAsterisk() as fake, Manager.from_url(fake.url) as mgr:
        @mgr.on("Tick")
        def leaves(event):
            sys.exit(7)

        await fake.send_event("Tick")
        await asyncio.Event().wait()

asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-c", program), stderr=asyncio.subprocess.PIPE
    )
    _, err = await process.communicate()
    assert (process.returncode, b"never retrieved" in err) == (7, False)


def yields(event: Event) -> Iterator[int]:
    yield 1


async def yields_too(event: Event) -> Any:
    yield 1


@pytest.mark.parametrize(
    ("callback", "complaint"),
    [
        (None, "callback: expected a function, not NoneType"),
        (yields, "yields yields"),
        (yields_too, "yields_too yields"),
        (functools.partial(yields_too), "yields_too yields"),
    ],
)
def test_what_would_never_run_is_refused(callback: Any, complaint: str) -> None:
    """What cannot be called, or would only make a generator, is told when it is given."""
    mgr = Manager()
    with pytest.raises(TypeError, match=complaint):
        mgr.on("Tick")(callback)
    assert len(mgr._dispatcher) == 0


def test_wrong_options_are_published_at_once() -> None:
    """A wrong selector, a wrong option and a decorator without its parentheses raise before there is a callback."""
    mgr = Manager()
    with pytest.raises(TypeError, match="not <function"):
        mgr.on(yields)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"events\.Hangup"):
        mgr.on(core.Hangup)  # type: ignore[type-var]
    with pytest.raises(ValueError, match="maxsize"):
        mgr.on(maxsize=0)
    with pytest.raises(ValueError, match="overflow"):
        mgr.on(overflow="all")  # type: ignore[call-overload]


async def test_a_subscription_has_one_callback(mgr: Manager) -> None:
    """A second callback, or one after the end, needs a subscription of its own."""
    subscription = mgr.on("Tick")
    subscription(print)
    with pytest.raises(RuntimeError, match="calls print already"):
        subscription(print)
    closed = mgr.on("Tick")
    closed.close()
    with pytest.raises(RuntimeError, match="is closed"):
        closed(print)
    await closed.wait_closed()


def test_a_subscription_reads_well() -> None:
    """Its repr says what it calls with what, and what came of that."""
    subscription = Manager().on("Tick")
    assert repr(subscription) == "<Subscription without a callback>"
    subscription(print)
    assert repr(subscription).startswith("<Subscription calls print: <EventStream of Tick: 0 delivered, 0 pending")


# When it begins


async def test_what_is_registered_before_connecting_misses_nothing(fake: FakeAsterisk) -> None:
    """Even the event right behind the login is handed over; nothing needs a loop before."""
    seen: list[str] = []
    mgr = await asyncio.to_thread(manager, fake)

    def registers() -> None:
        mgr.on(events.FullyBooted)(lambda event: seen.append(event.name))

    await asyncio.to_thread(registers)
    async with mgr:
        await until(lambda: seen)
    assert seen == ["FullyBooted"]


class Outcome(BaseException):
    """As some libraries have: `pytest.fail()` raises one."""


async def test_a_callback_that_raises_anything_goes_on(
    fake: FakeAsterisk, mgr: Manager, caplog: pytest.LogCaptureFixture
) -> None:
    """An exception that is no Exception is logged like any other, and the next event is handed over."""
    seen: list[str] = []

    @mgr.on("Tick")
    async def fails(event: Event) -> None:
        seen.append(event["N"])
        await asyncio.sleep(0)
        raise Outcome("failed")

    await tell(fake, 1, 2)
    await until(lambda: seen == ["1", "2"])
    await until(lambda: len(errors(caplog)) == 2)
    assert all("raised on 'Tick'" in each for each in errors(caplog))


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_loop_ends_the_subscription(kind: type[BaseException], caplog: pytest.LogCaptureFixture) -> None:
    """Where the loop goes on afterwards, the subscription is over, which is logged, and nobody waits for it in vain."""
    with interruptible() as (loop, fake):
        mgr = manager(fake)
        loop.run_until_complete(mgr.connect())
        subscription = mgr.on("Tick")

        async def stops(event: Event) -> None:
            raise kind

        async def subscribed() -> None:
            subscription(stops)
            await tell(fake, 1, 2)
            await asyncio.sleep(20)

        with pytest.raises(kind):
            loop.run_until_complete(subscribed())
        loop.run_until_complete(asyncio.wait_for(subscription.wait_closed(), 2))
        assert f"raised {kind()!r}, and gets no more events" in caplog.text
        assert mgr.state is ManagerState.READY
        loop.run_until_complete(mgr.close())


async def test_nobody_is_called_back_inside_of_on(fake: FakeAsterisk, mgr: Manager) -> None:
    """Also where tasks begin at once, a callback is first called when the program waits."""
    factory = getattr(asyncio, "eager_task_factory", None)  # from Python 3.12
    loop = asyncio.get_running_loop()
    if factory is not None:
        loop.set_task_factory(factory)
    seen: list[str] = []
    subscription: Subscription[Event] = mgr.on("Tick")
    subscription(lambda event: seen.append(event["N"]))
    assert subscription.task is not None
    await tell(fake, 1)
    await until(lambda: seen)
    loop.set_task_factory(None)


async def test_a_connected_manager_needs_its_loop(mgr: Manager) -> None:
    """Registering in another thread while there is a link is refused, and leaves nothing behind."""
    before = len(mgr._dispatcher)
    with pytest.raises(RuntimeError, match="another thread"):
        await asyncio.to_thread(lambda: mgr.on("Tick")(print))
    assert len(mgr._dispatcher) == before


async def test_a_failed_connect_leaves_callbacks_waiting(fake: FakeAsterisk) -> None:
    """They have no task then, and begin with the next attempt."""
    mgr = manager(fake)
    seen: list[str] = []
    subscription = mgr.on("Tick")
    subscription(lambda event: seen.append(event["N"]))
    fake.refuse_login = "Authentication failed"
    with pytest.raises(ManagerAuthError):
        await mgr.connect()
    assert subscription.task is None
    fake.refuse_login = None
    async with mgr:
        await tell(fake, 1)
        await until(lambda: seen)


async def test_it_may_be_registered_while_the_link_is_on_its_way(fake: FakeAsterisk) -> None:
    """Then it begins when the link stands, with all that has come by then."""
    mgr = manager(fake)
    seen: list[str] = []
    connecting = asyncio.create_task(mgr.connect())
    await asyncio.sleep(0)
    assert mgr.state is ManagerState.CONNECTING
    subscription: Subscription[Event] = mgr.on(events.FullyBooted)
    subscription(lambda event: seen.append(event.name))
    assert subscription.task is None
    await connecting
    await until(lambda: seen)
    await mgr.close()


# Over the lives of a link


async def test_a_reconnect_changes_nothing(fake: FakeAsterisk) -> None:
    """The callback goes on in the same task, and hears of the gap if it selects that."""
    told: list[str] = []
    async with manager(fake) as mgr:
        subscription = mgr.on("Tick", Disconnected, Reconnected)
        subscription(lambda event: told.append(event.name))
        task = subscription.task
        await tell(fake, 1)
        await until(lambda: told)
        fake.drop()
        await until(lambda: "Reconnected" in told)
        await tell(fake, 2)
        await until(lambda: len(told) == 4)
        assert told == ["Tick", "Disconnected", "Reconnected", "Tick"]
        assert subscription.task is task


async def test_the_loss_for_good_is_told(fake: FakeAsterisk, caplog: pytest.LogCaptureFixture) -> None:
    """What has come is handed over first; then the log names each callback that is deaf, and `wait_closed()` raises why."""
    mgr = manager(fake, reconnect=False)
    await mgr.connect()
    seen: list[str] = []

    @mgr.on("Tick")
    async def slowly(event: Event) -> None:
        await until(lambda: mgr.state is ManagerState.LOST)
        seen.append(event["N"])

    subscription = mgr.on("Tick")
    subscription(lambda event: None)
    waiting = asyncio.create_task(subscription.wait_closed())
    await tell(fake, 1, 2)
    await mgr.send(core.Ping())
    fake.drop()
    with pytest.raises(ConnectionLost):
        await waiting
    with pytest.raises(ConnectionLost):  # and whoever asks later
        await subscription.wait_closed()
    await until(lambda: len(seen) == 2)
    await until(lambda: "slowly gets no more events, as the link is lost for good" in caplog.text)
    assert sum("gets no more events" in each for each in errors(caplog)) == 2

    late = mgr.on("Tick")
    late(print)
    with pytest.raises(ConnectionLost):
        await late.wait_closed()
    assert "print gets no more events" in caplog.text
    await mgr.close()


async def test_a_later_connect_begins_again(fake: FakeAsterisk) -> None:
    """After `close()`, after a loss for good and after a logoff by the user, what was registered is called as before."""
    mgr = manager(fake, reconnect=False)
    seen: list[str] = []
    subscription = mgr.on("Tick")
    subscription(lambda event: seen.append(event["N"]))

    async def drops() -> None:
        fake.drop()
        with pytest.raises(ConnectionLost):
            await subscription.wait_closed()

    async def logs_off() -> None:
        await mgr.send(core.Logoff())
        await subscription.wait_closed()

    ends: list[Callable[[], Awaitable[object]]] = [mgr.close, drops, logs_off, mgr.close]
    for number, end in enumerate(ends):
        await mgr.connect()
        await tell(fake, number)
        await until(lambda number=number: len(seen) == number + 1)  # type: ignore[misc]
        assert subscription.task is not None
        await end()
        assert subscription.task is None
    assert seen == ["0", "1", "2", "3"]
    await subscription.wait_closed()


async def test_a_link_that_comes_while_a_callback_finishes_the_last_one(fake: FakeAsterisk) -> None:
    """A callback that is still busy with the events of a lost link goes on with those of the next, in the same task."""
    mgr = manager(fake, reconnect=False)
    gate = asyncio.Event()
    seen: list[str] = []

    async def dawdles(event: Event) -> None:
        seen.append(event["N"])
        await gate.wait()

    subscription = mgr.on("Tick")
    subscription(dawdles)
    await mgr.connect()
    await tell(fake, 1, 2)
    await until(lambda: seen)
    await mgr.send(core.Ping())
    fake.drop()
    await until(lambda: mgr.state is ManagerState.LOST)
    task = subscription.task
    await mgr.connect()
    await tell(fake, 3)
    gate.set()
    await until(lambda: len(seen) == 3)
    assert seen == ["1", "2", "3"]
    assert subscription.task is task
    await mgr.close()
    await subscription.wait_closed()  # the loss is past, and not told again


async def test_another_event_loop_may_connect(fake: FakeAsterisk) -> None:
    """A manager that was left in a loop which is closed by now begins in the next, its callbacks too."""
    mgr = manager(fake)
    seen: list[str] = []
    subscription = mgr.on("Tick")
    subscription(lambda event: seen.append(event["N"]))

    def leaves_it() -> None:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(mgr.connect())
        loop.close()

    with warnings.catch_warnings(record=True):  # the socket that was left open is told of
        warnings.simplefilter("always", ResourceWarning)
        await asyncio.to_thread(leaves_it)
        assert subscription.task is None
        await mgr.close()
        await mgr.connect()
        await tell(fake, 1)
        await until(lambda: seen)
        await mgr.close()
        gc.collect()


# How it ends


async def test_close_cancels_what_is_running(fake: FakeAsterisk) -> None:
    """The manager's `close()` cancels a running callback, waits for its end while the link still stands, and drops the rest."""
    ended: list[str] = []
    async with manager(fake) as mgr:

        @mgr.on("Tick")
        async def hangs(event: Event) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append((await mgr.send(core.Ping()))["Ping"])

        @mgr.on("Tick")
        async def refuses_to_end(event: Event) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                ended.append(event["N"])

        await tell(fake, 1, 2)
        await mgr.send(core.Ping())
    assert sorted(ended) == ["1", "Pong"]
    assert mgr.state is ManagerState.CLOSED


async def test_cancelling_close_closes_all_the_same(fake: FakeAsterisk) -> None:
    """A `close()` that waits for a callback may be cancelled: it waits no longer, and the link is closed."""
    mgr = manager(fake)
    await mgr.connect()
    gate, called = asyncio.Event(), asyncio.Event()

    @mgr.on("Tick")
    async def stays(event: Event) -> None:
        called.set()
        while not gate.is_set():
            try:
                await gate.wait()
            except asyncio.CancelledError:
                called.clear()

    await tell(fake, 1)
    await called.wait()
    closing = asyncio.create_task(mgr.close())
    await until(lambda: not called.is_set())
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert mgr.state is ManagerState.CLOSED
    gate.set()


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_callback_may_close_the_manager(fake: FakeAsterisk, elsewhere: bool) -> None:
    """It goes on to its end then, is called no more, and may even connect again."""
    mgr = manager(fake)
    seen: list[str] = []
    await mgr.connect()
    subscription = mgr.on("Tick")

    @subscription
    async def closes(event: Event) -> None:
        seen.append(event["N"])
        if len(seen) == 1:
            await mgr.close()
            if elsewhere:
                await mgr.connect()

    await tell(fake, 1, 2)
    if elsewhere:
        await until(lambda: mgr.state is ManagerState.READY and len(fake.sent("Login")) == 2)
        await tell(fake, 3)
        await until(lambda: len(seen) == 2)
        await mgr.close()
    await subscription.wait_closed()
    assert seen == (["1", "3"] if elsewhere else ["1"])
    assert mgr.state is ManagerState.CLOSED


async def test_a_subscription_can_be_ended(fake: FakeAsterisk, mgr: Manager) -> None:
    """`close()` drops what waits, lets the running callback finish, which `wait_closed()` waits for, and is forgotten."""
    before = len(mgr._dispatcher)
    gate = asyncio.Event()
    seen: list[str] = []
    subscription = mgr.on("Tick")

    @subscription
    async def slowly(event: Event) -> None:
        await gate.wait()
        seen.append(event["N"])

    await tell(fake, 1, 2)
    await mgr.send(core.Ping())
    subscription.close()
    subscription.close()
    waiting = [asyncio.create_task(subscription.wait_closed()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    assert len(mgr._dispatcher) == before
    gate.set()
    await asyncio.gather(*waiting[1:])
    assert (seen, subscription.task) == (["1"], None)
    assert not mgr._callbacks._subscriptions
    await mgr.close()
    await mgr.connect()
    await tell(fake, 3)
    await mgr.send(core.Ping())
    assert seen == ["1"]


async def test_the_managers_close_cancels_what_a_closed_subscription_left(fake: FakeAsterisk) -> None:
    """A callback that still runs after its subscription's `close()` does not outlive the manager's."""
    mgr = manager(fake)
    await mgr.connect()
    subscription = mgr.on("Tick")
    called = asyncio.Event()

    @subscription
    async def hangs(event: Event) -> None:
        called.set()
        await asyncio.Event().wait()

    await tell(fake, 1)
    await called.wait()
    subscription.close()
    assert subscription.task is not None
    await mgr.close()
    assert subscription.task is None


@pytest.mark.parametrize("plain", [False, True])
async def test_a_callback_may_end_itself(fake: FakeAsterisk, mgr: Manager, plain: bool) -> None:
    """After `close()` it is not called again, even if events were waiting; it cannot wait for its own end."""
    seen: list[str] = []
    subscription = mgr.on("Tick")

    def once(event: Event) -> None:
        seen.append(event["N"])
        subscription.close()

    async def once_too(event: Event) -> None:
        once(event)
        with pytest.raises(RuntimeError, match="cannot wait for its own end"):
            await subscription.wait_closed()
        seen.append("told")

    subscription(once if plain else once_too)
    fake.stall()
    await tell(fake, 1, 2, 3)
    fake.resume()
    await subscription.wait_closed()
    assert seen == (["1"] if plain else ["1", "told"])


async def test_before_a_connect_there_is_nothing_to_wait_for(fake: FakeAsterisk) -> None:
    """A subscription that never began ends without a task: by its own `close()`, or the manager's."""
    mgr = manager(fake)
    first, second = mgr.on("Tick"), mgr.on("Tick")
    first(print)
    second(print)
    waiting = [asyncio.create_task(each.wait_closed()) for each in (first, second)]
    await asyncio.sleep(0)
    first.close()
    first.close()
    await waiting[0]
    assert not waiting[1].done()
    await mgr.close()
    await waiting[1]


async def test_a_program_that_ends_takes_its_callbacks_along() -> None:
    """`asyncio.run` cancels them with everything else where the manager was not closed; no task is destroyed while it waits."""
    program = """
import asyncio
from aioami import Manager
from aioami.testing import FakeAsterisk

async def main():
    fake = FakeAsterisk()
    await fake.start()
    mgr = Manager.from_url(fake.url)
    await mgr.connect()
    called = asyncio.Event()

    @mgr.on("Tick")
    async def hangs(event):
        called.set()
        try:
            await asyncio.Event().wait()
        finally:
            print("cancelled")

    mgr.on("Tock")(print)
    await fake.send_event("Tick")
    await called.wait()

asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "ignore", "-c", program), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert (process.returncode, out) == (0, b"cancelled\n")
    assert b"destroyed" not in err
    assert err.count(b"was cancelled by somebody else, and gets no more events") == 2
