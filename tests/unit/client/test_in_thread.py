"""A manager for programs without an event loop: the same names, blocking, from any thread."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.helpers import Server, manager

from aioami import (
    Action,
    ActionError,
    BlockingCall,
    BlockingListStream,
    BlockingManager,
    BlockingStream,
    BlockingSubscription,
    ConnectionLost,
    Event,
    EventsLost,
    EventStream,
    HungUp,
    ListStream,
    Manager,
    ManagerAuthError,
    ManagerLike,
    ManagerState,
    ManagerTimeout,
    Subscription,
    UnknownEventName,
    core,
    events,
    in_thread,
)
from aioami._client.loopthread import LoopThread
from aioami.agi import Session
from aioami.calls import Call, CallState, EndReason


def test_it_has_the_names_of_a_manager() -> None:
    """Every name of the protocol, of a stream, a list, a subscription and a call is there, with the same parameters."""
    for kind, blocking in (
        (ManagerLike, BlockingManager),
        (EventStream, BlockingStream),
        (ListStream, BlockingListStream),
        (Subscription, BlockingSubscription),
        (Call, BlockingCall),
    ):
        for name, member in vars(kind).items():
            if name.startswith("_") or name in ("task", "renew", "start", "finish"):
                continue
            assert hasattr(blocking, name), f"{kind.__name__}.{name}"
            if callable(member):
                ours = list(inspect.signature(getattr(blocking, name)).parameters)
                assert ours == list(inspect.signature(member).parameters), name


def test_an_action_an_event_and_a_list(server: Server) -> None:
    """What a program does with a manager it does here, without an await."""
    with in_thread(manager(server.fake)) as mgr:
        assert mgr.state is ManagerState.READY
        assert mgr.version == "11.0.0"
        mgr.wait_ready(1)
        mgr.wait_booted(1)
        assert mgr.send(core.Ping()).RTT > 0
        with pytest.raises(ActionError):
            mgr.send(core.Hangup("PJSIP/none"))
        assert not mgr.send(core.Hangup("PJSIP/none"), check=False).success
        with mgr.events(events.UserEvent) as stream:
            mgr.send(core.UserEvent(UserEvent="Door"))
            event = next(iter(stream))
            assert event["UserEvent"] == "Door"
            assert (stream.delivered, stream.pending, stream.dropped, stream.gaps) == (1, 0, 0, 0)
        with mgr.stream(core.QueueStatus()) as items:
            assert [each.name for each in items].count("QueueParams") == 3
            assert items.response is not None
            assert items.completion is not None
        assert mgr.view.mask == {"all"}
        assert mgr.run(mgr.view.ask()) is not None
        assert "ready" in repr(mgr)
    assert mgr.state is ManagerState.CLOSED
    assert not mgr.is_running


def test_an_outcome_is_awaited_by_run(server: Server) -> None:
    """What a response gives to be awaited is awaited in the loop's thread."""
    with in_thread(manager(server.fake)) as mgr:
        reply = mgr.send(core.Originate_Application("Local/100@default", "Wait", ("1",)))
        assert mgr.run(reply.outcome(timeout=10)).name == "OriginateResponse"


def test_a_call(server: Server) -> None:
    """A call is placed, followed and steered without an await, and hung up where `with` is left."""
    with in_thread(manager(server.fake)) as mgr:
        with mgr.call("Local/wait@test/n", to="wait@test") as call:
            assert call.answered(5) > 1e9
            call.set("A", "b")
            assert call.get("A") == "b"
            call.mute()
            call.press("1")
            assert call.record("x.wav")
            call.redirect("elsewhere", "target")
            with mgr.call("Local/short@test/n", to="wait@test") as ended:
                ended.ended(5)
            with mgr.call("Local/wait@test/n", to="wait@test") as other:
                other.answered(5)
                follow = call.changes()
                call.bridge(other)
                assert any(call.bridged_with == (other.uniqueid,) for _ in follow)
                with pytest.raises(HungUp):
                    ended.transfer("wait", "test")
                space = call.park()
                assert any(call.parked for _ in follow)
                assert call.parking_space == space
            assert other.end is not None
            assert (call.state, call.channel, call.held) == (CallState.ANSWERED, call.to_dict()["channel"], False)
        assert call.end is not None
        assert call.end.by_us
        call.hang_up()
        assert call.ended() is call.end
        changes = mgr.call("Local/short@test/n", to="wait@test").changes()
        assert [change.state for change in changes][-1] is CallState.ENDED
        with pytest.raises(ManagerTimeout), mgr.call("Local/ring@test/n", to="wait@test") as ringing:
            ringing.answered(0.01)
        assert ringing.end is not None
        with pytest.raises(ActionError):
            mgr.call("Local/wait@test/n", to="nosuch@test")
        with mgr.call("Local/wait@test/n", to="wait@test") as kept:
            kept.detach()
        dropped = mgr.call("Local/wait@test/n", to="wait@test")
        dropped.hang_up()
        assert dropped.ended(5).by_us
        rest = kept.changes()
        assert kept.end is None
    assert kept.ended().reason is EndReason.LOST
    assert [change.state for change in rest][-1] is CallState.ENDED
    assert "lost" in repr(kept)


