"""What a server or a caller wrote is text on a terminal: it is neither obeyed nor taken for markup."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from tests.helpers import run

from aioami import Event, EventList, Response
from aioami.cli.output import Counts, Form, Printer, local_time, plain
from aioami.testing import FakeAsterisk

EVIL = ["[/red]", "[bold]x[/bold]", "[link=http://x]y[/link]", "\x1b[31mx", "\x9b31mx", "a\u202eb", "a\x07b"]
OBEYED = "\x1b\x9b\x07\u202e"


def printed(form: Form, *, terminal: bool, evil: str) -> str:
    """Everything that a printer prints, of messages in which all is evil that may be."""
    console = Console(
        file=io.StringIO(), force_terminal=terminal, width=200, soft_wrap=True, highlight=False, color_system=None
    )
    printer, counts = Printer(form, console), Counts()
    event = Event(f"Event: {evil}\r\nChannel: {evil}\r\n{evil}: {evil}")
    response = Response(f"Response: Success\r\nMessage: {evil}\r\n{evil}: 1\r\nOutput: {evil}")
    response.events.extend(EventList([event, event], event))
    printer.event(event)
    printer.item(event)
    printer.response(response)
    printer.table([event, event])
    counts.add(event.name)
    printer.show(counts.table())
    console.width = 20
    printer.table([event, event])
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize("form", list(Form), ids=lambda form: form.value)
@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
def test_names_and_values_are_printed_as_text(form: Form, terminal: bool) -> None:
    """In lines, tables, their titles and columns, and counts: escaped where a terminal would obey, and brackets are brackets."""
    for evil in EVIL:
        found = printed(form, terminal=terminal, evil=evil)
        assert not set(OBEYED) & set(found)
        if evil.isprintable():
            assert evil in found


@pytest.mark.parametrize("seconds", [1e17, -1e18, 1e300, float("inf")])
def test_a_moment_beyond_all_dates_is_a_dash(seconds: float) -> None:
    """A server may send any number, from which a moment is worked out: nothing that shows it ends."""
    assert local_time(seconds, "%H:%M:%S") == "-"


def test_lines_of_another_program_keep_tabs_and_lose_colours() -> None:
    """All else that a terminal would obey is escaped."""
    assert plain("\x1b[1;32mok\x1b[0m\tfine\n\x1b]0;title\x07") == "ok\tfine\n\\x1b]0;title\\x07"


async def test_each_command_prints_what_a_server_says_as_text(fake: FakeAsterisk) -> None:
    """Output of commands, refusals on standard error, the calls of a trace, and the findings of the doctor."""
    evil = "\x1b[31mX\x1b]0;title\x07"
    answers = {
        "Command": {"Response": "Success", "Output": evil},
        "QueueStatus": {"Response": "Error", "Message": evil},
    }
    for name, answer in answers.items():
        fake.reply_to(name, lambda request, answer=answer: answer)  # type: ignore[misc]
    listed = {"Event": "CoreShowChannel", "Channel": evil, "Uniqueid": evil, "Linkedid": evil, "ChannelState": "6"}
    end = {"Event": "CoreShowChannelsComplete", "EventList": "Complete"}
    fake.reply_to("CoreShowChannels", lambda request: [{"Response": "Success", "EventList": "start"}, listed, end])
    for arguments, said in (
        (("command", "x"), "X\\x1b]0;title\\x07"),
        (("send", "QueueStatus"), "X\\x1b]0;title\\x07"),
        (("trace",), "\\x1b[31mX"),
        (("doctor",), ""),
    ):
        _, out, err = await run(*arguments, url=fake.url)
        assert not set(OBEYED) & set(out + err), arguments
        assert said in out + err, arguments
