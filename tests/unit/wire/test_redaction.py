"""What is secret is left out of reprs and recordings, by one list that is open to the user."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioami import Action, Response, core, events
from aioami.wire import Message, hide_header, is_sensitive, redact, redaction
from aioami.wire.redaction import is_harmless, redact_echo, redact_repeated, secrets_of

TEXTS = [
    # headers
    ("Action: Login\r\nUsername: admin\r\nSecret: hush\r\n\r\n", "Action: Login\r\nUsername: admin\r\nSecret: ***\r\n\r\n"),
    ("action: LOGIN\r\nKEY:hush\r\n\r\n", "action: LOGIN\r\nKEY:***\r\n\r\n"),
    ("Action: DBGet\r\nKey: abc\r\n\r\n", "Action: DBGet\r\nKey: abc\r\n\r\n"),
    ("NewPassword: hush\r\n", "NewPassword: ***\r\n"),
    ("Event: AuthDetail\nUsername: u\nPasswordDigest: hush", "Event: AuthDetail\nUsername: u\nPasswordDigest: ***"),
    ("Event: InvalidPassword\nChallenge: 1\nReceivedHash: hush", "Event: InvalidPassword\nChallenge: 1\nReceivedHash: ***"),
    ("Event: SuccessfulAuth\nUsingPassword: 1", "Event: SuccessfulAuth\nUsingPassword: 1"),
    ("Response: Success\nChallenge: 123", "Response: Success\nChallenge: 123"),
    ("SecretExist: Y\r\nEvent: Spin\r\n", "SecretExist: Y\r\nEvent: Spin\r\n"),
    ("Event: UserEvent\nX-Api-Key: hush\nX-Key: shown", "Event: UserEvent\nX-Api-Key: ***\nX-Key: shown"),
    # configuration
    ("Line-000001-000000: secret=hush\r\n", "Line-000001-000000: secret=***\r\n"),
    ("Line-000001-000000: password = hu=sh, hush\n", "Line-000001-000000: password = ***\n"),
    ("Line-000000-000001: dbpass => hush\r\n", "Line-000000-000001: dbpass => ***\r\n"),
    ("Line-000000-000001: md5_cred=hush", "Line-000000-000001: md5_cred=***"),
    ("Line-000000-000001: 1234 => hush,Alice,a@b", "Line-000000-000001: 1234 => ***"),
    ("Line-000000-000001: exten=100,1,Dial(X/1)", "Line-000000-000001: exten=100,1,Dial(X/1)"),
    ("Line-000000-000000: register=>bob:hush@host\r\n", "Line-000000-000000: register=>bob:***@host\r\n"),
    ("Line-000000-000000: register = b@dom:hu@sh:b@host:1", "Line-000000-000000: register = b@dom:***@host:1"),
    ("Line-000000-000000: register = bob@host:5060", "Line-000000-000000: register = bob@host:5060"),
    (
        "Action: UpdateConfig\r\nVar-000000: secret\r\nValue-000000: hush\r\nMatch-000000: hush\r\nValue-000001: x\r\n",
        "Action: UpdateConfig\r\nVar-000000: secret\r\nValue-000000: ***\r\nMatch-000000: ***\r\nValue-000001: x\r\n",
    ),
    ("Var-000000: register\nValue-000000: bob:hush@host\n", "Var-000000: register\nValue-000000: bob:***@host\n"),
    ("Value-000000: >hush,Alice\nVar-000000: 1234", "Value-000000: ***\nVar-000000: 1234"),
    ('JSON: {"a":{"secret":"hu\\"sh","n":"z"}}\r\n', 'JSON: {"a":{"secret":"***","n":"z"}}\r\n'),
    ('JSON: {"1234":"hush,Alice","pin":1234,"n":1}', 'JSON: {"1234":"***","pin":"***","n":1}'),
    ('JSON: {"register":"bob:hush@host"}', 'JSON: {"register":"bob:***@host"}'),
    ('JSON: {"exten":"1,1,Set(PIN=\\"hush\\")","n":"z"}', 'JSON: {"exten":"1,1,Set(PIN=***","n":"z"}'),
    ("Line-000000-000001: outbound_auth/password=hush, hush", "Line-000000-000001: outbound_auth/password=***"),
    ("Line-000000-000001: conf=1000,hush,hush\r\n", "Line-000000-000001: conf=1000,***\r\n"),
    ("Line-000000-000001: agent => 1000,hush,Alice", "Line-000000-000001: agent => 1000,***"),
    ("Line-000000-000001: agent=1000", "Line-000000-000001: agent=1000"),
    ('JSON: {"conf":"1000,hush","n":"z"}', 'JSON: {"conf":"1000,***","n":"z"}'),
    ('JSON: {"a":["secret=hush,hush","n=z"]}', 'JSON: {"a":["secret=***","n=z"]}'),
    # variables, and the database
    ("Variable: HASH(secrets,alice)=hush", "Variable: HASH(secrets,alice)=***"),
    ("Variable: DB(secret/alice)=hush", "Variable: DB(secret/alice)=***"),
    ("Variable: CDR(pin)=hush,hush", "Variable: CDR(pin)=***"),
    ("Variable: a=b,HASH(secrets,alice)=hush,c=d", "Variable: a=b,HASH(secrets,alice)=***,c=d"),
    ("ChanVariable(SIP/10.0.0.1:5060-1): PIN=hush,hush", "ChanVariable(SIP/10.0.0.1:5060-1): PIN=***"),
    ("ChanVariable(IAX2/passwd:4569-7): a=b", "ChanVariable(IAX2/passwd:4569-7): ***"),
    ("Variable: HASH(spine,alice)=shown,c=d", "Variable: HASH(spine,alice)=shown,c=d"),
    ("Variable: Authorization=Digest hush", "Variable: Authorization=***"),
    ("Event: UserEvent\nSecretKey: hush\nKeySecretary: shown", "Event: UserEvent\nSecretKey: ***\nKeySecretary: shown"),
    ("Variable: DBSECRET=hush\r\n", "Variable: DBSECRET=***\r\n"),
    ("Variable: a=b,PASSWORD=hush,c=d\r\n", "Variable: a=b,PASSWORD=***,c=d\r\n"),
    ("Variable: a=b,PIN_2=hu\\,sh,c=d", "Variable: a=b,PIN_2=***,c=d"),
    ("AppData: x,PASSWORD=\"hush, hush\",c", "AppData: x,PASSWORD=***,c"),
    ("AppData: DB(auth/password)=hush", "AppData: DB(auth/password)=***"),
    ("AppData: SPINE=shown,PASSIVE=shown", "AppData: SPINE=shown,PASSIVE=shown"),
    ("ChanVariable(IAX2/10.0.0.1:4569-7): TOKEN=hush", "ChanVariable(IAX2/10.0.0.1:4569-7): TOKEN=***"),
    (
        "Action: Setvar\r\nVariable: MYPASSWORD\r\nValue: hush\r\n\r\n",
        "Action: Setvar\r\nVariable: MYPASSWORD\r\nValue: ***\r\n\r\n",
    ),
    ("Value: hush\nVariable: PJSIP_HEADER(add,X-Secret)", "Value: ***\nVariable: PJSIP_HEADER(add,X-Secret)"),
    ("Action: DBPut\r\nKey: password\r\nVal: hush\r\n", "Action: DBPut\r\nKey: password\r\nVal: ***\r\n"),
    ("Event: DBGetTreeResponse\nKey: /secrets/alice\nVal: hush", "Event: DBGetTreeResponse\nKey: /secrets/alice\nVal: ***"),
    ("Family: tokens\nKey: alice\nVal: hush", "Family: tokens\nKey: alice\nVal: ***"),
    # commands, and their output
    ("Command: SET VARIABLE PASSWORD hush\r\n", "Command: SET VARIABLE PASSWORD ***\r\n"),
    ('Command: SET VARIABLE "PASSWORD" "hush hush"', 'Command: SET VARIABLE "PASSWORD" ***'),
    ('Command: EXEC "Set" "PASSWORD=hush,hush"', 'Command: EXEC "Set" "PASSWORD=***"'),
    ('Command: EXEC Set "HASH(PASSWORDS,a)=hush,hush"', 'Command: EXEC Set "HASH(PASSWORDS,a)=***"'),
    ('Command: database put "my family" secret "hush hush"', 'Command: database put "my family" secret ***'),
    ("Command: database put alice secret hush", "Command: database put alice secret ***"),
    ("Command: dialplan set global DB_PASS hush", "Command: dialplan set global DB_PASS ***"),
    ("Command: dialplan set global COLOUR blue", "Command: dialplan set global COLOUR blue"),
    ("Output:  password        : hush", "Output:  password        : ***"),
    ("Output: /auth/password/alice    : hush", "Output: /auth/password/alice    : ***"),
    ("Output: secret=hu:sh", "Output: secret=***"),
    ("Output: context         : default", "Output: context         : default"),
    (
        "Response: Follows\r\nPrivilege: Command\r\n md5_cred : hush\n   secret=hush\nshown\n--END COMMAND--",
        "Response: Follows\r\nPrivilege: Command\r\n md5_cred : ***\n   secret=***\nshown\n--END COMMAND--",
    ),
    ("AppData: CURL(https://bob:hush@host/x:y@z)", "AppData: CURL(https://bob:***@host/x:y@z)"),
    ("Channel: SIP/bob:hush@10.0.0.1", "Channel: SIP/bob:***@10.0.0.1"),
    ("AppData: IAX2/bob:hush@pbx/100,30", "AppData: IAX2/bob:***@pbx/100,30"),
    ("Channel: sip/bob:hush:md5@pbx", "Channel: sip/bob:***@pbx"),
    ("", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "hidden"), TEXTS, ids=range(len(TEXTS)))
def test_what_is_secret(text: str, hidden: str) -> None:
    """What Asterisk keeps secrets in is known, and the rest stays as it is; a second time changes nothing."""
    assert redact(text) == hidden
    assert redact(hidden) == hidden
    assert "hush" not in hidden


@pytest.mark.parametrize("text", [text for text, _ in TEXTS], ids=range(len(TEXTS)))
def test_a_repr_shows_no_more_than_a_recording(text: str) -> None:
    """Neither a message nor an action shows what is secret in it, whichever class it has."""
    message = Message(text.rstrip("\r\n"))
    headers: dict[str, Any] = {name: message.getall(name) for name in message if name.lower() != "action"}
    sendable = {name: values for name, values in headers.items() if ":" not in name}
    for each in (message, Response(message.text), Action(message.get("Action", "Foo"), sendable)):
        assert "hush" not in repr(each)
    for name, value in Message(redact(message.text)).headers:
        assert f"{name}={value!r}" in repr(message)


def test_the_headers_of_the_protocol() -> None:
    """Headers are secret by their message, or by their own name; letter case and blanks make no difference."""
    secret = {
        "Login": ("Secret", "Key", " KEY "),
        "AuthDetail": ("Password", "Md5Cred", "OauthSecret", "PasswordDigest", "RefreshToken"),
        "AuthList": ("Password", "Md5Cred", "OauthSecret", "PasswordDigest", "RefreshToken"),
        "TransportDetail": ("Password",),
        "VoicemailPasswordChange": ("NewPassword",),
        "InvalidPassword": ("ReceivedHash",),
        "challengeresponsefailed": ("Response", "ExpectedResponse"),
        "": ("Secret", "secret"),
    }
    shown = {
        "AuthDetail": ("Username", "OauthClientid", "AuthType", "Realm", "NonceLifetime"),
        "DBGetResponse": ("Key", "Val", "Family"),
        "SuccessfulAuth": ("UsingPassword",),
        "OriginateResponse": ("Response",),
        "EndpointDetail": ("MohPassthrough", "DtlsPrivateKey", "Auth"),
        "": ("Challenge", "SecretExist", "MD5SecretExist", "Key"),
    }
    assert all(is_sensitive(message, header) for message, headers in secret.items() for header in headers)
    assert not any(is_sensitive(message, header) for message, headers in shown.items() for header in headers)


def test_a_header_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user adds headers, for one message or for all; what is made before is hidden too."""
    monkeypatch.setattr(redaction, "_HEADERS", {name: set(known) for name, known in redaction._HEADERS.items()})
    text = "Event: UserEvent\r\nUserEvent: Door\r\nDoorCode: hush\r\nBadge: hush\r\n\r\n"
    action = core.UserEvent(UserEvent="Door", DoorCode="hush", Badge="hush")
    assert redact(text) == text
    hide_header("doorcode", message="USEREVENT")
    hide_header("BADGE")
    hide_header("X-Unused")
    assert redact(text) == text.replace("hush", "***")
    assert repr(action) == "<Action UserEvent, UserEvent='Door', DoorCode='***', Badge='***'>"
    assert "hush" not in repr(events.parse(text.strip()))
    assert redact("Event: Other\nDoorCode: shown\nBadge: hush") == "Event: Other\nDoorCode: shown\nBadge: ***"


