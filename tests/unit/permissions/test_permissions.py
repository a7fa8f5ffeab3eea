"""What a user must be allowed: worked out from what was sent and selected, from recordings and from programs."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from aioami import Action, Event, Manager, ManagerError, PermissionDenied, Reconnected, core, events
from aioami.permissions import Demand, Permissions, of_program, of_recording, of_use, read_classes
from aioami.testing import Account, EventFilter, FakeAsterisk, Recording

CATALOGUE = json.loads((Path(__file__).parents[2] / "data/catalogue.json").read_text(encoding="utf-8"))


def reading(program: str) -> Permissions:
    return of_program(textwrap.dedent(program), "program.py")


def test_the_read_classes_of_an_event() -> None:
    """They are found by its name, in any case; an unknown one, or an item of lists, has none."""
    assert read_classes("hangup") == ("call",)
    assert read_classes("VoicemailPasswordChange") == ("system", "user")
    assert read_classes("QueueParams") == read_classes("Unheard") == ()


async def test_what_a_manager_used(fake: FakeAsterisk) -> None:
    """The classes, filters and reasons are those of what was sent and selected, and nothing else."""
    async with Manager.from_url(fake.url) as mgr:
        assert mgr.required_permissions() == Permissions()
        mgr.events(events.Hangup, "Queue*Join").close()
        waiting = mgr.wait_for("UserEvent", timeout=0.1)
        await mgr.send(core.UserEvent(UserEvent="Door"))
        await waiting
        await mgr.send(core.QueueStatus())
        await mgr.send(core.Ping())
        async with mgr.stream(core.CoreShowChannels()) as channels:
            assert [each async for each in channels] == []
        needed = mgr.required_permissions()
        assert needed == Permissions(
            read=("agent", "call", "user"),
            write=("reporting", "user"),
            event_filters=(
                "^Event: Hangup[[:space:]]",
                "^Event: QueueCallerJoin[[:space:]]",
                "^Event: UserEvent[[:space:]]",
            ),
            why=(
                ("read agent", "QueueCallerJoin"),
                ("read call", "Hangup"),
                ("read user", "UserEvent"),
                ("write reporting", "CoreShowChannels"),
                ("write user", "UserEvent"),
            ),
        )
        assert str(needed).split("\n")[5:] == [
            *("[aioami]", "secret = long-and-random", "read = agent,call,user", "write = reporting,user"),
            *("eventfilter = ^Event: Hangup[[:space:]]", "eventfilter = ^Event: QueueCallerJoin[[:space:]]"),
            "eventfilter = ^Event: UserEvent[[:space:]]",
        ]
        assert json.loads(json.dumps(needed.to_dict()))["read"] == ["agent", "call", "user"]


async def test_everything_selected(fake: FakeAsterisk) -> None:
    """Without selectors, or with `Event` itself, all may be read and nothing is filtered."""
    for selectors in ((), (Event,), ("*",)):
        async with Manager.from_url(fake.url) as mgr:
            mgr.events(*selectors).close()
            assert (mgr.required_permissions().read, mgr.required_permissions().event_filters) == (("all",), ())


async def test_waiting_for_the_boot_and_for_an_outcome(fake: FakeAsterisk) -> None:
    """The events behind `wait_booted()` and `outcome()` count; a call that is waited for has none."""
    async with Manager.from_url(fake.url) as mgr:
        await mgr.wait_booted(5)
        assert mgr.required_permissions().read == ("system",)
        await mgr.send(core.Originate_Application("PJSIP/alice", "Wait", async_=False))
        assert mgr.required_permissions().read == ("system",)
        await mgr.send(core.Originate_Application("PJSIP/alice", "Wait"))
        needed = mgr.required_permissions()
        assert (needed.read, needed.write) == (("call", "system"), ("originate",))
        assert "^Event: OriginateResponse[[:space:]]" in needed.event_filters


async def test_filters_of_its_own(fake: FakeAsterisk) -> None:
    """A manager with filters needs the right to add them, hears that there is another way, and gets no filters besides."""
    async with Manager.from_url(fake.url, event_filters=["Event: Hangup"]) as mgr:
        mgr.events(events.Hangup).close()
        needed = mgr.required_permissions()
    assert (needed.read, needed.write, needed.event_filters) == (("call",), ("system",), ())
    assert "eventfilter lines" in needed.notes[0]


@pytest.mark.parametrize(
    ("action", "write"),
    [
        (core.Originate_Application("PJSIP/a", "Wait"), ("originate",)),
        (core.Originate_Application("PJSIP/a", "TrySystem", "rm"), ("originate", "system")),
        (core.Originate_Application("PJSIP/a", "Wait", "${SHELL(x)}"), ("originate", "system")),
        (core.Originate_Application("PJSIP/a", "Queue", "a,,,,,agi.sh"), ("originate", "system")),
        (core.Originate_Context("PJSIP/a", "default", "1", 1), ("originate",)),
        (core.Getvar("X"), ("reporting",)),
        (core.Getvar("SHELL(x)"), ("reporting", "system")),
        (core.Status("PJSIP/a"), ("reporting",)),
        (core.Setvar("X", "1"), ("call",)),
        (core.Hangup("PJSIP/a"), ("call",)),
        (core.DBGet("a", "b"), ("reporting",)),
        (core.DBPut("a", "b", "c"), ("system",)),
        (core.GetConfig("x.conf"), ("config",)),
        (core.QueueSummary(), ()),
        (Action("queueadd", {"Queue": "x"}), ("agent",)),
    ],
)
def test_the_least_powerful_class_is_taken(action: Action[Any], write: tuple[str, ...]) -> None:
    """Of several classes that will do it is the one that allows the least else; what runs programs needs more."""
    assert of_use([Demand.of(action.name, action.headers)], []).write == write


def test_classes_are_shared_where_they_can_be() -> None:
    """An action that may be sent with a class that another one needs anyway adds none."""
    both = [Demand.of("Getvar"), Demand.of("Setvar")]
    assert of_use(both, []).write == ("call",)
    three = [Demand.of("DBPut"), Demand.of("DBGet"), Demand.of("Hangup")]
    assert of_use(three, []).write == ("system",)
    assert ("write system", "DBGet, DBPut, Hangup") in of_use(three, []).why


def test_what_is_not_known_is_said() -> None:
    """Actions and events of which nothing is known are named."""
    needed = of_use([Demand.of("Foo")], ["Bar*", events.Hangup])
    assert any("the action Foo" in note for note in needed.notes)
    assert any("the event Bar*" in note for note in needed.notes)
    assert needed.event_filters == ("^Event: Bar[A-Za-z0-9_-]*[[:space:]]", "^Event: Hangup[[:space:]]")
    assert str(needed).startswith("; which class the event Bar* has is not known")


def test_items_of_lists_need_no_right_to_read() -> None:
    """Selecting what only comes in lists, or from the library itself, asks for nothing."""
    assert of_use([], [events.QueueParams, "CoreShowChannel", "Disconnected", Reconnected]) == Permissions()


def test_a_class_of_ones_own() -> None:
    """A class that narrows an event comes under that event's name; one of an unknown event under its own."""

    class Door(events.UserEvent, abstract=True):
        """A door."""

    class Bell(Event, wire_name="PermissionsBell"):
        """A bell."""

    needed = of_use([], [Door, Bell])
    assert needed.event_filters == ("^Event: PermissionsBell[[:space:]]", "^Event: UserEvent[[:space:]]")
    assert needed.read == ("user",)


