"""The lists of parking lots, conferences and PJSIP on the fake server."""

from __future__ import annotations

import pytest
from tests.helpers import until

from aioami import Manager, actions
from aioami.live import Live
from aioami.testing import FakeAsterisk

PHONES = """
[ada]
type = endpoint
aors = ada
auth = ada
[ada]
type = aor
contact = sip:ada@192.0.2.1
[eve]
type = endpoint
[home]
type = registration
server_uri = sip:provider.example
"""


async def test_lots_and_conferences(fake: FakeAsterisk, mgr: Manager) -> None:
    """Lots are listed with their spaces, conferences with those who are in them, and no conference is an empty list."""
    assert (await mgr.send(actions.ConfbridgeListRooms())).events == []
    lots = {item["Name"]: item for item in (await mgr.send(actions.Parkinglots())).events}
    assert (lots["default"]["StartSpace"], lots["default"]["StopSpace"]) == ("701", "720")
    with mgr.events("ConfbridgeJoin") as joined:
        one, two = (fake.incoming("PJSIP/trunk", to="conference@test") for _ in range(2))
        for _ in range(2):
            await joined.__anext__()
    (room,) = (await mgr.send(actions.ConfbridgeListRooms())).events
    assert (room["Conference"], room["Parties"]) == ("room1", "2")
    found = (await mgr.send(actions.ConfbridgeList("room1"))).events
    assert {item["Channel"] for item in found} == {one.channel, two.channel}
    refused = await mgr.send(actions.ConfbridgeList("other"), check=False)
    assert refused.message == "No Conference by that name found."


@pytest.mark.fake_asterisk(files={"pjsip.conf": PHONES})
async def test_telephones(fake: FakeAsterisk, mgr: Manager) -> None:
    """Endpoints are listed as pjsip.conf has them, with the states of their devices; so are registrations."""
    async with Live(mgr, parts=["endpoints", "registrations"]) as live:
        assert live.unavailable == {}
        ada, eve = live.endpoints["PJSIP/ada"], live.endpoints["PJSIP/eve"]
        assert [each.uri for each in ada.contacts] == ["sip:ada@192.0.2.1"]
        assert (ada.state and ada.state.name, eve.state and eve.state.name) == ("NOT_IN_USE", "UNAVAILABLE")
        assert (live.registrations["home"].server, live.registrations["home"].state) == (
            "sip:provider.example",
            "Registered",
        )
    async with Live(mgr, parts=["endpoints"]) as live:
        call = fake.incoming("PJSIP/ada", to="hold@test")
        await call.waits(1)
        await until(lambda: len(live.endpoints["PJSIP/ada"].channels) == 1)


@pytest.mark.fake_asterisk(files={"pjsip.conf": ""})
async def test_no_telephones(fake: FakeAsterisk, mgr: Manager) -> None:
    """Without endpoints the list is empty, as it is for contacts and registrations."""
    for action in (
        actions.PJSIPShowEndpoints(),
        actions.PJSIPShowContacts(),
        actions.PJSIPShowRegistrationsOutbound(),
    ):
        assert (await mgr.send(action)).events == []