@pytest.mark.parametrize("name", ["", " x", "x ", "a:b", "a\rb", "a\nb", "a\0b"])
def test_what_is_no_name_is_refused(name: str) -> None:
    """A name that no header and no message can have is an error."""
    with pytest.raises(ValueError, match="header: "):
        hide_header(name)
    with pytest.raises(ValueError, match="message: "):
        hide_header("Badge", message=name)
    with pytest.raises(TypeError, match="header: expected text, not int"):
        hide_header(5)  # type: ignore[arg-type]


def test_no_text_takes_long() -> None:
    """The time grows with the length alone, whatever a server makes of it."""
    units = (
        "a",
        " ",
        "pin_",
        "secret",
        "pin=",
        "pin=\\",
        '"1":',
        '"register":"',
        "://a:",
        "SIP/a:",
        "a:",
        "a=",
        '"',
        "\\",
        "-",
    )
    began = time.perf_counter()
    for unit in units:
        long = unit * (50_000 // len(unit))
        redact("\n".join(("Var-1: register", *(f"{name}{long}" for name in ("", "Output: ", "Line-1: ", "Value-1: ")))))
    assert time.perf_counter() - began < 5


def test_a_repr_looks_only_at_what_it_shows() -> None:
    """Of a message with very many headers the first ones are shown, and the others counted."""
    message = Message("Event: E\r\n" + "\r\n".join(f"Line-{number}: secret=hush" for number in range(10_000)))
    assert repr(message).endswith(" Line-6='secret=***' and 9993 more>")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Response: Success\r\nVariable: X\r\nValue: secret=hush,a=1", "secret=***,a=1"),
        ("Response: Success\r\nVariable: 1234\r\nValue: 5", "Value: 5"),
        ("Response: Success\r\nLine-000000-000001: auth=alice:hush@realm", "auth=alice:***@realm"),
        ("Response: Success\r\nLine-000000-000001: register => alice:hush@pbx", "register => alice:***@pbx"),
        ("Response: Success\r\nVariable: PJSIP_AOR(a:b,secret)\r\nValue: hush", "Value: ***"),
    ],
)
def test_what_another_header_says_of_a_value(text: str, expected: str) -> None:
    """The name of a variable or of a setting decides over its value, and a number is a mailbox in files alone."""
    assert expected in redact(text)
    assert "hush" not in redact(text)