def test_a_stanza() -> None:
    """User and secret may be given; what cannot stand in manager.conf is refused."""
    stanza = Permissions(read=("call",)).stanza("web", "a;b")
    assert stanza == "[web]\nsecret = a\\;b\nread = call\nwrite ="
    for user, secret in (("a]", "x"), ("", "x"), ("a", "x\ny"), ("a", "")):
        with pytest.raises(ValueError, match=r"user|secret"):
            Permissions().stanza(user, secret)


async def test_the_stanza_is_enough_on_a_fake_server() -> None:
    """A user with what was worked out can do the same, is sent nothing else, and with one class less cannot."""

    async def use(fake: FakeAsterisk, user: str) -> Permissions:
        async with Manager(port=fake.port, username=user, secret="x") as mgr:
            reply = await mgr.send(core.Originate_Application("Local/short@test/n", "Wait"))
            await reply.outcome(timeout=2)
            await mgr.send(core.QueueAdd("PJSIP/x", "sales"))
            await mgr.send(core.QueueRemove("PJSIP/x", "sales"))
            return mgr.required_permissions()

    async with FakeAsterisk(users={"all": "x"}) as fake:
        needed = await use(fake, "all")
        assert (needed.read, needed.write) == (("call",), ("agent", "originate"))
        filters = tuple(EventFilter.parse(each) for each in needed.event_filters)
        fake.accounts["least"] = Account("x", ",".join(needed.read), ",".join(needed.write), event_filters=filters)
        assert await use(fake, "least") == needed
        async with Manager(port=fake.port, username="least", secret="x") as mgr:
            with mgr.events() as everything:
                await (await mgr.send(core.Originate_Application("Local/short@test/n", "Wait"))).outcome(timeout=2)
                await mgr.send(core.Ping())
                assert everything.pending == 1
        for less in needed.write:
            fake.accounts["less"] = Account("x", "call", ",".join(each for each in needed.write if each != less))
            with pytest.raises(PermissionDenied):
                await use(fake, "less")
        fake.accounts["deaf"] = Account("x", "", ",".join(needed.write))
        with pytest.raises(ManagerError):
            await use(fake, "deaf")


