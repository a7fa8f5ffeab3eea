"""Recordings: what a manager writes down, what is hidden in it, and a server that plays it."""

from __future__ import annotations

import asyncio
import io
import json
import time
from pathlib import Path
from typing import IO, Any

import pytest

from aioami import Action, ActionError, ConnectionLost, Manager, core
from aioami.testing import FakeAsterisk, Recording, RecordingError
from aioami.wire.recordings import Recorder
from aioami.wire.text import Encoding


async def recorded(path: Path) -> None:
    """A session with a list, a call and an unknown action."""
    async with FakeAsterisk(virtual_time=True) as fake:
        mgr = Manager("127.0.0.1", fake.port, "admin", "s3cret", record=path)
        async with mgr:
            await mgr.send(core.QueueStatus("support"))
            reply = await mgr.send(core.Originate_Application("Local/short@test/n", "Wait", ("1",)))
            outcome = asyncio.ensure_future(reply.outcome(timeout=5))
            await fake.advance(5)
            assert (await outcome).success
            await mgr.send(Action("Nonsense"), check=False)
            await mgr.send(core.UserEvent(UserEvent="Zoë\udcff", Text="日本"))
            await mgr.send(core.Ping())


async def test_everything_is_written_down(tmp_path: Path) -> None:
    """Each line is a JSON object with time and direction; together they are all that went over the link."""
    path = tmp_path / "link.jsonl"
    await recorded(path)
    lines: list[dict[str, Any]] = [json.loads(line) for line in path.read_text().splitlines()]
    assert (lines[0]["recording"], lines[0]["version"]) == ("aioami", 1)
    assert [lines[1]["direction"], lines[-1]["direction"]] == ["opened", "closed"]
    assert [line["time"] for line in lines[1:]] == sorted(line["time"] for line in lines[1:])
    recording = Recording.load(path)
    assert [action["Action"] for action in recording.sent][:3] == ["Challenge", "Login", "QueueStatus"]
    assert recording.entries[1].data == "Asterisk Call Manager/11.0.0\r\n"
    names = [message.get("Event") for message in recording.received]
    assert {"FullyBooted", "QueueMember", "Newchannel", "Hangup", "OriginateResponse"} <= set(names)
    assert all(entry.data.endswith("\r\n\r\n") for entry in recording.entries[2:-1])
    assert any("Zoë\\xff" in entry.data for entry in recording.entries)
    assert recording.duration > 0


async def test_secrets_are_not_in_it(tmp_path: Path) -> None:
    """Neither a secret nor the key of a login is written, whichever way one logs in."""
    path = tmp_path / "link.jsonl"
    async with FakeAsterisk() as fake, Manager(port=fake.port, plaintext_login=True, record=path) as mgr:
        await mgr.send(core.Login("admin", "s3cret"))
        await mgr.send(core.DBPut("family", "key", "value"))
    text = path.read_text()
    assert "s3cret" not in text
    assert "Secret: ***" in text
    assert "Key: key" in text


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_messages_are_whole_however_they_come(tmp_path: Path, size: int) -> None:
    """Each entry is a whole message, at whichever places the bytes were cut; the rest of a broken link is kept."""
    data = b"Asterisk Call Manager/11.0.0\r\nResponse: Success\r\nA: 1\r\n\r\nEvent: E\nB: 2\n\nEvent: Cut"
    recorder = Recorder(tmp_path / "r.jsonl")
    recorder.start()
    for start in range(0, len(data), size):
        recorder.received(data[start : start + size])
    recorder.close()
    entries = Recording.load(recorder.path).entries
    assert [entry.data for entry in entries[1:-1]] == [
        "Asterisk Call Manager/11.0.0\r\n",
        "Response: Success\r\nA: 1\r\n\r\n",
        "Event: E\nB: 2\n\n",
        "Event: Cut",
    ]


def test_old_command_output_is_one_message(tmp_path: Path) -> None:
    """Output with blank lines in it, as Asterisk 13 sends it, is one entry."""
    recorder = Recorder(tmp_path / "r.jsonl")
    recorder.start()
    output = b"Response: Follows\r\nPrivilege: Command\r\na\n\nb\n--END COMMAND--\r\n\r\n"
    recorder.received(b"Asterisk Call Manager/2.10.6\r\n" + output[:50])
    recorder.received(output[50:])
    recorder.close()
    assert Recording.load(recorder.path).entries[2].data == output.decode()


