"""The fake server, seen from a plain socket."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import socket
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import async_timeout
import pytest

import aioami
from aioami import Action, core
from aioami.testing import Account, FakeAsterisk, FakeConnection, FakeFleet, FaultProxy, Request

Pairs = list[tuple[str, str]]


class Client:
    """A socket, and the messages that come out of it as pairs."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.banner = b""

    async def read(self) -> Pairs:
        text = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)).decode()
        lines = (line.partition(": ") for line in text.split("\r\n") if line)
        return [(name, value) for name, _, value in lines]

    async def rest(self) -> bytes:
        return await asyncio.wait_for(self.reader.read(), 5)

    def send(self, *lines: str) -> None:
        self.writer.write("".join(f"{line}\r\n" for line in (*lines, "")).encode())

    async def ask(self, *lines: str) -> Pairs:
        """Send an action, and return its reply; events that come before it are passed over."""
        self.send(*lines)
        while (message := await self.read())[0][0] == "Event":
            pass
        return message

    async def login(self, events: str = "off") -> None:
        reply = await self.ask("Action: Login", "Username: admin", "Secret: s3cret", f"Events: {events}")
        assert reply[-1] == ("Message", "Authentication accepted")


class Clients:
    """Opens clients of servers, and closes them at the end."""

    def __init__(self) -> None:
        self.open: list[Client] = []

    async def __call__(self, fake: FakeAsterisk, *, events: str | None = "off") -> Client:
        client = Client(*await asyncio.open_connection(fake.host, fake.port))
        self.open.append(client)
        client.banner = await client.reader.readline()
        if events is not None:
            await client.login(events)
        return client


@pytest.fixture
async def connect() -> AsyncIterator[Clients]:
    clients = Clients()
    yield clients
    for client in clients.open:
        client.writer.close()


pytestmark = pytest.mark.fake_asterisk(boot=False)


@pytest.mark.parametrize(("version", "ami"), [("13", "2.10.6"), ("16", "5.0.4"), ("22", "11.0.0")])
async def test_each_version_has_its_banner(version: str, ami: str, connect: Clients) -> None:
    """The banner is one line with the AMI version of the Asterisk that is passed for."""
    async with FakeAsterisk(version=version) as fake:
        client = await connect(fake, events=None)
        assert client.banner == f"Asterisk Call Manager/{ami}\r\n".encode()


def test_secrets_do_not_show() -> None:
    """The secret is in the URL, never in the repr."""
    fake = FakeAsterisk(users={"me": "a/b"})
    assert "a/b" not in repr(fake.accounts)
    assert fake.url == "ami://me:a%2Fb@127.0.0.1:0"
    assert "a/b" not in repr(fake)


def test_a_server_without_users_has_no_url() -> None:
    """That nobody can log in is said, and not what went wrong inside."""
    with pytest.raises(ValueError, match="users"):
        FakeAsterisk(users={}).url
    text = "[a]\nsecret = s\ndeny = 0.0.0.0/0\npermit = localhost\n[b]\nsecret = s\ndeny = example, ::/0\n"
    accounts = FakeAsterisk(files={"manager.conf": text}).accounts
    assert [account.denied for account in accounts.values()] == [False, False]


async def test_login_by_challenge(fake: FakeAsterisk, connect: Clients) -> None:
    """The key is the MD5 of challenge and secret, and a second login is already authenticated."""
    client = await connect(fake, events=None)
    challenge = (await client.ask("Action: Challenge", "AuthType: md5"))[-1][1]
    key = hashlib.md5(f"{challenge}s3cret".encode()).hexdigest()
    login = ("Action: Login", "Username: ADMIN", "AuthType: MD5", f"Key: {key}", "Events: off")
    assert await client.ask(*login) == [("Response", "Success"), ("Message", "Authentication accepted")]
    assert await client.ask(*login) == [("Response", "Success"), ("Message", "Already authenticated")]


async def test_wrong_secret_is_refused_and_closed(fake: FakeAsterisk, connect: Clients) -> None:
    """A refused login is answered, and then the connection ends."""
    client = await connect(fake, events=None)
    client.send("Action: Login", "ActionID: 1", "Username: admin", "Secret: wrong")
    assert await client.rest() == b"Response: Error\r\nActionID: 1\r\nMessage: Authentication failed\r\n\r\n"


async def test_nothing_works_before_the_login(fake: FakeAsterisk, connect: Clients) -> None:
    """Before the login even unknown actions are denied."""
    client = await connect(fake, events=None)
    assert (await client.ask("Action: Nonsense"))[-1] == ("Message", "Permission denied")


