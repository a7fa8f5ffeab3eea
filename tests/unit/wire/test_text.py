"""Text: how bytes become text and back, in every encoding that is taken, without a lone surrogate unless it was asked for."""

from __future__ import annotations

import copy
import encodings.aliases
import hashlib
import pickle
from itertools import product
from typing import Any

import pytest

from aioami import Action, Event, core, events, unescape
from aioami.actions.base import ACTIONS, KnownAction, load
from aioami.actions.parameters import REQUIRED
from aioami.events.base import parse
from aioami.wire import Framer, Message
from aioami.wire.text import UTF8, Encoding, Received, join, split

NAMES = sorted(
    {*encodings.aliases.aliases.values(), "cp720", "cp737", "cp874", "koi8_u", "raw_unicode_escape", "nonsense"}
)
ERRORS = ("backslashreplace", "replace", "surrogateescape")


def taken() -> list[str]:
    found = []
    for name in NAMES:
        try:
            found.append(Encoding(name).name)
        except ValueError:
            continue
    return sorted(set(found))


@pytest.mark.parametrize(
    "name", ["utf-7", "utf-16", "utf-32", "utf-8-sig", "cp037", "cp500", "hz", "iso2022_jp", "johab", "euc_kr"]
)
def test_an_encoding_must_keep_ascii(name: str) -> None:
    """One in which an ASCII character is not its own single byte is refused by naming the field."""
    for refused in (name, name.upper()):
        with pytest.raises(ValueError, match="^encoding: in .* an ASCII character is not always its own single byte"):
            Encoding(refused)


@pytest.mark.parametrize("name", ["", "nonsense", "utf-8\0", "latin 9 or so", "x" * 1000])
def test_an_unknown_encoding_is_refused(name: str) -> None:
    """The error names the field, and shows no more than a few characters of what was given."""
    with pytest.raises(ValueError, match=r"^encoding: .* is unknown$") as caught:
        Encoding(name)
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize(
    "name", ["rot13", "base64", "idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"]
)
def test_what_is_no_encoding_of_text_is_refused(name: str) -> None:
    """Python calls more things codecs than encodings of text."""
    with pytest.raises(ValueError, match="^encoding: "):
        Encoding(name)


def test_other_arguments_are_refused() -> None:
    """Another word for `errors` is a ValueError that names the three, and what is no text a TypeError."""
    for errors in ("strict", "ignore", "surrogatepass", "namereplace", ""):
        with pytest.raises(ValueError, match=r"^errors: one of backslashreplace, replace, surrogateescape, not "):
            Encoding("utf-8", errors)
    with pytest.raises(TypeError, match="^errors: expected text, not int"):
        Encoding("utf-8", 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="^encoding: expected text, not NoneType"):
        Encoding(None)  # type: ignore[arg-type]


def test_no_encoding_swallows_what_parts_lines_and_headers() -> None:
    """Colons, blanks and line ends behind any bytes stay, in all encodings; lone surrogates come if asked for alone."""
    tail = b": \r\n(x\\"
    assert len(taken()) > 60
    for name, errors in product(taken(), ERRORS):
        encoding = Encoding(name, errors)
        for odd in [bytes([one]) for one in range(128, 256)] + [
            bytes(each) for each in product((0x81, 0x8F, 0xA1, 0xFE), repeat=3)
        ]:
            text = encoding.decode(odd + tail)
            assert text.endswith(tail.decode())
            assert text.count("\n") == 1
            if errors != "surrogateescape":
                assert not any("\ud800" <= character <= "\udfff" for character in text)
            assert encoding.encode("x", text) == odd + tail


def test_each_byte_makes_a_round_trip() -> None:
    """All bytes of a header come back from `getbytes`, in each encoding, in names and in values, and of the message."""
    odd = bytes(range(1, 256)).replace(b"\r", b"").replace(b"\n", b"")
    raw = b"Event: X\r\nK\xe9y: " + odd + b"\r\nChannel: \xfc\r\nChannel: \xfd"
    for name, errors in product(taken(), ERRORS):
        (text,) = Framer(banner=False, encoding=name, errors=errors).feed(raw + b"\r\n\r\n")
        for message in (
            Message(text),
            parse(text),
            Message(Message(text).text),
            pickle.loads(pickle.dumps(parse(text))),
        ):
            assert bytes(message) == raw
            first, second, *_ = message
            assert (first, message.getbytes(first)) == ("Event", b"X")
            assert message.getbytes(second) == message.getbytes(second.upper()) == odd
            assert message.getbytes("channel") == b"\xfc"
            assert copy.deepcopy(message) == message
        assert message.getbytes("None") is None
        assert message.getbytes("None", b"x") == b"x"
        assert message.getbytes("None", 5) == 5