def test_a_program_of_a_call(server: Server) -> None:
    """A program is async, and runs in the loop's thread."""
    threads: list[int] = []

    async def program(session: Session) -> None:
        threads.append(threading.get_ident())
        await session.answer()

    with in_thread(manager(server.fake)) as mgr:
        assert mgr.call("Local/wait@test/n", to=program).ended(5).by_us
    assert threads
    assert threads != [threading.get_ident()]


def test_waiting_for_an_event_blocks_for_its_timeout(server: Server) -> None:
    """`wait_for` returns the event, and raises when none comes; a stream's `next` does the same."""
    with in_thread(manager(server.fake)) as mgr:
        timer = threading.Timer(0.05, lambda: server.do(server.fake.send_event("Tick")))
        timer.start()
        assert mgr.wait_for("Tick", timeout=10).name == "Tick"
        timer.join()
        with pytest.raises(ManagerTimeout, match="no event came in 0.01 seconds"):
            mgr.wait_for("Tick", timeout=0.01)
        stream = mgr.events("Tick")
        with pytest.raises(ManagerTimeout, match="Tick"):
            stream.next(timeout=0.01)
        server.do(server.fake.send_event("Tick"))
        assert stream.next(timeout=10).name == "Tick"
        assert "1 delivered" in repr(stream)
        assert str(stream.selection) == "Tick"


def test_callbacks_are_called_in_the_thread_of_the_loop(server: Server) -> None:
    """A callback may be plain or async; the blocking names refuse to wait for themselves there."""
    mgr = in_thread(manager(server.fake))
    seen: list[object] = []
    done = threading.Event()
    plain = mgr.on("Tick")

    @plain
    def refused(event: Event) -> None:
        try:
            mgr.send(core.Ping())
        except RuntimeError as error:
            seen.append(str(error))

    @mgr.on("Tick")
    async def awaits(event: Event) -> None:
        seen.append((await mgr.manager.send(core.Ping())).success)
        done.set()

    with mgr:
        server.do(server.fake.send_event("Tick"))
        assert done.wait(10)
        plain.close()
        plain.wait_closed()
        assert "without a callback" in repr(mgr.on("Tick"))
    assert True in seen
    assert any("own loop" in str(each) for each in seen)


def test_many_threads_use_one_manager(server: Server) -> None:
    """Each thread gets the reply to its own action."""
    with in_thread(manager(server.fake)) as mgr, ThreadPoolExecutor(8) as pool:
        names = [f"n{index}" for index in range(40)]

        def ask(name: str) -> str:
            mgr.send(core.DBPut("test", name, name))
            return mgr.send(core.DBGet("test", name)).events[0].get("Val", "")

        assert list(pool.map(ask, names)) == names


def test_a_stream_ends_when_the_manager_is_closed(server: Server) -> None:
    """A thread that waits for an event goes on then, and what was pending can still be taken."""
    mgr = in_thread(manager(server.fake))
    with pytest.raises(ConnectionLost, match="connect"):
        mgr.send(core.Ping())
    with pytest.raises(ConnectionLost, match="not connected"):
        mgr.stream(core.QueueStatus())
    early = mgr.events("Tick")
    with ThreadPoolExecutor() as pool:
        mgr.connect()
        server.do(server.fake.send_event("Tick"))
        assert early.next(10).name == "Tick"
        rest = pool.submit(list, early)
        late = mgr.events("Tick")
        server.do(server.fake.send_event("Tick"))
        mgr.send(core.Ping())
        mgr.close()
        assert len(rest.result(10)) <= 1
    assert [each.name for each in late] == ["Tick"]
    assert early.ended
    mgr.close()