async def test_a_recording(fake: FakeAsterisk, tmp_path: Path) -> None:
    """What was sent and what came by itself is needed; items of lists are not; filters of its own stay."""
    path = tmp_path / "one.jsonl"
    async with Manager.from_url(fake.url, record=path, event_mask="user") as mgr:
        await mgr.send(core.QueueStatus())
        await mgr.send(core.Originate_Application("Local/wait@test/n", "Wait", ("60",), async_=False))
        assert (await mgr.send(core.Status(""))).events
        await mgr.send(core.UserEvent(UserEvent="Door"))
        await mgr.send(core.Ping())
    needed = of_recording(Recording.load(path))
    assert (needed.read, needed.write) == (("user",), ("originate", "reporting", "user"))
    assert needed.event_filters == ("^Event: UserEvent[[:space:]]",)
    async with Manager.from_url(fake.url, record=path, event_filters=["Event: UserEvent"]) as mgr:
        await mgr.send(core.UserEvent(UserEvent="Door"))
        await mgr.send(core.Ping())
    needed = of_recording(Recording.load(path))
    assert (needed.write, needed.event_filters) == (("system", "user"), ())


def test_a_program() -> None:
    """Actions, event classes and selectors are found under whatever name they were imported."""
    needed = reading(
        """
        import asyncio
        import aioami
        from aioami import Manager, core, events as e, actions
        from aioami.actions import QueueAdd as Add
        from aioami.events import DialEnd

        async def main():
            async with Manager() as mgr:
                await mgr.send(core.Hangup("x"))
                await mgr.send(Add("a", "b"))
                await mgr.send(aioami.core.Getvar("X"))
                await mgr.send(aioami.Action("DBPut", {}))
                await mgr.send(getattr(actions, "MessageSend")())
                with mgr.events(e.Hangup, "UserEvent", DialEnd, aioami.Disconnected):
                    pass
                await asyncio.wait_for(mgr.wait_for("QueueCallerJoin"), 3)

        @mgr.on("Newexten")
        def heard(event: e.VarSet): ...

        stream.on("click")
        """
    )
    assert needed.read == ("agent", "call", "dialplan", "user")
    assert needed.write == ("agent", "message", "reporting", "system")
    assert [each.split()[1].partition("[")[0] for each in needed.event_filters] == [
        *("DialEnd", "Hangup", "Newexten", "QueueCallerJoin", "UserEvent"),
    ]
    assert needed.notes == ()


def test_a_program_that_waits_for_outcomes() -> None:
    """The event of an outcome is needed where the program asks for outcomes."""
    program = "from aioami import core\nreply = mgr.send(core.Originate_Application('a', 'Wait', ('1', '2')))\n"
    assert reading(program).read == ()
    assert reading(f"{program}reply.outcome()").read == ("call",)
    assert reading(program).notes == ()
    assert reading(program.replace("'Wait'", "'System'")).write == ("originate", "system")
    assert "wait_booted" not in program
    assert reading("mgr.wait_booted()").read == ("system",)


