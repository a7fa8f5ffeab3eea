"""Transfers after a word on the fake server, beyond the scenarios that real servers are compared in."""

from __future__ import annotations

import pytest

from aioami import ActionError, Manager, actions, core, events
from aioami.testing import Call, FakeAsterisk

pytestmark = pytest.mark.fake_asterisk(virtual_time=True)


async def talk(fake: FakeAsterisk, mgr: Manager, options: str = "T") -> tuple[Call, Call]:
    """Two who talk; the first has called, and may transfer."""
    await mgr.send(
        core.Originate_Application("PJSIP/alice", "Dial", ("PJSIP/agent1", 20, options), callerid="Ada <100>")
    )
    for name in ("alice", "agent1"):
        await fake.phone(f"PJSIP/{name}").answer()
    (first,), (second,) = (fake.phone(f"PJSIP/{name}").calls for name in ("alice", "agent1"))
    return first, second


async def ask_back(fake: FakeAsterisk, mgr: Manager, first: Call, exten: str = "100") -> None:
    await mgr.send(actions.Atxfer(first.channel, exten, "elsewhere"))
    await fake.advance(3)


async def test_the_other_two_talk(fake: FakeAsterisk, mgr: Manager) -> None:
    """Who asked back hangs up, and the other two have each other's number."""
    first, second = await talk(fake, mgr)
    with mgr.events(events.AttendedTransfer) as done:
        await ask_back(fake, mgr, first)
        (target,) = first.talks_to
        assert second.talks_to == []
        await first.hang_up()
        transfer = await anext(done)
    assert transfer.transfer_target.channel == target
    assert second.talks_to == [target]
    number = (await mgr.send(core.Getvar("CALLERID(num)", second.channel))).value
    assert number
    assert (await mgr.send(core.Getvar("CONNECTEDLINE(num)", target))).value == number
    await second.hang_up()
    await fake.advance(1)
    assert fake.calls() == []


@pytest.mark.parametrize("by", ["target", "code", "first"])
async def test_they_talk_again(fake: FakeAsterisk, mgr: Manager, by: str) -> None:
    """If the target hangs up, or the transfer is taken back, the first two talk again; a redirection takes one away."""
    first, second = await talk(fake, mgr)
    await ask_back(fake, mgr, first)
    (target,) = first.talks_to
    if by == "target":
        await mgr.send(core.Hangup(target))
    elif by == "code":
        await mgr.send(actions.CancelAtxfer(first.channel))
    else:
        await mgr.send(core.Redirect(first.channel, "elsewhere", "target", 1))
    await fake.advance(2)
    assert first.talks_to == ([] if by == "first" else [second.channel])
    assert first.state == "Up"


async def test_a_target_that_is_sent_elsewhere_leaves_the_two(fake: FakeAsterisk, mgr: Manager) -> None:
    """A redirection takes the target out, before the transfer is done and afterwards."""
    first, second = await talk(fake, mgr)
    await ask_back(fake, mgr, first)
    (target,) = first.talks_to
    await mgr.send(core.Redirect(target, "elsewhere", "target", 1))
    await fake.advance(2)
    assert first.talks_to == [second.channel]
    await ask_back(fake, mgr, first)
    (target,) = first.talks_to
    await first.hang_up()
    await mgr.send(core.Redirect(target, "elsewhere", "target", 1))
    await fake.advance(2)
    assert second.state == "gone"
    assert target in [each.channel for each in fake.calls()]


async def test_a_target_that_is_bridged_elsewhere_is_gone_from_there(fake: FakeAsterisk, mgr: Manager) -> None:
    """The first two talk again, while the target talks with somebody else, up to its end."""
    first, second = await talk(fake, mgr)
    await ask_back(fake, mgr, first)
    (target,) = first.talks_to
    other = fake.incoming("PJSIP/trunk", to="wait@test")
    await mgr.send(core.Bridge(target, other.channel))
    await fake.advance(1)
    assert (first.talks_to, other.talks_to) == ([second.channel], [target])
    await mgr.send(core.Hangup(target))
    await fake.advance(1)
    assert target not in [each.channel for each in fake.calls()]


