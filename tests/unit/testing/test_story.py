"""Stories on a fake server: calls, phones and queues in the test's own time."""

from __future__ import annotations

import asyncio
import time

import pytest
from tests.scenarios.line import Line
from tests.scenarios.stories import STORIES
from tests.scenarios.transcript import write

from aioami import Manager, core, events
from aioami.testing import FakeAsterisk, Phone

pytestmark = pytest.mark.fake_asterisk(virtual_time=True)


@pytest.mark.parametrize("version", ["13", "16", "22"])
async def test_every_scenario_is_told_the_same_each_time(version: str) -> None:
    """Virtual time is deterministic: all scenarios, played on two servers, make the same transcripts."""

    async def all_told() -> list[str]:
        async with FakeAsterisk(version=version, virtual_time=True, auth_timeout=None) as server:
            told = []
            for story in STORIES.values():
                line = Line(server.host, server.port, server.advance)
                await story(line)
                told.append(write(line))
                await line.close()
            return told

    assert await all_told() == await all_told()


async def test_a_caller_waits_and_an_agent_answers(fake: FakeAsterisk, mgr: Manager) -> None:
    """A caller waits 40 s, agent 1 answers, they talk for two minutes, the caller hangs up: at once, to the second."""
    began = time.monotonic()
    kinds = (events.QueueCallerJoin, events.AgentConnect, events.AgentComplete, events.QueueMemberStatus)
    with mgr.events(*kinds) as stream:
        call = fake.incoming("PJSIP/trunk", to="support@queues", caller='"Ada" <555>')
        await call.waits(40)
        await call.answered_by("PJSIP/agent1")
        assert [name.rpartition("-")[0] for name in call.talks_to] == ["PJSIP/agent1"]
        await call.waits(120)
        await call.hang_up()
        await call.ended()
        told = [await asyncio.wait_for(stream.__anext__(), 5)]
        while told[-1].name != "AgentComplete":
            told.append(await asyncio.wait_for(stream.__anext__(), 5))
    by_name = {event.name: event for event in told}
    join, connect, complete = (by_name[name] for name in ("QueueCallerJoin", "AgentConnect", "AgentComplete"))
    assert (join["CallerIDNum"], join["Queue"], join["Position"]) == ("555", "support", "1")
    assert (connect["MemberName"], connect["HoldTime"]) == ("Agent One", "40")
    assert (complete["TalkTime"], complete["Reason"]) == ("120", "caller")
    states = [event["Status"] for event in told if event.name == "QueueMemberStatus"]
    assert states[0] == "6"
    assert "2" in states
    assert call.state == "gone"
    assert time.monotonic() - began < 2


async def test_time_stands_still_by_itself(fake: FakeAsterisk, mgr: Manager) -> None:
    """With virtual time nothing happens until the test lets time pass."""
    reply = await mgr.send(core.Originate_Application("Local/short@test/n", "Wait", ("5",)))
    outcome = asyncio.ensure_future(reply.outcome(timeout=5))
    await fake.advance(0)
    assert fake.exchange.channels
    before = fake.clock.now
    await asyncio.sleep(0.02)  # in which the virtual clock stands
    assert fake.clock.now == before
    assert (await outcome).success
    await fake.advance(10)
    assert not fake.exchange.channels


async def test_clients_react_at_the_time_of_an_event(fake: FakeAsterisk, mgr: Manager) -> None:
    """However much time passes at once, a client may act on an event before what comes later happens."""
    call = fake.incoming("PJSIP/trunk", to="support@queues")

    async def impatient() -> None:
        await mgr.wait_for(events.QueueCallerJoin, timeout=5)
        await mgr.send(core.Hangup(call.channel))

    client = asyncio.ensure_future(impatient())
    await fake.advance(3600)
    await client
    assert call.state == "gone"
    assert fake.exchange.queues["support"].abandoned == 1


async def test_phones_do_as_they_are_told(fake: FakeAsterisk, mgr: Manager) -> None:
    """A phone rings until it is answered, refuses if it is busy, or acts by itself."""
    reply = await mgr.send(core.Originate_Application("PJSIP/alice", "Wait", ("600",), timeout=60_000))
    phone = fake.phone("PJSIP/alice")
    await fake.advance(10)
    assert phone.ringing
    await phone.answer()
    assert (await reply.outcome(timeout=5)).success
    assert [call.state for call in phone.calls] == ["Up"]
    await phone.hang_up()
    assert phone.calls == []
    phone.set(refuses="busy")
    reply = await mgr.send(core.Originate_Application("PJSIP/alice", "Wait", ("1",)))
    assert (await reply.outcome(timeout=5)).reason == core.ORIGINATE_RESULT_BUSY
    phone.set(refuses="", answer_after=3, hang_up_after=4)
    reply = await mgr.send(core.Originate_Application("PJSIP/alice", "Wait", ("600",)))
    gone = mgr.wait_for(events.Hangup, timeout=5)
    await fake.advance(6.5)
    assert (await reply.outcome(timeout=5)).success
    assert fake.exchange.channels
    await fake.advance(1)
    assert (await gone).cause == 16
    with pytest.raises(ValueError, match="refuses"):
        phone.set(refuses="lazy")


async def test_what_does_not_happen_fails_the_test(fake: FakeAsterisk) -> None:
    """A phone that does not ring, a call that ended or goes nowhere, are assertion errors and value errors."""
    with pytest.raises(AssertionError, match="PJSIP/nobody rings"):
        await fake.phone("PJSIP/nobody").answer(within=5)
    call = fake.incoming("PJSIP/trunk", to="short@test")
    with pytest.raises(AssertionError, match="has ended while it should wait"):
        await call.waits(5)
    with pytest.raises(ValueError, match="no extension 'none'"):
        fake.incoming("PJSIP/trunk", to="none@test")
    with pytest.raises(ValueError, match="technology and name"):
        fake.incoming("trunk", to="short@test")