AGI_READ, AGI_WRITE = ("agi", "call", "dialplan"), ("agi", "originate", "reporting", "system")
CALL_SYSTEM, SYSTEM_REPORT = ("call", "originate", "system"), ("originate", "reporting", "system")


@pytest.mark.parametrize(
    ("text", "read", "write"),
    [
        ('mgr.call("PJSIP/alice", to="100@internal")', ("call",), ("call", "originate")),
        ('mgr.call("PJSIP/alice", to=Application("Queue", "support"))', ("call",), ("call", "originate")),
        ('mgr.call("PJSIP/alice", to=menu)', ("agi", "call", "dialplan"), ("agi", "originate", "system")),
        ('mgr.call("PJSIP/alice", to="100@internal").mute()', ("call",), ("originate", "system")),
        ('call = await mgr.call("PJSIP/alice", to=menu); await call.get("X")', AGI_READ, AGI_WRITE),
        ('a = await mgr.call(p, to="1@a"); await a.mute(); await a.set("X", 1)', ("call",), CALL_SYSTEM),
        ('async with mgr.call(p, to="1@a") as held: await held.mute(); await held.get("X")', ("call",), SYSTEM_REPORT),
        (
            'a = await mgr.call(p, to="1@a"); await a.mute(); {}.get("X"); seen.set()',
            ("call",),
            ("originate", "system"),
        ),
        ('def f(a: Call): a.set("X", 1)', ("call",), ("call",)),
        ("session.call.hang_up()", ("call",), ("call",)),
        ("Live(mgr)", ("agent", "call", "dialplan", "system"), ("reporting",)),
        ('Live(mgr, parts=["hints"])', ("call", "system"), ("reporting",)),
        ("AsyncAGI(mgr, menu)", ("agi", "call", "dialplan"), ("agi", "call")),
    ],
)
def test_a_program_with_calls_sessions_or_a_live_state(
    text: str, read: tuple[str, ...], write: tuple[str, ...]
) -> None:
    """Their rights are those of what they send and select; there are no filters, which would hide their events."""
    program = """
        from aioami import events
        from aioami.agi import AsyncAGI
        from aioami.calls import Application
        from aioami.live import Live

        async def menu(call): ...

        async def main(mgr):
            mgr.events(events.Hangup)
            %s
    """
    needed = reading(program % text)
    assert (needed.read, needed.write, needed.event_filters) == (read, write, ())


PROGRAMS = {
    "what is done with a call": """
        from aioami.calls import Application
        async def main(mgr):
            async with mgr.call("Local/wait@test/n", to=Application("Wait", 60)) as call:
                await call.answered(5)
                await call.set("A", "b")
                assert await call.get("A") == "b"
                await call.press("1")
                await call.park()
        """,
    "another one that it is bridged with": """
        async def main(mgr):
            one = await mgr.call("Local/wait@test/n", to="wait@test")
            async with mgr.call("Local/wait@test/n", to="wait@test") as other:
                await one.answered(5)
                await other.answered(5)
                await other.mute()
                await other.bridge(one)
            await one.hang_up()
        """,
    "a program for a call": """
        async def menu(session):
            await session.set("A", "b")
            assert await session.get("A") == "b"
            await session.play("beep")

        async def main(mgr):
            async with mgr.call("Local/wait@test/n", to=menu) as call:
                await call.ended(5)
        """,
    "a live state and a list": """
        from aioami import core
        from aioami.live import Live
        async def main(mgr):
            async with Live(mgr, parts=["channels", "queues", "parking", "conferences"]) as live:
                assert not live.unavailable, live.unavailable
            await mgr.send(core.QueuePause("PJSIP/agent1", True, "support"))
        """,
}


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
async def test_a_program_can_run_with_what_its_text_needs(text: str) -> None:
    """A user with the rights that were read from the text, and with no others, may do all of it."""
    needed = reading(text)
    rights = {"read": ",".join(needed.read), "write": ",".join(needed.write)}
    users = {"program": Account("s3cret", **rights)}
    async with FakeAsterisk(users=users) as fake, Manager.from_url(fake.url) as mgr:
        names: dict[str, Any] = {}
        exec(textwrap.dedent(text), names)
        await names["main"](mgr)
        assert set(mgr.required_permissions().read) <= set(needed.read)