_PIECES = [
    *(
        "Event",
        "Variable",
        "Value",
        "Password",
        "password",
        "pin",
        "x",
        "5",
        "AppData",
        "Key",
        "Family",
        "Val",
        "Output",
    ),
    *(
        ": ",
        ":",
        "=",
        "=>",
        " ",
        "\r\n",
        '"',
        ",",
        "@",
        "://",
        "secret",
        "md5_cred",
        "Challenge",
        "line-1",
        "value-000000",
    ),
    *(
        "var-000000",
        "register",
        "auth",
        "token9",
        "api-key",
        "InvalidPassword",
        "ReceivedHash",
        "Response",
        "Login",
        "Action",
    ),
    *("ChallengeResponseFailed", "ExpectedResponse", "database put a b", "set variable", "Œ"),
]


@given(st.lists(st.sampled_from(_PIECES), max_size=30).map("".join))
def test_what_is_harmless_is_not_changed(text: str) -> None:
    """A text that is said to be harmless is one in which nothing is hidden."""
    if is_harmless(text):
        assert redact(text) == text


def test_a_login_of_a_dialled_channel_is_not_harmless() -> None:
    """A channel that is dialled with a login has a secret; one without has none."""
    assert is_harmless("Event: Foo\r\nChannel: SIP/100@host")
    assert not is_harmless("Event: Foo\r\nChannel: SIP/ada:s3cret@host")