async def test_fully_booted_follows_a_login(connect: Clients) -> None:
    """FullyBooted comes right behind the login, unless its class is masked."""
    async with FakeAsterisk() as fake:
        assert (await (await connect(fake, events="system")).read())[0] == ("Event", "FullyBooted")
        quiet = await connect(fake, events="off")
        assert ("Ping", "Pong") in await quiet.ask("Action: Ping")


async def test_logoff_says_goodbye(fake: FakeAsterisk, connect: Clients) -> None:
    """Logoff is answered by Goodbye and the end; what was sent behind it gets no answer."""
    client = await connect(fake)
    client.send("Action: Logoff", "", "Action: Ping")
    assert await client.rest() == b"Response: Goodbye\r\nMessage: Thanks for all the fish.\r\n\r\n"


async def test_replies_come_in_order_with_their_id(fake: FakeAsterisk, connect: Clients) -> None:
    """Pipelined actions are answered in order; the ActionID is second, its right-hand blanks kept."""
    client = await connect(fake)
    client.writer.write(b"action:Ping\nActionID:   a \nActionID: other\n\r\nAction: Ping\0x\r\nActionID: b\r\n\r\n")
    assert (await client.read())[:2] == [("Response", "Success"), ("ActionID", "a ")]
    assert (await client.read())[:2] == [("Response", "Success"), ("ActionID", "b")]


async def test_empty_messages_miss_their_action(fake: FakeAsterisk, connect: Clients) -> None:
    """A surplus blank line is answered as an action without a name."""
    client = await connect(fake)
    assert await client.ask() == [("Response", "Error"), ("Message", "Missing action in request")]


@pytest.mark.parametrize("end", ["\r\n", "\n"])
async def test_lines_have_a_limit(fake: FakeAsterisk, connect: Clients, end: str) -> None:
    """A line and its end have room for 1024 bytes; one more, and the action is refused with its ActionID."""
    client = await connect(fake)
    room = 1024 - len("X: ") - len(end)
    client.writer.write(f"Action: Ping{end}X: {'x' * room}{end}{end}".encode())
    assert ("Ping", "Pong") in await client.read()
    client.writer.write(f"Action: Ping{end}ActionID: 1{end}X: {'x' * (room + 1)}{end}{end}".encode())
    assert (await client.read())[1:] == [("ActionID", "1"), ("Message", "Failed to parse message: line too long")]


async def test_messages_have_a_limit(fake: FakeAsterisk, connect: Clients) -> None:
    """128 lines are an action, 129 are not."""
    client = await connect(fake)
    assert ("Ping", "Pong") in await client.ask("Action: Ping", *["X: 1"] * 127)
    refused = await client.ask("Action: Ping", *["X: 1"] * 128)
    assert refused[-1] == ("Message", "Too many lines in message or allocation failure")


async def test_unknown_actions(fake: FakeAsterisk, connect: Clients) -> None:
    """What the server does not know is refused in Asterisk's words."""
    client = await connect(fake)
    text = "Invalid/unknown command: SIPpeers. Use Action: ListCommands to show available commands."
    assert (await client.ask("Action: SIPpeers"))[-1] == ("Message", text)


async def test_masks(fake: FakeAsterisk, connect: Clients) -> None:
    """Events go to those whose mask has all their classes."""
    client = await connect(fake, events="call,user")
    await fake.send_event("No", privilege="system,all")
    await fake.send_event("No", privilege="call,system,all")
    await fake.send_event("Yes", [("A", "1"), ("A", "2")], privilege="call,all")
    assert await client.read() == [("Event", "Yes"), ("Privilege", "call,all"), ("A", "1"), ("A", "2")]
    assert (await client.ask("Action: Events", "EventMask: 1"))[-1] == ("Events", "On")
    await fake.send_event("No", privilege="call,all")
    await fake.send_event("Yes", privilege="system,all")
    assert (await client.read())[0] == ("Event", "Yes")
    assert (await client.ask("Action: Events", "EventMask: off"))[-1] == ("Events", "Off")
    assert (await client.ask("Action: Events"))[-1] == ("Message", "Invalid event mask")


async def test_scripted_replies(fake: FakeAsterisk, connect: Clients) -> None:
    """A reply may be headers, several messages, bytes, a function or nothing, for so many times."""
    client = await connect(fake)
    fake.reply_to("Foo", {"Response": "Success"})
    assert await client.ask("Action: FOO", "ActionID: 1") == [("Response", "Success"), ("ActionID", "1")]
    fake.reply_to("Foo", [[("Response", "Success")], [("Event", "E")]])
    assert await client.ask("Action: Foo", "ActionID: 2") == [("Response", "Success"), ("ActionID", "2")]
    assert await client.read() == [("Event", "E"), ("ActionID", "2")]
    fake.reply_to("Foo", b"Id: {ActionID}\r\n\r\n", times=1)
    assert await client.ask("Action: Foo", "ActionID: 3") == [("Id", "3")]
    assert (await client.ask("Action: Foo"))[0] == ("Response", "Error")
    fake.reply_to("Foo", lambda request: {"Response": request.get("bar", "") or ""})
    assert await client.ask("Action: Foo", "Bar: x") == [("Response", "x")]
    fake.reply_to("Foo", None)
    client.send("Action: Foo")
    assert ("Ping", "Pong") in await client.ask("Action: Ping")


