"""Text between the bus and a program: what is no UTF-8 is shown as an escape there too, and whoever may write on the bus changes nothing of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging

import pytest
from tests.helpers import until
from tests.unit.bus.office import Office
from tests.unit.client.test_text_of_all import ODD, OF_THE_BUS, Walk, lone, odd_call, public_classes

from aioami import Action, Fleet, ManagerError, actions, connect, core, live
from aioami.bus import Discovery
from aioami.bus.connection import BusConnection
from aioami.bus.format import (
    RELAYS,
    Epoch,
    Failure,
    Gap,
    Heartbeat,
    Mark,
    Status,
    escape,
)
from aioami.bus.relay import Relay, ServerOptions
from aioami.bus.watching import metrics_of
from aioami.fleet import FleetLive

HALF = "J\udcfc \ud800"  # as JSON has it


async def test_by_default_no_text_from_the_bus_has_half_a_character(
    place: Office, stranger: BusConnection, caplog: pytest.LogCaptureFixture
) -> None:
    """Remote managers, their fleet, its events and live states, refusals of the relay, the relay itself, and all logs."""
    caplog.set_level(logging.DEBUG)
    walk = Walk()
    place.fake.exchange.talk_seconds = None
    place.fake.phone("PJSIP/\udcfc12")
    async with contextlib.AsyncExitStack() as stack:
        relay = await stack.enter_async_context(place.relay(read_only=False))
        await until(lambda: relay.is_ready)
        fleet = await stack.enter_async_context(Fleet(place.bus.url))
        mgr = fleet[place.name]
        await mgr.wait_ready(20)
        lives = await stack.enter_async_context(FleetLive(fleet))
        state: live.Live = lives[place.name]
        told, changes = fleet.events(maxsize=None), lives.changes()
        await odd_call(mgr)  # type: ignore[arg-type]
        await mgr.send(actions.DBPut(b"f\xfc", b"k\xfc", ODD))
        replies = [
            await mgr.send(each, check=False)
            for each in (
                core.CoreShowChannels(),
                core.QueueStatus(),
                actions.DBGet(b"f\xfc", b"k\xfc"),
                core.Command(b"core show \xfc"),
                Action(b"N\xfc", {b"K\xfc": ODD}),
            )
        ]
        assert replies[2].events[0].getbytes("Val") == ODD
        refused = []
        for each in (core.Hangup(b"PJSIP/\xfc-none"), Action(b"Log\xfcin"), Action(b"N\xfc")):
            with pytest.raises(ManagerError) as caught:
                await mgr.send(each)
            refused.append(caught.value)
        await place.fake.send_event("UserEvent", {"UserEvent": ODD, "K\udcff": ODD})
        await place.fake.send_event("Od\udcfcd", {"K": "1"})
        # Others who may write there.
        beat = Heartbeat(HALF, "standby", 0, HALF, 0)
        await stranger.publish(f"{RELAYS}.=fc", beat.encode(), {})
        await stranger.publish(f"{RELAYS}.{escape('other')}", beat.encode(), {})
        await until(lambda: "other" in fleet.servers)
        await until(lambda: state.channels)
        found = [await asyncio.wait_for(anext(told), 10)]
        while found[-1].name != "Od\\xfcd":
            found.append(await asyncio.wait_for(anext(told), 10))
        walk.look([found, replies, refused, told, await anext(changes)], "seen")
        walk.look([mgr.events(), Discovery(place.bus.url)], "of the bus")
        walk.look([mgr, mgr.view, mgr.statistics(), mgr.view.permissions, mgr.view.filters], "manager")
        walk.look([fleet, fleet.servers, fleet.health(), fleet.statistics(), lives], "fleet")
        walk.look([state.channels, state.calls(), state.queues, state], "live")
        walk.look([relay, relay.status(), metrics_of(relay)], "relay")
    walk.look([record.getMessage() for record in caplog.records], "logs")
    assert not walk.wrong
    assert {name for cls, name in public_classes().items() if cls in walk.classes} >= OF_THE_BUS
    assert any(r"\xfc" in repr(each) for each in found)
    assert walk.texts > 1000
    json.dumps([each.to_dict(typed=True, attributes=True) for each in found], ensure_ascii=False, default=str).encode()


async def test_a_relay_refuses_in_text(place: Office) -> None:
    """Its sentence shows an odd byte of the action's name or of a header as any message does."""
    for options in ({"allow": ("ping",)}, {"read_only": True}):
        async with place.relay(**options) as relay, place.remote() as mgr:
            await until(lambda relay=relay: relay.is_ready)
            await mgr.wait_ready(20)
            with pytest.raises(ManagerError, match=r"N\\xfc was refused: this relay") as caught:
                await mgr.send(Action(b"N\xfc", {b"K\xfc": b"\xfc"}))
            assert not lone(str(caught.value))


@pytest.mark.parametrize(
    "record",
    [
        Epoch(HALF),
        Mark(HALF),
        Gap(HALF, None, 1, None, HALF),
        Status(HALF, 1, HALF, HALF, HALF, (HALF,), (((HALF, HALF),),), {HALF: [HALF]}, allow=(HALF,)),
        Failure(HALF, HALF, False),
        Heartbeat(HALF, HALF, 1, HALF, 1),
    ],
)
def test_a_record_of_others_has_no_half_character(record: Epoch) -> None:
    """Half of a surrogate pair in its JSON, which JSON can have, is shown as an escape."""
    read = type(record).parse(record.encode())
    walk = Walk()
    walk.look(read, "record")
    assert not walk.wrong
    assert walk.texts > 1


def test_a_name_of_a_server_is_text() -> None:
    """A relay's options, a manager and a fleet refuse one with an odd byte, and a position of one is none."""
    for make in (
        lambda: ServerOptions("pbx\udcfc", "ami://h"),
        lambda: Relay([ServerOptions("\ud800", "ami://h")], "nats://h"),
        lambda: connect("nats://h", server="pbx\udcfc"),
    ):
        with pytest.raises(ValueError, match="half of a surrogate pair is no character") as caught:
            make()
        assert not lone(str(caught.value))


async def test_a_relay_puts_no_secret_of_its_login_on_the_bus(place: Office) -> None:
    """A server that repeats it in a refusal is passed on without it, and with all else as it was."""
    said = {"Response": "Error", "Message": "neither s3cret nor J\udcfc nor hush-hush"}
    place.fake.reply_to("Setvar", said)
    async with place.relay() as relay, place.remote() as mgr:
        await until(lambda: relay.is_ready)
        await mgr.wait_ready(20)
        reply = await mgr.send(core.Setvar("PIN", "hush-hush", "PJSIP/x"), check=False)
        assert reply.getbytes("Message") == b"neither *** nor J\xfc nor hush-hush"
        with pytest.raises(ManagerError, match=r"neither \*\*\* nor J\\xfc nor \*\*\*"):
            await mgr.send(core.Setvar("PIN", "hush-hush", "PJSIP/x"))
