"""What a refusal says: Asterisk's reason, and the thing that it is about; never a secret or a variable's value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import names_of_things

from aioami import Action, Response, UnknownAction, core, events
from aioami._session.refusals import refusal
from aioami._session.subjects import subjects
from aioami.wire import hide_header, redaction

REFUSALS = json.loads((Path(__file__).parents[2] / "data/refusals.json").read_text())


def made(lines: list[str]) -> Action[Any]:
    """The action with these lines, as a server was sent them."""
    pairs = [line.partition(":")[::2] for line in lines]
    name, headers = pairs[0][1].strip(), {}
    for header, value in pairs[1:]:
        headers.setdefault(header, []).append(value.strip())
    return Action(name, headers)


def test_every_refusal_of_real_servers_names_the_thing() -> None:
    """Each that Asterisk 16 and 22 gave has its reason, and each channel, queue, file ... that the action named."""
    seen = 0
    for each in REFUSALS:
        if not each["action"][0].partition(":")[2].strip():
            continue
        action = made(each["action"])
        error = refusal(Response("\r\n".join(each["response"]), action), action)
        if isinstance(error, UnknownAction):
            continue
        missing = [name for name in names_of_things(action.headers) if name not in str(error)]
        assert not missing, error
        assert "output follows" not in str(error)
        seen += 1
    assert seen > 70


def refused(action: Action[Any], message: str = "No such channel") -> str:
    return str(refusal(Response(f"Response: Error\r\nMessage: {message}", action), action))


def test_a_refusal_has_no_secret_and_no_value() -> None:
    """Values of variables, messages, secrets and what a name says to be one stay out, and names are shortened."""
    assert refused(core.Setvar("PIN", "4711", "PJSIP/1")) == (
        "Setvar was refused: No such channel (Variable 'PIN', Channel 'PJSIP/1')"
    )
    originate = core.Originate_Application("PJSIP/1", "Dial", "a:s3cret", variables={"A": "s3cret"}, account="s3cret")
    others = (
        *(originate, core.Getvar("SHELL(s3cret)", "PJSIP/1"), core.SendText("PJSIP/1", "s3cret")),
        *(core.DBPut("auth", "user", "s3cret"), Action("Foo", {"Secret": "s3cret", "Channel": "secret=s3cret"})),
        Action("Command", {"Command": "database put a b s3cret"}),
    )
    for action in others:
        assert "s3cret" not in refused(action)
    assert "(Channel 'PJSIP/1', Application 'Dial')" in refused(originate)
    assert len(refused(Action("Foo", {"Channel": "x" * 900}))) < 150
    secret = Response("Response: Error\r\nMessage: Command output follows\r\nOutput: No such command: secret=s3cret")
    assert "s3cret" not in str(refusal(secret, core.Command("x")))


def test_an_action_that_is_unknown_is_about_nothing() -> None:
    """What it names did not matter."""
    error = refused(Action("Foo", {"Channel": "PJSIP/1"}), "Invalid/unknown command: Foo.")
    assert error == "Foo was refused: Invalid/unknown command: Foo."


def test_a_header_that_was_hidden_is_in_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is hidden in one action alone."""
    monkeypatch.setattr(redaction, "_HEADERS", {"": set()})
    hide_header("Mailbox", message="foo")
    assert refused(Action("Foo", {"Mailbox": "12", "Channel": "a"})) == "Foo was refused: No such channel (Channel 'a')"
    assert refused(Action("Bar", {"Mailbox": "12"})) == "Bar was refused: No such channel (Mailbox '12')"


def test_what_a_server_repeats_is_shown_without_the_secret() -> None:
    """In a sentence of its own it may say what it was sent: neither the error nor the response shows that."""
    plain = core.Login("u", "Tr0ub4dor's\\key")
    hashed = core.Login("u", "Tr0ub4dor", challenge="42")
    key = dict(hashed.headers)["Key"]
    for action, secret in (
        (plain, "Tr0ub4dor's\\key"),
        (hashed, key),
        (core.Setvar("PIN", "47", "PJSIP/1"), "47"),
        (core.Originate_Application("PJSIP/1", "Wait", variables={"A_TOKEN": "Tr0ub4dor"}), "Tr0ub4dor"),
        (core.DBPut("auth", "password", "Tr0ub4dor"), "Tr0ub4dor"),
    ):
        said = f"I do not know {secret}, nor {secret}"
        response = Response(f"Response: Error\r\nMessage: {said}\r\nX-Echo: {secret}", action)
        error = refusal(response, action)
        for text in (str(error), repr(response), repr(error.response), response._repr_html_()):
            assert secret not in text.replace(action.name, "")
            assert repr(secret)[1:-1] not in text
        assert "I do not know ***, nor ***" in str(error)
        assert response.message == said  # which is what came


def test_what_a_server_repeats_is_shown_where_it_is_no_secret() -> None:
    """A short secret is hidden as a word alone, and what has no secret is shown as it is."""
    assert refused(core.Setvar("PIN", "1", "PJSIP/1"), "No such channel: PJSIP/11, 1, or 12") == (
        "Setvar was refused: No such channel: PJSIP/11, ***, or 12 (Variable 'PIN', Channel 'PJSIP/1')"
    )
    assert refused(core.Setvar("A", "red", "PJSIP/1"), "red is no colour").startswith("Setvar was refused: red is")
    assert refused(core.Setvar("PIN", "", "PJSIP/1"), "no value").startswith("Setvar was refused: no value (")


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("Output: \r\nOutput: No such command 'x'\r\nOutput: more", "No such command 'x'"),
        ("Output: Password : 4711", "Password : ***"),
        ("Output: ", "no reason given"),
        ("", "no reason given"),
    ],
)
def test_the_reason_of_a_command_is_the_first_line_of_its_output(output: str, reason: str) -> None:
    """Asterisk's own message says no more than that output follows."""
    response = Response(f"Response: Error\r\nMessage: Command output follows\r\n{output}")
    assert str(refusal(response, core.Command("x"))) == f"Command was refused: {reason}"


def test_what_the_reason_says_is_not_said_twice() -> None:
    """A name is left out if the reason has it as a word; a part of another name is none."""
    assert refused(core.Redirect("None/1", "ami", "1", 1), "Channel does not exist: None/1") == (
        "Redirect was refused: Channel does not exist: None/1 (Context 'ami', Exten '1', Priority '1')"
    )
    many = Action("Foo", {"Channel": [f"PJSIP/{number}" for number in range(20)]})
    assert refused(many).count("PJSIP/") == 6


def test_an_event_is_about_what_tells_most() -> None:
    """In a log its channel and its queue stand before its place in the dialplan."""
    event = events.parse("Event: X\nContext: a\nExten: b\nChannel: PJSIP/1\nQueue: sales\nUniqueid: 1.1")
    assert subjects(event.headers, event.find, limit=2) == "Channel 'PJSIP/1', Queue 'sales'"
    assert subjects((), event.find) == ""


def test_an_action_that_nobody_has_is_asked_about() -> None:
    """The near one of the catalogue is named; one that the catalogue has is missing on this server alone."""
    unknown = "Invalid/unknown command: X."
    assert refused(Action("Orginate"), unknown).endswith(f"{unknown} (is Originate meant?)")
    assert refused(Action("Frobnicate"), unknown) == f"Frobnicate was refused: {unknown}"
    assert refused(core.SIPpeers(), unknown).endswith(unknown)