def test_a_failed_connect_leaves_no_thread(server: Server) -> None:
    """The error is that of the manager, and the same manager may connect later."""
    before = threading.active_count()
    mgr = in_thread(manager(server.fake, secret="wrong"))
    with pytest.raises(ManagerAuthError):
        mgr.connect()
    assert threading.active_count() == before
    assert not mgr.is_running


def test_it_connects_again_after_a_close(server: Server) -> None:
    """Each connect has a thread of its own, and none is left behind."""
    before = threading.active_count()
    mgr = in_thread(manager(server.fake))
    for _ in range(2):
        with mgr:
            assert mgr.send(core.Ping()).success
            with pytest.raises(RuntimeError, match="already"):
                mgr.connect()
            assert mgr.send(core.Ping()).success
    assert threading.active_count() == before


def test_close_ends_a_connect_of_another_thread(server: Server) -> None:
    """A thread that tries and tries gets ConnectionLost when another closes the manager."""
    server.proxy.refuse = True
    mgr = in_thread(manager(server.proxy, retry_connect=True))
    with ThreadPoolExecutor() as pool:
        connecting = pool.submit(mgr.connect)
        while mgr.state is not ManagerState.CONNECTING:
            time.sleep(0.001)
        mgr.close()
        with pytest.raises(ConnectionLost, match="closed"):
            connecting.result(10)


def test_close_ends_who_waits(server: Server) -> None:
    """An action that is under way in another thread fails as lost, and the thread goes on."""
    server.fake.reply_to("Slow", None)
    mgr = in_thread(manager(server.fake))
    mgr.connect()
    with ThreadPoolExecutor() as pool:
        sending = pool.submit(mgr.send, Action("Slow"), timeout=None)
        server.do(server.fake.expect("Slow"))
        mgr.close()
        with pytest.raises(ConnectionLost):
            sending.result(10)


def test_close_and_all_else_at_the_same_moment(server: Server) -> None:
    """However threads fall together: each call ends, with an answer or as lost, and `close` never fails."""
    odd: list[object] = []

    def use(mgr: BlockingManager) -> None:
        try:
            while True:
                mgr.send(core.Ping())
        except ConnectionLost:
            pass
        except BaseException as error:
            odd.append(error)

    def consume(stream: BlockingStream[Event]) -> None:
        try:
            odd.extend(stream)
            stream.close()
        except BaseException as error:
            odd.append(error)

    def close(mgr: BlockingManager) -> None:
        try:
            mgr.close()
        except BaseException as error:
            odd.append(error)

    for _ in range(10):
        mgr = in_thread(manager(server.fake))
        mgr.connect()
        using = [threading.Thread(target=use, args=(mgr,), daemon=True) for _ in range(4)]
        using += [threading.Thread(target=consume, args=(mgr.events("Never"),), daemon=True) for _ in range(2)]
        closing = [threading.Thread(target=close, args=(mgr,), daemon=True) for _ in range(3)]
        for thread in (*using, *closing):
            thread.start()
        for thread in (*using, *closing):
            thread.join(10)
            assert not thread.is_alive()
        assert not mgr.is_running
        assert mgr.state is ManagerState.CLOSED
    assert odd == []


def test_the_end_of_a_callback_is_told_after_a_close(server: Server) -> None:
    """`wait_closed` returns when the manager was closed, and is refused before it was ever connected."""
    mgr = in_thread(manager(server.fake))
    subscription = mgr.manager.on("Hangup")
    subscription(print)
    blocking = BlockingSubscription(mgr._thread, subscription)
    with pytest.raises(ConnectionLost, match="not connected"):
        blocking.wait_closed()
    with mgr:
        pass
    blocking.wait_closed()


