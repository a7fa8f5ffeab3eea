"""What type checkers make of programs that use aioami. Checked, never run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Union

import pandas
import polars
from typing_extensions import assert_type

from aioami import (
    Action,
    Event,
    EventList,
    EventStream,
    Fleet,
    Manager,
    ManagerLike,
    Response,
    Subscription,
    connect,
    core,
    enums,
    events,
    notebook,
)
from aioami import actions as catalogue
from aioami.agi import AsyncAGI, DialResult, Digits, FastAGI, Recording, Reply, Routes, Session
from aioami.bus import RemoteManager
from aioami.calls import Application, Call, CallChange, CallEnd, CallTrace, CallTracer, EndReason, NotAnswered
from aioami.fields import Integer
from aioami.fleet import FleetLive, MergedStream, ServerHealth
from aioami.live import Live, LiveChange
from aioami.permissions import Permissions
from aioami.responses import CommandReply, GetConfigReply, MailboxCountReply, OriginateReply, PingReply

QueueItem = Union[events.QueueParams, events.QueueMember, events.QueueEntry]


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
    assert_type(outcome.reason, Union[enums.OriginateReason, None])
    listed = await mgr.send(core.QueueStatus(), action_id="mine")
    assert_type(listed.events, EventList[QueueItem])
    assert_type(listed.completion, Union[events.QueueStatusComplete, None])
    for item in listed.events:
        if isinstance(item, events.QueueMember):
            assert_type(item.status, Union[enums.QueueMemberState, None])
    assert_type(listed["Message"], str)
    assert_type(listed.get("Message"), Union[str, None])
    assert_type(listed.get("Message", ""), str)
    async for item in mgr.stream(core.QueueStatus()):
        assert_type(item, QueueItem)
    async for plain in mgr.stream(Action("QueueStatus")):
        assert_type(plain, Event)
    assert_type((await mgr.send(core.DBGet("family", "key"))).events, EventList[events.DBGetResponse])
    assert_type((await mgr.send(catalogue.GetConfigJSON("a.conf"))).categories, Union[dict[str, dict[str, Any]], None])
    assert_type(listed.events[:2], EventList[QueueItem])
    kick = catalogue.ConfbridgeKick("room", channel="PJSIP/a")
    assert_type(kick.channel, Union[str, bytes])
    catalogue.DBPut("family", b"key", b"\xfc")
    core.Setvar("A", b"\xfc", channel=b"PJSIP/\xfc")
    core.Redirect(b"PJSIP/\xfc", "context", b"\xfc", 1)
    core.UserEvent(UserEvent=b"\xfc")
    catalogue.QueueAdd("PJSIP/a", "sales", penalty="1")  # type: ignore[arg-type]  # pyright: ignore
    catalogue.QueueAdd("PJSIP/a")  # type: ignore[call-arg]  # pyright: ignore
    catalogue.QueueAdd("PJSIP/a", "sales", None, 0, False, "PJSIP/b")  # type: ignore[call-arg]  # pyright: ignore
    core.Ping("x")  # type: ignore[call-arg]  # pyright: ignore
    kick.channel = "PJSIP/b"  # type: ignore[misc]  # pyright: ignore


async def fleets() -> None:
    async with connect("ami://u:s@h", timeout=3) as mgr:
        assert_type(mgr, Manager)
    remote = await connect("nats://bus", server="pbx1")
    assert_type(remote, RemoteManager)
    assert_type(remote.events(events.Hangup, since="oldest").position, str)
    async with Fleet({"pbx1": "ami://u:s@h", "pbx2": Manager()}, wait="any") as fleet, FleetLive(fleet) as lives:
        assert_type(fleet["pbx1"], ManagerLike)
        assert_type(fleet.add("pbx3", mgr), ManagerLike)
        assert_type(fleet.events(events.Hangup), MergedStream[events.Hangup])
        assert_type((await fleet.wait_for(events.Hangup)).server, str)
        assert_type(fleet.on(events.Hangup), Subscription[events.Hangup])
        assert_type(fleet.health(), dict[str, ServerHealth])
        assert_type(lives["pbx1"], Live)
        async for change in lives.changes():
            assert_type(change, LiveChange)
        async for event in fleet.events(events.Hangup, events.DialBegin):
            assert_type(event, Union[events.Hangup, events.DialBegin])


async def notebooks(mgr: Manager) -> None:
    assert_type(Manager(read_only=True).read_only, bool)
    assert_type(core.Ping.reads_only, bool)
    listed = await mgr.send(core.QueueStatus())
    assert_type(listed.events.to_pandas(), pandas.DataFrame)
    assert_type(listed.events.to_polars(attributes=False), polars.DataFrame)
    seen = EventList[events.Hangup]()
    assert_type(await notebook.watch(mgr.events(events.Hangup), seconds=30, columns=("Channel",), into=seen), None)
    await notebook.watch(mgr.events(events.Newchannel), into=seen)  # type: ignore[misc]  # pyright: ignore
    async for item in notebook.progress(mgr.stream(core.QueueStatus()), total=3):
        assert_type(item, QueueItem)
    Manager(read_only="yes")  # type: ignore[arg-type]  # pyright: ignore


async def snapshots(event: events.DialBegin) -> None:
    assert_type(event.dest.channel, Union[str, None])
    assert_type(event.dest.channel_state, Union[enums.ChannelState, None])
    assert_type(event.dest.chan_variable, dict[str, str])
    event.dest.chanel  # type: ignore[attr-defined]  # pyright: ignore


class DoorBell(events.UserEvent, user_event="DoorBell"):
    door = Integer("Door")


async def own_classes(mgr: Manager) -> None:
    ring = await mgr.wait_for(DoorBell)
    assert_type(ring.door, Union[int, None])


async def streams(mgr: Manager) -> None:
    assert_type(mgr.required_permissions(), Permissions)
    assert_type(CallTracer().find("PJSIP/alice"), Union[CallTrace, None])
    assert_type(mgr.events(), EventStream[Event])
    assert_type(mgr.events("Hangup", "Queue*"), EventStream[Event])
    assert_type(mgr.events(events.Hangup, "Queue*"), EventStream[Event])
    with mgr.events(events.Hangup) as one:
        assert_type(one, EventStream[events.Hangup])
        async for hangup in one:
            assert_type(hangup.cause, Union[enums.HangupCause, None])
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


async def callbacks(mgr: Manager) -> None:
    @mgr.on(events.Hangup)
    async def gone(event: events.Hangup) -> None:
        assert_type(event.cause, Union[enums.HangupCause, None])

    await gone(events.Hangup("Event: Hangup"))

    @mgr.on(events.DialBegin, events.DialEnd, where=lambda event: event.dest.channel == "x", maxsize=10)
    def dials(event: Union[events.DialBegin, events.DialEnd]) -> int:
        return len(event)

    assert_type(dials, Callable[[Union[events.DialBegin, events.DialEnd]], int])

    @mgr.on("Queue*", events.Hangup, overflow="drop_newest")
    def named(event: Event) -> None: ...

    assert_type(mgr.on(events.Hangup), Subscription[events.Hangup])
    assert_type(mgr.on("Hangup"), Subscription[Event])
    mgr.on(events.Hangup)(named)
    mgr.on(events.Hangup)(lambda event: event.channel)
    mgr.on(events.Hangup)(partial(print, "gone"))
    mgr.on(events.Hangup)(dials)  # type: ignore[arg-type]  # pyright: ignore
    mgr.on("Hangup")(gone)  # type: ignore[arg-type]  # pyright: ignore
    mgr.on(events.Hangup, where=lambda event: event.caus)  # type: ignore[attr-defined]  # pyright: ignore
    mgr.on(core.Hangup)  # type: ignore[type-var]  # pyright: ignore
    mgr.on(events.Hangup)(None)  # type: ignore[arg-type]  # pyright: ignore
    mgr.on(named)  # type: ignore[call-overload]  # pyright: ignore
    await mgr.on(events.Hangup).wait_closed()


async def sessions(mgr: Manager) -> None:
    routes = Routes()

    @routes.route("menu")
    async def menu(call: Session) -> None:
        assert_type(await call.ask("main-menu", digits=1, timeout=5), Digits)
        assert_type(await call.play("hello", stop="1"), Union[str, None])
        assert_type(await call.record("/tmp/x", silence=3), Recording)
        assert_type(await call.get("A"), Union[str, None])
        assert_type(await call.evaluate("${A}"), str)
        assert_type(await call.exec("Wait", 0.5), int)
        assert_type(await call.dial("PJSIP/alice"), DialResult)
        assert_type(await call.command("NOOP", 1, b"x"), Reply)
        assert_type(call.arguments, tuple[str, ...])
        await call.hang_up(enums.HangupCause.USER_BUSY)
        await call.ask("main-menu")  # type: ignore[call-arg]  # pyright: ignore
        await call.set("A", None)  # type: ignore[arg-type]  # pyright: ignore

    async def returns(call: Session) -> str:
        return call.channel

    def plain(call: Session) -> None: ...

    await menu(Session.__new__(Session))
    async with FastAGI(routes) as server, AsyncAGI(mgr, returns), AsyncAGI(mgr) as calls:
        assert_type(server.port, int)
        async for call in calls:
            assert_type(call, Session)
    FastAGI(plain)  # type: ignore[arg-type]  # pyright: ignore
    FastAGI(returns, on_error="explode")  # type: ignore[arg-type]  # pyright: ignore


async def placing_calls(mgr: Manager, like: ManagerLike) -> None:
    async def program(session: Session) -> str:
        assert_type(session.call, Call)
        return "whatever it returns"

    async with mgr.call("PJSIP/alice", to="100@internal", timeout=20) as call:
        assert_type(call, Call)
        assert_type(await call.answered(), float)
        async for change in call.changes():
            assert_type(change, CallChange)
            assert_type(change.call, Call)
        assert_type(await call.ended(timeout=5), CallEnd)
        assert_type(await call.get("A"), Union[str, None])
    assert_type(await mgr.call(b"PJSIP/alice", to=Application("Queue", "support", 5)), Call)
    assert_type(await like.call("PJSIP/alice", to=program, variables={"A": 1}, codecs=["alaw"]), Call)
    mgr.call("PJSIP/alice", to=Routes())
    try:
        pass
    except NotAnswered as error:
        assert_type(error.end.reason, EndReason)
    mgr.call("PJSIP/alice")  # type: ignore[call-arg]
    mgr.call("PJSIP/alice", to=5)  # type: ignore[arg-type]