def test_a_text_is_judged_anew_when_another_header_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """A header that is hidden from now on makes texts with it no longer harmless, also those that were judged before."""
    monkeypatch.setattr(redaction, "_HEADERS", {key: set(value) for key, value in redaction._HEADERS.items()})
    monkeypatch.setattr(redaction, "_SIGNS", list(redaction._SIGNS))
    text = "Event: Foo\r\nShoeSize: 45"
    assert is_harmless(text)
    assert is_harmless(text)
    hide_header("ShoeSize")
    assert not is_harmless(text)
    redaction._PLAIN_LINES.clear()


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that never come again do not fill the memory."""
    monkeypatch.setattr(redaction, "_MAX_PLAIN_LINES", 10)
    redaction._PLAIN_LINES.clear()
    for number in range(100):
        assert is_harmless(f"Event: Foo\r\nNumber: {number}")
        assert len(redaction._PLAIN_LINES) <= 10
    redaction._PLAIN_LINES.clear()
    assert is_harmless("Event: Foo\r\nNumber: " + "1" * 10_000)
    assert list(redaction._PLAIN_LINES) == ["Event: Foo\r"]


@pytest.mark.parametrize(
    ("value", "secrets"),
    [
        ("PIN=4711", ["4711"]),
        ("a,b,secret=first,password=other one", ["first", "other one"]),
        ('{"user": "u", "secret": "hush-hush", "pin": 47110}', ["hush-hush", "47110"]),
        ("https://user:hush-hush@host/path", ["hush-hush"]),
        ("a,pin=1111,pin=2222,pin=3333", ["1111", "2222", "3333"]),
        ("XPIN=4711", ["4711"]),
        ("PIN=4711X", ["4711X"]),
        ("nothing of that", []),
        ("PIN=", []),
    ],
)
def test_what_is_hidden_in_a_value_is_hidden_in_an_echo_of_it(value: str, secrets: list[str]) -> None:
    """Each part that the value is shown without, wherever else a server says it; all else stays."""
    said = " and ".join(["of user, a and b:", *secrets, "path"])
    expected = " and ".join(["of user, a and b:", *("***" for _ in secrets), "path"])
    assert redact_echo(said, "Foo", [("Variable", value)]) == expected


def test_of_two_secrets_in_one_the_longer_is_hidden() -> None:
    """Nothing of it is left over, whichever stands first; four characters are hidden within a word, fewer are not."""
    headers = [("Secret", "bcde"), ("Token", "abcdef"), ("Pin", "1234"), ("Pin", "567")]
    for order in (headers, headers[::-1]):
        assert redact_echo("abcdef, xbcdex, x1234y, x567y, 567", "Foo", order) == "***, x***x, x***y, x567y, ***"


def test_a_name_that_is_none_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the argument and the reasons; without a message a header is hidden in all of them."""
    monkeypatch.setattr(redaction, "_HEADERS", {"": set()})
    reasons = "is no name: it is empty, or has outer blanks, a colon, CR, LF or NUL"
    for arguments, said in (((" A",), f"header: ' A' {reasons}"), (("A", ""), f"message: '' {reasons}")):
        with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
            hide_header(arguments[0], message=arguments[1] if len(arguments) > 1 else None)
    with pytest.raises(TypeError, match="^message: expected text, not int$"):
        hide_header("A", message=5)  # type: ignore[arg-type]