async def test_what_came_is_kept(fake: FakeAsterisk, connect: Clients) -> None:
    """Every action is kept with its headers and bytes, and can be waited for."""
    client = await connect(fake)
    await fake.wait_connected()
    client.send("Action: Ping", "ActionID: 7", "X: 1", "X: 2")
    request = await fake.expect("ping")
    assert (request.name, request.action_id, request.getall("x")) == ("Ping", "7", ["1", "2"])
    assert request.raw == b"Action: Ping\r\nActionID: 7\r\nX: 1\r\nX: 2\r\n\r\n"
    assert request.connection is fake.connections[0]
    with pytest.raises(AssertionError, match="did not come; what came: Login, Ping"):
        await fake.expect("Ping", timeout=0.01)


async def test_faults_that_end_connections(fake: FakeAsterisk, connect: Clients) -> None:
    """`drop` ends in EOF, `half_frame` in half a message, `reset` in a reset."""
    client = await connect(fake)
    fake.drop()
    assert await client.rest() == b""
    client = await connect(fake)
    fake.half_frame()
    half = await client.rest()
    assert half
    assert not half.endswith(b"\n")
    client = await connect(fake)
    fake.reset()
    with pytest.raises(ConnectionResetError):
        await client.rest()


async def test_stall_and_resume(fake: FakeAsterisk, connect: Clients) -> None:
    """A stalled server reads and says nothing; resumed, it says all of it in order."""
    client = await connect(fake, events="user")
    fake.stall()
    client.send("Action: Ping")
    await fake.expect("Ping")
    await fake.send_event("Later", privilege="user,all")
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(client.reader.read(1), 0.02)
    fake.resume()
    assert ("Ping", "Pong") in await client.read()
    assert await client.read() == [("Event", "Later"), ("Privilege", "user,all")]


async def test_flood_garbage_and_raw_bytes(fake: FakeAsterisk, connect: Clients) -> None:
    """A flood is numbered events, garbage ends in a blank line, raw bytes go out as they are."""
    client = await connect(fake)
    fake.flood(1000, name="F")
    for number in range(1000):
        assert await client.read() == [("Event", "F"), ("Number", str(number))]
    fake.garbage(50)
    assert (await client.reader.readuntil(b"\r\n\r\n")).count(b"\n") == 2
    await fake.send_raw(b"\xff\r\n")
    assert await client.reader.readline() == b"\xff\r\n"


async def test_faults_at_the_start(connect: Clients) -> None:
    """A full server closes without a banner; another greets in words of its own, and refuses in them."""
    async with FakeAsterisk(close_on_connect=True) as fake:
        assert (await connect(fake, events=None)).banner == b""
    async with FakeAsterisk(banner=b"SSH-2.0\r\n", refuse_login="No", chunk_size=1) as fake:
        client = await connect(fake, events=None)
        assert client.banner == b"SSH-2.0\r\n"
        reply = await client.ask("Action: Login", "Username: admin", "Secret: s3cret")
        assert reply == [("Response", "Error"), ("Message", "No")]


async def test_events_may_stay_unanswered(connect: Clients) -> None:
    """With `broken_events_action`, turning all events on has no answer."""
    async with FakeAsterisk(broken_events_action=True, boot=False) as fake:
        client = await connect(fake)
        client.send("Action: Events", "EventMask: on")
        assert (await client.ask("Action: Events", "EventMask: off"))[-1] == ("Events", "Off")


async def test_command_forms(fake: FakeAsterisk, connect: Clients) -> None:
    """Since 14 each line is a header; before, the text stands between Follows and the end marker."""
    client = await connect(fake)
    assert [name for name, _ in await client.ask("Action: Command", "Command: core show version")][-1] == "Output"
    assert (await client.ask("Action: Command", "Command: bogus"))[0] == ("Response", "Error")
    async with FakeAsterisk(version="13", boot=False) as old:
        client = await connect(old)
        client.send("Action: Command", "Command: core show uptime", "ActionID: 1")
        text = await client.reader.readuntil(b"--END COMMAND--\r\n\r\n")
        assert text.startswith(b"Response: Follows\r\nPrivilege: Command\r\nActionID: 1\r\nSystem uptime")


async def names_until(client: Client, last: str) -> list[Pairs]:
    found: list[Pairs] = []
    while not found or found[-1][0] != ("Event", last):
        found.append(await client.read())
    return found


