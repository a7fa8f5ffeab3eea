"""Remote streams over faults: what was sent is delivered or told as lost, in order, and once."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import async_timeout
import pytest
import trustme
from tests.helpers import QUICK, until
from tests.unit.bus.office import Office, connected, number, office

from aioami import (
    Action,
    Backoff,
    ConnectionLost,
    Disconnected,
    EventsLost,
    ManagerState,
    ManagerTimeout,
    Reconnected,
    core,
    events,
)
from aioami.bus import RemoteManager, link
from aioami.bus.connection import BusConnection, BusOptions, Stored
from aioami.bus.engine import Engine
from aioami.bus.format import stream_name
from aioami.bus.relay import Relay, RelayOptions, ServerOptions
from aioami.live import Live, LiveChange
from aioami.testing import FaultProxy
from aioami.testing.nats import NatsServer


class Account:
    """What one consumer got: the numbers of events, and `None` where it was told of a loss."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.entries: list[int | None] = []
        self.counts: list[int] = []
        self.task = asyncio.ensure_future(self._take())

    async def _take(self) -> None:
        while True:
            try:
                async for event in self.stream:
                    self.entries.append(number(event))
                return
            except EventsLost as lost:
                self.entries.append(None)
                self.counts.append(lost.count)

    @property
    def last(self) -> int:
        """The last number that came."""
        return next((each for each in reversed(self.entries) if each is not None), -1)

    def check(self, sent: list[int]) -> None:
        """Compare with the numbers that the server sent: in order, once, and all or told."""
        place = 0
        is_told = False
        for entry in self.entries:
            if entry is None:
                is_told = True
                continue
            found = sent.index(entry, place)  # fails for what is doubled, or out of order
            assert found == place or is_told, f"{sent[place:found]} are missing, and nobody was told"
            place, is_told = found + 1, False
        assert place == len(sent) or is_told


class Feeder:
    """Has a server tell of things with rising numbers, without a pause."""

    def __init__(self, place: Office, *, every: float = 0.001) -> None:
        self.sent: list[int] = []
        self.hangups: list[int] = []
        self._place = place
        self._every = every
        self.task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        while True:
            await self._tell("Newchannel" if len(self.sent) % 5 else "Hangup")
            await asyncio.sleep(self._every)

    async def _tell(self, name: str) -> None:
        each = len(self.sent)
        self.sent.append(each)
        if name == "Hangup":
            self.hangups.append(each)
        await self._place.tell(each, name)

    async def tells_more(self, count: int = 50) -> None:
        """Wait until it has told of so many more things."""
        enough = len(self.sent) + count
        await until(lambda: len(self.sent) >= enough)

    async def stop(self) -> None:
        """Send no more but one of each name, which are behind all that may have been lost."""
        self.task.cancel()
        await asyncio.wait([self.task])
        for name in ("Newchannel", "Hangup"):
            await self._tell(name)


async def test_an_outage_of_the_bus_loses_nothing(led: Office) -> None:
    """A bus that is killed and comes back is no gap and no `Disconnected`: all four consumers have every event once."""
    async with led.remote(reconnect=QUICK) as remote:
        await remote.wait_ready(20)
        everything = Account(remote.events("Hangup", "Newchannel", Disconnected, Reconnected, on_loss="raise"))
        hangups = Account(remote.events(events.Hangup, on_loss="raise"))
        await remote.send(core.Ping())
        feeder = Feeder(led)
        await until(lambda: hangups.last > 50)
        for _ in range(2):
            led.bus.kill()
            await until(lambda: remote.state is not ManagerState.READY)
            await feeder.tells_more()  # while the bus is away
            led.bus.start()
            await remote.wait_ready(20)
            seen = everything.last
            await until(lambda seen=seen: everything.last > seen + 50)
        late = Account(remote.events(events.Hangup, on_loss="raise"))
        await until(lambda: late.last > 0)
        await feeder.stop()
        await until(lambda: everything.last == feeder.sent[-1] and hangups.last == late.last == feeder.hangups[-1])
        replay = Account(remote.events("Hangup", "Newchannel", since="oldest", on_loss="raise"))
        await until(lambda: replay.last == feeder.sent[-1])
        assert everything.entries == replay.entries == feeder.sent
        assert hangups.entries == feeder.hangups
        assert late.entries == feeder.hangups[feeder.hangups.index(late.entries[0]) :]
        assert all(each.stream.gaps == 0 for each in (everything, hangups, late, replay))


