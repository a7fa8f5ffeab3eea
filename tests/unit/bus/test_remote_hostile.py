"""What a manager over the bus makes of what is not as the format says: from whoever may write there, or of another version."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from nats.aio.msg import Msg
from tests.helpers import until
from tests.unit.bus.office import Office

from aioami import ConnectionLost, ManagerError, PermissionDenied, ProtocolError, core, events
from aioami.bus import RemoteManager, link
from aioami.bus.connection import BusConnection, StoreError
from aioami.bus.engine import Engine
from aioami.bus.feed import Feed
from aioami.bus.format import (
    HEADER,
    Answer,
    Failure,
    Heartbeat,
    action_subject,
    event_subject,
    heartbeat_subject,
    stream_name,
)

PONG = b"Response: Success\r\nPing: Pong\r\n\r\n"


async def test_what_is_none_of_the_relays_is_passed_over(
    led: Office, stranger: BusConnection, caplog: pytest.LogCaptureFixture
) -> None:
    """A message without a header that can be read, or of a time to come, is no event: it is counted, told once, and ends nothing."""
    async with led.remote() as mgr:
        await mgr.wait_ready(20)
        with mgr.events(events.Hangup) as stream:
            await led.tell(1)
            assert (await asyncio.wait_for(anext(stream), 20))["Uniqueid"] == "1"
            junk: list[dict[str, str]] = [
                {},
                {HEADER: "nonsense"},
                {HEADER: "1 99999999 1 1 1"},
                {HEADER: "1 1 -1 1 1"},
            ]
            for headers in junk:
                await stranger.store(event_subject(led.name, "Hangup"), b"Event: Hangup\r\nUniqueid: junk\r\n", headers)
            await led.tell(2)
            assert (await asyncio.wait_for(anext(stream), 20))["Uniqueid"] == "2"
            assert (stream.gaps, stream.pending) == (0, 0)
    assert mgr.statistics().strays == len(junk)
    assert (
        sum(
            "holds what is none of the relay's" in each.message
            for each in caplog.records
            if each.levelno > logging.INFO
        )
        == 1
    )


async def test_another_version_of_the_format_ends_what_reads_it(led: Office, stranger: BusConnection) -> None:
    """A stream raises, as nothing of it can be read; actions are of the version that the relay speaks."""
    async with led.remote() as mgr:
        await mgr.wait_ready(20)
        with mgr.events(events.Hangup) as stream:
            await mgr.send(core.Ping())
            await stranger.store(event_subject(led.name, "Hangup"), b"", {HEADER: "2 1 1 1 1"})
            with pytest.raises(ProtocolError, match="version 2"):
                await asyncio.wait_for(anext(stream), 20)
        assert (await mgr.send(core.Ping())).success


async def test_messages_that_are_numbered_in_an_unknown_way(led: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream raises what is the matter: in a cluster of nats-server 2.9, the subjects of records arrive in two parts."""
    receive = Feed._receive

    async def in_two_parts(self: Feed, engine: Any, generation: int, message: Msg) -> None:
        if message.reply.startswith("$JS.ACK."):
            message.reply, message.subject = f"{message.reply}@{message.subject[:-7]}", "status"
        await receive(self, engine, generation, message)

    monkeypatch.setattr(Feed, "_receive", in_two_parts)
    async with led.remote() as mgr:
        await mgr.wait_ready(20)
        with mgr.events(events.Hangup) as stream, pytest.raises(ProtocolError, match=r"nats-server 2\.10 or later"):
            await led.tell(1)
            await asyncio.wait_for(anext(stream), 20)