async def test_database(fake: FakeAsterisk, connect: Clients) -> None:
    """What was put is got as a list of one, until it is deleted."""
    client = await connect(fake)
    entry = ("Family: f", "Key: k")
    await client.ask("Action: DBPut", *entry, "Val: v")
    client.send("Action: DBGet", *entry)
    start, item, _ = await names_until(client, "DBGetComplete")
    assert ("EventList", "start") in start
    assert item[-1] == ("Val", "v")
    assert (await client.ask("Action: DBDel", *entry))[0] == ("Response", "Success")
    assert (await client.ask("Action: DBGet", *entry))[-1] == ("Message", "Database entry not found")


async def test_variables(fake: FakeAsterisk, connect: Clients) -> None:
    """A variable that was set is told in a VarSet event behind the answer, and can be read."""
    client = await connect(fake, events="dialplan")
    client.send("Action: Setvar", "Variable: A", "Value: 1")
    assert [(await client.read())[0], (await client.read())[0]] == [("Response", "Success"), ("Event", "VarSet")]
    assert (await client.ask("Action: Getvar", "Variable: A"))[-1] == ("Value", "1")


async def test_queue(fake: FakeAsterisk, connect: Clients) -> None:
    """The queue `support` has members that come, pause and go; an unknown queue is an empty list."""
    client = await connect(fake, events="off")
    await client.ask("Action: QueueAdd", "Queue: support", "Interface: PJSIP/2", "Paused: true")
    client.send("Action: QueueStatus", "Queue: support")
    messages = await names_until(client, "QueueStatusComplete")
    assert ("ListItems", "4") in messages[-1]
    assert ("Location", "PJSIP/2") in messages[-2]
    await client.ask("Action: QueueRemove", "Queue: support", "Interface: PJSIP/2")
    client.send("Action: QueueSummary", "Queue: none")
    assert ("ListItems", "0") in (await names_until(client, "QueueSummaryComplete"))[-1]


async def test_versions_have_their_headers_and_events(connect: Clients) -> None:
    """Headers, events and actions are those of the version that the server passes for."""
    found = {}
    for version in ("13", "16", "22"):
        async with FakeAsterisk(version=version) as fake:
            client = await connect(fake, events="system")
            booted = dict(await client.read())
            client.send("Action: QueueStatus", "Queue: support")
            _, params, member, *_ = await names_until(client, "QueueStatusComplete")
            headers = {name for name, _ in (*booted.items(), *params, *member)}
            wanted = {"Uptime", "ServicelevelPerf2", "LoginTime", "Wrapuptime"}
            commands = dict(await client.ask("Action: ListCommands"))
            known = [name for name in ("Monitor", "Queues", "SIPpeers") if name in commands]
            client.send("Action: ModuleLoad", "LoadType: unload", "Module: app_echo")
            messages = [dict(await client.read())]
            client.send("Action: Ping")
            while "Ping" not in messages[-1]:
                messages.append(dict(await client.read()))
            found[version] = (wanted & headers, known, [message.get("Event") for message in messages])
    assert found["13"] == (set(), ["Monitor", "Queues", "SIPpeers"], [None, None])
    assert found["16"] == (wanted, ["Monitor", "SIPpeers"], [None, "Unload", None])
    assert found["22"] == (wanted, [], [None, "Unload", None])


async def test_every_action_of_core_is_there(connect: Clients) -> None:
    """Each action of the mission is known to the version that has all, but for the one that no Asterisk has any more."""
    async with FakeAsterisk(version="16") as fake:
        client = await connect(fake)
        names = set(dict(await client.ask("Action: ListCommands")))
    wanted = {getattr(core, name) for name in core.__all__ if isinstance(getattr(core, name), type)}
    wire = {action.wire_name for action in wanted if issubclass(action, Action)}
    assert wire - names == {"SetCDRUserField"}


async def test_user_events(fake: FakeAsterisk, connect: Clients) -> None:
    """A user event is broadcast with its headers and ActionID, behind the answer."""
    client = await connect(fake, events="user")
    assert (await client.ask("Action: UserEvent", "ActionID: 1", "UserEvent: E", "A: b"))[0] == ("Response", "Success")
    head = [("Event", "UserEvent"), ("Privilege", "user,all"), ("SystemName", "aioami-test")]
    assert await client.read() == [*head, ("UserEvent", "E"), ("ActionID", "1"), ("A", "b")]


ORIGINATE = ("Action: Originate", "ActionID: 1", "Application: Echo", "Timeout: 300")


