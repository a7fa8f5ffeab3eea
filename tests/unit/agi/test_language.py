"""The language of AGI, without any connection: commands in bytes, answers in replies."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS

from aioami import ProtocolError
from aioami.agi.answers import AnswerReader, Reply, Sign, parse_reply
from aioami.agi.commands import MAX_LINE, encode_command
from aioami.agi.environment import Environment
from aioami.enums import HangupCause
from aioami.wire.text import Encoding

CODEC = Encoding()
ENVIRONMENT = b"agi_network: yes\nagi_network_script: menu/main?a=1&b=x%20y&c=\nagi_arg_1: one\nagi_arg_2: \n\n"


def words_of(line: bytes) -> list[bytes]:
    """The words that Asterisk finds in a line."""
    words: list[bytes] = []
    word, quoted, escaped, begun = b"", False, False, False
    for byte in re.findall(rb"(?s).", line):
        if escaped:
            word, escaped, begun = word + byte, False, True
        elif byte == b"\\":
            escaped = True
        elif byte == b'"':
            quoted, begun = not quoted, True
        elif byte in b" \t" and not quoted:
            words += [word] * begun
            word, begun = b"", False
        else:
            word, begun = word + byte, True
    return words + [word] * begun


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("NOOP",), b"NOOP"),
        (("stream file", "beep", ""), b'stream file "beep" ""'),
        (("GET", "DATA", "", 500, 4), b'GET DATA "" "500" "4"'),
        (("SET VARIABLE", "A", 'say "a\\b"'), b'SET VARIABLE "A" "say \\"a\\\\b\\""'),
        (("SET VARIABLE", "A", b"12\xe9"), b'SET VARIABLE "A" "12\xe9"'),
        (("SET VARIABLE", "A", "12\udce9"), b'SET VARIABLE "A" "12\xe9"'),
        (("no such", "x"), b'no "such" "x"'),
        (("odd-name",), b'"odd-name"'),
        (("SET AUTOHANGUP", 0.5, -3), b'SET AUTOHANGUP "0.5" "-3"'),
    ],
)
def test_words_become_a_line(words: tuple[str, ...], line: bytes) -> None:
    """A name is sent as it is, and each argument in quotes."""
    assert encode_command(words, CODEC).line == line


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=20), max_size=20))
@example(["", '"', "\\", ' "\\ '])
def test_asterisk_finds_the_words_that_were_given(arguments: list[str]) -> None:
    """Whatever an argument holds, Asterisk reads the same words, in one line."""
    command = encode_command(["SET VARIABLE", *arguments], CODEC)
    assert b"\n" not in command.line
    assert words_of(command.line) == [b"SET", b"VARIABLE", *(argument.encode() for argument in arguments)]
    assert command.name == "SET VARIABLE"
    assert repr(command) == "Command(name='SET VARIABLE')"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "no name"),
        (("",), "no name"),
        ((" ",), "no name"),
        (("NOOP", "a\nHANGUP"), "word 2 of the command: it may not contain LF"),
        (("NOOP", "a\r"), "may not contain CR"),
        (("NO\0OP",), "may not contain NUL"),
        (("NOOP", b"a\nb"), "may not contain LF"),
        (("NOOP", *["x"] * 100), "101 words"),
        (("NOOP", "x" * 2040), "2047 bytes with quotes and escapes, and at most 2046"),
        (("NOOP", '"' * 1020), "at most 2046"),
        (("GET OPTION", "file", "12"), "timeout"),
        (("get", "option", "file", "12"), "timeout"),
        (("NOOP", float("nan")), "plain digits"),
        (("NOOP", 1e30), "plain digits"),
        (("NOOP", "half a pair \ud83d"), "word 2"),
    ],
)
def test_what_would_harm_asterisk_is_refused(words: tuple[str, ...], reason: str) -> None:
    """Line breaks, too many words or bytes, and GET OPTION without a time never leave."""
    with pytest.raises(ValueError, match=re.escape(reason)):
        encode_command(words, CODEC)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((" ",), "command: it has no name"),
        (("NOOP", *["x"] * 100), "command: it has 101 words, and at most 100 are sent, as Asterisk dies of some more"),
        (
            ("GET OPTION", "file", "12"),
            "GET OPTION: it needs a timeout, as Asterisk dies of it where there is no dialplan",
        ),
        (
            ("set variable", "A", "x" * 40),
            "SET VARIABLE: the command has 59 bytes with quotes and escapes, and at most 50 can be sent",
        ),
        (
            ("s3cret", "A", "x" * 40),
            "the command: the command has 53 bytes with quotes and escapes, and at most 50 can be sent",
        ),
    ],
)
def test_a_refusal_says_what_is_wrong(words: tuple[str, ...], sentence: str) -> None:
    """In one sentence, which names a command that Asterisk has, and no other word."""
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        encode_command(words, CODEC, 50 if "at most 50" in sentence else MAX_LINE - 1)


@pytest.mark.parametrize(
    ("words", "name", "count"),
    [
        (("noop", "x"), "NOOP", 1),
        (("Stream", "file", "x"), "STREAM FILE", 1),
        (("speech", "activate", "grammar", "x"), "SPEECH ACTIVATE GRAMMAR", 1),
        (("speech set", "x", "y"), "SPEECH SET", 2),
        (("Foo", "x"), "FOO", 1),
        ((b"F\xe9", "x"), "F\ufffd", 1),
        (("answer",), "ANSWER", 0),
    ],
)
def test_the_name_of_a_command(words: tuple[str, ...], name: str, count: int) -> None:
    """It is in capitals, and has as many words as Asterisk's has; that of one which Asterisk lacks is its first word."""
    command = encode_command(words, CODEC)
    assert (command.name, len(command.arguments)) == (name, count)


