"""The events that pass a mask and filters, told without a server; tests/real/test_delivery.py asks the servers."""

from __future__ import annotations

import ctypes
import random
import re
import sys
from collections.abc import Callable
from typing import Final

import pytest

from aioami import Action, actions
from aioami._posix import Expression
from aioami.permissions import Permissions
from aioami.permissions.delivery import EventFilter, filter_text, includes, mask_of, passes
from aioami.permissions.granted import granted
from aioami.testing import EventFilter as FakeFilter

EXTENDED, WITHOUT_PLACES = 1, 8  # of regex.h
SIGNS: Final = (
    "a",
    "b",
    "ab",
    "\r\n",
    "Event: ",
    ".",
    "[ab]",
    "[^a]",
    "[[:alpha:]]",
    r"\.",
    r"\w",
    r"\d",
    "[]a]",
    r"[\d]",
)
TEXTS: Final = ("", "a", "b", "ab", "abab\r\n", "Event: ab\r\n", "a.b", "d", "\\", "]", "ba\r\nba", "aaa", "xbx")


def expression(chance: random.Random, depth: int = 0) -> str:
    """A random expression, with places at its ends alone: elsewhere the C library's own reading of them is odd."""
    parts = ["^"] if depth == 0 and chance.random() < 0.2 else []
    for _ in range(chance.randint(1, 3)):
        part = f"({expression(chance, depth + 1)})" if depth < 2 and chance.random() < 0.3 else chance.choice(SIGNS)
        parts.append(part + chance.choice(("", "", "", "*", "+", "?", "{2}", "{1,2}", "{,1}", "{1,}")))
    if depth == 0 and chance.random() < 0.2:
        return "".join(parts) + "$"
    return "".join(parts) + (f"|{expression(chance, depth + 1)}" if depth < 2 and chance.random() < 0.2 else "")


@pytest.fixture(scope="module")
def found() -> Callable[[str, str], bool]:
    """Whether the C library finds an expression in a text."""
    if not sys.platform.startswith("linux"):
        pytest.skip("the C library of Linux is what Asterisk's filters are read by")
    library = ctypes.CDLL(None)

    def finds(pattern: str, text: str) -> bool:
        memory = ctypes.create_string_buffer(4096)
        assert library.regcomp(memory, pattern.encode(), EXTENDED | WITHOUT_PLACES) == 0, pattern
        matches: bool = library.regexec(memory, text.encode(), 0, None, 0) == 0
        library.regfree(memory)
        return matches

    return finds


def test_expressions_mean_what_the_c_library_means(found: Callable[[str, str], bool]) -> None:
    """Three hundred random expressions match the same texts, and none behaves as Python's alone would."""
    chance = random.Random(17)
    for _ in range(300):
        pattern = expression(chance)
        own = re.compile(Expression(pattern).pattern, re.DOTALL)
        for text in TEXTS:
            assert (own.search(text) is not None) is found(pattern, text), (pattern, text)


def test_a_beginning_decides_only_what_no_rest_can_change() -> None:
    """With true, each longer text matches; with false, no match begins in the part that is known."""
    chance = random.Random(16)
    for _ in range(300):
        pattern = expression(chance)
        made = Expression(pattern)
        own = re.compile(made.pattern, re.DOTALL)
        for beginning in TEXTS[1:]:
            verdict = made.finds(beginning)
            longer = [beginning + rest for rest in TEXTS]
            within = [any(own.match(text, at) for at in range(len(beginning))) for text in longer]
            if verdict is not None:
                assert set(within) == {verdict}, (pattern, beginning)
            for text in longer:
                match = own.search(text)
                begins = [text.startswith(each, match.start()) for each in made.beginnings()] if match else [True]
                assert any(begins) or (match is not None and match.start() == 0 and "^" in pattern), (pattern, text)


@pytest.mark.parametrize(
    "wrong",
    ["(", "[", "[a", "[[:nothing:]]", "*a", "^*", "(+)", "a{3,2}", "a{99999}", "\\", "[[.", "[b-a]", r"(a)\1", "(" * 99 + ")" * 99, "a" + "*" * 99],
)  # fmt: skip
def test_what_is_no_expression_is_refused(wrong: str) -> None:
    """Wrong expressions, and those that are not understood, are a ValueError; a filter with one may match or not."""
    with pytest.raises(ValueError, match=r"\w"):
        Expression(wrong)
    assert EventFilter.of(f"!(|{wrong})").matches("Hangup", ("call",)) is None