def test_what_is_refused_is_not_left_behind(server: Server) -> None:
    """A coroutine that `run` refuses, as nothing is connected, is closed, and Python does not warn of it."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with pytest.raises(ConnectionLost):
            in_thread(manager(server.fake)).run(asyncio.sleep(0))
        gc.collect()
    assert not said


def test_events_that_are_missing_raise(server: Server) -> None:
    """A stream with on_loss="raise" raises in its place, and goes on."""
    with in_thread(manager(server.fake)) as mgr:
        stream = mgr.events("Tick", maxsize=1, on_loss="raise")
        for _ in range(3):
            server.do(server.fake.send_event("Tick"))
        mgr.send(core.Ping())
        with pytest.raises(EventsLost):
            stream.next(10)
        assert stream.next(10).name == "Tick"


def test_dropping_it_ends_the_thread(server: Server) -> None:
    """One that is dropped without close ends its link, with a ResourceWarning."""
    mgr = in_thread(manager(server.fake))
    mgr.connect()
    (thread,) = (each for each in threading.enumerate() if each.name == "aioami")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        del mgr
        gc.collect()
        thread.join(10)
        gc.collect()
    assert not thread.is_alive()
    assert any("BlockingManager" in str(each.message) for each in said)


def forked() -> None:
    """Use a manager of the parent in a forked child, which must raise at once and never hang."""
    server = Server()
    mgr = in_thread(Manager(server.fake.host, server.fake.port, "admin", "s3cret"))
    mgr.connect()
    child = os.fork()
    if child == 0:
        calls: tuple[Callable[[], object], ...] = (lambda: mgr.send(core.Ping()), mgr.connect, mgr.close, mgr.events)
        for call in calls:
            try:
                call()
            except RuntimeError as error:
                print("after the fork" in str(error), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    print(mgr.send(core.Ping()).success)
    mgr.close()
    server.stop()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_forked_child_is_refused() -> None:
    """The thread is in the parent alone: the child is told so, and waits for nothing."""
    program = "from tests.unit.client.test_in_thread import forked; forked()"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stdout.split() == ["True"] * 5, done.stderr


@pytest.fixture
def heeded_interrupt() -> Iterator[None]:
    """SIGINT as at a terminal: a process in the background of a shell is started with the signal ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeded_interrupt")
def test_an_interrupted_call_is_given_up(server: Server) -> None:
    """Ctrl-C ends the waiting, cancels the action's waiting in the loop, and the manager goes on."""
    server.fake.reply_to("Slow", None)
    with in_thread(manager(server.fake)) as mgr:

        def interrupt() -> None:
            server.do(server.fake.expect("Slow"))
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            mgr.send(Action("Slow"), timeout=None)
        assert mgr.send(core.Ping()).success


