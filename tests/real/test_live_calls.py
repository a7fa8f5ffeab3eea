"""Calls between telephones on a real server, as the live state and the tracer tell of them, and as CEL does."""

from __future__ import annotations

import asyncio

from tests.helpers import until
from tests.live_calls import STORIES, play
from tests.live_operations import PARTS, compare
from tests.phones import Phones

from aioami import Manager, actions, core
from aioami.calls import CallState, EndReason
from aioami.live import Live, LiveCallState
from aioami.testing.real import RealAsterisk


async def test_calls_are_told_as_they_were(asterisk: RealAsterisk, mgr: Manager) -> None:
    """Of each story the live state shows who calls whom and what becomes of it, and the tracer says what CEL says."""
    async with Phones(asterisk, mgr) as phones:
        found = await play(mgr, phones, list(STORIES))
    assert not found, "\n".join(found)


async def test_a_call_is_held_by_either_side(asterisk: RealAsterisk, mgr: Manager) -> None:
    """A call is HELD while either telephone holds it; the call of a program is held while its own telephone does so."""
    async with Phones(asterisk, mgr) as phones, Live(mgr) as live:
        async with mgr.call("PJSIP/ada", to="bob@phones") as call:
            ada, bob = await phones["ada"].next_call(), await phones["bob"].next_call()
            await until(lambda: call.bridged_with, 5)

            def states() -> list[LiveCallState]:
                return [each.state for each in live.calls().values()]

            for side in (ada, bob):
                side.hold()
                await until(lambda: states() == [LiveCallState.HELD], 5)
                assert call.held is (side is ada)
                side.hold(False)
                await until(lambda: states() == [LiveCallState.TALKING] and not call.held, 5)
        assert call.end is not None
        assert (call.end.reason, call.end.by_us) == (EndReason.ANSWERED, True)


async def test_a_call_that_is_picked_up(asterisk: RealAsterisk, mgr: Manager) -> None:
    """A call that another telephone picks up goes on there, and ends in the same words on each version."""
    async with Phones(asterisk, mgr) as phones:
        phones["bob"].does = "ring"
        call = await mgr.call("PJSIP/bob", to="menu@phones")
        await until(lambda: call.state is CallState.RINGING, 5)
        first = call.uniqueid
        eve = phones["eve"].call("*8")
        await call.answered(5)
        await until(lambda: call.uniqueid != first, 5)
        assert (call.channel or "").startswith("PJSIP/eve-")
        assert call.state is CallState.ANSWERED
        eve.hang_up()
        end = await call.ended(5)
        assert (end.reason, end.by_us, end.talked > 0) == (EndReason.ANSWERED, False, True)


async def test_attended_transfers_into_an_application(asterisk: RealAsterisk, mgr: Manager) -> None:
    """Behind a transfer into a conference, a queue or a lot, all is where the server lists it, though no event tells who is in the room."""
    async with Phones(asterisk, mgr) as phones, Live(mgr, parts=PARTS) as live:
        ada, bob, eve = phones["ada"], phones["bob"], phones["eve"]
        for priority, application, data in (("1", "Answer", ""), ("2", "Queue", "sales")):
            step = actions.DialplanExtensionAdd(
                "phones", "waits", priority, application, application_data=data or None, replace=True
            )
            await mgr.send(step)
        for first, second in (("", "room"), ("room", ""), ("", "waits"), ("", "lot"), ("", "menu")):
            eve.call("room")
            await until(lambda: live.conferences, 5)
            legs = []
            for target in (first, second):  # bob talks with ada, or is in an application
                legs.append(bob.call(target or "ada"))
                await legs[-1].until(legs[-1].answered)
            assert await compare(live, mgr) == []
            transferred = mgr.wait_for("AttendedTransfer", timeout=5)
            legs[0].transfer_to(legs[1])
            assert (await transferred).result == "Success", (first, second)
            assert await compare(live, mgr) == [], (first, second)
            await mgr.send(core.Hangup("/^.*/"), check=False)
            await until(lambda: not live.channels, 5)
            ada.incoming = asyncio.Queue()


async def test_a_call_that_is_mixed_natively(asterisk: RealAsterisk, mgr: Manager) -> None:
    """The technology of a bridge between telephones is the one that the server lists, which no event tells."""
    async with Phones(asterisk, mgr) as phones, Live(mgr, parts=PARTS) as live:
        leg = phones["ada"].call("bob")
        await leg.until(leg.answered)

        def technologies() -> list[str]:
            return [each.technology for each in live.bridges.values() if each.type == "basic"]

        await until(lambda: technologies() == ["native_rtp"], 10)
        assert await compare(live, mgr) == []
        leg.hang_up()
        await until(lambda: not technologies(), 5)
