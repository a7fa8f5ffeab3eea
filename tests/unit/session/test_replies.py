"""Each reply, read from texts as old and new servers send them."""

from __future__ import annotations

from inspect import isgenerator
from typing import Any

import pytest

from aioami import EventList, ManagerError, Response, core
from aioami.events import parse
from aioami.responses.agi import AGIReply
from aioami.responses.base import ListReply
from aioami.responses.channels import GetvarReply, OriginateReply
from aioami.responses.config import Category, GetConfigReply, ListCategoriesReply
from aioami.responses.database import DBGetReply
from aioami.responses.modules import ModuleCheckReply
from aioami.responses.presence import ExtensionStateReply
from aioami.responses.sip import SIPqualifyReply, SIPshowpeerReply
from aioami.responses.system import ChallengeReply, CommandReply, EventsReply, ListCommandsReply, PingReply
from aioami.responses.voicemail import MailboxCountReply, MailboxStatusReply


def text(*lines: str) -> str:
    return "\r\n".join(lines)


@pytest.mark.parametrize(
    ("first", "success"),
    [
        ("Success", True),
        ("Follows", True),
        ("Goodbye", True),
        ("Pong", True),
        ("Events On", True),
        ("Events Off", True),
        ("Error", False),
        ("Something", False),
    ],
)
def test_what_counts_as_success(first: str, success: bool) -> None:
    """Every word that some version says instead of Success is one."""
    assert Response(f"Response: {first}").success is success


def test_a_response_is_a_mapping_with_what_all_have() -> None:
    """Lookup ignores case, a missing header is a KeyError, and what was not sent is empty."""
    reply = Response(text("Response: Error", "ActionID: a", "Message: No such channel"))
    assert (reply.success, reply.action_id, reply.message) == (False, "a", "No such channel")
    assert reply["message"] == reply.get("MESSAGE") == "No such channel"
    assert (reply.data, list(reply.events), reply.events.completion, reply.seconds, reply.action) == (
        [],
        [],
        None,
        None,
        None,
    )
    with pytest.raises(KeyError):
        reply["Nothing"]
    with pytest.raises(AttributeError):
        reply.nothing  # type: ignore[attr-defined]
    assert Response("Response: Success").message == ""


@pytest.mark.parametrize(
    ("lines", "seconds", "rtt", "timestamp"),
    [
        (("Response: Success", "Ping: Pong", "Timestamp: 1700000000.250000"), 0.25, 0.25, 1700000000.25),
        (("Response: Pong",), 0.5, 0.5, None),
        (("Response: Error", "Message: Permission denied"), 0.25, -1.0, None),
        (("Response: Success", "Ping: Pong", "Timestamp: soon"), None, -1.0, None),
    ],
)
def test_ping(lines: tuple[str, ...], seconds: float | None, rtt: float, timestamp: float | None) -> None:
    """RTT is float seconds for the answers of all versions, and -1 in case of failure."""
    reply = PingReply(text(*lines), seconds=seconds)
    assert reply.RTT == reply.rtt == rtt
    assert isinstance(reply.RTT, float)
    assert reply.timestamp == timestamp


@pytest.mark.parametrize(
    ("lines", "enabled"),
    [
        (("Response: Success", "Events: On"), True),
        (("Response: Success", "Events: Off"), False),
        (("Response: Events On",), True),
        (("Response: Events Off",), False),
        (("Response: Error", "Message: Invalid event mask"), None),
    ],
)
def test_events(lines: tuple[str, ...], enabled: bool | None) -> None:
    """Both forms of the answer say whether events will be sent; `events` stays the list that every response has."""
    reply = EventsReply(text(*lines))
    assert reply.enabled is enabled
    assert isinstance(reply.events, EventList)


@pytest.mark.parametrize(
    "lines",
    [
        (
            "Response: Success",
            "ActionID: a",
            "Message: Command output follows",
            "Output: a: b",
            "Output:   c",
            "Output: ",
        ),
        ("Response: Follows", "Privilege: Command", "ActionID: a", "a: b", "  c", "", "--END COMMAND--"),
    ],
)
def test_command(lines: tuple[str, ...]) -> None:
    """`data` has each line of the output, with its colons and blanks, in the old form and in the new one."""
    reply = CommandReply(text(*lines))
    assert reply.success
    assert reply.action_id == "a"
    assert reply.data == ["a: b", "  c", ""]


