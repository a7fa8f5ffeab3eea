"""Every moment in the life of a link, and everything that can happen in it: the exact outcome of each."""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import trustme
from tests.helpers import QUICK, until

from aioami import (
    Action,
    Backoff,
    ConnectionLost,
    Disconnected,
    Event,
    Manager,
    ManagerState,
    ManagerTimeout,
    ProtocolError,
    Reconnected,
    core,
)
from aioami.testing import FakeAsterisk, FaultProxy

MOMENTS = (
    *("resolving", "connecting", "tls", "before banner", "during login", "idle", "action pending"),
    *("list half received", "stream waiting", "in backoff", "closing"),
)
FAULTS = ("eof", "reset", "stall", "garbage", "cancel", "timeout", "close", "restart")

# What comes of whoever waits in that moment, and what the manager is afterwards.
#
#   done       it ends as if nothing had happened        lost       ConnectionLost, certainly not sent
#   cancelled  CancelledError                            lost sent  ConnectionLost, and it may have run
#   timeout    ManagerTimeout                            protocol   ProtocolError
#   goes on    it waits on, and gets what comes later    end        the iteration is over
#   nobody     nobody waits in that moment               -          it cannot happen in that moment
#
#   ready      without a gap                             again      ready, after a gap that was told
TABLE = {
    "resolving":          "-                -                lost/closed      -                cancelled/closed        lost/closed         lost/closed       done/ready",
    "connecting":         "-                lost/closed      lost/closed      -                cancelled/closed        lost/closed         lost/closed       done/ready",
    "tls":                "lost/closed      lost/closed      lost/closed      lost/closed      cancelled/closed        lost/closed         lost/closed       lost/closed",
    "before banner":      "lost/closed      lost/closed      lost/closed      protocol/closed  cancelled/closed        lost/closed         lost/closed       lost/closed",
    "during login":       "lost/closed      lost/closed      lost/closed      protocol/closed  cancelled/closed        lost/closed         lost/closed       lost/closed",
    "idle":               "nobody/again     nobody/again     nobody/again     nobody/lost      -                       nobody/ready        nobody/closed     nobody/again",
    "action pending":     "lost_sent/again  lost_sent/again  lost_sent/again  lost_sent/lost   cancelled/ready         timeout/ready       lost_sent/closed  lost_sent/again",
    "list half received": "lost_sent/again  lost_sent/again  lost_sent/again  lost_sent/lost   cancelled/ready         timeout/ready       lost_sent/closed  lost_sent/again",
    "stream waiting":     "goes_on/again    goes_on/again    goes_on/again    protocol/lost    cancelled/ready         timeout/ready       end/closed        goes_on/again",
    "in backoff":         "done/again       done/again       done/again       done/again       cancelled/reconnecting  timeout/reconnecting lost/closed      done/again",
    "closing":            "done/closed      done/closed      done/closed      done/closed      cancelled/closed        done/closed         done/closed       done/closed",
}  # fmt: skip

# Without reconnecting a link that is lost is lost for good; only this differs.
FINAL = {
    moment: {fault: "lost/lost" if moment == "stream waiting" else f"{TABLE[moment].split()[0].partition('/')[0]}/lost"
             for fault in ("eof", "reset", "stall", "restart")}
    for moment in ("idle", "action pending", "list half received", "stream waiting")
}  # fmt: skip

IMPOSSIBLE = {
    ("resolving", "eof"): "nobody is connected yet",
    ("resolving", "reset"): "nobody is connected yet",
    ("resolving", "garbage"): "nobody is connected yet",
    ("connecting", "eof"): "a connection that does not stand has no end",
    ("connecting", "garbage"): "nothing can be said before it stands",
    ("idle", "cancel"): "nobody waits",
}

CELLS = [
    *(
        (moment, fault, True, cell)
        for moment in MOMENTS
        for fault, cell in zip(FAULTS, TABLE[moment].split(), strict=True)
    ),
    *((moment, fault, False, cell) for moment, cells in FINAL.items() for fault, cell in cells.items()),
]
GARBAGE = b"\x16\x03\xff garbage " + b"x" * 3000  # an endless line, over max_frame_size