@pytest.mark.parametrize(
    ("target", "reason", "cause"), [("100", 4, 16), ("busy", 5, 17), ("congestion", 8, 34), ("noanswer", 3, 19)]
)
async def test_calls(fake: FakeAsterisk, connect: Clients, target: str, reason: int, cause: int) -> None:
    """An originated call is told from its Newchannel to its Hangup, and its result carries the ActionID."""
    client = await connect(fake, events="call")
    client.send(*ORIGINATE, "Async: 1", f"Channel: Local/{target}@default")
    messages = [dict(await client.read())]
    while [message.get("Event") for message in messages].count("Hangup") < 2:
        messages.append(dict(await client.read()))
    assert messages[0]["Message"] == "Originate successfully queued"
    assert messages[1]["Event"] == "Newchannel"
    by_name = {message["Event"]: message for message in messages[1:]}
    result, hangup = by_name["OriginateResponse"], by_name["Hangup"]
    assert (result["ActionID"], result["Reason"]) == ("1", str(reason))
    assert result["Response"] == ("Success" if reason == 4 else "Failure")
    assert hangup["Cause"] == str(cause)
    assert not fake.exchange.channels


async def test_synchronous_calls(fake: FakeAsterisk, connect: Clients) -> None:
    """Without Async the answer tells the result, and there is no OriginateResponse."""
    client = await connect(fake)
    assert (await client.ask(*ORIGINATE, "Channel: Local/busy@default"))[-1] == ("Message", "Originate failed")
    assert (await client.ask(*ORIGINATE, "Channel: Local/100@default"))[0] == ("Response", "Success")


@pytest.mark.parametrize(
    "header", ["Timeout: soon", "Priority: many", "Timeout: -1", "Timeout: ²", "ChannelId: " + "x" * 150]
)
async def test_bad_values_are_refused(fake: FakeAsterisk, connect: Clients, header: str) -> None:
    """A value that makes no sense is an answer, and the session goes on."""
    client = await connect(fake)
    assert (await client.ask("Action: Originate", "Channel: Local/1@x", "Application: Wait", header))[0][1] == "Error"
    assert ("Ping", "Pong") in await client.ask("Action: Ping")


async def test_phones_answer_and_hang_up(connect: Clients) -> None:
    """A phone that is called rings, answers, talks and hangs up, each after its time."""
    async with FakeAsterisk(boot=False, answer_seconds=0.01, talk_seconds=0.02) as fake:
        client = await connect(fake, events="call")
        client.send(*ORIGINATE, "Async: 1", "Channel: PJSIP/alice")
        names = [dict(message).get("Event", "") for message in await names_until(client, "Hangup")]
        wanted = [name for name in names if name in ("Newchannel", "Newstate", "OriginateResponse", "Hangup")]
        assert wanted == ["Newchannel", "Newstate", "Newstate", "OriginateResponse", "Hangup"]


async def test_hangup_ends_a_call(connect: Clients) -> None:
    """The action Hangup ends a call at once, one by its name or several by a pattern."""
    async with FakeAsterisk(boot=False, answer_seconds=0.0, talk_seconds=60) as fake:
        client = await connect(fake)
        for _ in range(2):
            await client.ask(*ORIGINATE, "Channel: PJSIP/alice")
        channel = next(iter(fake.exchange.channels))
        assert (await client.ask("Action: Events", "EventMask: call"))[0] == ("Response", "Success")
        assert (await client.ask("Action: Hangup", f"Channel: {channel}"))[-1] == ("Message", "Channel Hungup")
        assert ("Channel", channel) in (await names_until(client, "Hangup"))[-1]
        assert (await client.ask("Action: Events", "EventMask: off"))[0] == ("Response", "Success")
        assert (await client.ask("Action: Hangup", f"Channel: {channel}"))[-1] == ("Message", "No such channel")
        client.send("Action: Hangup", "Channel: /^PJSIP.alice/")
        assert ("ListItems", "1") in (await names_until(client, "ChannelsHungupListComplete"))[-1]


async def test_stop_ends_everything(connect: Clients) -> None:
    """After `stop`, which may be repeated, connections and tasks of the server are gone; it can start again."""
    fake = FakeAsterisk(talk_seconds=60)
    await fake.start()
    client = await connect(fake)
    await client.ask(*ORIGINATE, "Async: true", "Channel: PJSIP/alice")
    await asyncio.wait_for(fake.stop(), 5)
    await fake.stop()
    assert fake.connections == []
    assert len(asyncio.all_tasks()) == 1
    port = fake.port
    async with fake:
        assert fake.port == port
        await connect(fake)


