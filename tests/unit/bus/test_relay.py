"""The relay: events to the stream, actions from the bus, taking the lead and giving it up."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.bus_rounds import Follower, now
from tests.helpers import until
from tests.unit.bus.office import connected

from aioami.bus import seat
from aioami.bus.connection import BusConnection, Stored, StoreError
from aioami.bus.engine import is_nobody
from aioami.bus.format import (
    HEADER,
    MARK_HEADER,
    Answer,
    Epoch,
    Failure,
    Gap,
    Mark,
    Place,
    Request,
    Status,
    action_subject,
    event_subject,
    record_subject,
    stream_name,
)
from aioami.bus.relay import Relay, RelayOptions, ServerOptions
from aioami.bus.seat import stream_configuration
from aioami.errors import ConnectionLost, ManagerError
from aioami.testing import FakeAsterisk, FaultProxy
from aioami.testing.nats import NatsServer
from aioami.wire import Framer

NAME = "pbx1.example.org"
# A busy machine may keep a relay waiting; where one is to doubt the bus, that is told by the end of the connection.
QUICK = RelayOptions(silence=0.3, doubt=10)


@contextlib.asynccontextmanager
async def relayed(
    fake: FakeAsterisk, nats_server: NatsServer, options: RelayOptions = QUICK, **server: Any
) -> AsyncIterator[tuple[Relay, BusConnection]]:
    """A relay that leads and is logged in, and a connection with the bus."""
    servers = [ServerOptions(NAME, fake.url, **server)]
    async with connected(nats_server) as bus, Relay(servers, nats_server.url, options) as relay:
        await until(lambda: relay.status()[NAME].state == "ready")
        yield relay, bus


async def log(bus: BusConnection) -> list[tuple[str, Place, bytes]]:
    """What is in the stream: the last token of each subject, the header and the body."""
    info = await bus.stream_info(stream_name(NAME))
    assert info is not None
    found = []
    for sequence in range(info["state"]["first_seq"], info["state"]["last_seq"] + 1):
        stored = await bus.message(stream_name(NAME), seq=sequence)
        assert stored is not None
        assert stored.place is not None
        found.append((stored.token, stored.place, stored.body))
    return found


async def stored(bus: BusConnection, event: str) -> None:
    """Wait until an event of a name is in the stream."""
    while await bus.message(stream_name(NAME), last_by_subj=event_subject(NAME, event)) is None:
        await asyncio.sleep(0.005)


async def ask(
    bus: BusConnection, action: str, body: bytes | None = None, *, mark: str | None = None, seconds: float = 20.0
) -> tuple[list[Answer], asyncio.Queue[Answer]]:
    """Send a request; return all messages of the answer, and the queue of what comes behind it."""
    sent = now()
    headers, own = Request(action, (), sent, sent + round(seconds * 1_000_000), mark=mark).encode()
    inbox = bus.client.new_inbox()
    answers: asyncio.Queue[Answer] = asyncio.Queue()
    nobody = asyncio.get_running_loop().create_future()

    async def take(message: Any) -> None:
        if is_nobody(message):
            nobody.set_exception(AssertionError(f"no relay listens to {action}"))
            return
        answers.put_nowait(Answer.parse(message.headers, message.data))
        if message.reply:
            await bus.publish(message.reply, b"")

    await bus.subscribe(inbox, take)
    await bus.publish(action_subject(NAME, action), own if body is None else body, headers, inbox)
    found: list[Answer] = []
    while not found or found[-1].kind == "part":
        coming = asyncio.ensure_future(answers.get())
        await asyncio.wait({coming, nobody}, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        if nobody.done():
            coming.cancel()
            nobody.result()
        assert coming.done(), f"no answer to {action}"
        found.append(coming.result())
    return found, answers


async def refused(bus: BusConnection, action: str, body: bytes | None = None, **more: Any) -> Failure:
    (answer,), _ = await ask(bus, action, body, **more)
    assert answer.kind == "error"
    return Failure.parse(answer.body)


# Events


async def test_events_are_in_the_stream_as_on_the_wire(fake: FakeAsterisk, nats_server: NatsServer) -> None:
    """Each event is a message with the bytes of the wire, behind the claim, numbered from 1, and told by a status."""
    async with relayed(fake, nats_server) as (relay, bus):
        await fake.send_event("Hangup", {"Channel": b"PJSIP/\xfc-1", "Cause": "16"})
        await fake.send_event("Odd.Name", {"A": "1"})
        await fake.send_event("Hangup", {"Channel": "PJSIP/b", "Cause": "17"})
        await until(lambda: not relay.status()[NAME].waiting and relay.status()[NAME].events >= 3)
        found = await log(bus)
        assert found[0][0] == Epoch.token
        assert Epoch.parse(found[0][2]).relay == relay.name
        assert [place.n for _, place, _ in found] == list(range(len(found)))
        assert {place.epoch for _, place, _ in found[1:]} == {1}
        hangups = [(place.k, body) for token, place, body in found if token == "Hangup"]
        assert hangups == [
            (1, b"Event: Hangup\r\nChannel: PJSIP/\xfc-1\r\nCause: 16"),
            (2, b"Event: Hangup\r\nChannel: PJSIP/b\r\nCause: 17"),
        ]
        assert [body for token, _, body in found if token == "Odd=2eName"] == [b"Event: Odd.Name\r\nA: 1"]
        statuses = [Status.parse(body) for token, _, body in found if token == Status.token]
        status = next(each for each in statuses if each.state != "connecting")
        assert (status.state, status.version, status.relay, status.mask) == ("ready", "11.0.0", relay.name, ("all",))
        assert Gap.token not in [token for token, _, _ in found]


async def test_secrets_are_not_put_on_the_bus(fake: FakeAsterisk, nats_server: NatsServer) -> None:
    """What a recording hides, the bus does not see: in events and in answers; all else is as it was."""
    fake.reply_to("CoreSettings", {"Response": "Success", "Password": "hush", "Other": "x"})
    async with relayed(fake, nats_server) as (relay, bus):
        await fake.send_event("VarSet", {"Variable": "my_password", "Value": "hush", "Channel": "x"})
        (answer,), _ = await ask(bus, "CoreSettings")
        await until(lambda: not relay.status()[NAME].waiting)
        bodies = [body for token, _, body in await log(bus) if token == "VarSet"]
        assert bodies == [b"Event: VarSet\r\nVariable: my_password\r\nValue: ***\r\nChannel: x"]
        assert b"Password: ***\r\nOther: x" in answer.body


async def test_an_event_that_is_too_long_is_told(fake: FakeAsterisk, nats_server: NatsServer) -> None:
    """An event that the bus does not take is a gap of one, and the feed goes on."""
    async with relayed(fake, nats_server) as (relay, bus):
        await fake.send_event("Long", {f"H{number}": "x" * 1000 for number in range(1100)})
        await fake.send_event("Hangup", {"Channel": "a"})
        await until(lambda: relay.status()[NAME].lost == 1 and not relay.status()[NAME].waiting)
        found = [(token, body) for token, _, body in await log(bus) if token in (Gap.token, "Hangup", "Long")]
        assert [token for token, _ in found] == [Gap.token, "Hangup"]
        gap = Gap.parse(found[0][1])
        assert (gap.reason, gap.count) == ("size", 1)


async def test_a_bus_that_is_away_too_long_is_a_gap_with_its_number(
    fake: FakeAsterisk, nats_server: NatsServer
) -> None:
    """Events that find the buffer full are counted, and told where they are missing, with their number."""
    options = RelayOptions(silence=0.3, doubt=10, buffer=100_000)
    async with relayed(fake, nats_server, options) as (relay, _), Follower(nats_server.url, server=NAME) as follower:
        await fake.send_event("Tick", {"Number": "0"})
        await follower.reach(0, 10)
        await asyncio.to_thread(nats_server.kill)
        for number in range(1, 501):
            await fake.send_event("Tick", {"Number": str(number), "Padding": "x" * 380})
        await until(lambda: relay.status()[NAME].lost > 0)
        await asyncio.to_thread(nats_server.start)
        await until(lambda: relay.status()[NAME].role == "leader" and not relay.status()[NAME].waiting)
        await fake.send_event("Tick", {"Number": "501"})
        await follower.reach(501, 20)
        numbers = [item for item in follower.given if isinstance(item, int)]
        gaps = [item for item in follower.given if isinstance(item, Gap)]
        missing = 502 - len(numbers)
        assert numbers == sorted(set(numbers))
        assert missing > 100
        assert [(gap.reason, gap.count) for gap in gaps] == [("full", missing)]
        assert relay.status()[NAME].lost == missing


async def test_a_store_that_refuses_costs_nothing_while_the_buffer_lasts(
    fake: FakeAsterisk, nats_server: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    """While the bus refuses to store, as with a full disk, events wait, the status says why, and the log is not flooded."""
    async with relayed(fake, nats_server) as (relay, bus), Follower(nats_server.url, server=NAME) as follower:
        await fake.send_event("Tick", {"Number": "0"})
        await follower.reach(0, 10)
        info = await bus.stream_info(stream_name(NAME))
        assert info is not None
        full = {**info["config"], "discard": "new", "max_msgs": info["state"]["messages"]}
        assert "error" not in await bus.api(f"STREAM.UPDATE.{stream_name(NAME)}", full)
        for number in range(1, 51):
            await fake.send_event("Tick", {"Number": str(number)})
        await until(lambda: "maximum messages" in relay.status()[NAME].error)
        assert not relay.is_ready or relay.status()[NAME].waiting >= 50
        assert "error" not in await bus.api(f"STREAM.UPDATE.{stream_name(NAME)}", info["config"])
        await follower.reach(50, 20)
        assert follower.given == list(range(51))
        await until(lambda: not relay.status()[NAME].error)
    assert len([each for each in caplog.records if "maximum messages" in each.getMessage()]) <= 2


async def test_the_limits_of_the_log_are_those_of_the_relay_that_comes(
    fake: FakeAsterisk, nats_server: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A relay with other limits in its file has the stream keep them, and loses nothing of it; one that the bus refuses is told, and all goes on."""
    first = RelayOptions(silence=0.3, doubt=10, max_age=100, max_bytes=1 << 24)
    async with relayed(fake, nats_server, first) as (_, bus):
        await fake.send_event("First", {})
        await stored(bus, "First")
    async with relayed(fake, nats_server, replace(first, max_age=50, max_bytes=1 << 23)) as (_, bus):
        info = await bus.stream_info(stream_name(NAME))
        assert info is not None
        assert (info["config"]["max_age"], info["config"]["max_bytes"]) == (50_000_000_000, 1 << 23)
        await stored(bus, "First")
    async with relayed(fake, nats_server, replace(first, max_bytes=1 << 60)) as (_, bus):
        assert f"the stream {stream_name(NAME)} keeps its limits: " in caplog.text
        await fake.send_event("Last", {})
        await stored(bus, "Last")