class Scene:
    """A server behind a proxy, a manager, and somebody who waits for something.

    Attributes:
        waiting: who waits; `None` if nobody does.
        release: what ends the moment without a fault, where the moment would last for ever.
        garbage: how the peer says something that is not AMI.
    """

    def __init__(self, fake: FakeAsterisk, proxy: FaultProxy, reconnect: bool, fault: str) -> None:
        self.fake, self.proxy, self.fault = fake, proxy, fault
        # Who waits for a fault to be noticed waits for the keepalive, and who waits for a timeout for that.
        self.timeout = 0.1 if fault in ("stall", "timeout") else 5.0
        self.options: dict[str, Any] = {
            "username": "admin",
            "secret": "s3cret",
            "timeout": self.timeout,
            "keepalive": 0.1 if fault in ("stall", "timeout") else None,
            "max_frame_size": 2000,
            "reconnect": Backoff(first=0.01, maximum=0.01) if reconnect else False,
        }
        self.waiting: asyncio.Future[Any] | None = None
        self.release: Callable[[], object] = lambda: None
        self.garbage: Callable[[], Awaitable[object]] = lambda: fake.send_raw(GARBAGE)
        self.told: list[str] = []
        self.mgr = Manager()

    def make(self, **options: object) -> Manager:
        self.mgr = Manager(**{"host": self.proxy.host, "port": self.proxy.port, **self.options, **options})
        return self.mgr

    def wait(self, what: Awaitable[Any]) -> None:
        self.waiting = asyncio.ensure_future(what)

    async def connect(self) -> None:
        await self.make().connect()


# The moments