@pytest.mark.parametrize("exten", ["999", "busy"])
async def test_who_is_not_reached_brings_them_together(fake: FakeAsterisk, mgr: Manager, exten: str) -> None:
    """Without such an extension, or with one that is busy, the first two talk again."""
    fake.add_extension("busy@elsewhere", "Ringing()", "Progress()", "Wait(1)", "Busy(2)")
    first, second = await talk(fake, mgr)
    await mgr.send(actions.Atxfer(first.channel, exten, "elsewhere"))
    await fake.advance(10)
    assert first.talks_to == [second.channel]


async def test_the_one_who_waits_hangs_up(fake: FakeAsterisk, mgr: Manager) -> None:
    """The other two talk on; there is nobody to be connected any more."""
    first, second = await talk(fake, mgr)
    await ask_back(fake, mgr, first)
    await second.hang_up()
    assert len(first.talks_to) == 1
    await first.hang_up()
    await fake.advance(1)
    assert fake.calls() == []


async def test_a_target_that_still_rings_is_left(fake: FakeAsterisk, mgr: Manager) -> None:
    """Who hangs up before the target has answered ends all of it."""
    fake.add_extension("200@elsewhere", "Ringing()", "Wait(60)")
    first, second = await talk(fake, mgr)
    await ask_back(fake, mgr, first, "200")
    await first.hang_up()
    await fake.advance(2)
    assert second.state == "gone"
    assert fake.calls() == []


async def test_keys_are_heard_by_the_other_end(fake: FakeAsterisk, mgr: Manager) -> None:
    """Who may not transfer just presses keys; they stop as it hangs up, and alone nobody hears them."""
    first, second = await talk(fake, mgr, "")
    with mgr.events(events.DTMFEnd, where=lambda event: event.channel == second.channel) as heard:
        await ask_back(fake, mgr, first, "1")
        assert [(await anext(heard)).digit for _ in range(3)] == ["*", "2", "1"]
    await mgr.send(actions.Atxfer(first.channel, "123456789"))
    await first.hang_up()
    await fake.advance(3)
    alone = fake.incoming("PJSIP/trunk", to="wait@test")
    with mgr.events(events.DTMFEnd, where=lambda event: event.channel == alone.channel) as heard:
        await mgr.send(actions.CancelAtxfer(alone.channel))
        await fake.advance(1)
        assert (await anext(heard)).direction == "Received"


@pytest.mark.fake_asterisk(virtual_time=True, files={"features.conf": ""})
async def test_without_a_code_there_is_no_transfer(fake: FakeAsterisk, mgr: Manager) -> None:
    """The error says what is missing."""
    first, _ = await talk(fake, mgr)
    with pytest.raises(ActionError, match="No attended transfer feature code found"):
        await mgr.send(actions.Atxfer(first.channel, "100"))


async def test_a_silent_channel_waits_with_its_keys(fake: FakeAsterisk, mgr: Manager) -> None:
    """As on a real server, keys of a Local channel come through once something plays there."""
    await mgr.send(core.Originate_Application("Local/wait@test/n", "Dial", ("PJSIP/agent1", 20, "T")))
    await fake.phone("PJSIP/agent1").answer()
    first = next(each for each in fake.calls() if each.channel.endswith(";1"))
    await mgr.send(actions.Atxfer(first.channel, "100", "elsewhere"))
    await fake.advance(30)
    assert first.talks_to == [fake.phone("PJSIP/agent1").calls[0].channel]
    await mgr.send(core.Redirect(first.channel.removesuffix("1") + "2", "test", "music", 1))
    await fake.advance(3)
    assert first.talks_to[0].startswith("Local/100@elsewhere-")