async def test_a_user_without_the_log_leaves_a_node_over_which_no_relay_is_heard(
    place: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """If a user may not read the log, only heartbeats show that a node is cut off: so another node is tried without them. One warning says it."""
    words = "no relay is heard over this node of the bus"
    caplog.set_level("DEBUG")

    async def refused(self: Engine, stream: str, **which: Any) -> None:
        raise PermissionDenied("not for this user")

    monkeypatch.setattr(Engine, "message", refused)
    monkeypatch.setattr(link, "CUT_OFF", 0.2)
    monkeypatch.setattr(link, "_PULSE", 0.1)
    port = place.bus.port
    async with RemoteManager(f"nats://127.0.0.1:{port},localhost:{port}", place.name):
        await until(lambda: caplog.text.count(words) >= 2, 10)
    levels = [each.levelname for each in caplog.records if words in each.getMessage()]
    assert (levels[0], set(levels[1:])) == ("WARNING", {"DEBUG"})
    caplog.clear()
    async with RemoteManager(place.bus.url, place.name):  # there is no other node
        await asyncio.sleep(0.5)
    assert "no relay is heard" not in caplog.text


async def test_a_node_without_jetstream_is_left_when_no_action_is_under_way(
    led: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """If JetStream is not reached, another node is tried; but while a relay is heard, what it was asked is waited for first. One warning says it."""
    words = "JetStream is not reached over this node of the bus"
    looks = 0
    caplog.set_level("DEBUG")

    async def unavailable(self: Engine, stream: str, **which: Any) -> None:
        nonlocal looks
        looks += 1
        raise StoreError("no leader", code=503)

    port = led.bus.port
    led.fake.reply_to("Ping", None)
    async with RemoteManager(f"nats://127.0.0.1:{port},localhost:{port}", led.name) as mgr:
        await mgr.wait_ready(20)
        asked = asyncio.ensure_future(mgr.send(core.Ping()))
        await until(lambda: led.fake.sent("Ping"))
        monkeypatch.setattr(Engine, "message", unavailable)
        monkeypatch.setattr(link, "CUT_OFF", 0.1)
        monkeypatch.setattr(link, "_PULSE", 0.05)
        monkeypatch.setattr(link, "_BEAT_IS_OLD", 20.0)  # on a busy machine too, the relay counts as heard
        mgr._link._status_is_old.send()
        await until(lambda: looks > 8)
        assert words not in caplog.text
        asked.cancel()
        await until(lambda: caplog.text.count(words) >= 3)
    levels = [each.levelname for each in caplog.records if words in each.getMessage()]
    assert (levels[0], set(levels[1:])) == ("WARNING", {"DEBUG"})


async def test_an_action_that_waits_for_a_stream_goes_over_the_node_where_it_begins(
    led: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits while its stream cannot begin over a node without JetStream, and is sent over the next node."""
    monkeypatch.setattr(link, "CUT_OFF", 0.2)
    monkeypatch.setattr(link, "_PULSE", 0.1)
    without: list[str] = []
    api = Engine.api

    async def unavailable_there(self: Engine, *arguments: Any) -> dict[str, Any]:
        if self.server in without:
            raise StoreError("no leader", code=503)
        return await api(self, *arguments)

    monkeypatch.setattr(Engine, "api", unavailable_there)
    message = Engine.message

    async def unavailable_message(self: Engine, stream: str, **which: Any) -> Any:
        if self.server in without:
            raise StoreError("no leader", code=503)
        return await message(self, stream, **which)

    monkeypatch.setattr(Engine, "message", unavailable_message)
    port = led.bus.port
    async with RemoteManager(f"nats://127.0.0.1:{port},localhost:{port}", led.name, timeout=20) as mgr:
        await mgr.wait_ready(20)
        without.append((await mgr._link.wait_for_engine()).server)
        mgr._link._status_is_old.send()
        with mgr.events():
            assert (await mgr.send(core.Ping())).success
        assert (await mgr._link.wait_for_engine()).server not in without


async def test_a_consumer_that_somebody_deletes(led: Office, stranger: BusConnection) -> None:
    """The bus says nothing of it: its silence is noticed, and the reading goes on behind the last event, with nothing lost."""
    async with led.remote() as mgr:
        await mgr.wait_ready(20)
        with mgr.events(events.Hangup) as stream:
            await led.tell(1)
            assert (await asyncio.wait_for(anext(stream), 20))["Uniqueid"] == "1"
            log = stream_name(led.name)
            for name in (await stranger.api(f"CONSUMER.NAMES.{log}"))["consumers"]:
                assert (await stranger.api(f"CONSUMER.DELETE.{log}.{name}"))["success"]
            for number in (2, 3):
                await led.tell(number)
            assert [(await asyncio.wait_for(anext(stream), 20))["Uniqueid"] for _ in range(2)] == ["2", "3"]
            assert stream.gaps == 0


def failure(error: str, *, sent: bool) -> Answer:
    """What a relay says that could not do it."""
    return Answer("error", 1, 1, Failure(error, "it is so", sent).encode())


@pytest.mark.parametrize(
    ("answers", "kind", "sent", "words"),
    [
        (
            [Answer("part", 1, 1, PONG[:9]), Answer("answer", 3, 1, PONG[9:])],
            ConnectionLost,
            True,
            "part 2 of the answer is missing",
        ),
        ([Answer("answer", 1, 1, PONG[:9])], ConnectionLost, True, "is not whole"),
        ([Answer("answer", 1, 1, b"")], ConnectionLost, True, "is not whole"),
        (["1 nonsense 1 1"], ConnectionLost, True, "is no kind of answer"),
        (["2 answer 1 1"], ConnectionLost, True, "version 2"),
        ([""], ConnectionLost, True, "was cut off"),
        ([failure("ConnectionLost", sent=False)], ConnectionLost, False, "it is so"),
        ([failure("PermissionDenied", sent=False)], PermissionDenied, None, "it is so"),
        ([failure("ValueError", sent=False)], ValueError, None, "it is so"),
        ([failure("ManagerError", sent=True)], ManagerError, None, "it is so"),
        ([failure("ProtocolError", sent=True)], ConnectionLost, True, "it is so"),
        ([failure("ProtocolError", sent=False)], ConnectionLost, False, "it is so"),
        ([failure("SystemExit", sent=False)], ConnectionLost, True, "it is so"),
        ([failure("SystemExit", sent=True)], ConnectionLost, True, "it is so"),
    ],
)
async def test_an_answer_that_is_not_whole_or_a_failure(
    place: Office, stranger: BusConnection, answers: list[Any], kind: type[Exception], sent: bool | None, words: str
) -> None:
    """It raises what is true of the action, and is never taken for an answer; the next one is answered."""
    given = iter([answers, [Answer("answer", 1, 1, PONG)]])

    async def answer(message: Any) -> None:
        for each in next(given):
            headers, body = each.encode() if isinstance(each, Answer) else ({HEADER: each}, PONG)
            await stranger.publish(message.reply, body, headers)

    await stranger.subscribe(action_subject(place.name, "Ping"), answer)
    async with place.remote(timeout=10) as mgr:
        with pytest.raises(kind, match=words) as caught:
            await mgr.send(core.Ping())
        assert type(caught.value) is kind
        assert getattr(caught.value, "sent", None) is sent
        assert (await mgr.send(core.Ping())).success


@pytest.mark.parametrize(
    "then",
    [
        [],
        [Heartbeat("other", "gone", 1)],
        [Heartbeat("another", "leader", 2, "ready")],
        [Heartbeat("other", "leader", 2, "ready")],
        [Heartbeat("other", "leader", 1, "ready", listens_since=8)],
    ],
    ids=["silence", "it has gone", "another one leads", "it leads anew", "it lost the bus"],
)
async def test_a_relay_that_will_not_answer_is_not_waited_for(
    place: Office, stranger: BusConnection, then: list[Heartbeat], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asked a relay that was killed, deposed or cut off hears that the action may have run, also without a timeout."""
    monkeypatch.setattr(link, "_LEADER_IS_GONE", 6)
    asked: list[Msg] = []
    signs = [Heartbeat("other", "leader", 1, "ready", listens_since=7)]

    async def live() -> None:
        while True:
            for sign in signs:
                await stranger.publish(heartbeat_subject(place.name), sign.encode())
            await asyncio.sleep(0.05)

    async def take(message: Msg) -> None:
        asked.append(message)

    living = asyncio.ensure_future(live())
    await stranger.subscribe(action_subject(place.name, "Ping"), take)
    async with place.remote(timeout=None) as mgr:
        # Nobody keeps a log, so it is never ready; but then it says that a relay is there.
        while "no relay is there" in str((await asyncio.gather(mgr.wait_ready(0.05), return_exceptions=True))[0]):
            pass
        waiting = asyncio.ensure_future(mgr.send(core.Ping()))
        await until(lambda: len(asked) == 1)
        signs[:] = then
        with pytest.raises(ConnectionLost, match="Ping.*the relay other, which had it, answers no more") as lost:
            await asyncio.wait_for(waiting, 20)
        assert lost.value.sent is True
    living.cancel()