@pytest.mark.parametrize("proxied", [False, True])
async def test_a_port_stays_with_a_server_that_is_stopped(proxied: bool) -> None:
    """Nobody else gets the port of one that does not listen, and whoever connects to it is refused; then it is free."""
    async with FakeAsterisk() as fake:
        server: FakeAsterisk | FaultProxy = FaultProxy(fake.host, fake.port) if proxied else FakeAsterisk()
        await server.start()
        with pytest.raises(RuntimeError, match="listens already"):
            await server.start()
        await server.stop()
        at = (server.host, server.port)
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(at)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*at)
        await server.start()
        assert (server.host, server.port) == at
        _, writer = await asyncio.open_connection(*at)
        writer.close()
        await server.stop()
        del server
        gc.collect()
        with socket.create_server(at):
            pass


@pytest.mark.parametrize("steps", range(5))
@pytest.mark.parametrize("proxied", [False, True])
async def test_a_client_that_was_on_its_way_when_the_server_stopped(proxied: bool, steps: int) -> None:
    """A connection that the server has taken, and not seen yet, is ended like all others."""
    async with FakeAsterisk() as fake, FaultProxy(fake.host, fake.port) as proxy:
        stopped = proxy if proxied else fake
        with socket.create_connection((stopped.host, stopped.port)) as client:
            client.setblocking(False)
            for _ in range(steps):
                await asyncio.sleep(0)
            await stopped.stop()
            async with async_timeout.timeout(5):
                with contextlib.suppress(ConnectionResetError):
                    while await asyncio.get_running_loop().sock_recv(client, 4096):
                        pass


# Accounts


@pytest.mark.parametrize("name", ["secret", "read", "write"])
def test_the_words_of_an_account_are_text(name: str) -> None:
    """A tuple of classes is refused where it is written, and not when the user logs in."""
    with pytest.raises(TypeError, match=f"^{name}: "):
        Account(**{"secret": "s", name: ("call", "agent")})  # type: ignore[arg-type]


async def test_accounts_have_rights(connect: Clients) -> None:
    """What a user may not send is denied, what he may not read does not come, and ListCommands knows."""
    users = {"boss": "s", "clerk": Account("s", read="user", write="call,user")}
    async with FakeAsterisk(users=users, boot=False) as fake:
        client = await connect(fake, events=None)
        await client.ask("Action: Login", "Username: clerk", "Secret: s")
        assert (await client.ask("Action: DBPut", "Family: f", "Key: k"))[-1] == ("Message", "Permission denied")
        commands = dict(await client.ask("Action: ListCommands"))
        assert commands["Ping"].endswith("(Priv: <none>)")
        assert commands["Hangup"].endswith("(Priv: system,call,all)")
        assert "DBPut" not in commands
        await fake.send_event("No", privilege="call,all")
        await fake.send_event("Yes", privilege="user,all")
        assert (await client.read())[0] == ("Event", "Yes")


async def test_accounts_come_from_manager_conf(connect: Clients) -> None:
    """A manager.conf of one's own has users, rights and filters as in Asterisk."""
    text = "[general]\nenabled = yes\n[filtered]\nsecret = s\nread = user\nwrite = user\n"
    text += "eventfilter = !Key: hidden\neventfilter(name(UserEvent)) =\n[none]\nread = all\n"
    async with FakeAsterisk(files={"manager.conf": text}) as fake:
        client = await connect(fake, events=None)
        await client.ask("Action: Login", "Username: filtered", "Secret: s")
        for key in ("hidden", "shown"):
            await fake.send_event("UserEvent", {"Key": key}, privilege="user,all")
        await fake.send_event("Other", {"Key": "shown"}, privilege="user,all")
        assert (await client.read())[-1] == ("Key", "shown")
        assert ("Ping", "Pong") in await client.ask("Action: Ping")
        empty = await connect(fake, events=None)
        refused = await empty.ask("Action: Login", "Username: none", "Secret:")
        assert refused[-1] == ("Message", "Authentication failed")


async def test_too_many_strangers_are_turned_away(connect: Clients) -> None:
    """With as many clients as may be there that are not logged in, the next one gets no banner."""
    async with FakeAsterisk(auth_limit=1) as fake:
        assert (await connect(fake, events=None)).banner
        assert (await connect(fake, events=None)).banner == b""


async def test_a_login_has_its_time() -> None:
    """Who does not log in is cut off without a word."""
    async with FakeAsterisk(virtual_time=True, auth_timeout=5) as fake:
        reader, writer = await asyncio.open_connection(fake.host, fake.port)
        await reader.readline()
        await fake.advance(4.9)
        assert fake.connections
        await fake.advance(0.2)
        assert await reader.read() == b""
        writer.close()


async def test_long_action_ids_spoil_list_items(fake: FakeAsterisk, connect: Clients) -> None:
    """An ActionID that does not fit takes the line's end with it, as in Asterisk: the next header is glued to it."""
    client = await connect(fake)
    own = "x" * 250
    client.send("Action: QueueSummary", "Queue: support", f"ActionID: {own}")
    _, item, end = await names_until(client, "QueueSummaryComplete")
    assert item[-1] == ("ActionID", own[:245])
    assert ("ActionID", own) in end