async def resolving(scene: Scene, patch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    resolve = loop.getaddrinfo
    patch.setattr(loop, "getaddrinfo", lambda host, *rest, **options: resolve(scene.proxy.host, *rest, **options))
    await _held(scene, patch, "getaddrinfo", host="pbx.test")


async def connecting(scene: Scene, patch: pytest.MonkeyPatch) -> None:
    await _held(scene, patch, "create_connection")


async def _held(scene: Scene, patch: pytest.MonkeyPatch, method: str, **options: object) -> None:
    loop, gate, came = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    real = getattr(loop, method)

    async def held(*arguments: Any, **details: Any) -> Any:
        came.set()
        await gate.wait()
        if scene.fault == "reset":
            raise ConnectionRefusedError("refused")
        return await real(*arguments, **details)

    patch.setattr(loop, method, held)
    scene.release = gate.set
    scene.wait(scene.make(**options).connect())
    await came.wait()


async def tls(scene: Scene, patch: pytest.MonkeyPatch) -> None:
    writers: list[asyncio.StreamWriter] = []
    said = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.read(10)  # the client's first words
        said.set()
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    scene.proxy.server_port = server.sockets[0].getsockname()[1]
    scene.release = server.close
    scene.garbage = lambda: asyncio.sleep(0, writers[0].write(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    context = ssl.create_default_context()
    trustme.CA().configure_trust(context)
    scene.wait(scene.make(ssl=context).connect())
    await said.wait()
    server.close()


async def before_banner(scene: Scene, patch: pytest.MonkeyPatch) -> None:
    scene.fake.slow_banner = 60
    scene.wait(scene.make().connect())
    await until(lambda: scene.fake.connections and scene.proxy.connections)


async def during_login(scene: Scene, patch: pytest.MonkeyPatch) -> None:
    scene.fake.reply_to("Login", None, times=1)
    scene.wait(scene.make().connect())
    await scene.fake.expect("Login")


async def idle(scene: Scene, patch: pytest.MonkeyPatch) -> None:
    await scene.connect()


async def action_pending(scene: Scene, patch: pytest.MonkeyPatch) -> None:
    await scene.connect()
    scene.fake.reply_to("Slow", None)
    scene.wait(scene.mgr.send(Action("Slow"), timeout=None if scene.fault == "stall" else scene.timeout))
    await scene.fake.expect("Slow")


async def list_half_received(scene: Scene, patch: pytest.MonkeyPatch) -> None:
    await scene.connect()
    half = [{"Response": "Success", "EventList": "start"}, {"Event": "Item", "Number": "1"}]
    scene.fake.reply_to("Items", lambda request: half)
    scene.wait(scene.mgr.send(Action("Items"), timeout=None if scene.fault == "stall" else scene.timeout))
    await scene.fake.expect("Items")
    await until(lambda: scene.mgr.statistics().events >= 2)


async def stream_waiting(scene: Scene, patch: pytest.MonkeyPatch) -> None:
    await scene.connect()
    if scene.fault == "timeout":
        scene.wait(scene.mgr.wait_for("Later", timeout=scene.timeout)._next())
    else:
        scene.wait(scene.mgr.events("Later").__anext__())
    await asyncio.sleep(0)


async def in_backoff(scene: Scene, patch: pytest.MonkeyPatch) -> None:
    await scene.connect()
    scene.told = watch(scene.mgr)
    scene.proxy.refuse = True
    scene.proxy.cut()
    await until(lambda: scene.mgr.state is ManagerState.RECONNECTING)
    scene.wait(scene.mgr.wait_ready(timeout=0.1 if scene.fault == "timeout" else None))
    await asyncio.sleep(0.02)


async def closing(scene: Scene, patch: pytest.MonkeyPatch) -> None:
    await scene.connect()
    scene.fake.reply_to("Logoff", None)
    scene.wait(scene.mgr.close())
    await scene.fake.expect("Logoff")


# The faults


async def eof(scene: Scene, moment: str) -> None:
    if moment == "in backoff":  # the proxy has been answering with an end all the time
        scene.proxy.refuse = False
    scene.proxy.cut()


async def reset(scene: Scene, moment: str) -> None:
    scene.release()
    if moment == "in backoff":
        scene.proxy.refuse = False
    scene.proxy.cut(reset=True)


async def stall(scene: Scene, moment: str) -> None:
    scene.proxy.stall()
    if moment == "in backoff":
        scene.proxy.refuse = False
        await until(lambda: "did not greet" in str(scene.mgr._link.reason))
    elif moment in FINAL:
        await until(lambda: scene.mgr.state is not ManagerState.READY)
    else:
        return
    scene.proxy.resume()


async def garbage(scene: Scene, moment: str) -> None:
    if moment == "before banner":
        for connection in scene.fake.connections:
            connection.send(b"SSH-2.0-OpenSSH_9.2\r\n")
    elif moment == "in backoff":
        banner, scene.fake.banner = scene.fake.banner, b"HTTP/1.1 503 Service Unavailable\r\n\r\n"
        scene.proxy.refuse = False
        await until(lambda: isinstance(scene.mgr._link.reason, ProtocolError))
        scene.fake.banner = banner
    else:
        await scene.garbage()


async def cancel(scene: Scene, moment: str) -> None:
    assert scene.waiting is not None
    scene.waiting.cancel()


async def timeout(scene: Scene, moment: str) -> None:
    """It is only waited for; and an idle link outlives every timeout."""
    if moment == "idle":
        await scene.fake.expect("Ping", times=3)


async def close(scene: Scene, moment: str) -> None:
    began = asyncio.get_running_loop().time()
    await scene.mgr.close()
    # The farewell of another one that closes it is waited for.
    assert asyncio.get_running_loop().time() - began < (1.5 if moment == "closing" else 0.5)


async def restart(scene: Scene, moment: str) -> None:
    scene.proxy.refuse = True
    scene.proxy.cut()
    await asyncio.sleep(0.03)  # the outage
    scene.proxy.refuse = False
    scene.release()


def watch(mgr: Manager) -> list[str]:
    """The names of what the library tells of its link, as they come."""
    told: list[str] = []

    async def take() -> None:
        with contextlib.suppress(Exception):
            async for event in mgr.events(Disconnected, Reconnected):
                told.append(event.name)

    told_to = asyncio.ensure_future(take())
    mgr.told_to = told_to  # type: ignore[attr-defined]
    return told


@contextlib.asynccontextmanager
async def staged(reconnect: bool, fault: str) -> AsyncIterator[Scene]:
    async with FakeAsterisk() as fake, FaultProxy(fake.host, fake.port) as proxy:
        scene = Scene(fake, proxy, reconnect, fault)
        try:
            yield scene
        finally:
            scene.release()
            proxy.resume()
            await scene.mgr.close()


async def outcome(scene: Scene) -> str:
    """What came of whoever waits."""
    waiting = scene.waiting
    if waiting is None:
        return "nobody"
    await asyncio.wait([waiting], timeout=5)
    assert waiting.done()
    if waiting.cancelled():
        return "cancelled"
    error = waiting.exception()
    if error is None and isinstance(waiting.result(), Event):
        return "goes_on"
    if isinstance(error, ConnectionLost):
        return "lost_sent" if error.sent else "lost"
    names = {ProtocolError: "protocol", ManagerTimeout: "timeout", StopAsyncIteration: "end", type(None): "done"}
    return names[type(error)]


# Tasks that run up to their first wait before they are known, from Python 3.12 on.
EAGER = getattr(asyncio, "eager_task_factory", None)


@pytest.fixture(params=["lazy", *(["eager"] if EAGER is not None else [])])
async def tasks(request: pytest.FixtureRequest) -> str:
    """The way in which this event loop starts its tasks."""
    kind: str = request.param
    asyncio.get_running_loop().set_task_factory(EAGER if kind == "eager" else None)
    return kind


@pytest.mark.parametrize(("moment", "fault", "reconnect", "expected"), CELLS, ids=lambda value: str(value))
async def test_a_cell(
    moment: str, fault: str, reconnect: bool, expected: str, tasks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits gets what the table says, the manager is what it says, and nothing is left behind."""
    if expected == "-":
        assert (moment, fault) in IMPOSSIBLE
        return
    wanted, _, state = expected.partition("/")
    async with staged(reconnect, fault) as scene:
        await globals()[moment.replace(" ", "_")](scene, monkeypatch)
        monkeypatch.undo()
        told = scene.told if moment == "in backoff" else watch(scene.mgr)
        await globals()[fault](scene, moment)
        if wanted == "goes_on":
            await until(lambda: "Reconnected" in told)
            await scene.fake.send_event("Later")
        assert await outcome(scene) == wanted
        if state == "again":
            await until(lambda: scene.mgr.state is ManagerState.READY)
            await until(lambda: told == ["Disconnected", "Reconnected"])
            assert (await scene.mgr.send(core.Ping(), timeout=5)).success
        else:
            await until(lambda: scene.mgr.state.value == state)
            assert told == (["Disconnected"] if moment == "in backoff" else [])
        if state == "ready":
            assert (await scene.mgr.send(core.Ping(), timeout=5)).success
        assert scene.mgr.statistics().pending == 0
        assert not scene.mgr._link._changed


def test_the_table_is_whole() -> None:
    """Each moment has an outcome for each fault, and each cell that cannot be has its reason."""
    assert set(TABLE) == set(MOMENTS)
    assert all(len(row.split()) == len(FAULTS) for row in TABLE.values())
    assert {(moment, fault) for moment, fault, _, cell in CELLS if cell == "-"} == set(IMPOSSIBLE)


@pytest.mark.parametrize("again", [False, True], ids=["once", "retried"])
async def test_a_connect_that_fails_at_once(again: bool, tasks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure without a single turn of the loop is told to all who wait, and leaves no state behind."""
    failures = 3

    async def unreachable(*_: Any, **__: Any) -> None:
        nonlocal failures
        failures -= 1
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", unreachable)
    mgr = Manager("127.0.0.1", 9, "a", "b", timeout=5, reconnect=Backoff(first=0.01), retry_connect=again)
    waiting = [asyncio.ensure_future(each) for each in (mgr.wait_ready(timeout=5), mgr.connect())]
    if again:
        await until(lambda: failures < 0)
        await mgr.close()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in results] == [ConnectionLost, ConnectionLost]
    assert mgr.state is ManagerState.CLOSED
    with pytest.raises(ConnectionLost):
        await mgr.send(core.Ping())
    await mgr.close()


async def test_a_callback_and_a_list_in_an_outage(tasks: str) -> None:
    """What makes a task of its own goes on with the next link: a callback, a reconnect, a list that waits for it."""
    async with FakeAsterisk() as fake, Manager(fake.host, fake.port, "admin", "s3cret", reconnect=QUICK) as mgr:
        came: list[str] = []

        @mgr.on("Later")
        async def later(event: Event) -> None:
            came.append(event.name)

        fake.drop()
        await until(lambda: mgr.state is not ManagerState.READY)
        hasty, patient = mgr.stream(core.QueueStatus(), timeout=0), mgr.stream(core.QueueStatus())
        with pytest.raises(ConnectionLost):
            await hasty.__anext__()
        assert (await patient.__anext__()).name == "QueueParams"
        patient.close()
        await fake.send_event("Later")
        await until(lambda: came == ["Later"])


async def test_a_list_in_an_outage_that_cannot_be_written(tasks: str) -> None:
    """What the encoding cannot write is told by the stream when there is a link again, and closing it is quiet."""
    async with (
        FakeAsterisk() as fake,
        Manager(fake.host, fake.port, "admin", "s3cret", reconnect=QUICK, encoding="latin-1") as mgr,
    ):
        fake.drop()
        await until(lambda: mgr.state is not ManagerState.READY)
        stream = mgr.stream(core.QueueStatus(queue="\N{EURO SIGN}"))
        with pytest.raises(ValueError, match="Queue"):
            await asyncio.wait_for(stream.__anext__(), 5)
        stream.close()
        assert (await mgr.send(core.Ping())).success


@pytest.mark.parametrize("seed", range(25))
async def test_whatever_happens_everything_ends(seed: int, tasks: str) -> None:
    """Any operations among any faults: after `close()` nobody waits, and the counts add up."""
    await live(random.Random(seed))


async def live(chance: random.Random) -> None:
    async with FakeAsterisk() as fake, FaultProxy(fake.host, fake.port) as proxy:
        fake.reply_to("Slow", None)
        mgr = Manager(
            proxy.host,
            proxy.port,
            "admin",
            "s3cret",
            timeout=0.1,
            keepalive=chance.choice((0.02, None)),
            reconnect=chance.choice((Backoff(first=0.005, maximum=0.01), True, False)),
            retry_connect=chance.random() < 0.5,
        )
        tasks: list[asyncio.Future[Any]] = []
        streams = [mgr.events(on_loss=chance.choice(("count", "raise")), maxsize=chance.choice((1, 100, None)))]

        async def take() -> None:
            async for _ in chance.choice(streams):
                pass

        operations: list[Callable[[], object]] = [
            lambda: tasks.append(asyncio.ensure_future(mgr.connect())),
            lambda: tasks.append(asyncio.ensure_future(mgr.connect())),
            lambda: tasks.append(asyncio.ensure_future(mgr.close())) if chance.random() < 0.3 else None,
            lambda: tasks.append(asyncio.ensure_future(mgr.send(core.Ping()))),
            lambda: tasks.append(asyncio.ensure_future(mgr.send(Action("Slow"), timeout=chance.choice((0.01, None))))),
            lambda: tasks.append(asyncio.ensure_future(mgr.send(core.QueueStatus()))),
            lambda: tasks.append(asyncio.ensure_future(mgr.send(core.Events(chance.random() < 0.5)))),
            lambda: tasks.append(asyncio.ensure_future(mgr.wait_ready(timeout=chance.choice((0.01, None))))),
            lambda: tasks.append(asyncio.ensure_future(mgr.wait_booted(timeout=0.1))),
            lambda: tasks.append(asyncio.ensure_future(take())),
            lambda: tasks[chance.randrange(len(tasks))].cancel() if tasks else None,
            lambda: streams.append(mgr.events("*")),
            lambda: chance.choice(streams).close(),
            proxy.cut,
            lambda: proxy.cut(reset=True),
            proxy.stall,
            proxy.resume,
            proxy.resume,
            lambda: setattr(proxy, "refuse", chance.random() < 0.3),
            lambda: fake.flood(20),
            lambda: proxy.to_client.cut_after(chance.randrange(300)),
            lambda: asyncio.ensure_future(fake.send_raw(b"x\r\n\r\nEvent: \r\n\r\nResponse: Error\r\n\r\n")),
        ]
        for _ in range(60):
            chance.choice(operations)()
            await asyncio.sleep(chance.choice((0, 0, 0.001, 0.01)))
        await asyncio.wait_for(mgr.close(), 4)
        await asyncio.wait(tasks, timeout=1)
        for task in tasks:
            # A connect that came behind the close stands, and whoever waits for it with it.
            if not task.done():
                await asyncio.wait_for(mgr.close(), 4)
                await asyncio.wait([task], timeout=1)
            assert task.done(), task
            assert task.cancelled() or not isinstance(task.exception(), (AssertionError, KeyError, AttributeError))
        await asyncio.wait_for(mgr.close(), 4)
        assert mgr.state is ManagerState.CLOSED
        assert not mgr._link._changed
        statistics = mgr.statistics()
        assert statistics.pending == 0
        assert statistics.actions == statistics.successes + statistics.errors + statistics.failures
