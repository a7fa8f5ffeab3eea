"""What type checkers make of programs that use aioami. Checked, never run."""

from __future__ import annotations

from typing import Union

from typing_extensions import assert_type

from aioami import Action, Event, EventList, EventStream, Manager, Response, core, events
from aioami.responses import CommandReply, GetConfigReply, MailboxCountReply, OriginateReply, PingReply


async def actions(mgr: Manager) -> None:
    pong = await mgr.send(core.Ping())
    assert_type(pong, PingReply)
    assert_type(pong.RTT, float)
    assert_type(await mgr.send(Action("Foo", {"Bar": "1", "Many": ["a", 2], "None": None})), Response)
    assert_type(await mgr.send(core.Command("core show version")), CommandReply)
    assert_type((await mgr.send(core.GetConfig("a.conf"))), GetConfigReply)
    assert_type((await mgr.send(core.MailboxCount("1@default"))), MailboxCountReply)
    call = await mgr.send(core.Originate_Application("Local/1@x", "Wait", ("1",)), timeout=None, check=False)
    assert_type(call, OriginateReply)
    outcome = await call.outcome()
    assert_type(outcome, events.OriginateResponse)
    assert_type(outcome.reason, Union[int, None])
    listed = await mgr.send(core.QueueStatus(), action_id="mine")
    assert_type(listed.events, EventList[Event])
    assert_type(listed["Message"], str)
    assert_type(listed.get("Message"), Union[str, None])
    assert_type(listed.get("Message", ""), str)
    async for item in mgr.stream(core.QueueStatus()):
        assert_type(item, Event)


async def streams(mgr: Manager) -> None:
    assert_type(mgr.events(), EventStream[Event])
    assert_type(mgr.events("Hangup", "Queue*"), EventStream[Event])
    assert_type(mgr.events(events.Hangup, "Queue*"), EventStream[Event])
    with mgr.events(events.Hangup) as one:
        assert_type(one, EventStream[events.Hangup])
        async for hangup in one:
            assert_type(hangup.cause, Union[int, None])
            assert_type(hangup.channel, Union[str, None])
    async with mgr.events(events.Hangup, events.Newchannel, maxsize=None) as two:
        async for event in two:
            assert_type(event, Union[events.Hangup, events.Newchannel])
    three = mgr.events(events.Hangup, events.Newchannel, events.Newstate, where=lambda e: e.channel == "x")
    assert_type(three, EventStream[Union[events.Hangup, events.Newchannel, events.Newstate]])
    five = mgr.events(events.Hangup, events.Newchannel, events.Newstate, events.DialBegin, events.DialEnd)
    assert_type(
        five,
        EventStream[Union[events.Hangup, events.Newchannel, events.Newstate, events.DialBegin, events.DialEnd]],
    )
    assert_type(await mgr.wait_for(events.Hangup, timeout=1), events.Hangup)
    assert_type(await mgr.wait_for("Hangup"), Event)
    mgr.events(core.Hangup)  # type: ignore[type-var]  # pyright: ignore
    await mgr.send("Ping")  # type: ignore[arg-type]  # pyright: ignore
    hangup.caus  # type: ignore[attr-defined]  # pyright: ignore