@pytest.mark.parametrize(
    ("text", "verdicts"),
    [
        ("!Event: Hangup", "FT?"),
        ("^Event: Hangup", "TFF"),
        ("Event: (Hangup|Newexten)[[:space:]]", "TT?"),
        ("Event: Hangup|Channel: PJSIP", "T??"),
        ("!^Event: Hangup|Channel: PJSIP", "F??"),
        ("^Event: Newexten.*Channel: PJSIP", "F?F"),
        ("!^Event: Newexten.*Channel: PJSIP", "T?T"),
        ("Privilege: call", "TFF"),
        ("Privilege: .*user", "??T"),
        ("vent: Hangup", "T??"),
        ("Hangup$", "???"),
        ("!16$", "???"),
        (r"^Event: \w+", "TTT"),
        (r"\bHangup\b", "T??"),
        ("Event: Door", "FF?"),
        ("name(Hangup)", "TFF"),
        ("action(exclude),name(Hangup)", "FTT"),
        ("name(Hangup),header(Cause),method(exact)=16", "?FF"),
        ("action(exclude),header(Cause),method(exact)=16", "???"),
        ("header(Event),method(starts_with)=H", "TFF"),
        ("header(Event),method(ends_with)=Event", "FFT"),
        ("method(contains)=Event: Newexten", "FT?"),
        ("method(starts_with)=Event: Newexten\r\nPrivilege: call", "FFF"),
        ("method(exact)=Event: Hangup", "FFF"),
        ("method(contains)=(", "???"),
    ],
)
def test_verdicts(text: str, verdicts: str) -> None:
    """What a single filter lets through of Hangup, Newexten and UserEvent: all (T), none (F), or as their headers say (?)."""
    given = [EventFilter.of(text)]
    shown = {True: "T", False: "F", None: "?"}
    assert [
        shown[passes(given, *each)]
        for each in (("Hangup", ("call",)), ("Newexten", ("dialplan",)), ("UserEvent", ("user",)))
    ] == list(verdicts)


def test_several_filters() -> None:
    """Excluding ones are stronger, including ones add to each other, and no filters let everything through."""

    def verdict(*texts: str) -> bool | None:
        return passes([EventFilter.of(each) for each in texts], "Hangup", ("call",))

    assert verdict() is True
    assert verdict("Event: Hangup", "!Event: Hangup") is False
    assert verdict("Event: Newexten", "Event: Hangup") is True
    assert verdict("Event: Newexten", "Channel: x") is None
    assert verdict("Event: Hangup", "!Channel: x") is None
    assert passes([EventFilter.of("Privilege: call")], "Unheard", ()) is None


def test_a_filter_is_read_from_actions_and_from_manager_conf() -> None:
    """The headers of an action count in any letter case; a line with criteria is the same as a filter with them."""
    assert EventFilter.of(Action("filter", {"FILTER": "!Event: X"})) == EventFilter(True, pattern="Event: X")
    criteria = EventFilter(True, "Hangup", "Cause", "exact", "16")
    text = "action(exclude),name(Hangup),header(Cause),method(exact)"
    assert EventFilter.of(actions.Filter("16", match_criteria=text)) == criteria
    config = [
        ("Category-0", "bot"),
        ("Line-0-0", "read=all"),
        ("Line-0-1", f"eventfilter({text})=16"),
        ("Line-0-2", "eventfilter(name(Hangup)) = "),
        ("Line-0-3", "eventfilter=!Event: RTCP"),
    ]
    rights = granted("bot", config=config)
    assert rights is not None
    assert rights.event_filters == (f"{text}=16", "name(Hangup)", "!Event: RTCP")
    assert EventFilter.of(rights.event_filters[0]) == criteria
    lines = [line for line in Permissions(event_filters=rights.event_filters).stanza().splitlines() if "filter" in line]
    assert lines == [f"eventfilter({text}) = 16", "eventfilter(name(Hangup)) =", "eventfilter = !Event: RTCP"]
    assert filter_text(f"eventfilter({text})", "16") == f"{text}=16"


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("YES", {"all"}), ("t", {"all"}), ("No", set()), ("", set()), ("all", {"all"}), ("a,call", {"all"}), (",call", {"all"}),
        ("bogus", set()), ("c,x", {"call", "command", "config", "cdr", "cc"}), ("call, agent", {"call"}), ("0", set()),
        ("3", {"system", "call"}), (str(1 << 30), {"message"}), (str(1 << 14), set()),
    ],
)  # fmt: skip
def test_masks(text: str, classes: set[str]) -> None:
    """A mask is read as Asterisk reads it, with its oddities."""
    assert mask_of(text) == classes
    assert includes(mask_of(text), ("call",)) is bool(classes & {"all", "call"})


def test_the_fake_server_reads_expressions_as_posix() -> None:
    """Classes in brackets, and a dot for line breaks: as Asterisk, and not as Python."""
    text = "Event: Hangup\r\nPrivilege: call,all\r\nChannel: x\r\n"
    assert FakeFilter.parse("^Event: Hangup[[:space:]]").matches("Hangup", text)
    assert FakeFilter.parse("Hangup.*Channel: x").matches("Hangup", text)
    assert not FakeFilter.parse("Channel: x$").matches("Hangup", text)
