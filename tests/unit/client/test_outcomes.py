"""An outcome that cannot come is refused at once, in words that say why; one that may not come in time says what limits it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.helpers import manager

from aioami import Action, ActionError, Manager, ManagerTimeout, PermissionDenied, actions, core
from aioami._client.outcomes import hindrance, sight
from aioami.permissions import Permissions
from aioami.testing import Account, FakeAsterisk

CALL = core.Originate_Application("Local/100@default", "Wait", ("0",))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"event_mask": "agent"}, "of the class call, and the event mask asks for agent alone"),
        ({"event_mask": ["user", "agent"]}, "of the class call, and the event mask asks for agent, user alone"),
        ({"event_mask": False}, "of the class call, and the event mask asks for no events"),
        ({"event_filters": ["^Event: Hangup"]}, "which the manager's own filters hold back"),
        ({"event_filters": ["!Event: Originate"]}, "which the manager's own filters hold back"),
        ({"event_filters": ["^Event: Hangup", "name(Newchannel)"]}, "which the manager's own filters hold back"),
        ({"event_filters": [("action(exclude),name(OriginateResponse)", "")]}, "own filters hold back"),
    ],
)
async def test_what_the_manager_itself_keeps_away_is_said_at_once(
    fake: FakeAsterisk, options: dict[str, Any], sentence: str
) -> None:
    """A mask without its class, and filters that no such event passes; the action itself went well."""
    async with manager(fake, **options) as mgr:
        reply = await mgr.send(CALL)
        began = asyncio.get_running_loop().time()
        with pytest.raises(ActionError, match=sentence) as caught:
            await reply.outcome(timeout=20)
        assert asyncio.get_running_loop().time() - began < 5
        assert str(caught.value).startswith(
            "the outcome of Originate cannot come, as it is the event OriginateResponse"
        )
        assert caught.value.action is CALL


@pytest.mark.parametrize(
    "options",
    [
        {"event_mask": "call"},
        {"event_filters": ["Channel: "]},
        {"event_filters": ["!Event: Hangup"]},
        {"event_filters": ["Originate", "^Event: Hangup"]},
        {"event_filters": ["name(OriginateResponse)", "name(Hangup)"]},
    ],
)
async def test_what_may_come_is_waited_for(fake: FakeAsterisk, options: dict[str, Any]) -> None:
    """Nothing is refused that is not certain."""
    async with manager(fake, **options) as mgr:
        assert (await (await mgr.send(CALL)).outcome(timeout=20)).success


async def test_a_mask_that_was_changed_counts_as_it_is_now(fake: FakeAsterisk) -> None:
    """The last Events action decides; and an outcome that is there already is given, whatever the mask is by then."""
    async with manager(fake) as mgr:
        reply = await mgr.send(CALL)
        assert (await reply.outcome(timeout=20)).success
        await mgr.send(core.Events("agent"))
        assert (await reply.outcome()).success
        with pytest.raises(ActionError, match="asks for agent alone"):
            await (await mgr.send(CALL)).outcome()
        await mgr.send(core.Events(True))
        assert (await (await mgr.send(CALL)).outcome(timeout=20)).success


async def test_a_filter_counts_in_any_letter_case(fake: FakeAsterisk) -> None:
    """An action without a class has the names of its headers as they were given, and the filter holds back all the same."""
    async with manager(fake) as mgr:
        await mgr.send(Action("filter", {"operation": "Add", "FILTER": "!Event: Originate"}))
        with pytest.raises(ActionError, match="own filters hold back"):
            await (await mgr.send(CALL)).outcome(timeout=20)


async def test_a_user_who_may_not_read_it_is_told_once_that_is_known() -> None:
    """Where the rights were asked for, an outcome of another class is denied at once; before that it is waited for."""
    users = {"web": Account("s3cret", "agent", "all")}
    async with FakeAsterisk(users=users) as fake, Manager.from_url(fake.url) as mgr:
        reply = await mgr.send(CALL)
        with pytest.raises(ManagerTimeout, match="the user's read classes are not known"):
            await reply.outcome(timeout=0.05)
        await mgr.view.ask()
        with pytest.raises(PermissionDenied, match="of the class call, which the user may not read"):
            await reply.outcome(timeout=20)


async def test_a_timeout_says_what_limits_the_events(fake: FakeAsterisk) -> None:
    """The mask and the filters stand in its sentence."""
    fake.reply_to("Originate", {"Response": "Success"})
    for options, clause in (
        ({}, "all events are asked for, without filters; the user's read classes are not known"),
        ({"event_mask": "call", "event_filters": ["!Event: X"]}, "the event mask is call, the filters are '!Event: X'"),
    ):
        async with manager(fake, **options) as mgr:
            with pytest.raises(ManagerTimeout) as caught:
                await (await mgr.send(CALL)).outcome(timeout=0.01)
            sentence = str(caught.value)
            assert sentence.startswith(f"the outcome of Originate did not come in 0.01 seconds ({clause}")
            assert caught.value.action is CALL


async def test_filters_of_manager_conf_count_once_they_are_known() -> None:
    """A user whose line lets other events through alone is told so."""
    conf = "[web]\nsecret = s3cret\nread = all\nwrite = originate,config\neventfilter = ^Event: Hangup\n"
    async with FakeAsterisk(files={"manager.conf": conf}) as fake, Manager.from_url(fake.url) as mgr:
        reply = await mgr.send(CALL)
        await mgr.view.ask()
        with pytest.raises(ActionError, match="which the user's filters in manager.conf hold back"):
            await reply.outcome(timeout=20)


def test_what_is_not_known_hinders_nothing() -> None:
    """Without a username the mask is that of the program's own login; a call that is answered when it is over needs no event."""
    mgr = Manager()
    assert hindrance(mgr.view, CALL) is None
    assert sight(mgr.view) == "the event mask is not known, without filters; the user's read classes are not known"
    silent = Manager(username="a", secret="b", event_mask=False)
    assert hindrance(silent.view, core.Originate_Application("a", "b", async_=False)) is None
    assert hindrance(silent.view, Action("Odd")) is None
    assert sight(silent.view).startswith("the event mask is off")
    for action in (core.AGI("a", "b"), actions.SIPqualify("a"), Action("Originate", Async="true")):
        assert hindrance(silent.view, action) is not None


class Seen:
    """What a manager that is not directly connected may see."""

    def __init__(self, mask: frozenset[str] | None, filters: Any, permissions: Permissions | None = None) -> None:
        self.mask, self.filters, self.permissions = mask, filters, permissions


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    """Where the mask or the filters are unknown, an outcome may come, and the timeout's sentence says so."""
    unknown = Seen(None, None)
    assert hindrance(unknown, CALL) is None  # type: ignore[arg-type]
    assert sight(unknown) == (  # type: ignore[arg-type]
        "the event mask is not known, the filters are not known; the user's read classes are not known"
    )
    known = Seen(frozenset({"all"}), (), Permissions(read=("all",)))
    assert sight(known) == "all events are asked for, without filters"  # type: ignore[arg-type]
    odd = Seen(frozenset({"all"}), (actions.Filter("[[.x"),))
    assert hindrance(odd, CALL) is None  # type: ignore[arg-type]
