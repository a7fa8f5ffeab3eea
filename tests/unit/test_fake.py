"""The fake server, seen from a plain socket."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest

from aioami.testing import FakeAsterisk

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
        self.send(*lines)
        return await self.read()

    async def login(self, events: str = "on") -> None:
        reply = await self.ask("Action: Login", "Username: admin", "Secret: s3cret", f"Events: {events}")
        assert reply[-1] == ("Message", "Authentication accepted")


class Clients:
    """Opens clients of servers, and closes them at the end."""

    def __init__(self) -> None:
        self.open: list[Client] = []

    async def __call__(self, fake: FakeAsterisk, *, events: str | None = "on") -> Client:
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


@pytest.fixture
async def fake() -> AsyncIterator[FakeAsterisk]:
    async with FakeAsterisk(boot=False, answer_seconds=0.01, talk_seconds=0.05) as server:
        yield server


@pytest.mark.parametrize(("version", "ami"), [("13", "2.10.6"), ("16", "5.0.5"), ("22", "11.0.0")])
async def test_each_version_has_its_banner(version: str, ami: str, connect: Clients) -> None:
    """The banner is one line with the AMI version of the Asterisk that is passed for."""
    async with FakeAsterisk(version=version) as fake:
        client = await connect(fake, events=None)
        assert client.banner == f"Asterisk Call Manager/{ami}\r\n".encode()


def test_secrets_do_not_show() -> None:
    """The secret is in the URL, never in the repr."""
    fake = FakeAsterisk(users={"me": "a/b"})
    assert fake.url == "ami://me:a%2Fb@127.0.0.1:0"
    assert "a/b" not in repr(fake)


async def test_login_by_challenge(fake: FakeAsterisk, connect: Clients) -> None:
    """The key is the MD5 of challenge and secret, and a second login is already authenticated."""
    client = await connect(fake, events=None)
    challenge = (await client.ask("Action: Challenge", "AuthType: md5"))[-1][1]
    key = hashlib.md5(f"{challenge}s3cret".encode()).hexdigest()
    login = ("Action: Login", "Username: ADMIN", "AuthType: MD5", f"Key: {key}")
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
        assert (await (await connect(fake)).read())[0] == ("Event", "FullyBooted")
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
    request = await fake.wait_received("ping")
    assert (request.name, request.action_id, request.getall("x")) == ("Ping", "7", ["1", "2"])
    assert request.raw == b"Action: Ping\r\nActionID: 7\r\nX: 1\r\nX: 2\r\n\r\n"
    assert request.connection is fake.connections[0]
    with pytest.raises(asyncio.TimeoutError):
        await fake.wait_received("Ping", 2, timeout=0.01)


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
    client = await connect(fake)
    fake.stall()
    client.send("Action: Ping")
    await fake.wait_received("Ping")
    await fake.send_event("Later")
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(client.reader.read(1), 0.02)
    fake.resume()
    assert ("Ping", "Pong") in await client.read()
    assert await client.read() == [("Event", "Later")]


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
    """A variable that was set is told in a VarSet event, and can be read."""
    client = await connect(fake)
    client.send("Action: Setvar", "Variable: A", "Value: 1")
    assert {(await client.read())[0], (await client.read())[0]} == {("Event", "VarSet"), ("Response", "Success")}
    assert (await client.ask("Action: Getvar", "Variable: A"))[-1] == ("Value", "1")


async def test_queue(fake: FakeAsterisk, connect: Clients) -> None:
    """The queue `support` has members that come, pause and go; an unknown queue is an empty list."""
    client = await connect(fake, events="off")
    await client.ask("Action: QueueAdd", "Queue: support", "Interface: PJSIP/2", "Paused: true")
    client.send("Action: QueueStatus")
    messages = await names_until(client, "QueueStatusComplete")
    assert ("ListItems", "3") in messages[-1]
    assert ("Location", "PJSIP/2") in messages[-2]
    await client.ask("Action: QueueRemove", "Queue: support", "Interface: PJSIP/2")
    client.send("Action: QueueSummary", "Queue: none")
    assert ("ListItems", "0") in (await names_until(client, "QueueSummaryComplete"))[-1]


async def test_user_events(fake: FakeAsterisk, connect: Clients) -> None:
    """A user event is broadcast with its headers and ActionID, behind the answer."""
    client = await connect(fake)
    assert (await client.ask("Action: UserEvent", "ActionID: 1", "UserEvent: E", "A: b"))[0] == ("Response", "Success")
    event = [("Event", "UserEvent"), ("Privilege", "user,all"), ("UserEvent", "E"), ("ActionID", "1"), ("A", "b")]
    assert await client.read() == event


ORIGINATE = ("Action: Originate", "ActionID: 1", "Application: Echo", "Timeout: 20")


@pytest.mark.parametrize(
    ("target", "reason", "cause"), [("ok", 4, 16), ("busy", 5, 17), ("congestion", 8, 34), ("noanswer", 3, 19)]
)
async def test_calls(fake: FakeAsterisk, connect: Clients, target: str, reason: int, cause: int) -> None:
    """An originated call is told from its Newchannel to its Hangup, and its result carries the ActionID."""
    client = await connect(fake)
    client.send(*ORIGINATE, "Async: 1", f"Channel: Local/{target}@default")
    messages = [dict(message) for message in [await client.read() for _ in range(2)]]
    while not {"Hangup", "OriginateResponse"} <= {message.get("Event", "") for message in messages}:
        messages.append(dict(await client.read()))
    assert messages[0]["Message"] == "Originate successfully queued"
    assert messages[1]["Event"] == "Newchannel"
    by_name = {message["Event"]: message for message in messages[1:]}
    result, hangup = by_name["OriginateResponse"], by_name["Hangup"]
    assert (result["ActionID"], result["Reason"], hangup["Cause"]) == ("1", str(reason), str(cause))
    assert result["Response"] == ("Success" if reason == 4 else "Failure")
    assert not fake.model.channels


async def test_synchronous_calls(fake: FakeAsterisk, connect: Clients) -> None:
    """Without Async the answer tells the result, and there is no OriginateResponse."""
    client = await connect(fake, events="off")
    assert (await client.ask(*ORIGINATE, "Channel: Local/busy@x"))[-1] == ("Message", "Originate failed")
    assert (await client.ask(*ORIGINATE, "Channel: Local/ok@x"))[0] == ("Response", "Success")


async def test_hangup_ends_a_call(connect: Clients) -> None:
    """The action Hangup ends a call at once, and stopping the server ends those that are left."""
    async with FakeAsterisk(boot=False, answer_seconds=0.0, talk_seconds=60) as fake:
        client = await connect(fake, events="off")
        for _ in range(2):
            await client.ask(*ORIGINATE, "Channel: Local/ok@x")
        channel = next(iter(fake.model.channels))
        assert (await client.ask("Action: Events", "EventMask: call"))[0] == ("Response", "Success")
        assert (await client.ask("Action: Hangup", f"Channel: {channel}"))[-1] == ("Message", "Channel Hungup")
        assert ("Channel", channel) in await client.read()
        assert (await client.ask("Action: Hangup", f"Channel: {channel}"))[-1] == ("Message", "No such channel")


async def test_stop_ends_everything(connect: Clients) -> None:
    """After `stop`, which may be repeated, connections and tasks of the server are gone."""
    fake = FakeAsterisk(talk_seconds=60)
    await fake.start()
    client = await connect(fake)
    await client.ask(*ORIGINATE, "Async: true", "Channel: Local/ok@x")
    await asyncio.wait_for(fake.stop(), 5)
    await fake.stop()
    assert fake.connections == []
    assert len(asyncio.all_tasks()) == 1