# Faults


async def test_faults_strike_at_a_point(fake: FakeAsterisk, connect: Clients) -> None:
    """A fault strikes just before or just after an answer or an event, and so many times."""
    fake.after("Ping", FakeConnection.drop)
    client = await connect(fake)
    client.send("Action: Ping", "", "Action: Ping")
    assert (await client.rest()).count(b"Ping: Pong") == 1
    fake.before("Ping", FakeConnection.reset)
    client = await connect(fake)
    client.send("Action: Ping")
    with pytest.raises(ConnectionResetError):
        await client.rest()
    fake.before("Bomb", lambda connection: connection.half_frame())
    client = await connect(fake, events="user")
    await fake.send_event("Bomb", privilege="user,all")
    assert (await client.rest()) == b"Event: Half\r\nChannel: PJSI"
    assert ("Ping", "Pong") in await (await connect(fake)).ask("Action: Ping")


async def test_duplicates(fake: FakeAsterisk, connect: Clients) -> None:
    """The next event of a name comes twice."""
    client = await connect(fake, events="user")
    fake.duplicate("Twin")
    for _ in range(2):
        await fake.send_event("Twin", privilege="user,all")
    assert [(await client.read())[0] for _ in range(3)] == [("Event", "Twin")] * 3
    assert ("Ping", "Pong") in await client.ask("Action: Ping")


async def test_reordering_keeps_each_channel_in_order(connect: Clients) -> None:
    """Mixed events of two calls come in another order than told, those of each channel in their own."""

    async def two_calls(seed: int | None) -> list[tuple[str, str]]:
        async with FakeAsterisk(virtual_time=True, boot=False) as fake:
            client = await connect(fake, events="call,dialplan")
            if seed is not None:
                fake.reorder(seed)
            for device in ("PJSIP/one", "PJSIP/two"):
                fake.exchange.add_channel(f"{device}-1", state=0, context="test", exten="s", emit=False)
            for number in range(5):
                for channel in fake.exchange.channels.values():
                    channel.set_variable("N", str(number))
            await fake.advance(0)
            told = [dict(await client.read()) for _ in range(10)]
            return [(event["Channel"], event["Value"]) for event in told]

    plain, mixed = await two_calls(None), await two_calls(3)
    assert mixed != plain
    assert sorted(mixed) == sorted(plain)
    for channel in ("PJSIP/one-1", "PJSIP/two-1"):
        assert [value for name, value in mixed if name == channel] == ["0", "1", "2", "3", "4"]
    assert await two_calls(3) == mixed


async def test_throttled_servers_drip(connect: Clients) -> None:
    """A throttled server sends so many bytes in a second of its time, and all the rest when it resumes."""
    async with FakeAsterisk(virtual_time=True, boot=False) as fake:
        client = await connect(fake)
        fake.throttle(1000)
        client.send("Action: Ping", "ActionID: " + "x" * 400)
        await fake.advance(0.1)
        assert 50 <= len(await client.reader.read(1000)) <= 150
        fake.resume()
        assert (await client.reader.readuntil(b"\r\n\r\n")).endswith(b"\r\n\r\n")


async def test_a_throttled_server_may_stall(connect: Clients) -> None:
    """Nothing is lost when a throttled server stalls, and it drips no faster when it is throttled again."""
    async with FakeAsterisk(virtual_time=True, boot=False) as fake:
        client = await connect(fake)
        with pytest.raises(ValueError, match="bytes_per_second"):
            fake.throttle(0)
        for _ in range(2):
            fake.throttle(100)
            fake.resume()
        fake.throttle(100)
        client.send("Action: Ping", "ActionID: " + "x" * 500)
        await fake.advance(1)
        assert 50 <= len(await client.reader.read(1000)) <= 130
        fake.stall()
        await fake.advance(1)
        fake.resume()
        assert (await client.reader.readuntil(b"\r\n\r\n")).endswith(b"\r\n\r\n")


async def test_nothing_runs_behind_a_logoff(fake: FakeAsterisk, connect: Clients) -> None:
    """What was sent behind a Logoff in the same packet is not done."""
    client = await connect(fake)
    client.send("Action: Logoff", "", "Action: DBPut", "Family: f", "Key: k", "Val: v")
    await client.rest()
    assert fake.exchange.database == {}


async def test_slow_readers_are_cut_off() -> None:
    """A client that does not read is ended after the server's patience."""
    async with FakeAsterisk(write_timeout=0.05, boot=False) as fake:
        reader, writer = await asyncio.open_connection(fake.host, fake.port, limit=1 << 10)
        writer.write(b"Action: Login\r\nUsername: admin\r\nSecret: s3cret\r\nEvents: user\r\n\r\n")
        await fake.expect("Login")
        for _ in range(200):
            fake.flood(1000)
        async with async_timeout.timeout(5):
            while fake.connections:
                await asyncio.sleep(0.01)
        assert reader is not None
        writer.close()


