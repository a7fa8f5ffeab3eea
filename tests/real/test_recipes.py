"""The recipes of the documentation do on real servers what the page says of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest
from tests.real.test_live_parts import Phone

from aioami import ActionError, Manager, core, events
from aioami.calls import Application
from aioami.testing.real import RealAsterisk

PAGE = Path(__file__).parents[2] / "docs/guide/recipes.md"


class Place(Protocol):
    async def __call__(self, extension: str = "wait", **options: object) -> str: ...


@pytest.fixture(scope="module")
def recipe() -> Callable[[str], Any]:
    """A recipe by its name."""
    namespace: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE):
        if "asyncio.run(" not in block:
            exec(compile(block, str(PAGE), "exec", dont_inherit=True), namespace)
    return namespace.__getitem__


async def test_click_to_call_tells_of_both_legs(mgr: Manager, recipe: Callable[[str], Any]) -> None:
    """It says whether the two talk, whether the second was not reached, and whether the first one did not pick up."""
    click_to_call = recipe("click_to_call")
    phone = "Local/wait@test/n"
    assert await click_to_call(mgr, phone, "Local/wait@test") == f"{phone} talks with Local/wait@test"
    assert await click_to_call(mgr, phone, "Local/busy@test") == "Local/busy@test was not reached"
    assert await click_to_call(mgr, phone, "PJSIP/alice") == "PJSIP/alice was not reached"
    assert (
        await click_to_call(mgr, "Local/busy@test/n", "Local/short@test") == "Local/busy@test/n did not pick up: busy"
    )
    await mgr.send(core.Hangup("/.*/"), check=False)


async def test_a_call_is_followed_to_its_end(mgr: Manager, recipe: Callable[[str], Any]) -> None:
    """It ends with the call, and also where no channel could be made."""
    follow_call = recipe("follow_call")
    assert await recipe("place_call")(mgr) == "not answered: no such channel"  # nobody is registered as alice
    assert await follow_call(mgr, "Local/short@test/n") == "answered"
    assert await follow_call(mgr, "PJSIP/alice") == "no such channel"


async def test_a_call_has_its_record(mgr: Manager, recipe: Callable[[str], Any]) -> None:
    """The record of that very call comes, and says how it ended."""
    answered = await recipe("recorded_call")(mgr, "Local/short@test/n")
    assert (answered.disposition, answered.last_application, answered.answer_time is not None) == (
        "ANSWERED",
        "Playback",
        True,
    )
    busy = await recipe("recorded_call")(mgr, "Local/busy@test/n")
    assert (busy.disposition, busy.answer_time) == ("BUSY", None)


async def test_conferences_are_listed_and_left(mgr: Manager, recipe: Callable[[str], Any]) -> None:
    """Who is in one is listed, can be muted, and is out after a kick."""
    with mgr.events(events.ConfbridgeJoin, events.ConfbridgeMute, events.ConfbridgeLeave) as told:
        call = mgr.call("Local/wait@test/n", to=Application("ConfBridge", "recipes"))
        async with call as placed:
            joined = await asyncio.wait_for(anext(told), 5)
            assert await recipe("who_is_in")(mgr) == {"recipes": [joined.channel]}
            await recipe("mute")(mgr, "recipes", joined.channel)
            assert isinstance(await asyncio.wait_for(anext(told), 5), events.ConfbridgeMute)
            await recipe("kick")(mgr, "recipes", joined.channel)
            await placed.ended(5)
    assert await recipe("who_is_in")(mgr) == {}


async def test_channels_are_listed_sent_elsewhere_and_hung_up(
    mgr: Manager, place: Place, recipe: Callable[[str], Any]
) -> None:
    """A call is listed once; one of its channels goes on elsewhere, and a pattern hangs both up."""
    channel = await place()
    [line] = await recipe("who_talks")(mgr)
    assert ": " in line
    with mgr.events(events.Newexten, where=lambda event: event.context == "elsewhere") as steps:
        await recipe("send_elsewhere")(mgr, channel, "target", "elsewhere")
        assert (await asyncio.wait_for(anext(steps), 5)).extension == "target"
    gone = mgr.wait_for(events.Hangup, where=lambda event: event.channel == channel, timeout=5)
    await recipe("hang_up")(mgr, "Local/wait@test")
    await gone


async def test_a_transfer_takes_the_other_side_along(mgr: Manager, recipe: Callable[[str], Any]) -> None:
    """Who talks to a channel goes on elsewhere."""
    with mgr.events(events.BridgeEnter, where=lambda event: event.bridge_num_channels == 2) as bridged:
        order = core.Originate_Application("Local/wait@test/n", "Dial", ("Local/wait@test/n", 20))
        await (await mgr.send(order)).outcome()
        answered = await asyncio.wait_for(anext(bridged), 5)
    with mgr.events(events.Newexten, where=lambda event: event.context == "elsewhere") as steps:
        await recipe("blind_transfer")(mgr, answered.channel, "target", "elsewhere")
        assert (await asyncio.wait_for(anext(steps), 5)).extension == "target"


async def test_one_asks_back_and_connects_the_others(mgr: Manager, recipe: Callable[[str], Any]) -> None:
    """Who was called and who was asked talk with each other once the one in the middle hangs up."""
    order = core.Originate_Application("Local/music@test/n", "Dial", ("Local/wait@test/n", 20, "T"))
    with mgr.events(events.BridgeEnter, where=lambda event: event.channel.startswith("Local/music")) as met:
        await mgr.send(order)
        channel = (await asyncio.wait_for(anext(met), 5)).channel
    await recipe("ask_back")(mgr, channel, "100", "elsewhere")
    assert await recipe("connect")(mgr, channel)


async def test_a_call_is_parked_and_fetched(mgr: Manager, place: Place, recipe: Callable[[str], Any]) -> None:
    """The number that parking returns is the one where the call is fetched."""
    space = await recipe("park")(mgr, await place(), "Local/wait@test")
    fetched = mgr.wait_for(events.UnParkedCall, timeout=5)
    await recipe("fetch")(mgr, "Local/wait@test", space)
    assert (await fetched).parking_space == space


async def test_a_channel_has_variables_and_is_recorded(
    mgr: Manager, place: Place, recipe: Callable[[str], Any]
) -> None:
    """Functions are set as variables are, and a recording begins and ends."""
    channel = await place()
    assert await recipe("variables")(mgr, channel) == "Ada"
    await recipe("record")(mgr, channel)
    await recipe("stop_recording")(mgr, channel)


async def test_queues_tell_who_waits_and_members_take_breaks(mgr: Manager, recipe: Callable[[str], Any]) -> None:
    """A caller has a place and a time, and a member who takes a break is paused with its reason."""
    joined = mgr.wait_for(events.QueueCallerJoin, timeout=5)
    await mgr.send(core.Originate_Application("Local/hold@test", "Wait", ("60",), callerid='"Ada" <555>'))
    await joined
    [(place, _, seconds)] = await recipe("waiting_now")(mgr, "empty")
    assert place == 1
    assert seconds >= 0
    paused = mgr.wait_for(events.QueueMemberPause, where=lambda event: event.queue == "support", timeout=5)
    await recipe("take_a_break")(mgr, "PJSIP/agent1", "lunch")
    assert (await paused)["PausedReason"] == "lunch"
    await recipe("be_back")(mgr, "PJSIP/agent1")


async def test_the_server_keeps_values_and_does_what_it_is_told(mgr: Manager, recipe: Callable[[str], Any]) -> None:
    """The database, hints, signals, commands and a reload."""
    await mgr.send(core.DBDel("CFU", "100"), check=False)
    assert await recipe("forward_to")(mgr, "100") is None
    await recipe("forward")(mgr, "100", "0123456789")
    assert await recipe("forward_to")(mgr, "100") == "0123456789"
    assert await recipe("is_free")(mgr, "wait", "test")
    assert not await recipe("is_free")(mgr, "peer", "test")  # its telephones are not registered
    assert any("uptime" in line.lower() for line in await recipe("uptime")(mgr))
    opening = asyncio.create_task(recipe("open_door")(mgr, 3))
    await mgr.wait_for(events.UserEvent, where=lambda event: event.user_event == "Open", timeout=5)
    await mgr.send(core.UserEvent(UserEvent="Opened", Door=3, By="Ada"))
    assert await opening == "Ada"
    assert await recipe("reload")(mgr, "app_queue")
    with pytest.raises(ActionError):
        await recipe("reload")(mgr, "app_nothing")


async def test_a_member_is_written_into_the_file(mgr: Manager, recipe: Callable[[str], Any]) -> None:
    """The line stands in the file and the queue has the member; what was changed is put back."""
    try:
        lines = await recipe("add_member")(mgr, "sales", "Local/short@test")
        assert ("member", "Local/short@test") in [(name, value.lstrip(">")) for name, value in lines]
        status = await mgr.send(core.QueueStatus("sales"))
        assert [item.location for item in status.events if isinstance(item, events.QueueMember)] == ["Local/short@test"]
    finally:
        change = ("Delete", "sales", "member", None, "Local/short@test")
        await mgr.send(core.UpdateConfig("queues.conf", "queues.conf", [change], reload="app_queue"))


async def test_a_mailbox_and_many_calls(mgr: Manager, recipe: Callable[[str], Any]) -> None:
    """A mailbox without messages is waited for, and each of many calls has its own outcome."""
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(recipe("watch_mailbox")(mgr, "1234@default"), 0.2)
    devices = ["Local/short@test", "Local/busy@test", "PJSIP/alice"]
    results = await recipe("call_all")(mgr, devices, lines=1, pause=0.01)
    assert list(results) == devices
    assert results["Local/short@test"] == "answered"
    assert results["Local/busy@test"] == "busy"


async def test_values_and_digits_come_back_from_calls(mgr: Manager, place: Place, recipe: Callable[[str], Any]) -> None:
    """A variable that the dialplan sets is heard of, and digits that are played at one end are heard at the other."""
    value_of = recipe("value_of")
    assert await value_of(mgr, "Local/short@test/n", "vars@test", "AMITEST") == "one"
    assert await value_of(mgr, "Local/short@test/n", "wait@test", "AMITEST") is None
    channel = await place()
    hearing = asyncio.create_task(recipe("heard")(mgr, channel.removesuffix("1") + "2"))
    await mgr.send(core.Ping())  # it listens
    await recipe("press")(mgr, channel, "1#")
    assert await asyncio.wait_for(hearing, 5) == "1"


async def test_lamps_follow_their_extensions_and_mailboxes_are_listed(
    mgr: Manager, recipe: Callable[[str], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """The list of hints comes first, then each change; every mailbox of the file is there."""
    assert await recipe("mailboxes")(mgr) == {
        "1234@default": ("Test User", 0, 0),
        "1235@default": ("Second User", 0, 0),
    }
    lines: list[str] = []

    async def shown(line: str) -> None:
        while line not in lines:
            await asyncio.sleep(0.01)
            lines.extend(capsys.readouterr().out.splitlines())

    watching = asyncio.create_task(recipe("lamps")(mgr, "test"))
    try:
        await asyncio.wait_for(shown("peer red"), 5)  # of the list: nobody is registered there
        for state, colour in (("RINGING", "blinking"), ("INUSE", "red"), ("NOT_INUSE", "green")):
            lines.clear()
            await mgr.send(core.Setvar("DEVICE_STATE(Custom:wait)", state))
            await asyncio.wait_for(shown(f"wait {colour}"), 5)
    finally:
        watching.cancel()


async def test_a_phone_registers_and_gets_a_message(
    asterisk: RealAsterisk, mgr: Manager, recipe: Callable[[str], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """It is listed with its address, comes and goes, and gets a text as long as it is there."""
    assert await recipe("registered")(mgr) == {}
    with pytest.raises(ActionError, match="failed to send"):
        await recipe("send_text")(mgr, "alice", "not yet")
    config = (asterisk.directory / "etc/pjsip.conf").read_text()
    port = int(config.partition("bind = 127.0.0.1:")[2].split()[0])

    async def becomes(state: str) -> None:
        while (await recipe("endpoints")(mgr))["alice"] != state:  # a moment after its contact
            await asyncio.sleep(0.01)

    phone = await Phone.open(0)
    watching = asyncio.create_task(recipe("watch_phones")(mgr))
    try:
        with mgr.events(events.ContactStatus) as changes:
            await phone.register(port, 60)
            uri = (await asyncio.wait_for(anext(changes), 5)).uri
            assert await recipe("registered")(mgr) == {"alice": [uri]}
            await asyncio.wait_for(becomes("NOT_IN_USE"), 5)
            await recipe("send_text")(mgr, "alice", "two\nlines")
            await phone.register(port, 0)
            await asyncio.wait_for(anext(changes), 5)
    finally:
        watching.cancel()
        phone.transport.close()
    await asyncio.wait_for(becomes("UNAVAILABLE"), 5)
    assert capsys.readouterr().out.splitlines() == [f"alice NonQualified {uri}", f"alice Removed {uri}"]
    (message,) = phone.messages
    assert message.endswith("\r\n\r\ntwo\nlines")