def test_list_commands() -> None:
    """A line for each action, in order, without the headers that every response has."""
    reply = ListCommandsReply(
        text("Response: Success", "ActionID: a", "Ping: Keepalive.  (Priv: <none>)", "AGI: Add. (Priv: agi,all)")
    )
    assert reply.data == ["Ping: Keepalive.  (Priv: <none>)", "AGI: Add. (Priv: agi,all)"]
    assert reply.commands["AGI"] == "Add. (Priv: agi,all)"


def test_list_categories() -> None:
    """The names in order, repeated ones too; a file without any has none."""
    reply = ListCategoriesReply(
        text("Response: Success", "Category-000000: a", "Category-000001: a", "Category-000002: b:c")
    )
    assert reply.data == ["a", "a", "b:c"]
    assert ListCategoriesReply(text("Response: Success", "Error: no categories found")).data == []


CONFIG = text(
    "Response: Success",
    "ActionID: a",
    "Category-000000: base",
    "IsTemplate-000000: 1",
    "Line-000000-000000: type=friend",
    "Category-000001: alice",
    'Templates-000001: "base,other"',
    "Line-000001-000000: allow=ulaw",
    "Line-000001-000001: allow=alaw",
    "Line-000001-000002: note=a=b: c",
    "Category-000002: alice",
)


def test_get_config() -> None:
    """`get_lines()` gives every line in order; `categories` keeps apart what has the same name."""
    reply = GetConfigReply(CONFIG)
    lines = reply.get_lines()
    assert isgenerator(lines)
    assert list(lines) == ["type=friend", "allow=ulaw", "allow=alaw", "note=a=b: c"]
    assert list(reply.get_lines()) == list(reply.get_lines())
    assert reply.categories == [
        Category("base", [("type", "friend")], is_template=True),
        Category("alice", [("allow", "ulaw"), ("allow", "alaw"), ("note", "a=b: c")], templates=["base", "other"]),
        Category("alice"),
    ]
    assert reply["Line-000000-000000"] == "type=friend"


def test_get_config_in_numeric_order() -> None:
    """Lines are ordered by their numbers, also where these outgrow six digits."""
    reply = GetConfigReply(text("Response: Success", "Line-000000-1000000: c=3", "Line-000000-999999: b=2"))
    assert list(reply.get_lines()) == ["b=2", "c=3"]


def test_get_config_of_nothing() -> None:
    """An empty file, and a category that is not there, have no lines; the sentence without a colon is kept apart."""
    reply = GetConfigReply(text("Response: Success", "No categories found"))
    assert (list(reply.get_lines()), reply.categories) == ([], [])
    assert reply.unparsed == ("No categories found",)


@pytest.mark.parametrize(
    ("lines", "status", "hint", "status_text"),
    [
        (("Hint: SIP/1", "Status: 0", "StatusText: Idle"), 0, "SIP/1", "Idle"),
        (("Hint: SIP/1", "Status: 9"), 9, "SIP/1", None),
        (("Hint: ", "Status: -1", "StatusText: Unknown"), -1, "", "Unknown"),
        (("Hint: ", "Status: what"), None, "", None),
    ],
)
def test_extension_state(lines: tuple[str, ...], status: int | None, hint: str, status_text: str | None) -> None:
    """The mapping has the text of Status, the attribute its number."""
    reply = ExtensionStateReply(text("Response: Success", "Exten: 1", "Context: c", *lines))
    assert (reply.status, reply.hint, reply.status_text) == (status, hint, status_text)
    assert (reply.exten, reply.context) == ("1", "c")
    assert isinstance(reply["Status"], str)


def test_mailboxes() -> None:
    """Counts are numbers; a server that does not tell of urgent messages leaves that one out."""
    count = MailboxCountReply(text("Response: Success", "Mailbox: 1@d", "NewMessages: 2", "OldMessages: 3"))
    assert (count.mailbox, count.urg_messages, count.new_messages, count.old_messages) == ("1@d", None, 2, 3)
    assert MailboxStatusReply(text("Response: Success", "Mailbox: 1@d", "Waiting: 1")).waiting is True
    assert MailboxStatusReply(text("Response: Success", "Mailbox: 1@d", "Waiting: 0")).waiting is False


def test_values_and_challenges() -> None:
    """The value of a variable is empty if it is not set; the challenge is where the documentation says."""
    assert GetvarReply(text("Response: Success", "Variable: A", "Value: a: b")).value == "a: b"
    assert GetvarReply(text("Response: Success", "Variable: A", "Value: ")).value == ""
    challenge = ChallengeReply(text("Response: Success", "Challenge: 0123"))
    assert challenge.challenge == challenge.get("Challenge") == "0123"