async def test_an_answer_is_not_given_to_a_subject_of_the_format(fake: FakeAsterisk, nats_server: NatsServer) -> None:
    """Nobody has the relay write into the stream, or to JetStream, by naming that as the place for the answer."""
    async with relayed(fake, nats_server) as (relay, bus):
        headers, body = Request("Ping", (), now(), None).encode()
        for number, subject in enumerate((event_subject(NAME, "Hangup"), "$JS.API.STREAM.DELETE.x", "")):
            await bus.publish(action_subject(NAME, "Ping"), body, headers, subject)
            await until(lambda wanted=number + 1: relay.status()[NAME].refused == wanted)  # type: ignore[misc]
        fake.expect_nothing("Ping")
        assert "Hangup" not in [token for token, _, _ in await log(bus)]


async def test_a_lost_link_is_told(fake: FakeAsterisk, nats_server: NatsServer) -> None:
    """Behind a link that was lost there is a gap for its time, and the state is told before and after."""
    async with relayed(fake, nats_server) as (relay, bus):
        began = now()
        fake.drop()
        await until(lambda: relay.status()[NAME].state != "ready")
        await until(lambda: relay.status()[NAME].state == "ready" and not relay.status()[NAME].waiting)
        found = await log(bus)
        gap = Gap.parse(next(body for token, _, body in found if token == Gap.token))
        assert gap.reason == "link"
        assert gap.since is not None
        assert gap.since <= now()
        assert began <= gap.until
        states = [Status.parse(body).state for token, _, body in found if token == Status.token]
        behind = [state for index, state in enumerate(states) if state != states[index - 1] and state != "connecting"]
        assert behind[-2:] == ["reconnecting", "ready"]