async def test_relays_that_go_and_come_are_accounted_for(place: Office) -> None:
    """Over takeovers, losses of the server and of the bus, each consumer has each event, or was told."""
    async with contextlib.AsyncExitStack() as stack:
        relays = [place.relay() for _ in range(2)]
        for relay in relays:
            relay.start()
            stack.push_async_callback(relay.close)
        remote = await stack.enter_async_context(place.remote(reconnect=QUICK))
        await remote.wait_ready(20)
        everything = Account(remote.events(events.Hangup, events.Newchannel, on_loss="raise"))
        hangups = Account(remote.events(events.Hangup, on_loss="raise"))
        await remote.send(core.Ping())
        feeder = Feeder(place)
        await until(lambda: hangups.last > 50)
        for fault in ("leader", "server", "bus", "leader"):
            if fault == "leader":
                leader = next(each for each in relays if each.status()[place.name].role == "leader")
                await leader.close()
                relays.remove(leader)
                relays.append(place.relay())
                relays[-1].start()
                stack.push_async_callback(relays[-1].close)
            elif fault == "server":
                place.proxy.cut(reset=True)
            else:
                place.bus.kill()
                await feeder.tells_more()  # while the bus is away
                place.bus.start()
            await feeder.tells_more()  # in the fault, too
            reached = len(feeder.sent)
            await until(lambda reached=reached: everything.last >= reached)
        await feeder.stop()
        await until(lambda: everything.last == feeder.sent[-1] and hangups.last == feeder.hangups[-1])
        replay = Account(remote.events(events.Hangup, events.Newchannel, since="oldest", on_loss="raise"))
        await until(lambda: replay.last == feeder.sent[-1])
        everything.check(feeder.sent)
        hangups.check(feeder.hangups)
        replay.check(feeder.sent)
        assert everything.entries.count(None) >= 2
        assert [each for each in everything.entries if each is not None] == [
            each for each in replay.entries if each is not None
        ]


async def test_a_store_that_was_emptied_is_told(led: Office) -> None:
    """A bus that lost its store is a loss for who had not read it, and for nobody else."""
    async with led.remote(reconnect=QUICK) as remote:
        await remote.wait_ready(20)
        account = Account(remote.events(events.Hangup, on_loss="raise"))
        await remote.send(core.Ping())
        await led.tell(0)
        await until(lambda: account.last == 0)
        earlier = account.stream.position
        for each in range(1, 5):
            await led.tell(each)
        await until(lambda: account.last == 4)
        await remote.send(core.Ping())  # behind which the relay knows that all is stored
        led.bus.kill()
        await until(lambda: remote.state is not ManagerState.READY)
        led.bus.empty()
        led.bus.start()
        await remote.wait_ready(20)
        await remote.send(core.Ping())
        await led.tell(5)
        await until(lambda: account.last == 5)
        assert account.entries == [0, 1, 2, 3, 4, 5]
        again = Account(remote.events(events.Hangup, since=earlier, on_loss="raise"))
        await until(lambda: again.last == 5)
        assert again.entries == [None, 5]


@contextlib.asynccontextmanager
async def goes_back(bus: NatsServer, folder: Path) -> AsyncIterator[None]:
    """Have a bus lose what it stores in the block, as one that lost power before that came to its disk."""
    store = bus.directory / "store"
    bus.kill()
    shutil.copytree(store, folder / "store")
    bus.start()
    yield
    bus.kill()
    bus.empty()
    shutil.move(folder / "store", store)
    bus.start()