def test_a_number_with_a_name_is_sent_as_a_number() -> None:
    """A member of an enumeration is the number that it stands for."""
    assert encode_command(["NOOP", HangupCause.USER_BUSY], CODEC).line == b'NOOP "17"'


@pytest.mark.parametrize("word", [None, True, 1j, ["a"]])
def test_a_word_is_text_or_a_number(word: object) -> None:
    """Other types are refused, and their values are in no error."""
    sentence = f"word 2 of the command: expected text, bytes or a number, not {type(word).__name__}"
    with pytest.raises(TypeError, match=f"^{sentence}$"):
        encode_command(["NOOP", word], CODEC)  # type: ignore[list-item]


def test_the_longest_line_fits() -> None:
    """2,047 bytes with the line feed are sent, and 100 words."""
    assert len(encode_command(["NOOP", "x" * (MAX_LINE - 1 - len('NOOP ""'))], CODEC).line) + 1 == MAX_LINE
    assert len(encode_command(["NOOP", *["x"] * 99], CODEC).arguments) == 99


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("200 result=0", (200, "0", None, None)),
        ("200 result=1 (a (b) c)", (200, "1", "a (b) c", None)),
        ("200 result=1 ()", (200, "1", "", None)),
        ("200 result=1 (x) endpos=5)", (200, "1", "x) endpos=5", None)),
        ("200 result=1 (one\ntwo)", (200, "1", "one\ntwo", None)),
        ("200 result=", (200, "", None, None)),
        ("200 result= (timeout)", (200, "", "timeout", None)),
        ("200 result=*A1", (200, "*A1", None, None)),
        ("200 result=12 (timeout)", (200, "12", "timeout", None)),
        ("200 result=-1 endpos=4160", (200, "-1", None, 4160)),
        ("200 result=0 endpos=-1", (200, "0", None, -1)),
        ("200 result=-1 (hangup) endpos=960", (200, "-1", "hangup", 960)),
        ('200 result=1 (speech) endpos=9 results=1 score0=8 text0="(x)"', (200, "1", "speech", 9)),
        ("200 result=1 (digit) digit=5 endpos=9", (200, "1", "digit", 9)),
        ("100 result=0 Trying...\n200 result=0 Gosub complete", (200, "0", "Gosub complete", None)),
        ("200 result=-1 Gosub label not found", (200, "-1", "Gosub label not found", None)),
        ("510 Invalid or unknown command", (510, "", "Invalid or unknown command", None)),
        ("520-Usage:\nx\n520 End.", (520, "", "Usage:\nx\n520 End.", None)),
        ("503", (503, "", None, None)),
        ("200 odd", (200, "", "odd", None)),
        ("404 result=1", (404, "", "result=1", None)),
    ],
)
def test_answers_become_replies(text: str, reply: tuple[int, str, str | None, int | None]) -> None:
    """Each form of an answer gives its code, result, data and position, and is read as one answer."""
    found = parse_reply(text)
    assert (found.code, found.result, found.data, found.endpos, found.raw) == (*reply, text)
    reader = AnswerReader(CODEC)
    assert reader.feed(ENVIRONMENT + text.encode() + b"\nHANGUP\n")[1:] == [found, Sign.HANGUP]


def test_an_answer_without_a_code_is_none() -> None:
    """What does not begin with three digits is a protocol error."""
    for text in ("", "two)", "20 result=0", "2000 result=0", " 200 result=0"):
        with pytest.raises(ProtocolError, match="^an answer to an AGI command does not begin with a code$"):
            parse_reply(text)
    assert parse_reply("100 Trying") == Reply(100, "", "Trying", None, "100 Trying")


def test_the_environment_of_a_session() -> None:
    """The environment has its lines, the script without its query, the query decoded, and all arguments."""
    [environment] = AnswerReader(CODEC).feed(ENVIRONMENT)
    assert isinstance(environment, Environment)
    assert environment.values["agi_network"] == "yes"
    assert environment.script == "menu/main"
    assert environment.query == {"a": "1", "b": "x y", "c": ""}
    assert environment.arguments == ("one", "")


@pytest.mark.parametrize(
    ("line", "script", "query"),
    [
        ("", "", {}),
        ("agi_network_script: menu", "menu", {}),
        ("agi_network_script: /X menu//?", "X menu", {}),
        ("agi_network_script: menu?a=b?c", "menu", {"a": "b?c"}),
    ],
)
def test_the_script_of_a_session(line: str, script: str, query: dict[str, str]) -> None:
    """The script is the path of the URL without the slashes around it, up to the first question mark; empty without one."""
    environment = Environment(line, CODEC)
    assert (environment.script, environment.query) == (script, query)