def test_database_values() -> None:
    """The value is in the one event of the list; without it there is none."""
    reply = DBGetReply("Response: Success")
    assert reply.value is None
    reply.events.append(parse(text("Event: DBGetResponse", "Family: f", "Key: k", "Val: a:b")))
    assert reply.value == "a:b"


PEER = text(
    "Response: Success",
    "ObjectName: peer1",
    "SecretExist: Y",
    "MD5SecretExist: N",
    "MaxCallBR: 384 kbps",
    "Dynamic: Y",
    "RegExpire: -1 seconds",
    "SIP-AuthInsecure: port,invite",
    "ACL: N",
    "SIP-DirectMedia: Y",
    "SIP-PromiscRedir: N",
    "SIP-UserPhone: perhaps",
    "SIP-VideoSupport: N",
    "Address-IP: (null)",
    "Address-Port: 5060",
    "Default-addr-port: none",
    "ChanVariable: A=1",
    "ChanVariable: B=2",
)


def test_a_sip_peer_has_typed_values() -> None:
    """The mapping gives bools and numbers; what does not convert is None, and all else stays text."""
    reply: Any = SIPshowpeerReply(PEER)
    expected = {
        "SecretExist": True,
        "MD5SecretExist": False,
        "MaxCallBR": 384,
        "Dynamic": True,
        "RegExpire": -1,
        "SIP-AuthInsecure": True,
        "ACL": False,
        "SIP-DirectMedia": True,
        "SIP-CanReinvite": True,
        "SIP-UserPhone": None,
        "Address-Port": 5060,
        "Default-addr-port": None,
        "ObjectName": "peer1",
        "Address-IP": "(null)",
    }
    assert {name: reply[name] for name in expected} == expected
    assert {name: reply.get(name.lower()) for name in expected} == expected
    assert type(reply["MaxCallBR"]) is int


def test_a_sip_peer_is_one_mapping() -> None:
    """Every way to look into the mapping gives the same values; `headers` has the raw text."""
    reply: Any = SIPshowpeerReply(PEER)
    assert dict(reply.items())["MaxCallBR"] == dict(reply)["MaxCallBR"] == 384
    assert list(reply.values()) == [value for _, value in reply.items()]
    assert [value for name, value in reply.items() if name == "ChanVariable"] == ["A=1", "B=2"]
    assert ("MaxCallBR", "384 kbps") in reply.headers
    assert "SIP-CanReinvite" in reply
    assert "sip-userphone" in reply
    assert "Nothing" not in reply
    assert reply.get("Nothing", 5) == 5
    with pytest.raises(KeyError):
        reply["Nothing"]


def test_a_sip_peer_of_an_old_server_keeps_its_own_word() -> None:
    """SIP-CanReinvite is read where it is sent; `no` and a lone `-` are no numbers and no insecurity."""
    reply: Any = SIPshowpeerReply(
        text("Response: Success", "SIP-CanReinvite: N", "SIP-DirectMedia: Y", "SIP-AuthInsecure: no", "MaxCallBR: --5")
    )
    assert reply["SIP-CanReinvite"] is False
    assert reply["SIP-AuthInsecure"] is False
    assert reply["MaxCallBR"] is None


@pytest.mark.parametrize("kind", [OriginateReply, AGIReply, SIPqualifyReply])
async def test_an_outcome_needs_a_connection(kind: type[Any]) -> None:
    """A reply that was read from a text says that no outcome follows."""
    with pytest.raises(ManagerError, match="no outcome"):
        await kind("Response: Success").outcome()


def test_every_reply_belongs_to_its_action() -> None:
    """The classes of `core` declare the class of their answer."""
    assert {
        name: getattr(core, name).response_type
        for name in core.__all__
        if getattr(getattr(core, name), "response_type", Response) not in (Response, ListReply)
    } == {
        "AGI": AGIReply,
        "Challenge": ChallengeReply,
        "Command": CommandReply,
        "DBGet": DBGetReply,
        "Events": EventsReply,
        "ExtensionState": ExtensionStateReply,
        "GetConfig": GetConfigReply,
        "Getvar": GetvarReply,
        "ListCategories": ListCategoriesReply,
        "ListCommands": ListCommandsReply,
        "MailboxCount": MailboxCountReply,
        "MailboxStatus": MailboxStatusReply,
        "ModuleCheck": ModuleCheckReply,
        "Originate_Application": OriginateReply,
        "Originate_Context": OriginateReply,
        "Ping": PingReply,
        "SIPqualify": SIPqualifyReply,
        "SIPshowpeer": SIPshowpeerReply,
    }