async def test_a_store_that_lost_its_end_is_told(led: Office, tmp_path: Path) -> None:
    """What a bus without power forgot is a loss for who had not read it; who had gets nothing twice, and all go on."""
    sent = list(range(30))
    async with led.remote(reconnect=QUICK) as remote:
        await remote.wait_ready(20)
        selected = "Hangup", "Newchannel"
        accounts = [Account(remote.events(*names, on_loss="raise")) for names in (selected, selected[:1])]
        accounts += [Account(remote.events(on_loss="raise", where=lambda event: event.name == "Hangup"))]
        await remote.send(core.Ping())

        async def tell(numbers: list[int]) -> None:
            for each in numbers:
                await led.tell(each)
            await until(lambda: all(account.last == numbers[-1] for account in accounts))

        await tell(sent[:10])
        async with goes_back(led.bus, tmp_path):
            await remote.wait_ready(20)
            await tell(sent[10:15])
            unread = accounts[0].stream.position
            await tell(sent[15:20])
            position = accounts[0].stream.position
        await tell(sent[20:])
        assert all(account.entries == sent for account in accounts)
        for since, wanted in (
            (position, sent[20:]),
            (unread, [None, *sent[20:]]),
            ("oldest", [*sent[:10], None, *sent[20:]]),
        ):
            account = Account(remote.events(*selected, since=since, on_loss="raise"))
            await until(lambda account=account: account.last == sent[-1])
            assert account.entries == wanted


def epoch_of(position: str) -> int:
    """The epoch in the text of a position."""
    return int(position.split(".")[4])


@pytest.mark.parametrize("more", [0, 5], ids=["same", "lower"])
async def test_a_store_that_lost_the_claim_too_is_told(place: Office, tmp_path: Path, more: int) -> None:
    """Where the bus forgot that a relay had taken over, the same or a lower epoch follows, and is read behind a loss that is told."""
    async with contextlib.AsyncExitStack() as stack:
        relays = [await stack.enter_async_context(place.relay()) for _ in range(2)]
        remote = await stack.enter_async_context(place.remote(reconnect=QUICK))
        await remote.wait_ready(20)
        selected = "Hangup", "Newchannel"
        accounts = [Account(remote.events(*names, on_loss="raise")) for names in (selected, selected[:1])]
        await remote.send(core.Ping())

        async def tell(numbers: range) -> None:
            for each in numbers:
                await place.tell(each)
            await until(lambda: all(account.last == numbers[-1] for account in accounts))

        await tell(range(10))
        async with goes_back(place.bus, tmp_path):
            await remote.wait_ready(20)
            if more:
                await tell(range(10, 10 + more))
            leader = next(each for each in relays if each.status()[place.name].role == "leader")
            await leader.close()
            await until(lambda: any(each.status()[place.name].takeovers for each in relays if each is not leader))
            await remote.wait_ready(20)
            await tell(range(accounts[0].last + 1, 40))
            positions = [account.stream.position for account in accounts]
            before = epoch_of(positions[0])
        await until(lambda: remote.state is not ManagerState.READY)
        await remote.wait_ready(20)
        await tell(range(40, 50))
        for account in accounts:
            account.check(list(range(50)))
            assert account.entries[-10:] == list(range(40, 50))
        assert epoch_of(accounts[0].stream.position) <= before - more

        async def read_on() -> None:
            for names, position in zip((selected, selected[:1]), positions, strict=True):
                account = Account(remote.events(*names, since=position, on_loss="raise"))
                await place.tell(accounts[0].last + 1)
                await until(lambda account=account: account.last == accounts[0].last)
                assert account.entries[0] is None
                given = [each for each in account.entries if each is not None]
                assert given == list(range(given[0], accounts[0].last + 1))

        # Who was away meanwhile is told too, also when yet another relay has taken over since.
        await read_on()
        await relays[0].close()
        await relays[1].close()
        await stack.enter_async_context(place.relay())
        await until(lambda: remote.state is not ManagerState.READY)
        await remote.wait_ready(20)
        await read_on()


