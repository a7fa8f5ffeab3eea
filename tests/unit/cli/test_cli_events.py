"""`aioami events`: which events it shows, how, and what it says besides."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
import sys

import pytest
import typer

from aioami import events
from aioami.cli.filters import Filter
from aioami.cli.output import Counts, clean, style_of
from aioami.testing import FakeAsterisk

from .test_cli import run, start

HANGUP = events.parse(
    "Event: Hangup\r\nChannel: PJSIP/alice-00000001\r\nCallerIDNum: 100\r\nCause: 16\r\n"
    "ChanVariable: a=1\r\nChanVariable: b=2"
)
DIAL = events.parse(
    "\r\n".join(
        (
            "Event: DialBegin",
            "Channel: PJSIP/trunk-1",
            "DestChannel: PJSIP/alice-2",
            "DestChannelState: 5",
        ),
    ),
)


@pytest.mark.parametrize(
    ("names", "where", "channels", "hangup", "dial"),
    [
        ((), (), (), True, True),
        (("hang*",), (), (), True, False),
        (("Hangup", "Dial*"), (), (), True, True),
        ((), ("CallerIDNum=100",), (), True, False),
        ((), ("calleridnum=1??",), (), True, False),
        ((), ("CallerIDNum!=100",), (), False, True),
        ((), ("CallerIDNum = 100", "Cause=17"), (), False, False),
        ((), ("ChanVariable=b=2",), (), True, False),
        ((), ("DestChannelState=5",), (), False, True),
        ((), (), ("PJSIP/alice-*",), True, True),
        ((), (), ("PJSIP/trunk-*", "SIP/*"), False, True),
        ((), (), ("5",), False, False),
    ],
)
def test_filters(
    names: tuple[str, ...],
    where: tuple[str, ...],
    channels: tuple[str, ...],
    hangup: bool,
    dial: bool,
) -> None:
    """Names and channels are alternatives, conditions must all hold, and a channel is found in
    whichever header names it.
    """
    chosen = Filter(names, where, channels)
    assert (chosen(HANGUP), chosen(DIAL)) == (hangup, dial)


@pytest.mark.parametrize("condition", ["CallerIDNum", "=100", "!=100", ""])
def test_a_condition_that_is_none_is_refused(condition: str) -> None:
    """The error shows what was given."""
    with pytest.raises(typer.BadParameter, match=re.escape(repr(condition))):
        Filter(where=[condition])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë", "Zoë"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("\udcff", "\\xff"),
        ("\u202e", "\\u202e"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    """A caller's name can hold an escape sequence, and the terminal does not get it."""
    assert clean(text) == shown


def test_events_have_the_colour_of_their_kind() -> None:
    """A hang-up is red, what is new is bright, and a user's own event has a colour too."""
    assert style_of(HANGUP) == "red"
    assert style_of(events.parse("Event: QueueCallerJoin")) == "magenta"
    assert style_of(events.parse("Event: DoorBell")) == "white"


def test_counts_that_have_no_room_are_summed_up() -> None:
    """A table of few lines ends with the number of others, and the total is that of all."""
    from rich.console import Console

    counts = Counts()
    for name, times in (("A", 5), ("B", 3), ("C", 2), ("D", 1)):
        for _ in range(times):
            counts.add(name)
    with open(os.devnull, "w") as nowhere:
        console = Console(width=60, file=nowhere, record=True)
        console.print(counts.table(6))
    lines = [line.split() for line in console.export_text().splitlines()]
    assert [line[:-1] for line in lines[1:]] == [
        ["A", "5"],
        ["B", "3"],
        ["2", "others", "3"],
        ["all", "11"],
    ]


async def test_only_what_was_asked_for_is_shown(fake: FakeAsterisk) -> None:
    """Conditions and channels narrow the events down, and `--limit` counts those that are shown."""
    process = await start(
        *("events", "Hangup", "New*", "--where", "CallerIDNum=100", "--channel", "PJSIP/alice-*"),
        *("--json", "--limit", "2"),
        url=fake.url,
    )
    await fake.expect("Login", timeout=20)
    for name, channel, number in (
        ("Newchannel", "PJSIP/alice-1", "100"),
        ("Newchannel", "PJSIP/alice-1", "200"),
        ("Newchannel", "PJSIP/bob-1", "100"),
        ("DialBegin", "PJSIP/alice-1", "100"),
        ("Hangup", "PJSIP/alice-1", "100"),
    ):
        await fake.send_event(name, {"Channel": channel, "CallerIDNum": number})
    out, err = await process.communicate()
    assert process.returncode == 0, err
    assert [json.loads(line)["Event"] for line in out.splitlines()] == ["Newchannel", "Hangup"]


async def test_a_pipe_gets_plain_lines_at_once(fake: FakeAsterisk) -> None:
    """Each event reaches the reader before the next one comes, without colours and with nothing to
    obey.
    """
    process = await start("events", "DoorBell", "--brief", url=fake.url)
    await fake.expect("Login", timeout=20)
    assert process.stdout is not None
    for number in range(3):
        await fake.send_event(
            "DoorBell",
            {"Door": f"front {number}", "Name": "a\x1b[0m", "Language": "en"},
        )
        line = (await asyncio.wait_for(process.stdout.readline(), 10)).decode()
        assert re.fullmatch(
            rf'\d\d:\d\d:\d\d\.\d\d\d  DoorBell {{13}} Door="front {number}" Name=a\\x1b\[0m\n',
            line,
        )
    process.send_signal(signal.SIGINT)
    await process.communicate()


