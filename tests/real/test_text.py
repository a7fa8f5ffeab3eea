"""Bytes that are no text, on real servers: they come and go as they are, names are unescaped, and odd calls are steered."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.helpers import until
from tests.unit.cli.test_cli_top import Screen

from aioami import Manager, actions, core, events, live
from aioami.agi import AsyncAGI
from aioami.cli.screen.top import PARTS, Table, Top
from aioami.testing.real import RealAsterisk

ODD = b"x" + bytes(each for each in range(1, 256) if each not in b"\r\n\0 ")
NAME = b"Q\"u O'N \\b ?x J\xfcrgen"
DIALLED = b"Local/12\xe9@odd"
SHOWN = r"Local/12\xe9@odd-"


@pytest.fixture
async def odd(mgr: Manager) -> Manager:
    """A manager, and a dialplan in which any byte may be dialled."""
    for priority, (application, data) in enumerate((("Answer", ""), ("Wait", "600")), 1):
        await mgr.send(
            actions.DialplanExtensionAdd("odd", "_12.", priority, application, application_data=data, replace=True)
        )
    return mgr


async def dial_odd(mgr: Manager) -> None:
    """Place a call whose channels have an odd byte in their own names, in that of the caller and in one's id."""
    reply = await mgr.send(
        core.Originate_Application(
            *(DIALLED + b"/n", "Wait", ("600",)), callerid=b'"' + NAME + b'" <1\xfc>', channel_id=b"id-\xfc"
        )
    )
    outcome = await reply.outcome(timeout=10)
    assert outcome.success
    assert (outcome.channel or "").startswith(SHOWN)


@pytest.mark.parametrize(
    "options",
    [{}, {"errors": "replace"}, {"errors": "surrogateescape"}, {"encoding": "latin-1"}, {"encoding": "cp1251"}],
)
async def test_bytes_go_there_and_back(asterisk: RealAsterisk, options: dict[str, str]) -> None:
    """Every byte arrives and comes back: as bytes always, and as text where text can be turned back."""
    async with Manager.from_url(asterisk.url, **options) as mgr:
        await mgr.send(actions.DBPut("text", b"k\xfc", ODD))
        (item,) = (await mgr.send(actions.DBGet("text", b"k\xfc"))).events
        assert item.getbytes("Val") == ODD
        assert item.getbytes("Key") == b"k\xfc"
        if options.get("errors") == "surrogateescape" or options.get("encoding") == "latin-1":
            await mgr.send(actions.DBPut("text", item["Key"], item["Val"]))
            (again,) = (await mgr.send(actions.DBGet("text", item["Key"]))).events
            assert again.getbytes("Val") == ODD
        await mgr.send(actions.DBDel("text", b"k\xfc"))


async def test_names_are_unescaped(mgr: Manager) -> None:
    """A channel's names and variables, and the value of VarSet, are as they were set; the mapping is as it came."""
    plain = NAME.replace(b"\xfc", b"u")
    with mgr.events(events.NewCallerid, events.VarSet) as stream:
        outcome = await mgr.send(
            core.Originate_Application("Local/wait@test/n", "Wait", ("600",), variables={"AMITEST": plain})
        )
        channel = (await outcome.outcome(timeout=10)).channel or ""
        await mgr.send(core.Setvar("CALLERID(name)", plain, channel=channel))
        named = set = None
        while named is None or set is None:
            event = await stream.__anext__()
            if isinstance(event, events.NewCallerid) and "Q" in event["CallerIDName"]:
                named = event
            elif isinstance(event, events.VarSet) and event.variable == "AMITEST":
                set = event
    assert named.caller_id_name == set.value == named.chan_variable["AMITEST"] == plain.decode()
    assert named["CallerIDName"] == r"Q\"u O\'N \\b \?x Jurgen"
    listed = next(each for each in (await mgr.send(core.CoreShowChannels())).events if each.channel == channel)
    assert listed.caller_id_name == plain.decode()
    assert (await mgr.send(core.Getvar("CALLERID(name)", channel))).value == plain.decode()


async def test_a_call_with_an_odd_name_is_steered(odd: Manager) -> None:
    """It is shown, redirected and ended by what the live state holds, by its name and by its id."""
    async with live.Live(odd) as state:
        await state.wait_synced(timeout=10)
        for steer in ("uniqueid", "name"):
            await dial_odd(odd)
            await until(lambda: r"id-\xfc" in state.channels)
            channel = state.channels[r"id-\xfc"]
            assert channel.name.startswith(SHOWN)
            await until(
                lambda: state.channels[r"id-\xfc"].caller_id_name or state.channels[r"id-\xfc"].connected_line_name
            )
            await odd.send(core.Redirect(getattr(channel, steer), "elsewhere", "target", 1))
            await until(lambda: state.channels[r"id-\xfc"].context == "elsewhere")
            await odd.send(core.Hangup(getattr(channel, steer)))
            await until(lambda: not state.channels)