async def test_a_position_owes_its_loss_until_that_is_told(place: Office, tmp_path: Path) -> None:
    """Where the log lost the epoch of a stored position, the position stays as it is until the next message, which tells the loss."""
    async with contextlib.AsyncExitStack() as stack:
        relay = await stack.enter_async_context(place.relay())
        remote = await stack.enter_async_context(place.remote(reconnect=QUICK))
        await remote.wait_ready(20)
        await place.tell(0)
        async with goes_back(place.bus, tmp_path):
            await remote.wait_ready(20)
            await relay.close()
            second = await stack.enter_async_context(place.relay())
            account = Account(remote.events(on_loss="raise", where=lambda event: event.name == "Hangup"))
            await until(lambda: second.is_ready and second.status()[place.name].role == "leader")
            await until(lambda: account.stream.position != "")
            await place.tell(1)
            await until(lambda: account.last == 1)
            position = account.stream.position
            await second.close()
            await remote.close()
        bus = await BusConnection.open(BusOptions.from_url(place.bus.url), "test")
        stack.push_async_callback(bus.close)
        other = await stack.enter_async_context(place.remote(reconnect=QUICK))
        again = Account(other.events(events.Hangup, since=position, on_loss="raise"))
        async with async_timeout.timeout(20):
            while (info := await bus.stream_info(stream_name(place.name))) is None or not info["state"][
                "consumer_count"
            ]:
                await asyncio.sleep(0.05)
        assert again.stream.position == position
        await stack.enter_async_context(place.relay())
        await until(lambda: other.state is ManagerState.READY)
        await place.tell(2)
        await until(lambda: again.last == 2)
        assert again.entries == [None, None, 2]  # of the store, and of the takeover