def test_what_is_no_call_has_a_get_and_a_set_too() -> None:
    """The methods of a session, a dictionary or an event need nothing by their names."""
    needed = reading("async def f(session, event):\n await session.get('X'); session.hang_up(); event.set(); {}.get(1)")
    assert (needed.read, needed.write) == ((), ())


def test_a_program_whose_calls_go_somewhere_unknown() -> None:
    """A destination or a part that is not constant is noted with its line."""
    notes = reading(
        """
        from aioami.live import Live
        def main(mgr, number, parts):
            mgr.call("PJSIP/alice", to=number)
            Live(mgr, parts=parts)
        """
    ).notes
    assert [note.partition(": ")[0] for note in notes] == ["program.py:4", "program.py:5"]


def test_what_a_program_does_not_tell() -> None:
    """Names that are not constant, all events, and imports of everything are said, with the line."""
    needed = reading(
        """
        from aioami import Action, Manager, actions, core, events
        from aioami.actions import *
        mgr = Manager(event_filters=x)
        mgr.send(Action(name))
        mgr.send(getattr(core, name)())
        mgr.send(core.Originate_Application("a", application))
        mgr.events(*kinds)
        kinds = (events.Hangup, events.Cdr)
        """
    )
    assert needed.read == ("call", "cdr")
    lines = [note.split(":")[1] for note in needed.notes if note.startswith("program.py")]
    assert sorted(lines) == ["3", "5", "6", "7", "8"]
    everything = reading("import aioami\nmgr.events()")
    assert (everything.read, everything.event_filters) == (("all",), ())
    assert everything.notes[0].startswith("program.py:2: events() without selectors")
    with pytest.raises(SyntaxError):
        reading("def")


def test_several_together() -> None:
    """What several programs need is the sum; if one of them wants all events, nothing is filtered."""
    one = of_use([Demand.of("Hangup")], [events.Hangup])
    two = of_use([Demand.of("DBPut")], [events.Cdr])
    both = Permissions.together([one, two])
    assert (both.read, both.write) == (("call", "cdr"), ("call", "system"))
    assert len(both.event_filters) == 2
    assert Permissions.together([one]) is one
    everything = Permissions.together([one, of_use([], ["*"])])
    assert (everything.read, everything.event_filters) == (("all",), ())


def test_every_action_can_be_asked_about() -> None:
    """What each action of the catalogue needs is what it declares, or one of it."""
    for name, facts in CATALOGUE["actions"].items():
        write = of_use([Demand.of(name)], []).write
        assert len(write) == bool(facts["privileges"])
        assert set(write) <= set(facts["privileges"])


async def test_noting_costs_little(fake: FakeAsterisk) -> None:
    """An action that was noted once is noted no more, and what varies is kept once for each need."""
    async with Manager.from_url(fake.url) as mgr:
        for number in range(20):
            await mgr.send(core.Getvar(f"X{number}"))
            await mgr.send(core.Ping())
            await mgr.send(core.Getvar("SHELL(x)"), check=False)
        assert len(mgr._rights._demands) == 3
        assert mgr._rights._admitted == {"Ping", "Getvar  False", "Getvar  True"}


def test_a_misspelt_event_is_noted_with_the_near_one() -> None:
    """A name of which nothing can come needs no right; one of a module of others may need any."""
    notes = of_use([], ["Hangpu", "DongleNewSMS"]).notes
    assert "there is no event Hangpu; is Hangup meant?" in notes
    assert "which class the event DongleNewSMS has is not known; where it is missing, add it to read" in notes


async def test_rights_show_well_in_a_notebook(mgr: Manager) -> None:
    """Each right stands beside what needs it, and the stanza below, with nothing of HTML in texts taken for HTML."""
    assert "it needs no rights" in mgr.required_permissions()._repr_html_()
    mgr.events("Hangup", "<b>*")
    await mgr.send(core.QueuePause("PJSIP/agent1", True))
    html = mgr.required_permissions()._repr_html_()
    assert "<td" in html
    assert "QueuePause" in html
    assert "[aioami]\nsecret = long-and-random" in html
    assert "<b>*" not in html
    assert '<span style="white-space: normal">QueuePause</span>' in html  # dozens of reasons go into several lines