@pytest.mark.parametrize("error", [KeyboardInterrupt("after"), RuntimeError("can't start new thread")])
def test_a_thread_whose_start_fails_is_not_left_behind(
    server: Server, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """Ctrl-C while the thread starts ends it, and where the system has no more threads nothing stays; it connects later."""

    def start(thread: threading.Thread) -> None:
        if isinstance(error, KeyboardInterrupt):
            begin(thread)
        raise error

    mgr = in_thread(manager(server.fake))
    begin = threading.Thread.start
    with monkeypatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("error")
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(type(error)):
            mgr.connect()
        gc.collect()
    assert not mgr.is_running
    assert not [each for each in threading.enumerate() if each.name == "aioami"]
    with mgr:
        assert mgr.send(core.Ping()).success


def test_run_awaits_what_was_made_anywhere(server: Server) -> None:
    """`run` returns the result, and raises the error."""

    async def fails() -> None:
        await asyncio.sleep(0)
        raise KeyError("x")

    with in_thread(manager(server.fake)) as mgr, pytest.raises(KeyError):
        mgr.run(fails())


def test_a_loop_that_was_stopped_ends_who_waits(server: Server) -> None:
    """Whoever waits when the thread ends gets ConnectionLost, and so does whoever comes later."""
    mgr = in_thread(manager(server.fake))
    mgr.connect()
    assert mgr.statistics().events >= 0
    thread = mgr._thread._running
    assert thread is not None
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(mgr.wait_for, "Tick")
        while not mgr.manager._dispatcher._subscribers or len(mgr.manager._dispatcher) < 2:  # type: ignore[attr-defined]
            time.sleep(0.001)
        thread.stop()
        thread.join()
        with pytest.raises(ConnectionLost, match="closed"):
            waiting.result(10)
    with pytest.raises(ConnectionLost, match="not connected"):
        mgr.send(core.Ping())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del mgr
        gc.collect()


@pytest.mark.parametrize("raised", [SystemExit, KeyboardInterrupt])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_callback_that_ends_the_loop_ends_who_waits(server: Server, raised: type[BaseException]) -> None:
    """What ends an event loop ends the thread: all who wait are told, and the manager may be closed and connect again."""
    mgr = in_thread(manager(server.fake))
    mgr.connect()
    thread = mgr._thread._running
    assert thread is not None

    @mgr.on("Tick")
    def gone(event: Event) -> None:
        raise raised

    with ThreadPoolExecutor() as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # of the socket in the loop that ended
        waiting = pool.submit(mgr.wait_for, "Never")
        while len(mgr.manager._dispatcher) < 3:  # type: ignore[attr-defined]
            time.sleep(0.001)
        server.do(server.fake.send_event("Tick"))
        with pytest.raises(ConnectionLost, match="closed"):
            waiting.result(10)
        thread.join()
        assert not mgr.is_running
        with pytest.raises(ConnectionLost, match="not connected"):
            mgr.send(core.Ping())
        mgr.close()
        with mgr:
            assert mgr.send(core.Ping()).success
        gc.collect()


def test_another_process_is_published_at_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread is in the process that connected; elsewhere each call raises."""
    with in_thread(manager(server.fake)) as mgr:
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: 0)
            with pytest.raises(RuntimeError, match="after the fork"):
                mgr.send(core.Ping())
        assert mgr.send(core.Ping()).success


class Nothing:
    """Something to await that is no coroutine."""

    def __await__(self) -> Generator[None, None, None]:
        return iter(())  # type: ignore[return-value]


def test_a_call_that_the_loop_took_and_did_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that comes right before the loop ends, so that it never begins, is refused like one that comes after it."""
    held, submit = threading.Event(), asyncio.run_coroutine_threadsafe

    class Source:
        async def connect(self) -> None:
            pass

        async def close(self) -> None:
            pass

    async def loop_of_thread() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def submit_and_stop(coroutine: Any, loop: asyncio.AbstractEventLoop) -> Any:
        future = submit(coroutine, loop)
        loop.call_soon_threadsafe(loop.stop)
        held.set()
        return future

    thread = LoopThread(Source(), "manager")
    thread.connect()
    thread.run(loop_of_thread).call_soon_threadsafe(held.wait)
    monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", submit_and_stop)
    with pytest.raises(ConnectionLost, match="not connected"):
        thread.run(loop_of_thread)
    thread.close()


def test_what_needs_the_loop_is_refused_without_one(server: Server) -> None:
    """Before the first connect a stream waits for nothing; a thread that was stopped is closed by the next connect."""
    mgr = in_thread(manager(server.fake))
    with pytest.raises(ConnectionLost, match="connect"):
        next(mgr.events("Tick"))
    with pytest.raises(ConnectionLost, match="connect"):
        mgr.run(Nothing())
    mgr.connect()
    thread = mgr._thread._running
    assert thread is not None
    thread.stop()
    thread.join()
    with pytest.raises(ConnectionLost, match="closed"):
        mgr.connect()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # of the socket in the loop that was stopped
        with mgr:
            assert mgr.send(core.Ping()).success
        gc.collect()


def test_what_is_cancelled_by_itself_is_not_said_to_be_closed(server: Server) -> None:
    """A body that raises CancelledError, or awaits a task that was cancelled, raises it to the caller; the manager lives on."""

    async def gives_up() -> None:
        raise asyncio.CancelledError("enough")

    async def awaits_another() -> None:
        task = asyncio.ensure_future(asyncio.sleep(60))
        asyncio.get_running_loop().call_soon(task.cancel)
        await task

    with in_thread(manager(server.fake)) as mgr:
        for body in (gives_up, awaits_another):
            with pytest.raises(asyncio.CancelledError):
                mgr.run(body())
        assert mgr.send(core.Ping()).success


def test_a_misspelt_name_is_warned_of_at_the_line_that_gave_it(server: Server) -> None:
    """The stack of the loop's thread does not show it, before the link stands and afterwards."""
    mgr = in_thread(manager(server.fake))
    asked: list[Callable[[str], object]] = [mgr.events, mgr.on, lambda name: mgr.wait_for(name, timeout=0.01)]

    def warned(name: str, ask: Callable[[str], object]) -> None:
        with pytest.warns(UnknownEventName) as caught, contextlib.suppress(ManagerTimeout):
            ask(name)
        assert [each.filename for each in caught] == [__file__]

    warned("Hangpu", mgr.events)
    with mgr:
        for name, ask in zip(("Hangup ", "Hngup", "Hangupp"), asked, strict=True):
            warned(name, ask)
