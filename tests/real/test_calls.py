"""Calls of real servers, put together from their events: which are one, who talks to whom, and whose they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from aioami import Manager, core, events
from aioami.calls import CALL_EVENTS, CallTracer

Place = Callable[..., Awaitable[str]]


async def traced(mgr: Manager, tracer: CallTracer, stream: object, until: str, count: int) -> None:
    """Let a tracer take the events, until so many of a name came."""
    found = 0
    async for event in stream:  # type: ignore[attr-defined]
        tracer.take(event, 0.0)
        found += event.name == until
        if found == count:
            return


@pytest.mark.parametrize("first", [0, 1])
async def test_two_calls_that_are_bridged(mgr: Manager, place: Place, first: int) -> None:
    """Two calls that an action bridges are one from then on, and talk to each other, whichever of the two is named first."""
    tracer = CallTracer()
    with mgr.events(*CALL_EVENTS) as stream:
        ends = [await place("wait"), await place("wait")]
        await mgr.send(core.Bridge(ends[first], ends[1 - first]))
        await traced(mgr, tracer, stream, "BridgeEnter", 2)
    (call,) = tracer.calls()
    assert len(call.channels) == 4
    assert call.steps[-1].kind == "bridge"
    assert " and talks to " in call.steps[-1].text
    assert {call.steps[-1].channel, *call.steps[-1].others} == {
        each.uniqueid for each in call.channels if each.name in ends
    }


async def test_two_calls_in_a_conference(mgr: Manager, place: Place) -> None:
    """Two calls that meet in a conference stay two."""
    tracer = CallTracer()
    with mgr.events(*CALL_EVENTS) as stream:
        await place("conference")
        await place("conference")
        await traced(mgr, tracer, stream, "BridgeEnter", 2)
    assert len(tracer) == 2
    assert not any(" talks to " in step.text for call in tracer.calls() for step in call.steps)


async def test_a_caller_id_that_is_set(mgr: Manager, place: Place) -> None:
    """The caller id of a channel is the one that is set a moment after it was made."""
    tracer = CallTracer()
    with mgr.events(*CALL_EVENTS) as stream:
        channel = await place("wait", callerid='"Ada" <555>')
        await mgr.send(core.Setvar("CALLERID(all)", '"Eve" <556>', channel))
        set_to = mgr.wait_for(events.NewCallerid, timeout=5, where=lambda event: event["CallerIDNum"] == "557")
        await mgr.send(core.Setvar("CALLERID(num)", "557", channel))
        await set_to
        while stream.pending:
            tracer.take(await stream.__anext__(), 0.0)
    found = tracer.find(channel)
    assert found is not None
    (caller,) = [each.caller for each in found.channels if each.name == channel]
    assert caller == '"Eve" <557>'