async def test_a_phone_exists_once_it_is_declared(fake: FakeAsterisk, mgr: Manager) -> None:
    """To dial a phone that nobody declared fails at once, a member of a queue is invalid; `phone` makes it exist."""

    async def dialled() -> str:
        reply = await mgr.send(core.Originate_Application("PJSIP/typo", "Wait", ("1",)))
        return (await reply.outcome(timeout=5)).result

    await mgr.send(core.QueueAdd("PJSIP/typo", "sales"))
    member = (await mgr.send(core.QueueStatus("sales", member="PJSIP/typo"))).events[1]
    assert (member["Status"], await dialled()) == ("4", "FAILED")
    changed = mgr.wait_for(events.QueueMemberStatus, timeout=5)
    phone = fake.phone("PJSIP/typo")
    await fake.advance(0)
    assert (await changed)["Status"] == "1"
    call = asyncio.ensure_future(dialled())
    await fake.expect("Originate")
    await phone.answer()
    assert await call == "ANSWERED"


async def test_stories_work_in_real_time() -> None:
    """The same words without virtual time: then a test waits for what it tells."""
    async with FakeAsterisk(answer_seconds=None, talk_seconds=None) as server:
        call = server.incoming("PJSIP/trunk", to="support@queues")
        await call.answered_by("PJSIP/agent1")
        assert call.state == "Up"
        await call.waits(0.05)
        await server.phone("PJSIP/agent1").hang_up()
        await call.ended()
        assert server.exchange.queues["support"].completed == 1


async def test_keys_variables_and_linked_ids(fake: FakeAsterisk, mgr: Manager) -> None:
    """A caller has variables, presses keys, and shares the linkedid of whom he talks to."""
    call = fake.incoming("PJSIP/trunk", to="support@queues", variables={"LANGUAGE": "de"})
    assert (await mgr.send(core.Getvar("LANGUAGE", call.channel))).value == "de"
    await call.answered_by("PJSIP/agent1")
    heard = mgr.wait_for(events.DTMFEnd, timeout=5)
    await call.presses("5")
    assert (await heard).digit == "5"
    (peer,) = (other for other in fake.calls() if other.channel in call.talks_to)
    assert peer.linkedid == call.linkedid == call.uniqueid


@pytest.mark.parametrize("strategy", ["ringall", "linear", "rrmemory", "fewestcalls", "leastrecent", "random"])
async def test_strategies(strategy: str) -> None:
    """Whom a queue rings is a matter of its strategy: all at once, or one after the other until somebody answers."""
    members = "".join(f"member => PJSIP/{name}\n" for name in ("one", "two", "three"))
    text = f"[general]\n[desk]\nstrategy = {strategy}\ntimeout = 3\nretry = 1\n{members}"
    async with FakeAsterisk(virtual_time=True, files={"queues.conf": text}) as server:
        phones = [server.phone(f"PJSIP/{name}") for name in ("one", "two", "three")]
        call = server.incoming("PJSIP/trunk", to="desk@queues")
        await call.waits(1)
        ringing = [phone for phone in phones if phone.ringing]
        assert len(ringing) == (3 if strategy == "ringall" else 1)
        rung: set[Phone] = set(ringing)
        for _ in range(12):
            await call.waits(1)
            rung |= {phone for phone in phones if phone.ringing}
        if strategy in ("ringall", "linear", "rrmemory"):
            assert len(rung) == 3
        await phones[0].answer()
        assert call.talks_to
        assert not any(phone.ringing for phone in phones)


async def test_mailboxes_boot_and_shutdown(mgr: Manager, fake: FakeAsterisk) -> None:
    """A message in a mailbox, and the end of the server, are told."""
    waiting = mgr.wait_for("MessageWaiting", timeout=5)
    fake.exchange.mailboxes["1234@default"].leave(2)
    await fake.advance(0)
    assert (await waiting)["New"] == "2"
    assert (await mgr.send(core.MailboxCount("1234@default"))).new_messages == 2
    ends = mgr.wait_for("Shutdown", timeout=5)
    fake.shut_down(restart=True)
    assert (await ends)["Restart"] == "True"


async def test_boot() -> None:
    """A server that is still booting tells its clients when it is done."""
    async with FakeAsterisk(boot=False) as server, Manager.from_url(server.url) as manager:
        with manager.events("FullyBooted") as stream:
            await manager.send(core.Ping())
            assert stream.pending == 0
            server.boot()
            assert (await stream.__anext__())["Status"] == "Fully Booted"


async def test_events_have_the_servers_time_where_it_is_asked_for() -> None:
    """With manager.conf's `timestampevents` each event has a timestamp behind its classes, on the server's clock."""
    files = {"manager.conf": "[general]\ntimestampevents = yes\n"}
    async with (
        FakeAsterisk(virtual_time=True, files=files, users={"bot": "x"}) as fake,
        Manager.from_url(fake.url) as mgr,
    ):
        with mgr.events(events.Hangup) as hangups:
            call = fake.incoming("PJSIP/trunk", to="hold@test")
            await call.waits(90)
            await call.hang_up()
            hangup = await hangups.__anext__()
        assert [name for name, _ in hangup.headers[1:4]] == ["Privilege", "Timestamp", "SystemName"]
        assert hangup.timestamp == fake.exchange.epoch + 90