def test_a_header_that_is_hidden_everywhere_is_hidden_in_each_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """In those with a name, and in those without."""
    monkeypatch.setattr(redaction, "_HEADERS", {"": set()})
    monkeypatch.setattr(redaction, "_PLAIN_LINES", set())
    monkeypatch.setattr(redaction, "_SIGNS", list(redaction._SIGNS))
    hide_header("Door")
    assert is_sensitive("UserEvent", "Door")
    assert is_sensitive("", "door")
    assert redact("Event: X\r\nAction: Y\r\nDoor: 12") == "Event: X\r\nAction: Y\r\nDoor: ***"
    assert redact("Value: 12\r\nDoor: 12") == "Value: 12\r\nDoor: ***"


def test_a_line_that_was_looked_at_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line by itself: in another message it is not looked at again."""
    monkeypatch.setattr(redaction, "_PLAIN_LINES", set())
    assert is_harmless("Aa: 1\nBb: 2")
    monkeypatch.setattr(redaction, "_SIGNS", ["a", "b", "c c"])
    assert is_harmless("Bb: 2\nAa: 1")
    assert not is_harmless("Bb: 2\nAa: 2")
    assert not is_harmless("Bb: 2\nXc c: 2")


def test_a_secret_behind_a_long_line_is_seen() -> None:
    """A line that is too long to be remembered does not end the search."""
    assert not is_harmless("AppData: " + "1" * 10_000 + "\r\nSecret: hush")


def test_a_secret_with_a_colon_is_whole() -> None:
    """It is found as a whole, and hidden also where a server repeats it before a colon."""
    assert secrets_of("Action: Login\r\nSecret: hu:sh\r\n") == {"hu:sh"}
    said = "Response: Error\r\nMessage: hu:sh: no such secret"
    assert redact_repeated(said, {"hu:sh"}) == "Response: Error\r\nMessage: ***: no such secret"