async def test_what_goes_wrong_inside_is_told() -> None:
    """A scripted function that raises is not swallowed: the end of the server raises it."""

    def broken(request: Request) -> None:
        raise RuntimeError("broken script")

    fake = FakeAsterisk()
    with pytest.raises(RuntimeError, match="broken script"):
        async with fake:
            fake.reply_to("Ping", broken)
            reader, writer = await asyncio.open_connection(fake.host, fake.port)
            writer.write(b"Action: Ping\r\n\r\n")
            await fake.expect("Ping")
            writer.close()
            assert await reader.read()


# Expectations


async def test_expectations_are_met_in_order(fake: FakeAsterisk, connect: Clients) -> None:
    """Each action meets one expectation; headers, classes and actions say more closely which."""
    client = await connect(fake)
    any_hangup = fake.expect("Hangup")
    this = fake.expect(core.Hangup("PJSIP/b-1"))
    client.send("Action: Hangup", "Channel: PJSIP/a-1", "", "Action: Hangup", "Channel: PJSIP/b-1")
    assert (await this).get("Channel") == "PJSIP/b-1"
    assert (await any_hangup).get("Channel") == "PJSIP/a-1"
    assert len(fake.sent(core.Hangup)) == 2
    with pytest.raises(AssertionError, match="Hangup with Channel: c"):
        await fake.expect(core.Hangup, Channel="c", timeout=0.01)
    fake.expect_nothing(core.Originate_Context)
    with pytest.raises(AssertionError, match="Hangup came 2 times"):
        fake.expect_nothing(core.Hangup)


async def test_an_expectation_that_is_not_met_fails_at_the_end() -> None:
    """What was expected and never awaited is looked for when the server is left."""
    with pytest.raises(AssertionError, match="Expectation Hangup"):
        async with FakeAsterisk() as fake:
            fake.expect(core.Hangup)
    with pytest.raises(ZeroDivisionError):
        async with FakeAsterisk() as fake:
            fake.expect(core.Hangup)
            raise ZeroDivisionError


PROGRAM = """
import asyncio, sys
sys.path[:0] = sys.argv[1:]
from aioami import Manager, core
from aioami.testing import FakeAsterisk
async def main():
    async with FakeAsterisk() as fake, Manager.from_url(fake.url) as mgr:
        print(len((await mgr.send(core.QueueStatus("support"))).events))
asyncio.run(main())
"""


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "without-its-files"])
def test_it_runs_from_an_archive(tmp_path: Path, whole: bool) -> None:
    """In a zipapp it has its configuration; where that was left out, the error says so."""
    package = Path(aioami.__file__).parent
    archive = tmp_path / "app.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for file in package.rglob("*"):
            if file.suffix in (".py", ".conf") and (whole or file.suffix == ".py"):
                packed.write(file, f"aioami/{file.relative_to(package)}")
    others = Path(async_timeout.__file__).parents[1]
    command = [sys.executable, "-c", PROGRAM, str(archive), str(others)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if whole:
        assert (done.stdout, done.returncode) == ("3\n", 0), done.stderr
    else:
        assert "FileNotFoundError: the configuration of the test servers is missing" in done.stderr


@pytest.mark.parametrize(
    ("servers", "options", "kind", "words"),
    [
        ("pbx1", {}, TypeError, "a sequence of names, not one text"),
        ([], {}, ValueError, "at least one"),
        (["a", "a"], {}, ValueError, "each name once"),
        ({"a": FakeAsterisk()}, {"version": "16"}, TypeError, "version: these servers are made already"),
    ],
)
def test_what_is_no_fleet_is_refused(servers: Any, options: Any, kind: type[Exception], words: str) -> None:
    """A fleet of fake servers has names, each once."""
    with pytest.raises(kind, match=words):
        FakeFleet(servers, **options)


async def test_a_fleet_of_fake_servers() -> None:
    """It is a mapping of servers, which start, stop and let time pass together; they may differ."""
    fakes = FakeFleet({"old": FakeAsterisk(version="16", virtual_time=True), "new": FakeAsterisk(virtual_time=True)})
    await fakes.start()
    await fakes.stop()
    async with fakes:
        assert list(fakes) == ["old", "new"]
        assert len(fakes) == 2
        assert [fake.major for fake in fakes.values()] == [16, 22]
        assert fakes.urls["new"] == fakes["new"].url
        before = fakes["old"].time()
        await fakes.advance(5)
        assert fakes["old"].time() - before == pytest.approx(5)
