"""Calls between telephones on a real server, as the live state and the tracer tell of them, and as CEL does."""

from __future__ import annotations

from tests.helpers import until
from tests.live_calls import STORIES, play
from tests.phones import Phones

from aioami import Manager
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
