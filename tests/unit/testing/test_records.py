"""Call detail records on the fake server, beyond the scenario that real servers are compared in."""

from __future__ import annotations

import pytest

from aioami import Manager, core, events
from aioami.testing import FakeAsterisk

pytestmark = pytest.mark.fake_asterisk(virtual_time=True)


async def test_a_call_has_its_seconds_and_its_user_field(fake: FakeAsterisk, mgr: Manager) -> None:
    """Rung, talked and hung up: the record has both numbers, and what the dialplan noted."""
    with mgr.events(events.Cdr) as records:
        call = fake.incoming("PJSIP/trunk", to="100@elsewhere", caller='"Ada" <555>')
        await mgr.send(core.Setvar("CDR(userfield)", "mine", call.channel))
        await call.waits(42)
        await call.hang_up()
        record = await anext(records)
    assert (record.duration, record.billable_seconds, record.user_field) == (42, 42, "mine")
    assert (record.source, record.caller_id, record.destination) == ("555", '"Ada" <555>', "100")
    assert (record.last_application, record.disposition) == ("Wait", "ANSWERED")
    assert record.end_time is not None
    assert record.start_time is not None
    assert (record.end_time - record.start_time).total_seconds() == 42


async def test_who_dials_has_a_record_for_each_who_answered(fake: FakeAsterisk, mgr: Manager) -> None:
    """One who was called himself, and dials, has two; the phone that he dials has none."""
    with mgr.events(events.Cdr) as records:
        await mgr.send(core.Originate_Application("PJSIP/alice", "Dial", ("PJSIP/agent1", 20)))
        for name in ("alice", "agent1"):
            await fake.phone(f"PJSIP/{name}").answer()
        await fake.phone("PJSIP/alice").hang_up()
        await fake.advance(1)
        found = [await anext(records) for _ in range(2)]
        fake.phone("PJSIP/agent2").set(refuses="congestion")
        await mgr.send(core.Originate_Application("PJSIP/agent2", "Wait", ("1",)))
        await fake.advance(1)
        found.append(await anext(records))
    assert [(each["Channel"][:12], each["DestinationChannel"][:12]) for each in found] == [
        ("PJSIP/alice-", ""),
        ("PJSIP/alice-", "PJSIP/agent1"),
        ("PJSIP/agent2", ""),
    ]


@pytest.mark.fake_asterisk(virtual_time=True, files={"cdr.conf": "[general]\nenable = yes\n"})
async def test_unanswered_calls_have_one_only_if_it_is_wanted(fake: FakeAsterisk, mgr: Manager) -> None:
    """cdr.conf without `unanswered` leaves out who was called in vain, but for those whom somebody dialled."""
    fake.add_extension("dial@test", "Dial(PJSIP/agent1,20)")
    fake.phone("PJSIP/agent1").set(refuses="busy")
    with mgr.events(events.Cdr) as records:
        await mgr.send(core.Originate_Application("PJSIP/agent1", "Wait", ("1",)))
        await fake.advance(1)
        fake.incoming("PJSIP/trunk", to="dial@test")
        await fake.advance(1)
        record = await anext(records)
    assert (record.disposition, record.last_application) == ("BUSY", "Dial")
    assert record.destination_channel is not None
    assert record.destination_channel.startswith("PJSIP/agent1-")


@pytest.mark.fake_asterisk(virtual_time=True, files={"cdr_manager.conf": "[general]\nenabled = no\n"})
async def test_a_server_without_cdr_manager_sends_none(fake: FakeAsterisk, mgr: Manager) -> None:
    """As on a real server, they are to be enabled."""
    with mgr.events(events.Cdr, events.Hangup) as told:
        call = fake.incoming("PJSIP/trunk", to="100@elsewhere")
        await call.hang_up()
        await fake.incoming("PJSIP/trunk", to="100@elsewhere").hang_up()
        assert [type(await anext(told)) for _ in range(2)] == [events.Hangup, events.Hangup]


async def test_who_is_bridged_again_keeps_the_first_record(fake: FakeAsterisk, mgr: Manager) -> None:
    """The one that was there first has the record, also if the two meet twice; whoever goes on alone has one again."""
    first, second = (fake.incoming("PJSIP/trunk", to="wait@test") for _ in range(2))
    for _ in range(2):
        for one, other in ((first, second), (second, first)):
            await mgr.send(core.Bridge(one.channel, other.channel))
            await fake.advance(1)
    with mgr.events(events.Cdr) as records:
        await first.hang_up()
        await fake.advance(1)
        await second.hang_up()
        await fake.advance(1)
        one, other = [await anext(records) for _ in range(2)]
    assert (one.channel, one.destination_channel) == (first.channel, second.channel)
    assert other.channel == second.channel


async def test_one_who_dials_again_and_one_who_meets_a_dialled_phone(fake: FakeAsterisk, mgr: Manager) -> None:
    """A phone that was dialled gets no record by meeting another; who was in another's record gets one as it dials."""
    fake.add_extension("dial@test", "Answer()", "Dial(PJSIP/agent1,20)")
    waiting, dialling = fake.incoming("PJSIP/trunk", to="wait@test"), fake.incoming("PJSIP/trunk", to="dial@test")
    await dialling.answered_by("PJSIP/agent1")
    (peer,) = dialling.talks_to
    with mgr.events(events.Cdr) as records:
        await mgr.send(core.Bridge(waiting.channel, peer))
        await fake.advance(1)
        assert (await anext(records)).destination_channel == peer  # of the one who was left
        await mgr.send(core.Hangup(peer))
        await fake.advance(1)
        assert (await anext(records)).channel == waiting.channel
        third, other = (fake.incoming("PJSIP/trunk", to="wait@test") for _ in range(2))
        await mgr.send(core.Bridge(third.channel, other.channel))
        await fake.advance(1)
        await mgr.send(core.Redirect(other.channel, "test", "dial", 1))
        await other.answered_by("PJSIP/agent1")
        await other.hang_up()
        assert {(await anext(records)).channel for _ in range(2)} == {third.channel, other.channel}