def test_command_output_behind_a_proxy_is_one_message(tmp_path: Path) -> None:
    """The server's name behind the marker belongs to it, wherever the bytes are cut, and what follows is its own entry."""
    output = b"Response: Follows\r\nPrivilege: Command\r\na\r\n--END COMMAND--\r\nServer: 10.0.0.1\r\n\r\n"
    pong = b"Response: Success\r\nServer: 10.0.0.1\r\n\r\n"
    for cut in range(len(output)):
        recorder = Recorder(tmp_path / "r.jsonl")
        recorder.start()
        recorder.received(b"Asterisk Call Manager Proxy/1.30\r\n" + output[:cut])
        recorder.received(output[cut:] + pong)
        recorder.close()
        recording = Recording.load(recorder.path)
        assert [entry.data for entry in recording.entries[2:4]] == [output.decode(), pong.decode()]
        assert [message.kind for message in recording.received] == ["response", "response"]


async def test_a_second_link_is_written_behind_the_first(tmp_path: Path) -> None:
    """A manager that connects again goes on with its recording; another manager begins anew."""
    path = tmp_path / "link.jsonl"
    async with FakeAsterisk() as fake:
        mgr = Manager("127.0.0.1", fake.port, "admin", "s3cret", record=path)
        for _ in range(2):
            async with mgr:
                pass
        assert [entry.direction for entry in Recording.load(path).entries].count("opened") == 2
        async with Manager("127.0.0.1", fake.port, "admin", "s3cret", record=str(path)):
            pass
        assert [entry.direction for entry in Recording.load(path).entries].count("opened") == 1