async def test_an_interface_with_an_odd_name_is_paused(mgr: Manager) -> None:
    """A member of a queue is named by the bytes that its interface has in the list, as events of queues are UTF-8 alone."""
    await mgr.send(actions.QueueAdd(queue="support", interface=b"Local/\xfc@test", membername=b"M\xfc"))
    async with live.Live(mgr) as state:
        await state.wait_synced(timeout=10)
        member = state.queues["support"].members[r"Local/\xfc@test"]
        await mgr.send(actions.QueuePause(member.interface, True, queue="support"))
        items = (await mgr.send(core.QueueStatus("support"))).events
        (listed,) = [each for each in items if each.getbytes("Location") == b"Local/\xfc@test"]
        assert listed["Paused"] == "1"
        await mgr.send(actions.QueueRemove(queue="support", interface=member.interface))


async def test_a_line_break_in_a_value_is_read_in_one_way(mgr: Manager) -> None:
    """The server ends the value's line with it, and each way to ask for the header says so."""
    reply = await mgr.send(core.Getvar("URIDECODE(one%0Atwo)"))
    assert reply["Value"] == reply.get("value") == reply.value == dict(reply.items())["Value"] == "one"
    assert reply.getall("Value") == [reply.to_dict()["Value"]] == ["one"]
    assert reply.unparsed == ("two",)


async def test_top_shows_and_ends_a_call_with_an_odd_name(odd: Manager) -> None:
    """The screen shows the escape in the channel's own name, and its key ends the call by the bytes."""
    async with live.Live(odd, parts=PARTS) as state:
        await dial_odd(odd)
        await until(lambda: r"id-\xfc" in state.channels)
        top = Top(odd, state, "admin")
        async with top.run_test(size=(150, 45)) as pilot:
            at = Screen(top, state, pilot)
            await at.until(lambda: top.query(Table) and at.shown("channels"))
            assert any(cell.startswith(SHOWN) for row in at.shown("channels") for cell in row)
            while state.channels:
                await at.press("h", "y")
                await pilot.pause(0.1)
        assert not (await odd.send(core.CoreShowChannels())).events


async def test_the_dashboard_shows_transfers_and_ends_a_call_with_an_odd_name(
    asterisk: RealAsterisk, odd: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its service pushes the escape in the channel's own name, and its buttons steer the call by the bytes."""
    httpx2 = pytest.importorskip("httpx2", reason="the dashboard's group is not installed")
    pytest.importorskip("fastapi", reason="the dashboard's group is not installed")
    from examples.dashboard import users
    from examples.dashboard.app import create_server
    from examples.dashboard.settings import ONE, Settings

    monkeypatch.setattr(users, "_COST", {"n": 2**4, "r": 8, "p": 1})  # half a second of the processor otherwise
    known = users.Users({"ada": users.hash_password("a long password")})
    server = create_server(Settings({ONE: asterisk.url}, known, context="elsewhere"), 0)
    serving = asyncio.ensure_future(server._serve())  # without its signal handlers
    await until(lambda: server.started)
    channel = "/api/channels/id-%5Cxfc"
    try:
        async with httpx2.AsyncClient(base_url=server.address, trust_env=False) as client:

            async def states() -> AsyncIterator[dict[str, Any]]:
                while True:
                    async with client.stream("GET", "/api/stream", timeout=20) as stream:
                        async for line in stream.aiter_lines():
                            if line.startswith("data: "):
                                yield json.loads(line[6:])["servers"][ONE]
                                break

            async def shown(condition: Any) -> dict[str, Any]:
                async with contextlib.aclosing(states()) as found:
                    async for state in found:
                        if condition(state):
                            return state
                raise AssertionError

            await client.post("/login", json={"user": "ada", "password": "a long password"})
            client.headers["x-csrf-token"] = (await client.get("/api/session")).json()["csrf"]
            await dial_odd(odd)
            state = await shown(lambda each: r"id-\xfc" in each["channels"])
            assert state["channels"][r"id-\xfc"]["name"].startswith(SHOWN)
            assert (await client.post(f"{channel}/transfer", json={"number": "target"})).status_code == 200
            state = await shown(lambda each: each["channels"][r"id-\xfc"]["context"] == "elsewhere")
            call = state["channels"][r"id-\xfc"]["call"].replace("\\", "%5C")
            assert (await client.post(f"/api/calls/{call}/hangup")).status_code == 200
            await shown(lambda each: not each["channels"])
    finally:
        server.should_exit = True
        await serving
    assert not (await odd.send(core.CoreShowChannels())).events


async def test_a_session_steers_by_the_bytes_of_its_channel(odd: Manager) -> None:
    """A channel whose id and name have odd bytes is answered, read, and hung up by AsyncAGI; its values go back as they came."""
    async with AsyncAGI(odd) as sessions:
        place = core.Originate_Application(
            DIALLED + b"/n", "AGI", ("agi:async", b"\xfc"), channel_id=b"id-\xfc", variables={"ODD": ODD}
        )
        await odd.send(place)
        session = await asyncio.wait_for(anext(sessions), 10)
        assert (session.uniqueid, session.arguments) == (r"id-\xfc", (r"\xfc",))
        await session.answer()
        asked = await session.command("GET VARIABLE", "ODD")
        for value in (await session.get("ODD"), asked.data, await session.evaluate("${ODD}"), ODD):
            assert value is not None
            await session.set("AGAIN", value)
            assert (await odd.send(core.Getvar("AGAIN", channel=session.channel))).getbytes("Value") == ODD
        await session.hang_up()
