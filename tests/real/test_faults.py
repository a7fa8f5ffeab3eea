"""What real servers and bad networks do to a link under load: all that was sent and all that was made is accounted for."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import QUICK, until
from tests.soak.load import Account, Keeper

from aioami import (
    Action,
    ActionError,
    Disconnected,
    Event,
    EventStream,
    Manager,
    ManagerAuthError,
    ManagerError,
    ManagerState,
    Reconnected,
    UnknownAction,
    actions,
    core,
)
from aioami.testing import FaultProxy, Recording
from aioami.testing.real import RealAsterisk

AUTH_LIMIT = 6


def rewrite(server: RealAsterisk, name: str, old: str, new: str) -> None:
    """Change one of the server's configuration files."""
    path = server.directory / "etc" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def keeper(real_asterisk: RealAsterisk) -> Iterator[Keeper]:
    """A private server for this file, which each test leaves running, and who starts and ends it."""
    server = RealAsterisk(real_asterisk.installation)
    server.configure()
    rewrite(server, "manager.conf", "authtimeout = 5", f"authtimeout = 30\nauthlimit = {AUTH_LIMIT}")
    rewrite(server, "manager.conf", "[admin]", "[changing]\nsecret = before\nread = all\nwrite = all\n\n[admin]")
    with Keeper(server) as running:
        yield running


@pytest.fixture
def server(keeper: Keeper) -> RealAsterisk:
    return keeper.server


@pytest.fixture
async def proxy(server: RealAsterisk) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(server.host, server.port) as running:
        yield running


def manager(
    to: FaultProxy | RealAsterisk, username: str = "admin", secret: str = "s3cret", **options: object
) -> Manager:
    """A manager that comes back quickly."""
    return Manager(to.host, to.port, username, secret, reconnect=QUICK, **options)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def lost_once(mgr: Manager) -> AsyncIterator[None]:
    """What is done here takes the link away; at the end it stands again."""
    gone, back = mgr.wait_for(Disconnected, timeout=20), mgr.wait_for(Reconnected, timeout=20)
    yield
    await gone
    await back


# The network


async def cut(mgr: Manager, proxy: FaultProxy) -> None:
    proxy.cut()


async def reset(mgr: Manager, proxy: FaultProxy) -> None:
    proxy.cut(reset=True)


async def cut_in_a_message(mgr: Manager, proxy: FaultProxy) -> None:
    proxy.to_client.cut_after(1000)


async def silence(mgr: Manager, proxy: FaultProxy) -> None:
    proxy.stall()
    await until(lambda: mgr.state is ManagerState.RECONNECTING)
    proxy.resume()


@pytest.mark.parametrize("fault", [cut, reset, cut_in_a_message, silence])
async def test_a_lost_link_during_load(
    server: RealAsterisk, proxy: FaultProxy, fault: Callable[[Manager, FaultProxy], Awaitable[None]]
) -> None:
    """However the network takes the link away, every action and every event is accounted for, and none is there twice."""
    async with manager(proxy, keepalive=0.3, timeout=0.5) as mgr, Account(mgr, server) as account:
        async with lost_once(mgr):
            await fault(mgr, proxy)
        await account.flow()
    assert account.watch.gaps == 1


async def test_a_tls_link_is_established_again(server: RealAsterisk) -> None:
    """TLS changes nothing of it."""
    trust = ssl.create_default_context(cafile=server.certificate)
    async with (
        FaultProxy(server.host, server.tls_port) as proxy,
        manager(proxy, ssl=trust, server_hostname="localhost") as mgr,
        Account(mgr, server) as account,
    ):
        async with lost_once(mgr):
            proxy.cut()
        await account.flow()
    assert account.watch.gaps == 1


async def test_a_slow_reader(keeper: Keeper, server: RealAsterisk, proxy: FaultProxy) -> None:
    """A server that cuts off who does not read for 100 ms is a gap; what it had sent by then is seen."""
    async with manager(proxy, "slow", keepalive=None) as mgr, Account(mgr, server) as account:
        assert account.observer is not None
        async with lost_once(mgr):
            proxy.to_client.stall()
            padding = {f"Padding{number}": "x" * 900 for number in range(100)}
            while "slow" in await keeper.cli("manager show connected"):
                for _ in range(50):
                    account.observer.say("UserEvent", UserEvent="Big", **padding)
            proxy.to_client.resume()
        await account.flow()
    assert account.watch.gaps == 1


# The server


async def kill(keeper: Keeper) -> None:
    await keeper.do(keeper.server.kill)


async def terminate(keeper: Keeper) -> None:
    await keeper.do(keeper.server.terminate)