# Leading


async def test_one_leads_and_the_other_follows_when_it_goes(fake: FakeAsterisk, nats_server: NatsServer) -> None:
    """Of two relays one has a session; when it leaves, the other claims at once and tells the gap between the two."""
    other = Relay([ServerOptions(NAME, fake.url)], nats_server.url, QUICK)
    async with relayed(fake, nats_server) as (first, bus), other as second:
        await until(lambda: second.status()[NAME].role == "standby")
        assert len(fake.connections) == 1
        await first.close()
        await until(lambda: second.status()[NAME].state == "ready" and not second.status()[NAME].waiting)
        assert len(fake.connections) == 1
        found = await log(bus)
        claims = [Epoch.parse(body).relay for token, _, body in found if token == Epoch.token]
        assert claims == [first.name, second.name]
        gap = Gap.parse(next(body for token, _, body in found if token == Gap.token))
        before = max(place.time for _, place, _ in found if place.epoch == 1)
        assert (gap.reason, gap.since, gap.count) == ("takeover", before, None)
        assert gap.seconds is not None
        assert 0 <= gap.seconds < 10


async def test_the_first_relay_of_a_server_leads_at_once(fake: FakeAsterisk, nats_server: NatsServer) -> None:
    """Where nothing was ever stored nobody is waited for; of two that begin together one leads, without a gap."""
    patient = RelayOptions(silence=60, doubt=10)
    servers = [ServerOptions(NAME, fake.url)]
    async with (
        connected(nats_server) as bus,
        Relay(servers, nats_server.url, patient) as first,
        Relay(servers, nats_server.url, patient) as second,
    ):
        await until(lambda: "ready" in [each.status()[NAME].state for each in (first, second)])
        roles = [each.status()[NAME].role for each in (first, second)]
        assert sorted(roles) == ["leader", "standby"]
        assert Gap.token not in [token for token, _, _ in await log(bus)]