def test_the_value_of_a_line_may_have_colons() -> None:
    """The first colon of a line ends the name, and a line without one is left out."""
    values = Environment("agi_request: agi://127.0.0.1:4573/menu\nnonsense\nagi_empty:", CODEC).values
    assert values == {"agi_request": "agi://127.0.0.1:4573/menu", "agi_empty": ""}


@pytest.mark.parametrize(
    ("encoding", "name"),
    [(CODEC, "\\xfc"), (Encoding("utf-8", "replace"), "\ufffd"), (Encoding("latin-1"), "\xfc")],
)
def test_a_query_is_decoded_as_all_text_is(encoding: Encoding, name: str) -> None:
    """A percent-encoded byte has the encoding of the server, and its way to show bytes that are invalid there."""
    assert Environment("agi_network_script: menu?name=%FC", encoding).query == {"name": name}


def test_the_limits_of_environment_and_answer() -> None:
    """An environment and an answer may have as many bytes as their limits say, each its own, and not one more."""
    answer = b"200 result=1 (a\nlonger line than the others\n" + b"b\n" * 99 + b"c)\n"
    most, longest = len(ENVIRONMENT), len(answer)
    assert longest > most
    reader = AnswerReader(CODEC, max_environment=most, max_answer=longest)
    assert len(reader.feed(ENVIRONMENT + answer + answer)) == 3
    reader = AnswerReader(CODEC, max_environment=most - 1)
    assert reader.feed(ENVIRONMENT) == []
    assert reader.error is not None
    reader = AnswerReader(CODEC, max_answer=longest - 1)
    assert len(reader.feed(ENVIRONMENT + answer)) == 1
    assert reader.error is not None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GET / HTTP/1.1\r\n", "^whoever connected does not begin as Asterisk does$"),
        (b"agi_network: yes\n" * 4000, "environment of an AGI session has more than 65536 bytes"),
        (b"agi_" + b"x" * 70_000, "environment of an AGI session has more than 65536 bytes"),
        (
            ENVIRONMENT + b"nonsense\n",
            "^Asterisk sent a line that is no answer; a value with a line feed does that$",
        ),
        (ENVIRONMENT + b"200 result=1 (one)\ntwo)\n", "no answer"),
        (ENVIRONMENT + b"200 result=1 (" + (b"x" * 999 + b"\n") * 4_500, "an answer has more than"),
    ],
)
def test_bytes_that_are_no_agi(data: bytes, reason: str) -> None:
    """What cannot be AGI, or exceeds a limit, is an error, and nothing behind it is read."""
    reader = AnswerReader(CODEC)
    reader.feed(data)
    assert isinstance(reader.error, ProtocolError)
    assert re.search(reason, str(reader.error))
    assert reader.feed(b"200 result=0\n") == []


def test_bytes_that_are_no_text_show_as_escapes() -> None:
    """What is no UTF-8 becomes text that can be printed, and latin-1 is read as such where asked for."""
    data = ENVIRONMENT + b"200 result=1 (12\xe9)\n"
    assert AnswerReader(CODEC).feed(data)[1] == Reply(200, "1", "12\\xe9", None, "200 result=1 (12\\xe9)")
    latin = AnswerReader(Encoding("latin-1")).feed(data)[1]
    assert isinstance(latin, Reply)
    assert latin.data == "12é"
    assert encode_command(["NOOP", "é"], Encoding("latin-1")).line == b'NOOP "\xe9"'


@pytest.mark.parametrize(
    ("encoding", "errors"),
    [("utf-8", "strict"), ("utf-16", "replace"), ("utf-7", "replace"), ("cp037", "replace"), ("none", "replace")],
)
def test_encodings_that_cannot_be_used(encoding: str, errors: str) -> None:
    """An encoding that gives ASCII other bytes, or a way of errors that is not known, is refused."""
    with pytest.raises(ValueError, match="encoding|errors"):
        Encoding(encoding, errors)


answers = st.sampled_from(list(seeds("answers"))) | st.binary(max_size=60)


@given(st.lists(answers, max_size=4).map(b"".join), st.binary(min_size=3, max_size=3))
def test_answers_are_the_same_however_they_are_cut(data: bytes, how: bytes) -> None:
    """The fuzzer's check on invented streams: cut anywhere, the bytes say the same."""
    TARGETS["answers"](how + ENVIRONMENT + data)
    TARGETS["answers"](how + data)


def test_an_answer_in_pieces() -> None:
    """An answer is given out when its last line is there, and not before."""
    reader = AnswerReader(CODEC)
    reader.feed(ENVIRONMENT)
    data = b"520-Usage:\nHANGUP\n520 End of proper usage.\n"
    items = [reader.feed(data[start:end]) for start, end in pairwise([0, 5, 20, len(data) - 1, len(data)])]
    assert [len(each) for each in items] == [0, 0, 0, 1]