async def stop_gracefully(keeper: Keeper) -> None:
    await keeper.cli("core stop gracefully")
    await keeper.do(keeper.server.wait)


@pytest.mark.parametrize("end", [kill, terminate, stop_gracefully])
async def test_a_restart_during_load(
    keeper: Keeper, server: RealAsterisk, proxy: FaultProxy, end: Callable[[Keeper], Awaitable[None]]
) -> None:
    """A server that ends and is started again is a gap, and all is accounted for."""
    async with manager(proxy) as mgr, Account(mgr, None) as account:
        async with lost_once(mgr):
            await end(keeper)
            await keeper.do(server.start)
        await mgr.wait_booted(timeout=10)
        await account.flow()
    # Asterisk 16 cuts off who sends it an action of a module that is being loaded at that moment, so there may be more.
    assert account.watch.gaps == mgr.statistics().gaps >= 1


async def test_a_reload_during_load(keeper: Keeper, server: RealAsterisk, proxy: FaultProxy) -> None:
    """A reload of the manager's configuration does not touch the link."""
    async with manager(proxy) as mgr, Account(mgr, server) as account:
        await keeper.cli("manager reload")
        await account.flow()
    assert (account.watch.gaps, mgr.statistics().gaps) == (0, 0)


async def test_a_changed_password_is_final(keeper: Keeper, server: RealAsterisk, proxy: FaultProxy) -> None:
    """With a password that is wrong now there is one attempt, and then everybody hears why it is over."""
    async with manager(proxy, "changing", "before") as mgr, Account(mgr, server) as account:
        assert account.observer is not None
        other, waiting = mgr.events("Nothing"), mgr.wait_for("Nothing")
        rewrite(server, "manager.conf", "secret = before", "secret = after")
        await keeper.cli("manager reload")
        proxy.cut()
        await until(lambda: mgr.state is ManagerState.LOST)
        for ended in (anext(other), waiting, mgr.wait_ready(), anext(mgr.events())):
            with pytest.raises(ManagerAuthError, match="Authentication failed"):
                await ended
        assert isinstance((await account.load.send(core.Ping())), ManagerError)
        await until(lambda: account.watch.error)
        assert isinstance(account.watch.error, ManagerAuthError)
        assert not [task for task in asyncio.all_tasks() if "reconnects" in task.get_name()]
        assert account.observer.names["ChallengeResponseFailed"] == 1
    rewrite(server, "manager.conf", "secret = after", "secret = before")
    await keeper.cli("manager reload")