def test_text_of_ones_own_has_the_bytes_of_utf_8() -> None:
    """A message that was made from text gives bytes too, whatever is in it."""
    for value in ("Zoë", "\udcff", "\ud800", ""):
        event = Event(f"Event: X\r\nName: {value}")
        assert event.getbytes("name") == value.encode(
            "utf-8", "surrogateescape" if value == "\udcff" else "surrogatepass"
        )


def test_a_message_that_is_taken_apart_keeps_its_bytes() -> None:
    """Head and raw output, an event that is spelled otherwise, and an odd first line: all of them have their bytes."""
    data = b"Response: Follows\r\nPrivilege: Command\r\n\xfe: a\xfc\n\xfd\n--END COMMAND--\r\n\r\n"
    data += b"event:Foo\xff\r\nBar: \xff\r\n\r\nFoo: \xfc\r\n\r\n"
    output, event, other = map(Message, Framer(banner=False).feed(data))
    assert output.output == (r"\xfe: a\xfc", r"\xfd")
    assert bytes(output) == data.partition(b"\r\n\r\n")[0]
    assert output.getbytes("Privilege") == b"Command"
    assert bytes(parse(event.text)) == b"Event: Foo\xff\r\nBar: \xff"
    assert parse(event.text).getbytes("event") == b"Foo\xff"
    assert (other["Foo"], other.getbytes("Foo")) == (r"\xfc", b"\xfc")


def test_parts_and_whole_keep_their_bytes() -> None:
    """Splitting and joining received text is done with its bytes; plain text stays plain."""
    text = Encoding("latin-1").decode(b"a\xfc,b")
    assert [
        (part, bytes(part.raw)) for part in split(text, lambda whole: whole.split(",")) if isinstance(part, Received)
    ] == [
        ("aü", b"a\xfc"),
        ("b", b"b"),
    ]
    whole = join(["x", text], "-")
    assert isinstance(whole, Received)
    assert (whole, whole.raw) == ("x-aü,b", b"x-a\xfc,b")
    assert type(join(["x", "ü"])) is str
    assert type(UTF8.decode("ü".encode())) is str


# Actions


def test_an_action_takes_bytes_wherever_it_takes_text() -> None:
    """Every parameter that is text may be bytes, which are sent as they are, and are shown as text."""
    tried = 0
    for cls in _known():
        for name, _parameter in cls._parameters.items():
            arguments = {each: 1 for each, other in cls._parameters.items() if other.default is REQUIRED}
            try:
                cls(**{**arguments, name: "zzz"})
                sent = cls(**{**arguments, name: b"z\xfcz"})
            except (TypeError, ValueError):
                continue
            tried += 1
            assert b"z\xfcz" in sent.encode("1")
            assert b"z\xfcz" in sent.encode("1", encoding=Encoding("cp1251"))
            assert any(r"z\xfcz" in value for _, value in sent.headers)
            assert not any("\ud800" <= character <= "\udfff" for character in f"{sent!r}{sent.headers}")
    assert tried > 150


def _known() -> list[type[KnownAction[Any]]]:
    load()
    return [cls for cls in set(ACTIONS.values()) if issubclass(cls, KnownAction) and "__init__" not in vars(cls)]