async def test_a_reader_that_has_enough_ends_it(fake: FakeAsterisk) -> None:
    """When the other end of the pipe is closed, the command ends without an error."""
    reading, writing = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "aioami", "events"),
        env={**os.environ, "AIOAMI_URL": fake.url},
        stdout=writing,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(writing)
    await fake.expect("Login", timeout=20)
    os.close(reading)
    await fake.send_event("Hello")
    _, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")


async def test_counting(fake: FakeAsterisk) -> None:
    """`--count` tells in the end how many there were of each, as a table or as JSON."""
    for form in ((), ("--json",)):
        process = await start("events", "--count", "Queue*", "--limit", "3", *form, url=fake.url)
        await fake.expect("Login", timeout=20)
        for name in ("QueueCallerJoin", "Hangup", "QueueCallerLeave", "QueueCallerJoin"):
            await fake.send_event(name, {"Queue": "support"})
        out, _ = await process.communicate()
        assert process.returncode == 0
        if form:
            assert json.loads(out)["counts"] == {"QueueCallerJoin": 2, "QueueCallerLeave": 1}
        else:
            rows = [line.split()[:2] for line in out.decode().splitlines()[1:]]
            assert rows == [["QueueCallerJoin", "2"], ["QueueCallerLeave", "1"], ["all", "3"]]


async def test_counting_on_a_terminal_is_live(fake: FakeAsterisk) -> None:
    """On a terminal the table is drawn again and again, in colours, and stays there when it is
    over.
    """
    parent, child = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "aioami", "events", "--count"),
        env={
            **{k: v for k, v in os.environ.items() if k != "NO_COLOR"},
            "AIOAMI_URL": fake.url,
            "TERM": "xterm-256color",
        },
        stdin=child,
        stdout=child,
        stderr=child,
    )
    os.close(child)
    seen = b""

    async def until(text: bytes) -> None:
        nonlocal seen
        while text not in seen:
            seen += await asyncio.wait_for(asyncio.to_thread(os.read, parent, 4096), 20)

    await fake.expect("Login", timeout=20)
    await until(b"a second")
    await fake.send_event("Hangup")
    await until(b"Hangup")
    process.send_signal(signal.SIGINT)
    await process.wait()
    os.close(parent)
    assert process.returncode == 130
    assert b"\x1b[1m" in seen


async def test_it_ends_when_its_time_is_up(fake: FakeAsterisk) -> None:
    """`--seconds` ends it as if nothing more were to come, and it logs off."""
    code, out, err = await run(
        "events",
        "Hangup",
        "--seconds",
        "0.2",
        "--count",
        "--json",
        url=fake.url,
    )
    assert (code, err) == (0, "")
    assert json.loads(out)["events"] == 0
    await fake.expect("Logoff")


async def test_a_lost_link_is_told_and_comes_again(fake: FakeAsterisk) -> None:
    """It goes on with the next link, and says both on the standard error; JSON has it in its place
    too.
    """
    process = await start("events", "Before", "After", "*connected", "--json", url=fake.url)
    assert process.stderr is not None
    await fake.expect("Login", timeout=20)
    await fake.send_event("Before")
    assert process.stdout is not None
    assert b"Before" in await process.stdout.readline()
    fake.drop()
    await fake.expect("Login", timeout=20)
    told = b"".join([await process.stderr.readline() for _ in range(2)])
    assert b"was lost, and is being established again" in told
    assert b"stands again, after" in told
    await fake.send_event("After")
    lines = [json.loads(await process.stdout.readline())["Event"] for _ in range(3)]
    assert lines == ["Disconnected", "Reconnected", "After"]
    process.send_signal(signal.SIGTERM)
    await process.communicate()
    assert process.returncode == 143


async def test_a_name_that_asterisk_does_not_have_is_told(fake: FakeAsterisk) -> None:
    """A misspelt name would match nothing for ever, so it is said; patterns, known names and those of modules of others
    are not.
    """
    _, _, err = await run(
        "events",
        "Hangpu",
        "DongleNewSMS",
        "Queue*",
        "Newchannel",
        "--seconds",
        "0.1",
        url=fake.url,
    )
    assert err == "aioami: there is no event Hangpu; is Hangup meant?\n"


async def test_an_event_of_old_servers_is_told_once_the_version_is_known(fake: FakeAsterisk) -> None:
    """Asterisk 11 has the event Bridge; a newer one is asked for what took its place."""
    _, _, err = await run("events", "Bridge", "--seconds", "0.1", url=fake.url)
    assert err == ("aioami: Asterisk 12 and later have no event Bridge; BridgeEnter and BridgeLeave took its place\n")


async def test_two_forms_are_refused() -> None:
    """`--json` and `--brief` exclude each other."""
    code, _, err = await run("events", "--json", "--brief", url="ami://a:b@127.0.0.1:1")
    assert code == 2
    assert "two forms" in err


async def test_completion() -> None:
    """The shell of the system completes events, actions and options, with what they are."""
    cases = {
        "aioami events QueueCallerJ": ["QueueCallerJoin"],
        "aioami send CoreStat": ["CoreStatus"],
        "aioami events --cha": ["--channel"],
    }

    async def completed(words: str) -> list[str]:
        asked = {"_AIOAMI_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "2"}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "aioami"),
            env={**os.environ, **asked},
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        return out.decode().split()

    assert await asyncio.gather(*map(completed, cases)) == list(cases.values())