async def test_a_standby_takes_over_from_a_leader_that_does_not_reach_the_server(
    fake: FakeAsterisk, nats_server: NatsServer
) -> None:
    """A standby that can log in takes over where the leader cannot for a while; the gap is from the last event on."""
    options = RelayOptions(silence=10, doubt=10, leader_timeout=0.3)
    async with FaultProxy(fake.host, fake.port) as way, connected(nats_server) as bus:
        parted = ServerOptions(NAME, f"ami://admin@{way.host}:{way.port}", "s3cret")
        async with Relay([parted], nats_server.url, options) as first:
            await until(lambda: first.status()[NAME].state == "ready")
            await fake.send_event("Hangup", {"Channel": "a"})
            await stored(bus, "Hangup")
            async with Relay([ServerOptions(NAME, fake.url)], nats_server.url, options) as second:
                await until(lambda: second.status()[NAME].role == "standby")
                await way.stop()
                await until(lambda: second.status()[NAME].state == "ready" and not second.status()[NAME].waiting)
                await until(lambda: first.status()[NAME].role == "standby")
                found = await log(bus)
                last = max(place.time for token, place, _ in found if token == "Hangup")
                (gap,) = [Gap.parse(body) for token, _, body in found if token == Gap.token]
                assert (gap.reason, gap.since) == ("takeover", last)
                assert first.status()[NAME].takeovers == second.status()[NAME].takeovers == 1