@pytest.mark.parametrize("is_new", [False, True], ids=["a reader", "a position"])
async def test_a_node_that_is_cut_off_from_the_others_doubles_nothing(
    place: Office, is_new: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For seconds such a node tells of the log as it was, without a claim that was read since: who asked it reads on without a loss, and
    gets nothing twice; so does who begins at a position.
    """
    stream = stream_name(place.name)
    sent = list(range(20))
    async with place.relay() as first, place.remote(reconnect=QUICK) as mgr:
        await mgr.wait_ready(20)
        account = Account(mgr.events(events.Hangup, on_loss="raise"))
        await mgr.send(core.Ping())
        for each in sent[:5]:
            await place.tell(each)
        await until(lambda: account.last == 4)
        async with connected(place.bus) as bus:
            old = await bus.stream_info(stream)
        assert old is not None
        for each in sent[5:8]:
            await place.tell(each)
        await until(lambda: account.last == 7)
        await first.close()
        async with place.relay():
            await until(lambda: mgr.state is ManagerState.READY)
            await mgr.send(core.Ping())
            for each in sent[8:15]:
                await place.tell(each)
            await until(lambda: account.last == 14)
            position = account.stream.position
            told = account.entries.count(None)
            refused: list[str] = []
            api, message = Engine.api, Engine.message

            async def stale_api(engine: Engine, name: str, request: Any = None) -> dict[str, Any]:
                if name == f"STREAM.INFO.{stream}":
                    return old
                if name == f"CONSUMER.CREATE.{stream}":
                    refused.append(name)
                    raise ManagerTimeout("the bus did not answer")
                return await api(engine, name, request)

            async def stale_message(engine: Engine, stream: str, **which: Any) -> Stored | None:
                if "last_by_subj" in which:
                    which = {"seq": 1, "next_by_subj": which["last_by_subj"]}
                found = await message(engine, stream, **which)
                return None if found is None or found.sequence > old["state"]["last_seq"] else found

            with monkeypatch.context() as patched:
                patched.setattr(Engine, "api", stale_api)
                patched.setattr(Engine, "message", stale_message)
                if is_new:
                    account = Account(mgr.events(events.Hangup, since=position, on_loss="raise"))
                else:
                    async with connected(place.bus) as bus:
                        for consumer in (await bus.api(f"CONSUMER.NAMES.{stream}"))["consumers"]:
                            await bus.api(f"CONSUMER.DELETE.{stream}.{consumer}")
                await until(lambda: bool(refused))
            for each in sent[15:]:
                await place.tell(each)
            await until(lambda: account.last == 19)
            if is_new:
                assert account.entries == sent[15:]
            else:
                assert account.entries.count(None) == told
                account.check(sent)


async def test_a_position_that_was_trimmed_is_told_first(led: Office) -> None:
    """Where the log has thrown away what was behind a position, that is told before the first event, with its count."""
    async with led.remote(reconnect=QUICK) as remote:
        await remote.wait_ready(20)
        with remote.events() as stream:
            await remote.send(core.Ping())
            await led.tell(0)
            assert number(await stream.__anext__()) == 0
            position = stream.position
            for each in range(1, 11):
                await led.tell(each)
            await remote.send(core.Ping())
            events_of = [await stream.__anext__() for _ in range(10)]
            last = int(stream.position.split(".")[3])
            assert number(events_of[-1]) == 10
        await purge(led, keep_from=last - 2)
        for selected in ((), (events.Hangup,)):
            account = Account(
                remote.events(*selected, since=position, on_loss="raise", where=lambda each: each.name == "Hangup")
            )
            await until(lambda account=account: account.last == 10)
            assert account.entries[0] is None
            assert account.entries.count(None) == 1
            entries = [each for each in account.entries if each is not None]
            assert entries == list(range(entries[0], 11))
            assert entries[0] > 1
            await asyncio.sleep(0)
            account.task.cancel()


async def test_a_hole_before_events_of_other_names_is_told(led: Office) -> None:
    """A reader of one name is told what was thrown away before it, also where a server ignores its filter and shows others first."""
    async with led.remote(reconnect=QUICK) as remote:
        await remote.wait_ready(20)
        with remote.events(events.Hangup, events.Newchannel) as stream:
            await remote.send(core.Ping())
            await led.tell(0)
            assert number(await stream.__anext__()) == 0
            position = stream.position
            for each in range(1, 6):
                await led.tell(each)
            await led.tell(6, "Newchannel")
            await led.tell(7)
            for each in range(1, 7):
                assert number(await stream.__anext__()) == each
            kept = int(stream.position.split(".")[3])
            assert number(await stream.__anext__()) == 7
        await purge(led, keep_from=kept)
        account = Account(remote.events(events.Hangup, since=position, on_loss="raise"))
        await until(lambda: account.last == 7)
        assert account.entries == [None, 7]


async def purge(place: Office, *, keep_from: int) -> None:
    """Have the bus throw away the oldest messages of the log."""
    import json

    import nats

    from aioami.bus.format import stream_name

    client = await nats.connect(place.bus.url)
    body = json.dumps({"seq": keep_from}).encode()
    answer = json.loads((await client.request(f"$JS.API.STREAM.PURGE.{stream_name(place.name)}", body)).data)
    assert answer["success"]
    await client.close()


async def test_a_bus_that_stands_still_is_noticed(led: Office) -> None:
    """A bus that was stopped makes the state false and the calls fail in time; it goes on with nothing lost."""
    async with led.remote(reconnect=QUICK, timeout=1.0) as remote:
        await remote.wait_ready(20)
        account = Account(remote.events(events.Hangup, on_loss="raise"))
        await remote.send(core.Ping())
        led.bus.suspend()
        try:
            with pytest.raises((ManagerTimeout, ConnectionLost)) as failed:
                await remote.send(core.Ping())
            assert isinstance(failed.value, ManagerTimeout) or failed.value.sent
            await until(lambda: remote.state is not ManagerState.READY)
            for each in range(20):
                await led.tell(each)
        finally:
            led.bus.resume()
        await remote.wait_ready(20)
        await until(lambda: account.last == 19)
        assert account.entries == list(range(20))


async def test_a_partition_over_tls_loses_nothing(nats_program: Path, tmp_path: Path) -> None:
    """A way to the bus that is dead is noticed, over TLS too; when it stands again, all that came meanwhile is there."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    keys = {"cert_file": str(tmp_path / "cert.pem"), "key_file": str(tmp_path / "key.pem")}
    with NatsServer(nats_program, settings={"tls": keys}) as bus:
        async with office(bus) as place, FaultProxy(bus.host, bus.port) as way:
            settings = RelayOptions(doubt=10, max_bytes=1 << 24)
            url = f"tls://{{}}?cafile={tmp_path}/ca.pem&timeout=0.4"
            own = [ServerOptions(place.name, place.fake.url)]
            relay = Relay(own, url.format(f"{bus.host}:{bus.port}"), settings, linger=0.5)
            far = RemoteManager(url.format(f"{way.host}:{way.port}"), place.name, reconnect=QUICK)
            async with relay, far as remote:
                await remote.wait_ready(20)
                account = Account(remote.events(events.Hangup, on_loss="raise"))
                await remote.send(core.Ping())
                await place.tell(0)
                await until(lambda: account.last == 0)
                way.stall()
                with pytest.raises((ConnectionLost, ManagerTimeout)):
                    await remote.send(core.Ping())
                await until(lambda: remote.state is not ManagerState.READY)
                for each in range(1, 50):
                    await place.tell(each)
                way.resume()
                await remote.wait_ready(20)
                await until(lambda: account.last == 49)
                assert account.entries == list(range(50))
                assert len(place.fake.sent("Ping")) <= 2
            untrusted = BusOptions.from_url(f"tls://{bus.host}:{bus.port}?cafile={tmp_path}/other.pem")
            with pytest.raises(ConnectionLost, match="certificate"):
                await BusConnection.open(untrusted, "test")


async def test_closing_takes_seconds_at_most_whatever_the_bus_does(led: Office) -> None:
    """With a bus that was stopped, or is gone, `close()` ends soon, and so do the actions under way."""
    for fault in (led.bus.suspend, led.bus.kill):
        remote = led.remote(reconnect=QUICK)
        await remote.connect()
        await remote.wait_ready(20)
        stream = remote.events(events.Hangup)
        await remote.send(core.Ping())
        fault()
        waiting = asyncio.ensure_future(remote.send(core.Ping()))
        await asyncio.sleep(0.05)
        began = asyncio.get_running_loop().time()
        await remote.close()
        assert asyncio.get_running_loop().time() - began < 10
        with pytest.raises(ConnectionLost):
            await waiting
        with pytest.raises(StopAsyncIteration):
            await stream.__anext__()
        led.bus.resume() if fault == led.bus.suspend else None


async def test_an_action_under_way_when_the_bus_is_lost_may_have_run(led: Office) -> None:
    """The loss of the bus says that the action may have run; without a bus it certainly has not."""
    led.fake.reply_to("Ping", None)
    async with led.remote(reconnect=Backoff(first=5, maximum=5), timeout=3.0) as remote:
        await remote.wait_ready(20)
        waiting = asyncio.ensure_future(remote.send(core.Ping()))
        await until(lambda: len(led.fake.sent("Ping")) == 1)
        led.bus.kill()
        with pytest.raises(ConnectionLost) as lost:
            await waiting
        assert lost.value.sent is True
        with pytest.raises(ConnectionLost) as unsent:
            await remote.send(core.Ping(), timeout=0.1)
        assert unsent.value.sent is False
        assert len(led.fake.sent("Ping")) == 1


@pytest.mark.parametrize("action", [core.Ping(), core.Originate_Application("PJSIP/alice", "Wait", ("1",))])
async def test_an_action_under_way_when_its_relay_ends_is_told(place: Office, action: Action[Any]) -> None:
    """A relay that leaves says of actions and outcomes that it will not see that they may have run: nobody waits out his time."""
    place.fake.reply_to("Ping", None)
    place.fake.exchange.answer_seconds = 3600
    async with place.relay() as relay, place.remote(timeout=None) as remote:
        await until(lambda: relay.status()[place.name].state == "ready")
        await remote.wait_ready(20)
        waiting = asyncio.ensure_future(remote.send(action))
        if action.name != "Ping":
            waiting = asyncio.ensure_future((await waiting).outcome())
        await until(lambda: len(place.fake.sent(action.name)) == 1)
        await relay.close()
        with pytest.raises(ConnectionLost) as lost:
            await waiting
        assert lost.value.sent is True


@pytest.mark.parametrize("action", [core.Ping(), core.Originate_Application("PJSIP/alice", "Wait", ("1",))])
async def test_a_relay_that_lost_the_bus_has_forgotten_what_it_was_asked(place: Office, action: Action[Any]) -> None:
    """Who asked a relay that was cut off from the bus for a moment hears that his action may have run; he may ask anew."""
    place.fake.reply_to("Ping", None)
    place.fake.exchange.answer_seconds = 3600
    async with (
        FaultProxy(place.bus.host, place.bus.port) as way,
        place.relay(way=f"nats://{way.host}:{way.port}"),
        place.remote(timeout=None) as remote,
    ):
        await remote.wait_ready(20)
        waiting = asyncio.ensure_future(remote.send(action))
        if action.name != "Ping":
            waiting = asyncio.ensure_future((await waiting).outcome())
        await until(lambda: len(place.fake.sent(action.name)) == 1)
        way.cut()
        with pytest.raises(ConnectionLost, match="answers no more") as lost:
            await asyncio.wait_for(waiting, 20)
        assert lost.value.sent is True
        place.fake.reply_to("Ping", {"Response": "Success"})
        await asyncio.wait_for(remote.send(core.Ping()), 20)


async def test_an_answer_that_waits_for_events_outlives_its_relay(
    place: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that is here, and waits for the events before it, is given to its caller also when the relay is gone."""
    monkeypatch.setattr(link, "_MARK_WAIT", 2.0)
    monkeypatch.setattr(link, "_ANSWER_IS_LATE", 0.1)
    monkeypatch.setattr(link.RemoteLink, "_passed", lambda *_: None)  # the events before it never come
    async with place.relay() as relay, place.remote(timeout=None) as remote:
        with remote.events():
            await remote.wait_ready(20)
            waiting = asyncio.ensure_future(remote.send(core.Ping()))
            await until(lambda: len(place.fake.sent("Ping")) == 1)
            await relay.close()
            assert (await asyncio.wait_for(waiting, 20)).success


async def test_an_outage_of_the_bus_is_told_as_that_of_a_link(led: Office) -> None:
    """A live state tells when the bus goes, and when it is up to date again: with all that came meanwhile, and without a list."""
    async with led.remote(reconnect=QUICK) as remote:
        await remote.wait_ready(20)
        async with Live(remote) as live:
            assert live.synced
            for number in range(2):
                lists = len(led.fake.sent("CoreShowChannels"))
                changes = live.changes()
                led.bus.kill()
                while await asyncio.wait_for(anext(changes), 10) != LiveChange("link"):
                    pass  # what was told of the call before
                assert not live.synced
                call = led.fake.incoming("PJSIP/trunk", to="hold@test")
                await call.waits(0.01)
                waiting = asyncio.ensure_future(live.wait_synced(10))
                led.bus.start()
                while (await asyncio.wait_for(anext(changes), 10)).kind != "link":
                    assert call.uniqueid in live.channels or not live.synced
                assert live.synced
                assert call.uniqueid in live.channels
                await waiting
                assert len(live.calls()) == number + 1
                assert len(led.fake.sent("CoreShowChannels")) == lists


async def test_a_live_state_behind_a_relay_that_passes_little_on(place: Office) -> None:
    """A part whose list the relay refuses is named with its reason; without Ping an outage has the others read again."""
    async with place.relay(allow=("CoreShowChannels", "BridgeList")) as relay, place.remote(reconnect=QUICK) as remote:
        await until(lambda: relay.is_ready and relay.status()[place.name].role == "leader")
        await remote.wait_ready(20)
        async with Live(remote) as live:
            assert dict(live.unavailable) == {"queues": "QueueStatus was refused: this relay does not allow it"}
            before = len(place.fake.sent("CoreShowChannels"))
            place.bus.kill()
            await until(lambda: not live.synced)
            place.bus.start()
            await live.wait_synced(10)
            assert len(place.fake.sent("CoreShowChannels")) > before
            assert set(live.unavailable) == {"queues"}


async def test_a_live_state_over_what_a_relay_does_not_see(place: Office) -> None:
    """The mask of the relay's session makes those parts unavailable whose events it leaves out."""
    async with place.relay(query="?event_mask=call,dialplan,system") as relay, place.remote() as remote:
        await until(lambda: relay.is_ready and relay.status()[place.name].role == "leader")
        await remote.wait_ready(20)
        async with Live(remote) as live:
            assert set(live.unavailable) == {"queues"}
            assert "agent" in live.unavailable["queues"]
            # Another relay that sees all takes over.
            async with place.relay() as other:
                await until(lambda: other.is_ready)
                await relay.close()
                await until(lambda: live.synced and not live.unavailable)
                assert live.queues


async def test_two_managers_of_the_bus_do_not_see_each_others_answers(led: Office) -> None:
    """Each answer goes to who asked, also with one ActionID at the same time."""
    async with led.remote() as first, led.remote() as second:
        for each in (first, second):
            await each.wait_ready(20)
        answers = await asyncio.gather(
            *(each.send(core.Ping(), action_id=f"same-{n}") for n in range(20) for each in (first, second)),
            return_exceptions=True,
        )
        assert [str(each) for each in answers if isinstance(each, ConnectionLost)] == []
