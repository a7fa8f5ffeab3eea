"""The lists of parking lots, conferences and PJSIP on the fake server."""

from __future__ import annotations

import pytest
from tests.helpers import until

from aioami import Action, ActionError, Manager, actions
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
        actions.PJSIPShowAors(),
        actions.PJSIPShowContacts(),
        actions.PJSIPShowRegistrationInboundContactStatuses(),
        actions.PJSIPShowRegistrationsOutbound(),
    ):
        assert (await mgr.send(action)).events == []


@pytest.mark.fake_asterisk(virtual_time=True)
async def test_telephones_register(fake: FakeAsterisk, mgr: Manager) -> None:
    """One that registers is told, is listed as a contact, and gets messages; until then and afterwards it gets none."""
    alice, message = fake.phone("PJSIP/alice"), actions.MessageSend("pjsip:alice", "hello")
    with pytest.raises(ActionError, match="failed to send"):
        await mgr.send(message)
    with mgr.events("PeerStatus", "ContactStatus") as told:
        for _ in range(2):
            alice.register("sip:alice@192.0.2.1:5070")
        assert (await anext(told))["PeerStatus"] == "Reachable"
        assert (await anext(told))["ContactStatus"] == "NonQualified"
    (contact,) = (await mgr.send(actions.PJSIPShowContacts())).events
    assert (contact["Endpoint"], contact["Uri"], contact["ViaPort"]) == ("alice", "sip:alice@192.0.2.1:5070", "5070")
    (detail,) = (await mgr.send(actions.PJSIPShowRegistrationInboundContactStatuses())).events
    assert (detail["AOR"], detail["ViaAddress"]) == ("alice", "192.0.2.1:5070")
    aors = {item["ObjectName"]: item["Contacts"] for item in (await mgr.send(actions.PJSIPShowAors())).events}
    assert aors["alice"] == "alice/sip:alice@192.0.2.1:5070"
    await mgr.send(message)
    await mgr.send(actions.MessageSend("pjsip:alice", base64_body=b"two\nlines"))
    assert alice.messages == ["hello", "two\nlines"]
    assert not (await mgr.send(Action("MessageSend", To="pjsip:alice", Base64Body="a"), check=False)).success
    with mgr.events("PeerStatus", "ContactStatus") as told:
        alice.unregister()
        alice.unregister()
        assert (await anext(told))["PeerStatus"] == "Unreachable"
        assert (await anext(told))["ContactStatus"] == "Removed"
    assert (await mgr.send(actions.PJSIPShowContacts())).events == []
    with pytest.raises(ActionError, match="failed to send"):
        await mgr.send(message)


async def test_only_telephones_of_pjsip_register(fake: FakeAsterisk) -> None:
    """A telephone that has no address of record in pjsip.conf cannot register, and the error says so."""
    with pytest.raises(ValueError, match="SIP/trunk: only PJSIP"):
        fake.phone("SIP/trunk").register()
    with pytest.raises(ValueError, match="PJSIP/nobody: pjsip.conf has no such endpoint"):
        fake.phone("PJSIP/nobody").register()