async def test_a_file_that_cannot_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A path that is not there fails the connect; a disk that is full ends the recording, says so, and not the link."""
    async with FakeAsterisk() as fake:
        with pytest.raises(FileNotFoundError):
            await Manager("127.0.0.1", fake.port, "a", "b", record=tmp_path / "none" / "x").connect()
        full = Path("/dev/full")
        if full.exists():
            async with Manager("127.0.0.1", fake.port, "admin", "s3cret", record=full) as mgr:
                assert (await mgr.send(core.Ping())).success
            assert "the recording /dev/full ends here" in caplog.text


class FullDisk(io.StringIO):
    """A file on a disk that is full, after some bytes of a line."""

    def __init__(self, file: IO[str], taken: int) -> None:
        super().__init__()
        self.file, self.taken = file, taken

    def write(self, text: str) -> int:
        self.file.write(text[: self.taken])
        raise OSError(28, "No space left on device")

    def close(self) -> None:
        self.file.close()


@pytest.mark.parametrize("taken", [0, 1, 40, 70_000])
def test_a_recording_that_failed_starts_anew_with_its_link(tmp_path: Path, taken: int) -> None:
    """Nothing more of that link is written; the next is, from its greeting on, behind the last whole line."""
    recorder = Recorder(tmp_path / "r")
    recorder.start()
    recorder.received(b"Asterisk Call Manager/1\r\n")
    assert recorder._file is not None
    recorder._file = FullDisk(recorder._file, taken)
    recorder.received(b"Event: Hangup\r\nChannel: %b\r\n\r\n" % (b"a" * 80_000))
    recorder.received(b"Event: AuthDetail\r\nActionID: 1\r\nUsername: a\r\nPasswordDigest: MD5:asterisk:hunter2\r\n")
    recorder.sent(b"Action: Ping\r\n\r\n")
    recorder.close()
    recorder.start()
    recorder.received(b"Asterisk Call Manager/2\r\nEvent: FullyBooted\r\n\r\n")
    recorder.close()
    assert "hunter2" not in recorder.path.read_text()
    assert [entry.data for entry in Recording.load(recorder.path).entries if entry.direction == "received"] == [
        "Asterisk Call Manager/1\r\n",
        "Asterisk Call Manager/2\r\n",
        "Event: FullyBooted\r\n\r\n",
    ]


def recorded_data(path: Path) -> list[str]:
    """What a file has of messages, as it has it."""
    return [each["data"] for each in map(json.loads, path.read_text().splitlines()) if "data" in each]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_recording_repeats_no_secret_of_a_refused_action(tmp_path: Path, encoding: str) -> None:
    """A server may say in a sentence of its own what it was sent, or what it knows of the login; all else is as it was."""
    recorder = Recorder(tmp_path / "r", Encoding(encoding), ["gehëim"])
    recorder.start()
    recorder.received(b"Asterisk Call Manager/2\r\n")
    key, login = "hüsh".encode(encoding), "gehëim".encode(encoding)
    recorder.sent(b"Action: Setvar\r\nActionID: 1\r\nVariable: A_PIN\r\nValue: 4711%b\r\n\r\n" % key)
    recorder.sent(b"Action: DBPut\r\nActionID: 2\r\nFamily: a\r\nKey: token\r\nVal: hash\r\n\r\n")
    recorder.sent(b"Action: Ping\r\nActionID: 3\r\n\r\n")
    refused = b"Response: Error\r\nActionID: %b\r\nMessage: no 4711%b, hash, %b\r\nbare 4711%b\r\n\r\n"
    for number in (b"3", b"1", b"1"):
        recorder.received(refused % (number, key, login, key))
    recorder.received(b"Response: Success\r\nActionID: 2\r\nMessage: hash is set, %b\r\n\r\n" % login)
    recorder.close()
    *_, third, first, again, second = recorded_data(recorder.path)
    kept = f"4711{key.decode('utf-8', 'surrogateescape')}"
    assert third.splitlines()[2:4] == [f"Message: no {kept}, hash, ***", f"bare {kept}"]
    assert first.splitlines() == ["Response: Error", "ActionID: 1", "Message: no ***, hash, ***", "bare ***", ""]
    assert again == first  # it was answered before, and an error may come amid a list
    assert second.splitlines()[2].startswith("Message: *** is set, geh")


@pytest.mark.parametrize(
    "form",
    [
        b"Response: Error\r\nActionID: 1\r\nMessage: %b\r\n\r\n",
        b"\r\nResponse: Error\r\nActionID: 1\r\nMessage: %b\r\n\r\n",
        b"\n\nresponse:Error\nActionID: 1\nMessage: %b\n\n",
        b"ActionID: 1\r\nResponse: Error\r\nMessage: %b\r\n\r\n",
        b"Response: Success\r\nActionID: 1\r\nEventList: start\r\n\r\n"
        b"Response: Error\r\nActionID: 1\r\nMessage: %b\r\n\r\n",
        b"Response: Follows\r\nActionID: 1\r\n\r\nResponse: Error\r\nActionID: 1\r\nMessage: %b\r\n\r\n",
    ],
)
def test_a_refusal_in_another_form_repeats_no_secret(tmp_path: Path, form: bytes) -> None:
    """Behind blank lines, with its ActionID first as a proxy sends it, amid a list, or behind raw output that is none."""
    recorder = Recorder(tmp_path / "r", secrets=["geheim"])
    recorder.start()
    recorder.received(b"Asterisk Call Manager/11.0.0\r\n")
    recorder.sent(b"Action: Login\r\nActionID: 1\r\nSecret: hunter2\r\n\r\n")
    recorder.received(b"Event: FullyBooted\r\n\r\n" + form % b"hunter2 of geheim")
    recorder.close()
    assert recorded_data(recorder.path)[-1].strip().endswith("Message: *** of ***")


def test_raw_output_of_a_new_server_is_none(tmp_path: Path) -> None:
    """From Asterisk 14 on there is none: such a message ends at its blank line, and nothing is held back behind it."""
    recorder = Recorder(tmp_path / "r")
    recorder.start()
    told = [b"Asterisk Call Manager/11.0.0\r\n", b"Response: Follows\r\n\r\n", b"Event: A\r\n\r\n"]
    recorder.received(b"".join(told))
    recorder.close()
    assert recorded_data(recorder.path) == [each.decode() for each in told]


def test_a_recording_hides_what_may_answer_any_action(tmp_path: Path) -> None:
    """A refusal that has lost its ActionID; the secrets of the thousand last actions are known, and no more."""
    recorder = Recorder(tmp_path / "r")
    recorder.start()
    recorder.received(b"Asterisk Call Manager/2\r\n")
    for number in range(1001):
        recorder.sent(b"Action: Login\r\nActionID: %d\r\nSecret: secret%04d\r\n\r\n" % (number, number))
    recorder.received(b"Response: Error\r\nMessage: secret0000 secret0001 secret1000\r\n\r\n")
    recorder.close()
    recorder.start()
    recorder.received(b"Asterisk Call Manager/2\r\nResponse: Error\r\nMessage: secret0001\r\n\r\n")
    recorder.close()
    told = [each for each in recorded_data(recorder.path) if each.startswith("Response")]
    assert [each.splitlines()[1] for each in told] == ["Message: secret0000 *** ***", "Message: secret0001"]


def test_a_secret_that_is_a_word_of_the_protocol_spoils_no_recording(tmp_path: Path) -> None:
    """The answer is still known as the answer of its action."""
    recorder = Recorder(tmp_path / "r", secrets=["Error"])
    recorder.start()
    recorder.sent(b"Action: Login\r\nActionID: 1234\r\nSecret: 1234\r\n\r\n")
    recorder.received(b"x\r\nResponse: Error\r\nActionID: 1234\r\nMessage: Error, 1234\r\n\r\n")
    recorder.close()
    assert recorded_data(recorder.path)[-1] == "Response: Error\r\nActionID: 1234\r\nMessage: ***, ***\r\n\r\n"


@pytest.mark.parametrize("pending", [b"", b"Event: Hangup\r\n"])
def test_a_recording_that_fails_at_its_end_is_closed(tmp_path: Path, pending: bytes) -> None:
    """The last words do not fit: that is logged as any other failure, and nothing is raised."""
    recorder = Recorder(tmp_path / "r")
    recorder.start()
    recorder.received(b"Asterisk Call Manager/1\r\n" + pending)
    file = recorder._file
    assert file is not None
    recorder._file = FullDisk(file, 0)
    recorder.close()
    assert file.closed
    assert [entry.direction for entry in Recording.load(recorder.path).entries] == ["opened", "received"]


def test_a_recording_that_failed_at_once_begins_with_its_first_line(tmp_path: Path) -> None:
    """A recorder that could not write even that says what the file is when a later link begins."""
    recorder = Recorder(tmp_path / "r")
    recorder.start()
    assert recorder._file is not None
    recorder._file.truncate(0)
    recorder._file = FullDisk(recorder._file, 0)
    recorder.sent(b"Action: Ping\r\n\r\n")
    recorder.start()
    recorder.close()
    assert [entry.direction for entry in Recording.load(recorder.path).entries] == ["opened", "closed"]


async def test_replay(tmp_path: Path) -> None:
    """A replay answers as recorded, with the ActionIDs of its client, and tells the events."""
    path = tmp_path / "link.jsonl"
    await recorded(path)
    async with Recording.load(path).replay(speed=None) as server:
        mgr = Manager.from_url(server.url)
        with mgr.events("Hangup") as gone, mgr.events("UserEvent") as told:
            async with mgr:
                members = await mgr.send(core.QueueStatus("support"))
                assert [item.get("Name") for item in members.events] == [None, "Agent One", "Agent Two"]
                again = await mgr.send(core.QueueStatus("support"))
                assert [item.get("Name") for item in again.events] == [None, "Agent One", "Agent Two"]
                call = await mgr.send(core.Originate_Application("Local/short@test/n", "Wait"))
                assert call.message == "Originate successfully queued"
                with pytest.raises(ActionError, match="not in the recording"):
                    await mgr.send(core.CoreShowChannels())
                assert (await mgr.send(core.Ping())).success
                assert (await gone.__anext__())["Channel"].startswith("Local/short@test-")
                assert (await told.__anext__()).get("UserEvent") == "Zoë\\xff"
        assert [action["Action"] for action in server.received][:2] == ["Challenge", "Login"]


async def test_replays_keep_time(tmp_path: Path) -> None:
    """Events come at their recorded distance, or so many times faster."""
    path = tmp_path / "link.jsonl"
    head = '{"recording": "aioami", "version": 1, "started": ""}\n'
    for distance, speed, least, most in ((0.1, 1.0, 0.28, 5.0), (1.0, 100.0, 0.02, 2.5)):
        at = [
            {"time": number * distance, "direction": "received", "data": f"Event: E{number}\r\n\r\n"}
            for number in range(4)
        ]
        path.write_text(head + "".join(json.dumps(entry) + "\n" for entry in at))
        recording = Recording.load(path)
        async with recording.replay(speed=speed) as server:
            mgr = Manager.from_url(server.url)
            last = mgr.wait_for("E3", timeout=5)
            began = time.monotonic()
            async with mgr:
                await last
                assert least < time.monotonic() - began < most
    with pytest.raises(ValueError, match="speed"):
        recording.replay(speed=0)


async def test_a_replay_that_ends(tmp_path: Path) -> None:
    """Leaving a replay ends its clients; it serves several at once, each from the beginning."""
    path = tmp_path / "link.jsonl"
    await recorded(path)
    async with Recording.load(path).replay(speed=None) as server:
        managers = [Manager.from_url(server.url + "?reconnect=no") for _ in range(3)]
        for mgr in managers:
            await mgr.connect()
            assert len((await mgr.send(core.QueueStatus())).events) == 3
    for mgr in managers:
        with pytest.raises(ConnectionLost):
            await mgr.send(Action("Wait"))
        await mgr.close()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "line 1"),
        ("nonsense\n", "line 1: not JSON"),
        ("[]\n", "line 1: not a JSON object"),
        ('{"recording": "aioami", "version": 2}\n', "version 2 is not known"),
        ('{"recording": "aioami", "version": 1}\n{"time": "soon"}\n', "line 2: time"),
        ('{"recording": "aioami", "version": 1}\n{"time": 1, "direction": "up"}\n', "line 2: direction"),
        ('{"recording": "aioami", "version": 1}\n{"time": 1, "direction": "sent", "data": 1}\n', "line 2: data"),
    ],
)
def test_files_that_are_no_recordings(tmp_path: Path, text: str, complaint: str) -> None:
    """What is wrong with a file, and in which line, is said."""
    path = tmp_path / "r.jsonl"
    path.write_text(text)
    with pytest.raises(RecordingError, match=complaint):
        Recording.load(path)


def test_a_last_line_that_was_cut_off(tmp_path: Path) -> None:
    """A program that was killed leaves half a line: what is before it is read; names from the future are ignored."""
    path = tmp_path / "r.jsonl"
    path.write_text(
        '{"recording": "aioami", "version": 1, "new": 1}\n{"time": 1, "direction": "opened", "x": 2}\n{"time": 2, "di'
    )
    assert len(Recording.load(path)) == 1


async def test_events_are_what_streams_had(tmp_path: Path) -> None:
    """The events of a recording are those that went to everybody; items of lists belong to those who asked."""
    path = tmp_path / "link.jsonl"
    await recorded(path)
    names = [entry.message["Event"] for entry in Recording.load(path).events]
    assert {"FullyBooted", "Newchannel", "Hangup", "OriginateResponse", "UserEvent"} <= set(names)
    assert not {"QueueMember", "QueueParams", "QueueStatusComplete"} & set(names)


async def test_a_replay_listens_where_it_is_told(tmp_path: Path) -> None:
    """A port may be chosen, and one that is none is refused."""
    path = tmp_path / "link.jsonl"
    await recorded(path)
    recording = Recording.load(path)
    async with recording.replay() as first:
        port = first.port
    async with recording.replay(port=port) as second:
        assert second.port == port
        with pytest.raises(OSError, match="in use"):
            await recording.replay(port=port).__aenter__()
    with pytest.raises(ValueError, match="port"):
        recording.replay(port=70000)


def test_bytes_of_an_encoding_with_several_forms_stay(tmp_path: Path) -> None:
    """Where text would go back as other bytes, the record has those that came."""
    path = tmp_path / "record.jsonl"
    recorder = Recorder(path, Encoding("cp932"))
    recorder.start()
    recorder.received(b"Event: X\r\nName: \xfa\x4a\r\n\r\n")
    recorder.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    data = "".join(each["data"] for each in lines if each.get("direction") == "received")
    assert data.encode("utf-8", "surrogateescape") == b"Event: X\r\nName: \xfaJ\r\n\r\n"
