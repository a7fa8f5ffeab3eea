"""The part of a server that a manager can see: event mask, filters, and the user's rights; and who is told of what it does."""

from __future__ import annotations

import pytest
from tests.helpers import manager, until

from aioami import Action, ActionError, Manager, ManagerLike, ManagerState, PermissionDenied, actions, core
from aioami.permissions.granted import granted
from aioami.testing import Account, FakeAsterisk


def test_a_manager_is_like_a_manager() -> None:
    """Manager has every name that a manager of any kind has."""
    assert isinstance(Manager(), ManagerLike)


@pytest.mark.parametrize(
    ("event_mask", "seen"),
    [
        (True, {"all"}),
        (False, set()),
        ("on", {"all"}),
        ("call,agent", {"call", "agent"}),
        (["system"], {"system"}),
    ],
)
def test_before_an_action_the_mask_is_that_of_the_manager(event_mask: object, seen: set[str]) -> None:
    """The mask is what the server is asked for at the login."""
    assert Manager(username="a", secret="b", event_mask=event_mask).view.mask == seen  # type: ignore[arg-type]


async def test_the_mask_follows_what_the_server_took(fake: FakeAsterisk) -> None:
    """An accepted Events counts, in whatever form it was sent; a refused one does not."""
    async with manager(fake, event_mask="call") as mgr:
        await mgr.send(core.Events("system"))
        assert mgr.view.mask == {"system"}
        fake.reply_to("Events", {"Response": "Error", "Message": "no"}, times=1)
        with pytest.raises(ActionError, match="no"):
            await mgr.send(core.Events("log"))
        assert mgr.view.mask == {"system"}
        await mgr.send(Action("events", {"eventmask": "off"}))
        assert mgr.view.mask == set()


@pytest.mark.parametrize(
    ("sent", "seen", "reply"),
    [
        ("On", {"all"}, "On"),
        ("FALSE", set(), "Off"),
        ("call,all", {"all"}, "On"),
        ("Call", set(), "Off"),
        ("SYSTEM,Call", set(), "Off"),
        ("c,agent", {"call", "command", "config", "cdr", "cc", "agent"}, "On"),
        ("34", {"call", "agent"}, "On"),
    ],
)
async def test_the_mask_is_read_as_asterisk_reads_it(fake: FakeAsterisk, sent: str, seen: set[str], reply: str) -> None:
    """On and off count in any letter case, a class in its own alone; one before the last stands for all that it begins."""
    async with manager(fake) as mgr:
        answer = await mgr.send(Action("Events", {"EventMask": sent}))
        assert (answer["Events"], mgr.view.mask) == (reply, seen)


async def test_without_a_username_the_mask_is_unknown(fake: FakeAsterisk) -> None:
    """The program's own login decides on the events, and nobody knows its rights."""
    async with Manager(port=fake.port) as mgr:
        assert mgr.view.mask is None
        assert await mgr.view.ask() is None


def test_the_filters_are_those_of_the_manager() -> None:
    """What was given as event_filters is seen as the actions that set it."""
    mgr = Manager(username="a", secret="b", event_filters=["!Event: RTCP", "name(Hangup)"])
    assert mgr.view.filters == (actions.Filter("!Event: RTCP"), actions.Filter("", match_criteria="name(Hangup)"))


async def test_a_filter_that_was_sent_is_seen(fake: FakeAsterisk) -> None:
    """A Filter that the server took is among the filters; one that it refused is not."""
    async with manager(fake) as mgr:
        sent = actions.Filter("!Event: RTCP")
        await mgr.send(sent)
        fake.reply_to("Filter", {"Response": "Error", "Message": "no"}, times=1)
        await mgr.send(actions.Filter("Event: X"), check=False)
        assert mgr.view.filters == (sent,)


async def test_the_rights_are_asked_for_and_count_until_the_link_is_lost(fake: FakeAsterisk) -> None:
    """They are unknown before `ask()`, and again on the next connection, where they may be others."""
    fake.accounts["someone"] = Account("x", "call,agent", "command,system")
    async with manager(fake, username="someone", secret="x") as mgr:
        assert mgr.view.permissions is None
        rights = await mgr.view.ask()
        assert rights is not None
        assert rights == mgr.view.permissions
        assert (rights.read, rights.write) == (("call", "agent"), ("system", "command"))
        assert "agent" in repr(mgr.view)
        fake.drop()
        await until(lambda: mgr.statistics().reconnects)
        assert mgr.view.permissions is None


async def test_a_user_who_may_not_ask_learns_nothing(fake: FakeAsterisk) -> None:
    """Without the classes command and config, the server does not say what a user may do."""
    fake.accounts["least"] = Account("x", "call", "call")
    async with manager(fake, username="least", secret="x") as mgr:
        assert await mgr.view.ask() is None
        with pytest.raises(PermissionDenied):
            await mgr.send(core.Command("manager show user least"))


async def test_asking_needs_no_right_in_the_program(fake: FakeAsterisk) -> None:
    """What the library asks is not among the permissions that the program requires."""
    async with manager(fake) as mgr:
        assert await mgr.view.ask() is not None
        assert mgr.required_permissions().write == ()


def test_the_rights_are_read_from_the_file_where_the_command_is_refused() -> None:
    """GetConfig shows the classes and the filters of the user's section, and never the secret."""
    config = [
        ("Category-000000", "general"),
        ("Line-000000-000000", "enabled=yes"),
        ("Category-000001", "Bot"),
        ("Line-000001-000000", "secret=hidden"),
        ("Line-000001-000001", "read = all"),
        ("Line-000001-000002", "write=call, agent"),
        ("Line-000001-000003", "eventfilter=!Event: RTCP"),
    ]
    rights = granted("bot", config=config)
    assert rights is not None
    assert (rights.read, rights.write, rights.event_filters) == (("all",), ("call", "agent"), ("!Event: RTCP",))
    assert "hidden" not in repr(rights)
    assert granted("other", config=config) is None


# Observers


async def test_actions_of_a_manager_are_observed(mgr: Manager, caplog: pytest.LogCaptureFixture) -> None:
    """An observer is called with each action that is over, refused or not, until it is ended; what it raises is logged."""
    seen: list[str] = []
    end = mgr.observe_actions(lambda action: seen.append(action.name))
    again = mgr.observe_actions(lambda action: 1 / 0)
    await mgr.send(core.Ping())
    await mgr.send(Action("Nonsense"), check=False)
    await mgr.send(actions.QueueStatus())
    assert seen == ["Ping", "Nonsense", "QueueStatus"]
    assert "an observer of actions raised" in caplog.text
    end()
    end()
    again()
    await mgr.send(core.Ping())
    assert len(seen) == 3


async def test_the_state_of_a_link_is_observed(fake: FakeAsterisk, caplog: pytest.LogCaptureFixture) -> None:
    """An observer is called with each other state of the link, before those who wait for it go on."""
    seen: list[ManagerState] = []
    mgr = manager(fake)
    end = mgr.observe_state(seen.append)
    mgr.observe_state(lambda state: 1 / 0)
    async with mgr:
        assert seen == [ManagerState.CONNECTING, ManagerState.READY]
        fake.drop()
        await until(lambda: len(seen) > 2)
        await mgr.wait_ready()
        assert seen[2:] == [ManagerState.RECONNECTING, ManagerState.READY]
        end()
        end()
    assert len(seen) == 4
    assert "an observer of states raised" in caplog.text
