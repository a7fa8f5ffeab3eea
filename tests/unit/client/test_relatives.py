"""Servers that are no Asterisk of today: relatives, old ones, proxies, and what is none of them.

They are scripted: none of these servers is tried for real.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.helpers import QUICK, until

from aioami import (
    Action,
    ActionError,
    ConnectionLost,
    Manager,
    ManagerTimeout,
    ProtocolError,
    UnknownAction,
    actions,
    core,
)
from aioami.live import Live
from aioami.wire import other_server

Request = dict[str, str]
Answer = Callable[[Request], bytes]


def text(*messages: str) -> bytes:
    """Messages, each of which is a line with `|` between its headers."""
    return "".join("\r\n".join(message.split("|")) + "\r\n\r\n" for message in messages).encode()


def login(request: Request) -> bytes | None:
    """Answer what every server must answer."""
    known = {
        "challenge": "Response: Success|{}|Challenge: 123456789",
        "login": "Response: Success|{}|Message: Authentication accepted",
        "ping": "Response: Pong|{}",
        "logoff": "Response: Goodbye|{}|Message: Thanks for all the fish.",
    }
    answer = known.get(request["action"].lower())
    return None if answer is None else text(answer.format(f"ActionID: {request['actionid']}"))


class Peer:
    """A server that greets with some bytes, and answers as it is told.

    Attributes:
        requests: the actions that came, with their headers' names in lower case.
    """

    def __init__(self, greeting: bytes, answer: Answer | None) -> None:
        self.requests: list[Request] = []
        self.port = 0
        self._greeting, self._answer = greeting, answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            writer.write(self._greeting)
            while True:
                lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                request = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines) if name}
                self.requests.append(request)
                refused = text(f"Response: Error|ActionID: {request['actionid']}|Message: Invalid/unknown command")
                writer.write((self._answer and self._answer(request)) or login(request) or refused)
        writer.close()

    def names(self) -> list[str]:
        return [request["action"] for request in self.requests]


@contextlib.asynccontextmanager
async def peer(greeting: bytes, answer: Answer | None = None) -> AsyncIterator[Peer]:
    served = Peer(greeting, answer)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await served.serve(reader, writer)
        await writer.wait_closed()
        tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        await until(lambda: not tasks)


def manager(served: Peer, **options: Any) -> Manager:
    return Manager("127.0.0.1", served.port, "u", "s", **{"timeout": 5.0, "reconnect": QUICK, **options})


# Greetings


@pytest.mark.parametrize(
    ("greeting", "version"),
    [
        ("Asterisk Call Manager/1.0", "1.0"),
        ("PBX Call Manager/11.0.0", "11.0.0"),
        ("CallWeaver Call Manager/1.0", "1.0"),
        ("OpenPBX Call Manager/1.0", "1.0"),
        ("Asterisk Manager Proxy/1.0", "1.0"),
        ("Asterisk Call Manager Proxy/1.30", "1.30"),
        ("Téléphonie & Co. Call Manager/2", "2"),
        ("PBX Call Manager", ""),
    ],
)
async def test_a_relative_is_accepted(greeting: str, version: str) -> None:
    """Whoever greets as a call manager is one, whatever its name is and however it counts."""
    async with peer(f"{greeting}\r\n".encode()) as served, manager(served) as mgr:
        assert mgr.version == version
        assert (await mgr.send(core.Ping())).success


OTHERS = {
    "an HTTP server": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "an SSH server": b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "an SMTP server": b"220 mail.example ESMTP Postfix\r\n",
    "an FTP server": b"220 (vsFTPd 3.0.5)\r\n",
    "an SMTP or FTP server": b"220 ready\r\n",
    "an NNTP server": b"200 news.example ready\r\n",
    "an IMAP server": b"* OK [CAPABILITY IMAP4rev1] ready\r\n",
    "a POP3 server": b"+OK ready\r\n",
    "a SIP server": b"SIP/2.0 400 Bad Request\r\n\r\n",
    "an RTSP server": b"RTSP/1.0 400 Bad Request\r\n\r\n",
    "a Redis server": b"-DENIED Redis is running in protected mode\r\n",
    "a MySQL server": b"J\0\0\0\n8.0.36\0\x08\0\0\0",
    "a TLS server": b"\x15\x03\x01\0\x02\x02\x46",
    "an HTTP/2 server": b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64",
    "a Telnet server": b"\xff\xfd\x18\xff\xfd\x20",
    "a PostgreSQL server": b"E\0\0\0\x30SFATAL",
    "a VNC server": b"RFB 003.008\n",
    "an AMQP server": b"AMQP\0\0\x09\x01\n",
    "a NATS server": b'INFO {"server_id":"x"}\r\n',
    "a FreeSWITCH event socket": b"Content-Type: auth/request\n\n",
    "an XMPP server": b"<?xml version='1.0'?>\n",
    "an IRC server": b":irc.example NOTICE AUTH :*** Looking up your hostname\r\n",
    "an rsync server": b"@RSYNCD: 31.0\n",
}


@pytest.mark.parametrize("kind", OTHERS)
async def test_another_protocol_is_refused_at_once_and_named(kind: str) -> None:
    """What plainly is something else ends the connect without waiting, and is named in the error."""
    async with peer(OTHERS[kind]) as served:
        with pytest.raises(ProtocolError, match=f"this is {kind}, and no Asterisk Manager Interface"):
            await asyncio.wait_for(manager(served, timeout=60).connect(), 5)
        assert not served.requests
    assert other_server(OTHERS[kind]) == kind


async def test_an_unknown_greeting_is_refused_and_shown() -> None:
    """What is nothing that is known is no manager interface either."""
    for greeting in (b"Welcome to the shop!\r\n", b"Call Manager: none\r\n", b"\0\1\2\3\4\5\6\7\x08\x09"):
        async with peer(greeting) as served:
            with pytest.raises(ProtocolError, match="this is no Asterisk Manager Interface: the peer greets with"):
                await asyncio.wait_for(manager(served, timeout=60).connect(), 5)
        assert other_server(greeting) == ""


async def test_tls_to_what_does_not_speak_it_is_told() -> None:
    """A peer that answers the handshake with text speaks no TLS, and the error says so."""
    async with peer(b"HTTP/1.1 400 Bad Request\r\n\r\n") as served:
        with pytest.raises(ConnectionLost, match="does not speak TLS"):
            await manager(served, ssl=True).connect()


# Old servers

QUEUES = (
    "Response: Success|{id}|Message: Queue status will follow",
    "Event: QueueParams|Queue: sales|Max: 0|Calls: 1|Holdtime: 0|Completed: 0|Abandoned: 0|{id}",
    "Event: QueueMember|Queue: sales|Name: SIP/1|Location: SIP/1|Penalty: 0|CallsTaken: 3|Status: 1|Paused: 0|{id}",
    "Event: QueueEntry|Queue: sales|Position: 1|Channel: SIP/9-1|CallerID: 12|Uniqueid: 5.1|Wait: 3|{id}",
    "Event: QueueStatusComplete|{id}",
)
OLD = {
    "queuestatus": QUEUES,
    "status": (
        "Response: Success|{id}|Message: Channel status will follow",
        "Event: Status|Privilege: Call|Channel: SIP/9-1|Uniqueid: 5.1|State: Up|{id}",
        "Event: StatusComplete|{id}|Items: 1",
    ),
    "sippeers": (
        "Response: Success|{id}|Message: Peer status list will follow",
        "Event: PeerEntry|{id}|Channeltype: SIP|ObjectName: 1",
        "Event: PeerlistComplete|ListItems: 1|{id}",
    ),
    "agents": ("Response: Success|{id}|Message: Agents will follow", "Event: AgentsComplete|{id}"),
    "dbget": (
        "Response: Success|{id}|Message: Result will follow",
        "Event: DBGetResponse|Family: f|Key: k|Val: v|{id}",
    ),
    "parkedcalls": ("Response: Success|{id}|Message: Parked calls will follow",),
    "voicemailuserslist": ("Response: Success|{id}|Message: There are no voicemail users currently defined.",),
    "hangup": ("Response: Success|{id}|Message: Channel Hungup",),
    "coreshowchannels": (
        "Response: Success|{id}|EventList: start|Message: Channels will follow",
        "Event: CoreShowChannelsComplete|EventList: Complete|ListItems: 0|{id}",
    ),
}


def old(request: Request) -> bytes:
    """Answer as Asterisk 11 and older do, which mark few lists."""
    messages = OLD.get(request["action"].lower(), ())
    return text(*(message.format(id=f"ActionID: {request['actionid']}") for message in messages))


@contextlib.asynccontextmanager
async def old_server(greeting: bytes = b"Asterisk Call Manager/1.3\r\n") -> AsyncIterator[tuple[Peer, Manager]]:
    async with peer(greeting, old) as served, manager(served) as mgr:
        yield served, mgr


@pytest.mark.parametrize("greeting", [b"Asterisk Call Manager/1.1\r\n", b"PBX Call Manager/20.1\r\n"])
async def test_the_completion_ends_a_list_that_is_not_marked(greeting: bytes) -> None:
    """Whatever the greeting says: the items and the completion go to the action, and to no stream."""
    async with old_server(greeting) as (_, mgr):
        everything = mgr.events()
        queues = await mgr.send(core.QueueStatus())
        assert [event.name for event in queues.events] == ["QueueParams", "QueueMember", "QueueEntry"]
        assert queues.completion is not None
        assert [event.uniqueid for event in (await mgr.send(core.Status(None))).events] == ["5.1"]
        assert [event["ObjectName"] for event in (await mgr.send(core.SIPpeers())).events] == ["1"]
        nobody = await mgr.send(actions.Agents())
        assert (nobody.events, nobody.completion is not None) == ([], True)
        free = await mgr.send(Action("QueueStatus"))
        assert len(free.events) == 3
        with mgr.stream(core.QueueStatus()) as stream:
            assert [event.name async for event in stream] == ["QueueParams", "QueueMember", "QueueEntry"]
            assert stream.completion is not None
        await mgr.send(core.Ping())
        assert everything.pending == 0
        assert mgr.statistics().strays == 0


async def test_a_list_without_an_end_is_over_with_the_next_answer() -> None:
    """An old DBGet is one event; a Ping behind it shows that no more comes, and counts nowhere."""
    async with old_server() as (served, mgr):
        found = await mgr.send(core.DBGet("f", "k"))
        assert found.value == "v"
        assert served.names()[-2:] == ["DBGet", "Ping"]
        both = await asyncio.gather(mgr.send(core.DBGet("f", "k")), mgr.send(core.QueueStatus()))
        assert [len(each.events) for each in both] == [1, 3]
        assert mgr.statistics().actions == mgr.statistics().successes == 3


async def test_a_success_without_a_list_is_no_empty_list() -> None:
    """Where neither an item nor the completion comes, the action is refused, in `send` and in `stream`."""
    async with old_server() as (_, mgr):
        with pytest.raises(ActionError, match="ParkedCalls was answered without a list") as caught:
            await mgr.send(core.ParkedCalls(), check=False)
        assert caught.value.response is not None
        with pytest.raises(ActionError, match="this server marks no lists"):
            async for _item in mgr.stream(core.ParkedCalls()):
                pass
        assert mgr.statistics().errors == 2
        assert mgr.statistics().pending == 0


async def test_a_success_that_is_whole_waits_for_nothing() -> None:
    """A Hangup, and an answer that says that there is nothing to list, are complete, and no Ping is sent behind them."""
    async with old_server() as (served, mgr):
        assert (await mgr.send(core.Hangup("SIP/9-1"))).success
        assert (await mgr.send(core.VoicemailUsersList())).events == []
        assert "Ping" not in served.names()


async def test_an_unmarked_list_that_was_given_up_is_swallowed() -> None:
    """Its items come to nobody, and the next action gets its own."""
    begun: list[Request] = []

    def answer(request: Request) -> bytes:
        if request["action"] == "QueueStatus":
            begun.append(request)
            return text(QUEUES[0].format(id=f"ActionID: {request['actionid']}"))
        if request["action"] == "Ping":  # the one behind the list
            asked.cancel()
            rest = text(*(each.format(id=f"ActionID: {begun[0]['actionid']}") for each in QUEUES[1:]))
            return rest + (login(request) or b"")
        return old(request)

    async with peer(b"Asterisk Call Manager/1.1\r\n", answer) as served, manager(served) as mgr:
        everything = mgr.events()
        asked = asyncio.ensure_future(mgr.send(core.QueueStatus()))
        await asyncio.wait([asked])
        assert asked.cancelled()
        assert [event.uniqueid for event in (await mgr.send(core.Status(None))).events] == ["5.1"]
        assert everything.pending == 0


async def test_the_live_state_of_an_old_server_has_its_queues() -> None:
    """What the server does not know is unavailable; its queues are right."""
    async with old_server() as (_, mgr), Live(mgr) as live:
        assert set(live.queues) == {"sales"}
        assert [caller.uniqueid for caller in live.queues["sales"].callers] == ["5.1"]
        assert list(live.queues["sales"].members) == ["SIP/1"]
        assert "bridges" in live.unavailable


async def test_the_live_state_does_not_take_a_missing_list_for_an_empty_one() -> None:
    """A server that announces queues, and lists none, has its queues unavailable."""

    def answer(request: Request) -> bytes:
        if request["action"] == "QueueStatus":
            return text(QUEUES[0].format(id=f"ActionID: {request['actionid']}"))
        return old(request)

    async with peer(b"Asterisk Call Manager/1.1\r\n", answer) as served, manager(served) as mgr, Live(mgr) as live:
        assert "without a list" in live.unavailable["queues"]


# Proxies


async def test_a_command_behind_a_proxy_is_answered() -> None:
    """The server's name behind the end of an output belongs to that reply, and what follows is answered too."""

    def answer(request: Request) -> bytes:
        if request["action"] != "Command":
            return b""
        head = f"Response: Follows\r\nPrivilege: Command\r\nActionID: {request['actionid']}\r\n"
        return f"{head}one: line\r\n\r\nanother\r\n--END COMMAND--\r\nServer: 10.0.0.1\r\n\r\n".encode()

    async with peer(b"Asterisk Call Manager Proxy/1.30\r\n", answer) as served, manager(served) as mgr:
        for _ in range(2):
            shown = await mgr.send(core.Command("core show uptime"))
            assert shown.data == ["one: line", "", "another"]
            assert shown.text.endswith("--END COMMAND--\r\nServer: 10.0.0.1")
        assert (await mgr.send(core.Ping())).success


async def test_an_answer_may_begin_with_its_action_id() -> None:
    """A proxy that logs in itself puts the ActionID before the response; lines without a response are no answer."""

    def answer(request: Request) -> bytes:
        if request["action"] == "Odd":
            return text(f"ActionID: {request['actionid']}|Message: x")
        return (
            b""
            if request["action"] == "Challenge"
            else text(f"ActionID: {request['actionid']}|Response: Success|Message: Accepted")
        )

    async with peer(b"Asterisk Call Manager Proxy/1.30\r\n", answer) as served, manager(served) as mgr:
        assert (await mgr.send(Action("Mine"))).message == "Accepted"
        with pytest.raises(ManagerTimeout):
            await mgr.send(Action("Odd"), timeout=0.05)
        with pytest.raises(UnknownAction):
            served._answer = None
            await mgr.send(Action("Unknown"))