async def test_a_full_server_is_tried_until_there_is_room(
    server: RealAsterisk, proxy: FaultProxy, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that has too many connections without a login closes further ones at once: that is no reason to give up."""
    caplog.set_level(logging.DEBUG, "aioami.link")
    async with manager(proxy) as mgr, Account(mgr, server) as account:
        async with lost_once(mgr):
            with contextlib.ExitStack() as held:
                for _ in range(AUTH_LIMIT):
                    link = held.enter_context(socket.create_connection((server.host, server.port)))
                    await asyncio.to_thread(link.recv, 100)
                proxy.cut()
                await until(lambda: caplog.text.count("without a greeting") >= 3)
                assert mgr.state is ManagerState.RECONNECTING
        await account.flow()
    assert account.watch.gaps == 1


async def test_who_may_log_in_only_once_comes_back(server: RealAsterisk, proxy: FaultProxy) -> None:
    """As long as the server holds the old session it refuses the new one, and is asked again until it has seen its end."""
    async with (
        FaultProxy(proxy.host, proxy.port) as near,
        manager(near, "single") as mgr,
        Account(mgr, server) as account,
    ):
        assert account.observer is not None
        names = account.observer.names
        async with lost_once(mgr):
            proxy.stall()  # the old session stays behind it
            near.cut()
            near.server_port = server.port
            await until(lambda: names["SessionLimit"] >= 1)
            assert mgr.state is ManagerState.RECONNECTING
            proxy.resume()
        await account.flow()
    assert account.watch.gaps == 1


# What is in force again


async def test_mask_and_filters_are_in_force_again(server: RealAsterisk, proxy: FaultProxy) -> None:
    """After a reconnect not one event comes that a filter or the mask keeps away."""
    filters, unwanted = ["!UserEvent: Noise"], ["Noise"]
    if server.major > 16:
        filters.append("action(exclude),name(UserEvent),header(UserEvent),method(exact)=Hum")
        unwanted.append("Hum")
    async with manager(proxy, event_mask="user,call", event_filters=filters) as mgr:
        everything = mgr.events(maxsize=None)
        async with Account(mgr, server, unwanted) as account:
            for _ in range(3):
                async with lost_once(mgr):
                    proxy.cut()
                await account.flow()
        assert account.watch.gaps == 3
        came = await drain(everything)
    assert told_classes(came) == {"user,all", "call,all"}
    assert {event["UserEvent"] for event in came if event.name == "UserEvent"} == {"Load"}


async def test_the_users_filters_are_in_force_again(server: RealAsterisk, proxy: FaultProxy, tmp_path: Path) -> None:
    """Filters that were sent and taken, one of them twice, hold events back on each link; a refused one is not repeated."""
    record = tmp_path / "link.jsonl"
    async with manager(proxy, event_mask="user", record=record) as mgr:
        for name in ("Noise", "Hum", "Noise"):
            await mgr.send(actions.Filter(f"!UserEvent: {name}"))
        with pytest.raises(ActionError):
            await mgr.send(Action("Filter", {"Operation": "Add", "Filter": "("}))
        with mgr.events("UserEvent") as stream:
            for _ in range(3):
                for name in ("Noise", "Hum", "Loud"):
                    await mgr.send(core.UserEvent(UserEvent=name))
                assert (await anext(stream))["UserEvent"] == "Loud"
                async with lost_once(mgr):
                    proxy.cut()
            assert stream.pending == 0
    sent = [entry.message for entry in Recording.load(record).entries if entry.direction == "sent"]
    filters = [message.get("Filter") for message in sent if message.get("Action") == "Filter"]
    assert filters == ["!UserEvent: Noise", "!UserEvent: Hum", "!UserEvent: Noise", "(", *filters[:3] * 3]


async def test_the_last_mask_that_was_sent_counts(server: RealAsterisk, proxy: FaultProxy) -> None:
    """After a reconnect the events are those of the last `Events` action."""
    async with manager(proxy) as mgr, Account(mgr, server) as account:
        await account.load.send(core.Events("user,call,system"))
        await account.load.send(core.Events("user,call"))
        everything = mgr.events(maxsize=None)
        async with lost_once(mgr):
            proxy.cut()
        await account.flow()
        assert told_classes(await drain(everything)) == {"user,all", "call,all"}


def told_classes(came: list[Event]) -> set[str]:
    """The classes of the server's events."""
    return {event["Privilege"] for event in came if not isinstance(event, (Disconnected, Reconnected))}


async def drain(stream: EventStream[Event]) -> list[Event]:
    """What is in a stream until now."""
    return [await anext(stream) for _ in range(stream.pending)]


async def test_filters_with_criteria_on_an_old_server(server: RealAsterisk, proxy: FaultProxy) -> None:
    """A server that would take the pattern for one of the old kind is told apart."""
    mgr = manager(proxy, event_filters=["name(Hangup)"])
    if server.major > 16:
        await mgr.connect()
    else:
        with pytest.raises(UnknownAction):
            await mgr.connect()
    await mgr.close()


# What takes its time


async def test_a_call_that_rings_is_no_silence(server: RealAsterisk, proxy: FaultProxy) -> None:
    """While a synchronous call holds the session, nothing can come, and the keepalive waits."""
    async with manager(proxy, keepalive=0.3, timeout=0.3) as mgr:
        call = core.Originate_Application("Local/ring@test", "Wait", ("1",), timeout=1000, async_=False)
        assert not (await mgr.send(call, check=False)).success
        assert (await mgr.send(core.Ping())).success
        assert mgr.statistics().gaps == 0


async def test_a_server_that_boots_slowly(real_asterisk: RealAsterisk) -> None:
    """Whoever may hear that it has booted, or may ask, waits until it has; a slow command then is no silence."""
    server = RealAsterisk(real_asterisk.installation)
    server.configure()
    rewrite(server, "asterisk.conf", "[options]", "[options]\nexecincludes = yes")
    rewrite(server, "queues.conf", "[general]", '#exec "/bin/sleep 1"\n[general]')
    starting = asyncio.get_running_loop().run_in_executor(None, Keeper(server).__enter__)

    async def wait(username: str, **options: Any) -> None:
        async with manager(server, username, retry_connect=True, keepalive=0.3, timeout=0.3, **options) as mgr:
            early = await mgr.send(core.QueueSummary(), check=False)
            await mgr.wait_booted(timeout=20)
            assert (await mgr.send(core.QueueStatus("support"))).events
            assert not early.success
            if username == "admin":
                assert (await mgr.send(core.Command("queue reload all"), timeout=8)).success
            assert mgr.statistics().gaps == 0

    try:
        await asyncio.gather(wait("admin"), wait("admin", event_mask=False), wait("readonly"))
    finally:
        (await starting).close()