def test_bytes_may_stand_beside_text() -> None:
    """In one header the text is in the encoding and the bytes are as they are; escapes of variables are made in both."""
    latin = Encoding("latin-1")
    call = core.Originate_Application(
        b"PJSIP/\xfc", "Echo", ("ü", b"\xfc\xc3\xbc"), variables={"A": b'"\xfc', "B": "ü"}
    )
    sent = call.encode("1", encoding=latin)
    for line in (b"Channel: PJSIP/\xfc", b"Data: \xfc,\xfc\xc3\xbc", b'Variable: A=\\"\xfc', b"Variable: B=\xfc"):
        assert line + b"\r\n" in sent
    assert b"Data: \xc3\xbc,\xfc\xc3\xbc\r\n" in call.encode("1")
    free = Action(b"F\xfc", {"Key": [b"\xfc", "x", 1]})
    assert free.encode("1", encoding=latin) == b"Action: F\xfc\r\nKey: \xfc\r\nKey: x\r\nKey: 1\r\nActionID: 1\r\n\r\n"
    assert (free.name, free.headers[0]) == (r"F\xfc", ("Key", r"\xfc"))


@pytest.mark.parametrize(("end", "label"), [(b"\r", "CR"), (b"\n", "LF"), (b"\0", "NUL")])
def test_bytes_that_would_end_a_line_are_refused(end: bytes, label: str) -> None:
    """CR, LF and NUL in bytes are refused by naming the header, and the value is not shown."""
    for make in (lambda: Action("X", {"Key": b"hush" + end}), lambda: core.Getvar(b"hush" + end)):
        with pytest.raises(ValueError, match=f"^(Key|Variable): the value may not contain {label}") as caught:
            make()
        assert "hush" not in str(caught.value)


def test_text_goes_out_in_the_encoding() -> None:
    """A lone surrogate is the byte that it stands for, what cannot be written is refused, and lengths are those of the bytes."""
    latin, cyrillic = Encoding("latin-1"), Encoding("cp1251")
    action = Action("X", {"Key": "ü\udcff"})
    assert action.encode("1") == b"Action: X\r\nKey: \xc3\xbc\xff\r\nActionID: 1\r\n\r\n"
    assert action.encode("1", encoding=latin) == b"Action: X\r\nKey: \xfc\xff\r\nActionID: 1\r\n\r\n"
    with pytest.raises(ValueError, match="^Key: it has a character that cp1251 cannot write$") as caught:
        action.encode("1", encoding=cyrillic)
    assert caught.value.__context__ is caught.value.__cause__ is None
    with pytest.raises(ValueError, match="^Key: half of a surrogate pair is no character$"):
        Action("X", {"Key": "\ud800"})
    wide = Action("X", {"Key": "é" * 500})  # two bytes each in UTF-8, four in GB 18030 but for a few
    with pytest.raises(ValueError, match=r"the line has 2005 bytes, .* at most 1022"):
        Action("X", {"Key": "ÿ" * 500}).encode("1", encoding=Encoding("gb18030"))
    assert wide.encode("1", encoding=Encoding("gb18030"))


def test_the_key_of_a_login_is_that_of_the_encoded_secret() -> None:
    """A server hashes the bytes of its own file; neither the action nor an error shows the secret."""
    login = core.Login("u", "hüsh", challenge="42")
    for name in ("utf-8", "latin-1", "cp850"):
        key = hashlib.md5(b"42" + "hüsh".encode(name), usedforsecurity=False).hexdigest()
        assert f"Key: {key}\r\n".encode() in login.encode("1", encoding=Encoding(name))
    assert "hüsh" not in repr(vars(login))
    assert pickle.loads(pickle.dumps(login)).encode("1", encoding=Encoding("cp850")) == login.encode(
        "1", encoding=Encoding("cp850")
    )
    with pytest.raises(ValueError, match="^secret: it has a character that cp1251 cannot write$") as caught:
        login.encode("1", encoding=Encoding("cp1251"))
    assert caught.value.__context__ is caught.value.__cause__ is None
    for challenge in ("42", None):
        with pytest.raises(ValueError, match="surrogate") as caught:
            core.Login("u", "hush\ud800", challenge=challenge)
        assert caught.value.__context__ is caught.value.__cause__ is None
        assert "hush" not in str(caught.value)


@pytest.mark.parametrize("action_id", ["é", "\udcff", "a\tb", "a\x7f", "\u200b", "a\nb"])
def test_an_action_id_is_printable_ascii(action_id: str) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="^ActionID: it may have printable characters of ASCII alone"):
        core.Ping().encode(action_id)