async def test_a_relay_leaves_a_node_over_which_the_log_is_not_read(
    fake: FakeAsterisk, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A node that is cut off from the others still has clients: another is tried, each reason told once; the one node of a bus is never left."""
    words = "another node of the bus is tried: no leader"
    is_unavailable = False
    message = BusConnection.message

    async def unavailable(self: BusConnection, stream: str, **which: Any) -> Stored | None:
        if is_unavailable:
            raise StoreError("no leader", code=503)
        return await message(self, stream, **which)

    left: list[str] = []
    lose = BusConnection.lose

    def noted(self: BusConnection, error: ManagerError) -> None:
        left.append(str(error))
        lose(self, error)

    monkeypatch.setattr(BusConnection, "lose", noted)
    monkeypatch.setattr(BusConnection, "message", unavailable)
    monkeypatch.setattr(seat, "_LOOK", 0.05)
    monkeypatch.setattr(seat, "CUT_OFF", 0.2)
    one, port = nats_server.url, nats_server.port
    for url, is_left in ((f"nats://127.0.0.1:{port},localhost:{port}", True), (one, False)):
        async with Relay([ServerOptions(NAME, fake.url)], url, QUICK) as relay:
            await until(lambda: relay.status()[NAME].state == "ready")
            is_unavailable = True
            if is_left:
                await until(lambda: left.count(words) >= 3)
                warned = [each.getMessage() for each in caplog.records if "no leader" in each.getMessage()]
                assert len(warned) == len(set(warned)) == 2
            else:
                await asyncio.sleep(0.5)
                assert words not in caplog.text
            is_unavailable = False
            await until(lambda: relay.status()[NAME].state == "ready")
            caplog.clear()


async def test_a_relay_with_requests_under_way_stays_on_its_node_for_a_while(
    fake: FakeAsterisk, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the log is not read, a request can still be answered; without one, the node is left much earlier."""
    is_unavailable = False
    message = BusConnection.message

    async def unavailable(self: BusConnection, stream: str, **which: Any) -> Stored | None:
        if is_unavailable:
            raise StoreError("no leader", code=503)
        return await message(self, stream, **which)

    monkeypatch.setattr(BusConnection, "message", unavailable)
    monkeypatch.setattr(seat, "_LOOK", 0.05)
    monkeypatch.setattr(seat, "CUT_OFF", 0.2)
    fake.reply_to("Ping", None, times=1)
    two = f"nats://127.0.0.1:{nats_server.port},localhost:{nats_server.port}"
    async with Relay([ServerOptions(NAME, fake.url)], two, QUICK) as relay, connected(nats_server) as bus:
        await until(lambda: relay.status()[NAME].state == "ready")
        asked = asyncio.ensure_future(ask(bus, "Ping"))
        await until(lambda: fake.sent("Ping"))
        is_unavailable = True
        await asyncio.sleep(0.6)  # in which it would leave
        assert relay.status()[NAME].role == "leader"
        monkeypatch.setattr(seat, "_CUT_OFF_AT_WORK", 0.2)
        await until(lambda: relay.status()[NAME].role != "leader")
        is_unavailable = False
        asked.cancel()


async def test_relays_that_do_not_reach_the_server_do_not_depose_each_other(
    fake: FakeAsterisk, nats_server: NatsServer
) -> None:
    """While nobody reaches the server a standby tries, and leaves the lead where it is."""
    options = RelayOptions(silence=10, doubt=10, leader_timeout=0.3)
    async with FaultProxy(fake.host, fake.port) as way, FaultProxy(fake.host, fake.port) as other:
        relays = [
            Relay([ServerOptions(NAME, f"ami://admin@{each.host}:{each.port}", "s3cret")], nats_server.url, options)
            for each in (way, other)
        ]
        async with relays[0] as first:
            await until(lambda: first.status()[NAME].state == "ready")
            async with relays[1] as second:
                await until(lambda: second.status()[NAME].role == "standby")
                tried = 0

                async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                    nonlocal tried
                    tried += 1
                    writer.close()

                await way.stop()
                await other.stop()
                async with await asyncio.start_server(refuse, other.host, other.port):
                    await until(lambda: tried == 2)
                assert (first.status()[NAME].role, second.status()[NAME].role) == ("leader", "standby")


async def test_a_takeover_behind_a_lost_link_tells_all_that_is_missing(
    fake: FakeAsterisk, nats_server: NatsServer
) -> None:
    """Where the leader had lost its link before it went, the gap is from the last event that it heard."""
    async with FaultProxy(fake.host, fake.port) as way, connected(nats_server) as bus:
        parted = ServerOptions(NAME, f"ami://admin@{way.host}:{way.port}", "s3cret")
        async with Relay([parted], nats_server.url, QUICK) as first:
            await until(lambda: first.status()[NAME].state == "ready")
            await fake.send_event("Hangup", {"Channel": "a"})
            await stored(bus, "Hangup")
            await way.stop()
            await until(lambda: first.status()[NAME].state == "reconnecting" and not first.status()[NAME].waiting)
        async with Relay([ServerOptions(NAME, fake.url)], nats_server.url, QUICK) as second:
            await until(lambda: second.status()[NAME].state == "ready" and not second.status()[NAME].waiting)
            found = await log(bus)
            last = next(place.time for token, place, _ in found if token == "Hangup")
            (gap,) = [Gap.parse(body) for token, _, body in found if token == Gap.token]
            assert (gap.reason, gap.since) == ("takeover", last)


async def test_a_status_is_always_in_the_log(fake: FakeAsterisk, nats_server: NatsServer) -> None:
    """However quickly the log turns over, the last status is in it, for those who come later."""
    options = RelayOptions(silence=0.3, doubt=10, max_bytes=1 << 20)
    async with relayed(fake, nats_server, options) as (relay, bus):
        for _ in range(12):
            for _ in range(25):
                await fake.send_event("Hangup", {"Channel": "x" * 10_000})
            await until(lambda: not relay.status()[NAME].waiting)
            status = await bus.message(stream_name(NAME), last_by_subj=record_subject(NAME, Status))
            assert status is not None
            assert Status.parse(status.body).state == "ready"
        info = await bus.stream_info(stream_name(NAME))
        assert info is not None
        assert info["state"]["first_seq"] > 100


async def test_a_relay_that_is_deposed_logs_off(fake: FakeAsterisk, nats_server: NatsServer) -> None:
    """A newer claim in the stream ends the session at once, and what it has not stored is dropped."""
    async with relayed(fake, nats_server) as (relay, bus):
        headers = {"Ami": Place(0, 0, 0, now()).encode(), "Nats-Expected-Last-Subject-Sequence": "1"}
        await bus.store(record_subject(NAME, Epoch), Epoch("another").encode(), headers)
        await until(lambda: not fake.connections)
        # Nobody else leads in truth: so it takes over again.
        await until(lambda: relay.status()[NAME].takeovers == 2 and relay.status()[NAME].state == "ready")
        assert len(fake.sent("Logoff")) == 1


async def test_a_claim_that_is_gone_by_age_deposes_nobody(fake: FakeAsterisk, nats_server: NatsServer) -> None:
    """Where the claim is no longer in the stream, the leader goes on, over a restart of the bus too."""
    async with relayed(fake, nats_server) as (relay, bus):
        await bus.api(f"STREAM.PURGE.{stream_name(NAME)}")
        await asyncio.to_thread(nats_server.kill)
        await asyncio.to_thread(nats_server.start)
        before = relay.status()[NAME].events
        await fake.send_event("Hangup", {"Channel": "a"})
        await until(lambda: relay.status()[NAME].events > before)
        await until(lambda: relay.status()[NAME].role == "leader" and not relay.status()[NAME].waiting)
        async with connected(nats_server) as again:
            stored = await again.message(stream_name(NAME), last_by_subj=event_subject(NAME, "Hangup"))
        assert stored is not None
        assert stored.place is not None
        assert stored.place.epoch == 1
        assert relay.status()[NAME].takeovers == 1


async def test_a_claim_in_the_place_of_one_that_was_lost_deposes(
    fake: FakeAsterisk, nats_server: NatsServer, tmp_path: Path
) -> None:
    """Where the bus has lost a claim, and another relay's has its sequence now, who claimed first leads no more: no two have one epoch."""
    store = nats_server.directory / "store"
    async with connected(nats_server) as bus:
        wanted = stream_configuration(NAME, QUICK)
        await bus.api(f"STREAM.CREATE.{stream_name(NAME)}", wanted)
    nats_server.kill()
    shutil.copytree(store, tmp_path / "store")
    nats_server.start()
    servers = [ServerOptions(NAME, fake.url)]
    async with (
        FaultProxy(nats_server.host, nats_server.port) as way,
        Relay(servers, f"nats://{way.host}:{way.port}", QUICK) as relay,
    ):
        await until(lambda: relay.status()[NAME].state == "ready")
        await until(lambda: not relay.status()[NAME].waiting)
        assert relay.status()[NAME].epoch == 1
        await way.stop()
        nats_server.kill()
        nats_server.empty()
        shutil.move(tmp_path / "store", store)
        nats_server.start()
        async with connected(nats_server) as bus:
            headers = {HEADER: Place(0, 0, 0, now()).encode()}
            assert await bus.store(record_subject(NAME, Epoch), Epoch("another").encode(), headers) == 1
            for n in range(1, 20):
                await bus.store(event_subject(NAME, "Hangup"), b"", {HEADER: Place(1, n, n, now()).encode()})
            await way.start()
            # Nobody else leads in truth: so it takes over again.
            await until(lambda: relay.status()[NAME].takeovers == 2 and relay.status()[NAME].state == "ready")
            await until(lambda: not relay.status()[NAME].waiting)
            written = [place for _, place, _ in (await log(bus))[20:]]
    assert relay.status()[NAME].epoch == 21
    assert {place.epoch for place in written} == {0, 21}


async def test_a_refused_login_is_told(fake: FakeAsterisk, nats_server: NatsServer) -> None:
    """A relay whose login is refused says so in its status, in the stream and here, and does not hammer."""
    async with connected(nats_server) as bus:
        server = ServerOptions(NAME, f"ami://admin@{fake.host}:{fake.port}", secret="wrong")
        async with Relay([server], nats_server.url, QUICK) as relay:
            await until(lambda: "refused" in relay.status()[NAME].error)
            assert not relay.is_ready
            await until(lambda: not relay.status()[NAME].waiting)
            statuses = [Status.parse(body) for token, _, body in await log(bus) if token == Status.token]
            assert "refused" in statuses[-1].error
            assert "wrong" not in statuses[-1].error
            assert len(fake.sent("Login")) == 1


# Actions


async def test_an_action_is_answered_with_its_bytes(fake: FakeAsterisk, nats_server: NatsServer) -> None:
    """The answer to a list is the response, its items and its end, as on the wire."""
    async with relayed(fake, nats_server) as (relay, bus):
        (answer,), _ = await ask(bus, "QueueStatus")
        texts = Framer(banner=False).feed(answer.body)
        assert texts[0].startswith("Response: Success")
        assert texts[-1].startswith("Event: QueueStatusComplete")
        assert relay.status()[NAME].actions == 1


async def test_a_long_answer_comes_in_parts(fake: FakeAsterisk, nats_server: NatsServer) -> None:
    """An answer of three megabytes comes in parts that are confirmed, and is whole."""
    lines = [("Output", "x" * 1000)] * 3000
    fake.reply_to("Command", [("Response", "Success"), ("Message", "Command output follows"), *lines])
    async with relayed(fake, nats_server) as (_, bus):
        found, _ = await ask(bus, "Command", b"Action: Command\r\nCommand: core show channels")
        assert [answer.number for answer in found] == list(range(1, len(found) + 1))
        assert len(found) > 10
        (text,) = Framer(banner=False).feed(b"".join(answer.body for answer in found))
        assert text.count("Output: ") == 3000


async def test_a_long_answer_that_cannot_be_given(
    fake: FakeAsterisk, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the bus is lost as a long answer is to be given, no exception is left that nobody has heard of."""
    loop, unheard, tried = asyncio.get_running_loop(), list[dict[str, Any]](), asyncio.Event()
    loop.set_exception_handler(lambda _, context: unheard.append(context))

    async def subscribe(*_: object) -> None:
        tried.set()
        raise ConnectionLost("the bus is lost")

    lines = [("Output", "x" * 1000)] * 1000
    fake.reply_to("Command", [("Response", "Success"), ("Message", "Command output follows"), *lines])
    async with relayed(fake, nats_server) as (relay, bus):
        headers, _ = Request("Command", (), now(), None).encode()
        with monkeypatch.context() as patch:
            patch.setattr(BusConnection, "subscribe", subscribe)
            body = b"Action: Command\r\nCommand: core show channels"
            await bus.publish(action_subject(NAME, "Command"), body, headers, bus.client.new_inbox())
            await asyncio.wait_for(tried.wait(), 30)
        (answer,), _ = await ask(bus, "Ping")
        assert answer.kind == "answer"
        assert relay.is_ready
    gc.collect()
    await asyncio.sleep(0)
    assert not unheard


@pytest.mark.parametrize("action", ["Login", "logoff", "Challenge", "Events", "Filter"])
async def test_what_would_change_the_session_is_refused(
    action: str, fake: FakeAsterisk, nats_server: NatsServer
) -> None:
    """Actions that change the session that all share are refused, and nothing leaves."""
    async with relayed(fake, nats_server) as (relay, bus):
        before = len(fake.sent(action))
        failure = await refused(bus, action)
        assert (failure.error, failure.sent) == ("PermissionDenied", False)
        assert relay.status()[NAME].refused == 1
        assert len(fake.sent(action)) == before


async def test_a_body_for_another_action_than_its_subject_is_refused(
    fake: FakeAsterisk, nats_server: NatsServer
) -> None:
    """Whoever may only ping cannot call in the shelter of that subject."""
    async with relayed(fake, nats_server) as (_, bus):
        failure = await refused(bus, "Ping", b"Action: Originate\r\nChannel: Local/1@a")
        assert (failure.error, failure.sent) == ("ProtocolError", False)
        fake.expect_nothing("Originate")


async def test_a_relay_may_allow_little(fake: FakeAsterisk, nats_server: NatsServer) -> None:
    """An allow list and `read_only` refuse the rest, in whatever case it is written."""
    async with relayed(fake, nats_server, read_only=True, allow=("ping", "Hangup")) as (_, bus):
        (answer,), _ = await ask(bus, "Ping")
        assert answer.kind == "answer"
        for action, reason in (("Status", "does not allow"), ("Hangup", "this relay is read-only: it may change")):
            failure = await refused(bus, action)
            assert failure.error == "PermissionDenied"
            assert reason in failure.text
        fake.expect_nothing("Hangup")


async def test_an_action_whose_time_is_over_is_not_run(fake: FakeAsterisk, nats_server: NatsServer) -> None:
    """What waited longer than its time on the way never reaches the server, and is said not to have been sent."""
    async with relayed(fake, nats_server) as (_, bus):
        failure = await refused(bus, "QueueStatus", seconds=-0.5)
        assert (failure.error, failure.sent) == ("ConnectionLost", False)
        fake.expect_nothing("QueueStatus")


async def test_an_action_while_the_link_is_down_is_not_sent(fake: FakeAsterisk, nats_server: NatsServer) -> None:
    """While the relay has no link to the server, an action is refused at once as not sent."""
    async with relayed(fake, nats_server) as (relay, bus):
        await fake.stop()
        await until(lambda: relay.status()[NAME].state == "reconnecting")
        failure = await refused(bus, "Ping")
        assert (failure.error, failure.sent) == ("ConnectionLost", False)


async def test_an_action_that_may_have_run_says_so(fake: FakeAsterisk, nats_server: NatsServer) -> None:
    """Where the link is lost before the answer, or none comes in time, the action may have run."""
    fake.reply_to("Status", None)
    async with relayed(fake, nats_server) as (_, bus):
        failure = await refused(bus, "Status", seconds=0.3)
        assert (failure.error, failure.sent) == ("ManagerTimeout", True)
        waiting = asyncio.ensure_future(refused(bus, "Status"))
        await until(lambda: len(fake.sent("Status")) == 2)
        fake.drop()
        failure = await waiting
        assert (failure.error, failure.sent) == ("ConnectionLost", True)


async def test_a_mark_stands_behind_the_events_before_the_answer(fake: FakeAsterisk, nats_server: NatsServer) -> None:
    """A request for a mark has it written behind every event that came before the answer."""
    async with relayed(fake, nats_server) as (relay, bus):
        for number in range(5):
            await fake.send_event("Hangup", {"Channel": str(number)})
        await ask(bus, "Ping", mark="token-1")
        await until(lambda: not relay.status()[NAME].waiting)
        tokens = [token for token, _, _ in await log(bus) if token in (Mark.token, "Hangup")]
        assert tokens == ["Hangup"] * 5 + [Mark.token]
        body = (await log(bus))[-1][2]
        assert Mark.parse(body).mark == "token-1"
        assert MARK_HEADER == "Ami-Mark"


async def test_the_outcome_of_a_call_follows(fake: FakeAsterisk, nats_server: NatsServer) -> None:
    """Behind the answer to an Originate comes the event that says how it ended, over the session with the events."""
    fake.exchange.answer_seconds = 0.01
    async with relayed(fake, nats_server) as (_, bus):
        body = b"Action: Originate\r\nChannel: PJSIP/alice\r\nApplication: Wait\r\nData: 1\r\nAsync: true"
        (answer,), behind = await ask(bus, "Originate", body)
        assert answer.body.startswith(b"Response: Success")
        outcome = await asyncio.wait_for(behind.get(), 10)
        assert (outcome.kind, outcome.body.split(b"\r\n")[0]) == ("outcome", b"Event: OriginateResponse")
        assert len(fake.connections) == 1


async def test_what_holds_its_session_does_not_hold_the_events(fake: FakeAsterisk, nats_server: NatsServer) -> None:
    """An action behind which the server answers nothing goes over a session of its own."""
    async with relayed(fake, nats_server) as (_, bus):
        body = b"Action: Originate\r\nChannel: PJSIP/alice\r\nApplication: Wait\r\nData: 1"
        waiting = asyncio.ensure_future(ask(bus, "Originate", body))
        await until(lambda: len(fake.connections) == 2)
        (answer,), _ = await ask(bus, "Ping")
        assert answer.kind == "answer"
        (answer,), _ = await waiting
        assert answer.body.startswith(b"Response: ")


async def test_nobody_listens_where_no_relay_leads(nats_server: NatsServer) -> None:
    """Without a relay the bus itself says that nobody is there."""
    async with connected(nats_server) as bus:
        with pytest.raises(ConnectionError, match="nobody listens"):
            await bus.request(action_subject(NAME, "Ping"), b"Action: Ping")


# What others write


@pytest.mark.parametrize(
    ("token", "body"),
    [
        (Epoch.token, b"x"),
        (Epoch.token, b'{"relay":5}'),
        (Epoch.token, b'{"relay":"a","continues":[1]}'),
        (Status.token, b"x"),
        (Status.token, b'{"state":"ready","since":1,"heard":1e999}'),
        ("Hangup", b""),
    ],
)
async def test_what_cannot_be_read_keeps_no_relay_from_the_lead(
    token: str, body: bytes, fake: FakeAsterisk, nats_server: NatsServer
) -> None:
    """A record in the stream that is no relay's is passed over: a relay takes the lead behind it, and takes it again."""
    epoch = record_subject(NAME, Epoch)
    async with connected(nats_server) as bus:
        settings = RelayOptions(silence=0.3)
        made = await bus.api(f"STREAM.CREATE.{stream_name(NAME)}", stream_configuration(NAME, settings))
        assert "error" not in made
        await bus.store(epoch.replace(Epoch.token, token), body, {HEADER: "1 1 1 1 1"})
        async with Relay([ServerOptions(NAME, fake.url)], nats_server.url, settings) as relay:
            await until(lambda: relay.status()[NAME].state == "ready")
            await bus.store(epoch, body, {HEADER: "1 0 0 0 1"})
            await until(lambda: relay.status()[NAME].takeovers == 2 and relay.status()[NAME].state == "ready")


# Options


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"max_age": 1}, "max_age"),
        ({"max_bytes": 1000}, "max_bytes"),
        ({"replicas": 0}, "replicas"),
        ({"replicas": 7}, "replicas"),
        ({"max_age": 2e9}, "max_age"),
        ({"max_bytes": 1 << 62}, "max_bytes"),
        ({"silence": float("inf")}, "silence"),
        ({"buffer": 10}, "buffer"),
        ({"silence": 0.1}, "silence"),
        ({"doubt": 0}, "doubt"),
    ],
)
def test_an_option_out_of_its_range_is_refused(options: dict[str, Any], field: str) -> None:
    """A number that cannot be right is a ValueError that names it and the limit."""
    with pytest.raises(ValueError, match=f"{field}: at (least|most)"):
        RelayOptions(**options)


def test_servers_have_names_of_their_own() -> None:
    """A relay has at least one server, and no two of one name; a repr shows no secret."""
    server = ServerOptions("a", "ami://u:hush@h", secret="hush")
    assert "hush" not in repr(server)
    with pytest.raises(ValueError, match="twice"):
        Relay([server, server], "nats://h")
    with pytest.raises(ValueError, match="at least one"):
        Relay([], "nats://h")
    with pytest.raises(ValueError, match="server: .*empty"):
        ServerOptions("", "ami://h")


def test_the_status_of_a_relay_that_has_not_begun() -> None:
    """Before it begins a relay is connecting, and not ready."""
    relay = Relay([ServerOptions("a", "ami://u@h")], "nats://h")
    assert relay.status()["a"].role == "connecting"
    assert not relay.is_ready
    assert json.loads(json.dumps(vars(relay.status()["a"])))["server"] == "a"
