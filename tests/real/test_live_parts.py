"""The further parts of the live state on real servers: hints, parking, conferences, mailboxes, endpoints, registrations."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Iterator

import async_timeout
import pytest
from tests.helpers import until
from tests.live_operations import PARTS, compare
from tests.soak.load import Keeper

from aioami import Action, Backoff, Manager, actions, core
from aioami.enums import DeviceState, ExtensionState
from aioami.live import Live
from aioami.testing.real import RealAsterisk

REGISTRATION = """
[upstream]
type = registration
transport = udp
server_uri = sip:127.0.0.1:{0}
client_uri = sip:me@127.0.0.1:{0}
max_random_initial_delay = 0
retry_interval = 1
forbidden_retry_interval = 1
"""


class Phone(asyncio.DatagramProtocol):
    """Registers at the server, answers its questions, and is a registrar for it."""

    def __init__(self) -> None:
        self.answer = "200 OK"
        self.answers: asyncio.Queue[str] = asyncio.Queue()
        self.messages: list[str] = []

    @classmethod
    async def open(cls, port: int) -> Phone:
        phone: Phone
        loop = asyncio.get_running_loop()
        _, phone = await loop.create_datagram_endpoint(cls, local_addr=("127.0.0.1", port))
        return phone

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        text = data.decode()
        if text.startswith("SIP/2.0 "):
            self.answers.put_nowait(text)
            return
        if text.startswith("MESSAGE"):
            self.messages.append(text)
        if text.startswith("INVITE"):
            return  # it rings for ever
        code = self.answer if text.startswith("REGISTER") else "200 OK"
        kept = [
            line for line in text.split("\r\n") if re.match("(via|from|to|call-id|cseq|contact):", line, re.IGNORECASE)
        ]
        if text.startswith("REGISTER") and code.startswith("200"):
            kept.append("Expires: 60")
        lines = [f"SIP/2.0 {code}", *kept, "Content-Length: 0", "", ""]
        self.transport.sendto("\r\n".join(lines).encode(), address)

    async def register(self, port: int, expires: int) -> None:
        """Register as alice, or end that."""
        own = self.transport.get_extra_info("sockname")[1]
        uri, authorization = f"sip:127.0.0.1:{port}", ""
        for number in (1, 2):
            lines = [
                f"REGISTER {uri} SIP/2.0",
                f"Via: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bK{expires}{number}",
                f"From: <sip:alice@127.0.0.1>;tag={expires}",
                "To: <sip:alice@127.0.0.1>",
                f"Call-ID: {own}-{expires}",
                f"CSeq: {number} REGISTER",
                f"Contact: <sip:alice@127.0.0.1:{own}>",
                f"Expires: {expires}",
                *([authorization] if authorization else []),
                "Max-Forwards: 70",
                "Content-Length: 0",
            ]
            self.transport.sendto("\r\n".join([*lines, "", ""]).encode(), ("127.0.0.1", port))
            async with async_timeout.timeout(5):
                answer = await self.answers.get()
            if answer.startswith("SIP/2.0 200"):
                return
            asked = dict(re.findall(r'(\w+)="([^"]*)"', answer))
            first = hashlib.md5(f"alice:{asked['realm']}:s3cret".encode()).hexdigest()
            second = hashlib.md5(f"REGISTER:{uri}".encode()).hexdigest()
            reply = f"{first}:{asked['nonce']}:00000001:c:auth:{second}"
            authorization = (
                f'Authorization: Digest username="alice", realm="{asked["realm"]}", nonce="{asked["nonce"]}", uri="{uri}", '
                f'response="{hashlib.md5(reply.encode()).hexdigest()}", cnonce="c", nc=00000001, qop=auth, algorithm=MD5'
            )
            if "opaque" in asked:
                authorization += f', opaque="{asked["opaque"]}"'
        raise AssertionError(answer)


@pytest.fixture(scope="module")
def keeper(real_asterisk: RealAsterisk, unused_udp_port_factory: object) -> Iterator[Keeper]:
    """A private server for this file, which registers at a port of this machine, and asks its telephones."""
    server = RealAsterisk(real_asterisk.installation)
    server.configure()
    pjsip = server.directory / "etc/pjsip.conf"
    port = unused_udp_port_factory()  # type: ignore[operator]
    text = pjsip.read_text().replace("max_contacts = 2", "max_contacts = 2\nqualify_frequency = 1")
    pjsip.write_text(text + REGISTRATION.format(port))
    with Keeper(server) as running:
        running.registrar = port  # type: ignore[attr-defined]
        yield running


@pytest.fixture
async def mgr(keeper: Keeper) -> AsyncIterator[Manager]:
    async with Manager.from_url(keeper.server.url, reconnect=Backoff(first=0.05)) as manager:
        yield manager
        await manager.send(core.Hangup("/^.*/"), check=False)


@pytest.fixture
async def live(mgr: Manager) -> AsyncIterator[Live]:
    async with Live(mgr, parts=PARTS) as entered:
        assert not entered.unavailable
        yield entered


async def place(mgr: Manager, application: str, data: str) -> str:
    action = core.Originate_Application("Local/wait@test/n", application, (data,))
    return (await (await mgr.send(action)).outcome(timeout=10)).channel or ""


async def test_hints(mgr: Manager, live: Live) -> None:
    """The state of an extension follows its device; a hint that is added or removed is seen."""
    assert live.hints["peer@test"].device == "SIP/alice&PJSIP/alice"
    for state, seen in (
        ("INUSE", ExtensionState.IN_USE),
        ("RINGING", ExtensionState.RINGING),
        ("NOT_INUSE", ExtensionState.IDLE),
    ):
        await mgr.send(core.Setvar("DEVICE_STATE(Custom:wait)", state))
        await until(lambda seen=seen: live.hints["wait@test"].state is seen)  # type: ignore[misc]
    await mgr.send(actions.DialplanExtensionAdd("test", "more", "hint", "Custom:wait"))
    await until(lambda: "more@test" in live.hints)
    await mgr.send(actions.DialplanExtensionRemove("test", "more"))
    await until(lambda: "more@test" not in live.hints)
    assert await compare(live, mgr) == []


async def test_parking(mgr: Manager, live: Live) -> None:
    """A parked call is in its place until it is fetched, gives up, or its time is over."""
    assert set(live.parking) == {"default", "second"}
    first = await place(mgr, "Park", "default")
    await until(lambda: live.parking["default"].calls)
    second = await place(mgr, "Park", "default")
    await until(lambda: len(live.parking["default"].calls) == 2)
    assert [(each.space, each.channel) for each in live.parking["default"].calls] == [("701", first), ("702", second)]
    short = await place(mgr, "Park", "second")
    await until(lambda: live.parking["second"].calls)
    assert live.parking["second"].calls[0].channel == short
    assert live.channels[live.parking["second"].calls[0].uniqueid].name == short
    assert await compare(live, mgr) == []
    async with Live(mgr, parts=["parking"]) as listed:
        assert listed.parking["default"].calls[0].since == pytest.approx(
            live.parking["default"].calls[0].since, abs=1.5
        )
    await mgr.send(core.Hangup(first))
    await until(lambda: [each.channel for each in live.parking["default"].calls] == [second])
    await place(mgr, "ParkedCall", "default,702")
    await until(lambda: not live.parking["default"].calls)
    await until(lambda: not live.parking["second"].calls)
    assert await compare(live, mgr) == []


async def test_ways_out_of_a_lot(mgr: Manager, live: Live) -> None:
    """A parked call that is bridged, sent elsewhere, parked anew or hung up is parked no more, and no list is asked for that."""

    def parked_in(lot: str) -> list[str]:
        return [each.channel for each in live.parking[lot].calls]

    sent: list[str] = []
    forget = mgr.observe_actions(lambda action: sent.append(action.name))
    others = [await place(mgr, "Wait", "60") for _ in range(3)]
    parked = []
    for _ in range(6):  # one after the other, so that their spaces are in this order
        parked.append(await place(mgr, "Park", "default"))
        await until(lambda: parked_in("default") == parked)
    # First, and waited for at once: in this lot a call stays for two seconds.
    await mgr.send(Action("Park", {"Channel": parked[3], "TimeoutChannel": others[2], "Parkinglot": "second"}))
    await until(lambda: parked_in("second") == [parked[3]])
    for action in (
        core.Bridge(parked[0], others[0]),
        core.Bridge(others[1], parked[1]),
        core.Redirect(parked[2], "test", "conference", 1),
        core.Hangup(parked[4]),
    ):
        await mgr.send(action)
    await until(lambda: parked_in("default") == parked[5:])
    await asyncio.sleep(0.3)  # in which what is in doubt would have been asked about
    forget()
    assert "ParkedCalls" not in sent
    assert await compare(live, mgr) == []


async def test_conferences(mgr: Manager, live: Live) -> None:
    """Who takes part, who is muted and if it is locked is seen; a conference without participants is not there."""
    came = []
    for number in range(3):
        came.append(await place(mgr, "ConfBridge", "room1"))
        await until(lambda: "room1" in live.conferences)
        await until(lambda number=number: len(live.conferences["room1"].participants) == number + 1)  # type: ignore[misc]
    assert [each.channel for each in live.conferences["room1"].participants] == came
    await until(lambda: live.conferences["room1"].locked is False)
    await mgr.send(actions.ConfbridgeMute("room1", came[1]))
    await until(lambda: [each.muted for each in live.conferences["room1"].participants] == [False, True, False])
    await mgr.send(actions.ConfbridgeLock("room1"))
    assert not live.synced
    await live.wait_synced(5)
    assert live.conferences["room1"].locked
    assert await compare(live, mgr) == []
    await mgr.send(actions.ConfbridgeKick("room1", came[0]))
    await until(lambda: [each.channel for each in live.conferences["room1"].participants] == came[1:])
    await mgr.send(core.Hangup("/^.*/"), check=False)
    await until(lambda: not live.conferences)
    assert await compare(live, mgr) == []


async def test_mailboxes(keeper: Keeper, mgr: Manager, live: Live) -> None:
    """A message in a mailbox is counted, and when it was heard."""
    assert (live.mailboxes["1234@default"].new, live.mailboxes["1235@default"].old) == (0, 0)
    folder = keeper.server.directory / "spool/voicemail/default/1234"
    for name in ("INBOX", "Old"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for sign in ("txt", "wav"):
        (folder / f"INBOX/msg0000.{sign}").write_text("[message]\norigtime=1\nduration=3\n")
    await mgr.send(actions.VoicemailRefresh(context="default", mailbox="1234"))
    await until(lambda: live.mailboxes["1234@default"].new == 1)
    assert await compare(live, mgr) == []
    for sign in ("txt", "wav"):
        (folder / f"INBOX/msg0000.{sign}").rename(folder / f"Old/msg0000.{sign}")
    await mgr.send(actions.VoicemailRefresh(context="default", mailbox="1234"))
    await until(lambda: live.mailboxes["1234@default"].old == 1)
    assert live.mailboxes["1234@default"].new == 0
    assert await compare(live, mgr) == []


async def test_endpoints(keeper: Keeper, mgr: Manager, live: Live) -> None:
    """A telephone that registers, answers, is called, and goes is seen, with how long its answer takes."""
    (static,) = live.endpoints["PJSIP/agent1"].contacts
    assert (static.uri.startswith("sip:agent1@"), static.reachable) == (True, None)
    assert (live.endpoints["PJSIP/alice"].state, live.endpoints["PJSIP/alice"].contacts) == (
        DeviceState.UNAVAILABLE,
        (),
    )
    config = (keeper.server.directory / "etc/pjsip.conf").read_text()
    port = int(re.findall(r"bind = 127.0.0.1:(\d+)", config)[0])
    phone = await Phone.open(0)
    try:
        await phone.register(port, 60)
        await until(lambda: live.endpoints["PJSIP/alice"].contacts)
        await until(lambda: live.endpoints["PJSIP/alice"].contacts[0].reachable)
        (contact,) = live.endpoints["PJSIP/alice"].contacts
        assert contact.uri.startswith("sip:alice@127.0.0.1:")
        assert contact.round_trip is not None
        assert 0 < contact.round_trip < 5
        await until(lambda: live.endpoints["PJSIP/alice"].state is DeviceState.NOT_IN_USE)
        assert await compare(live, mgr) == []
        await mgr.send(core.Originate_Application("PJSIP/alice", "Wait", ("60",)))
        await until(lambda: live.endpoints["PJSIP/alice"].channels)
        (uniqueid,) = live.endpoints["PJSIP/alice"].channels
        assert live.channels[uniqueid].name.startswith("PJSIP/alice-")
        async with Live(mgr, parts=["endpoints"]) as listed:
            assert listed.endpoints["PJSIP/alice"].channels == (uniqueid,)
            (again,) = listed.endpoints["PJSIP/alice"].contacts
            assert (again.uri, again.reachable) == (contact.uri, True)
        await mgr.send(core.Hangup("/^.*/"), check=False)
        await until(lambda: not live.endpoints["PJSIP/alice"].channels)
        await phone.register(port, 0)
        await until(lambda: not live.endpoints["PJSIP/alice"].contacts)
        await until(lambda: live.endpoints["PJSIP/alice"].state is DeviceState.UNAVAILABLE)
        assert await compare(live, mgr) == []
    finally:
        phone.transport.close()


async def test_registrations(keeper: Keeper, mgr: Manager, live: Live) -> None:
    """A registration of the server's own is refused, accepted and ended, in the words of the list."""
    registrar = await Phone.open(keeper.registrar)  # type: ignore[attr-defined]
    try:
        registration = live.registrations["upstream"]
        assert (registration.server, registration.client) == (
            f"sip:127.0.0.1:{keeper.registrar}",  # type: ignore[attr-defined]
            f"sip:me@127.0.0.1:{keeper.registrar}",  # type: ignore[attr-defined]
        )
        await mgr.send(actions.PJSIPRegister("upstream"))
        await until(lambda: live.registrations["upstream"].state == "Registered")
        registrar.answer = "403 Forbidden"
        await mgr.send(actions.PJSIPRegister("upstream"))
        await until(lambda: live.registrations["upstream"].state == "Rejected")
        registrar.answer = "200 OK"
        await until(lambda: live.registrations["upstream"].state == "Registered")
        await live.refresh("registrations")
        assert live.registrations["upstream"].state == "Registered"
    finally:
        registrar.transport.close()


async def test_rights(keeper: Keeper) -> None:
    """Who may write nothing is told for each part which class is missing."""
    server = keeper.server
    async with Manager(server.host, server.port, "readonly", "s3cret") as mgr, Live(mgr, parts=PARTS) as live:
        assert set(live.unavailable) == {*PARTS} - {"queues"}
        assert all(" to write in manager.conf" in each for each in live.unavailable.values())
        assert "support" in live.queues