# Escapes


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (r"Pat O\'Neil", "Pat O'Neil"),
        (r"Q\"u O\'N \\b \?x \t\n\r\a\b\f\v", "Q\"u O'N \\b ?x \t\n\r\a\b\f\v"),
        (r"\\n", r"\n"),
        (r"\\\n", "\\\n"),
        (r"J\xfc \z \0 \ü", r"J\xfc \z \0 \ü"),
        ("plain", "plain"),
        ("end\\", "end\\"),
        ("", ""),
    ],
)
def test_escapes_of_asterisk_are_undone(text: str, plain: str) -> None:
    """Those that Asterisk makes, each once; those that it does not make stay."""
    assert unescape(text) == plain


def test_attributes_are_unescaped_where_asterisk_escapes() -> None:
    """Names and variables of a channel, and the value of VarSet, are; the mapping, and what is not escaped, stays raw."""
    name = r"Q\"u \xfc"
    text = "\r\n".join(f"{each}: {name}" for each in ("CallerIDName", "ConnectedLineName", "DestCallerIDName", "Value"))
    text += f"\r\nChanVariable: A={name}\r\nVariable: A={name}"
    hangup = parse(f"Event: Hangup\r\n{text}")
    assert isinstance(hangup, events.Hangup)
    assert hangup.caller_id_name == hangup.connected_line_name == hangup.chan_variable["A"] == r'Q"u \xfc'
    assert hangup["CallerIDName"] == name
    dial = parse(f"Event: DialBegin\r\n{text}")
    assert isinstance(dial, events.DialBegin)
    assert dial.dest.caller_id_name == r'Q"u \xfc'
    assert events.VarSet(f"Event: VarSet\r\n{text}").value == r'Q"u \xfc'
    assert events.OriginateResponse(f"Event: OriginateResponse\r\n{text}").caller_id_name == name
    assert events.QueueEntry(f"Event: QueueEntry\r\n{text}").caller_id_name == name
    assert events.Status(f"Event: Status\r\n{text}").variable["A"] == name


def test_an_attribute_with_the_name_of_a_channel_keeps_its_bytes() -> None:
    """A channel, an id, a queue and an interface can be given to an action as they are shown."""
    for options in ({}, {"encoding": "latin-1"}, {"errors": "replace"}, {"errors": "surrogateescape"}):
        data = b"Event: Hangup\r\nChannel: a\xfcb\r\nDestChannel: \xfd\r\nUniqueid: \xfe\r\nLinkedid: x\r\n\r\n"
        (text,) = Framer(banner=False, **options).feed(data)  # type: ignore[arg-type]
        event = events.DialBegin(text)
        assert b"Channel: a\xfcb\r\n" in core.Hangup(event.channel or "").encode("1")
        assert b"Channel: \xfd\r\n" in core.Hangup(event.dest.channel or "").encode("1", encoding=Encoding("cp1251"))
        assert b"Bar: \xfe\r\n" in Action("Foo", {"Bar": event.uniqueid}).encode("1")
        assert event.channel == event["Channel"]


def test_what_is_percent_encoded_is_decoded_as_the_message() -> None:
    """Bytes behind percent signs are text in the same encoding, and never a lone surrogate by default."""
    data = b"Event: AsyncAGIStart\r\nEnv: agi_callerid%3A%20%FC%C3%BC\r\n\r\n"
    for options, shown in (
        ({}, r"\xfcü"),
        ({"encoding": "latin-1"}, "üÃ¼"),
        ({"errors": "surrogateescape"}, "\udcfcü"),
    ):
        (text,) = Framer(banner=False, **options).feed(data)  # type: ignore[arg-type]
        assert events.AsyncAGIStart(text).env == f"agi_callerid: {shown}"


def test_encodings_are_values() -> None:
    """Two of the same name and errors are equal and hash alike, also behind a pickle; nothing else is equal."""
    one, other = Encoding("latin-1"), Encoding("iso8859-1")
    assert one == other == pickle.loads(pickle.dumps(one))
    assert hash(one) == hash(other)
    assert one != "latin-1"
    assert repr(one) == "Encoding('iso8859-1', 'backslashreplace')"
