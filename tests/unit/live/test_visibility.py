"""Which events do not come, and why: told from the user's rights, the mask, and the filters."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from tests.helpers import manager, until

from aioami import Action, events
from aioami.actions import Filter
from aioami.live import Live
from aioami.live.visibility import obstacles
from aioami.permissions import Permissions
from aioami.testing import Account, FakeAsterisk

NEEDED = (events.Hangup, events.Newexten, events.QueueCallerJoin)


@dataclass
class Seen:
    """A part of a server that is seen."""

    mask: frozenset[str] | None = frozenset({"all"})
    filters: tuple[Action, ...] | None = ()
    permissions: Permissions | None = None

    async def ask(self) -> None:
        """There is nobody to ask."""


def hidden(seen: Seen) -> set[str]:
    return {event.wire_name for each in obstacles(seen, NEEDED) for event in each.events}


@pytest.mark.parametrize(
    ("filters", "missing"),
    [
        ((), set()),
        (("!Event: Hangup",), {"Hangup"}),
        (("!^Event: Queue[[:alnum:]]*[[:space:]]",), {"QueueCallerJoin"}),
        (("!Event: (VarSet|RTCP.*)",), set()),
        (("!Privilege: dialplan",), {"Newexten"}),
        (("!^Event: Hangup|Channel: PJSIP/",), {"Hangup", "Newexten", "QueueCallerJoin"}),
        (("!^Event: Newexten.*Channel: Local/",), {"Newexten"}),
        (("!Variable",), {"Hangup", "Newexten", "QueueCallerJoin"}),
        (("!Event: [",), {"Hangup", "Newexten", "QueueCallerJoin"}),
        (("!Event: [[.",), {"Hangup", "Newexten", "QueueCallerJoin"}),
        (("Event: Hangup", "Event: Newexten"), {"QueueCallerJoin"}),
        (("Event: ", "!Event: Newexten"), {"Newexten"}),
        (("Channel: PJSIP/",), {"Hangup", "Newexten", "QueueCallerJoin"}),
    ],
    ids=lambda each: " ".join(sorted(each)) or "none",
)
def test_expressions(filters: tuple[str, ...], missing: set[str]) -> None:
    """An event is missing if an expression keeps it back, or may, or if none of those that let events through surely does."""
    assert hidden(Seen(filters=tuple(map(Filter, filters)))) == missing


@pytest.mark.parametrize(
    ("criteria", "pattern", "missing"),
    [
        ("action(exclude),name(Hangup)", "", {"Hangup"}),
        ("action(exclude),name(VarSet)", "", set()),
        ("action(exclude),name(Hangup),header(Cause),method(exact)", "16", {"Hangup"}),
        ("action(exclude),header(Cause),method(exact)", "16", {"Hangup", "Newexten", "QueueCallerJoin"}),
        ("name(Hangup)", "", {"Newexten", "QueueCallerJoin"}),
        ("name(Hangup),header(Cause),method(exact)", "16", {"Hangup", "Newexten", "QueueCallerJoin"}),
    ],
)
def test_criteria(criteria: str, pattern: str, missing: set[str]) -> None:
    """Criteria for a name concern that event alone; those for a header may concern any."""
    assert hidden(Seen(filters=(Filter(pattern, match_criteria=criteria),))) == missing


def test_rights_and_their_filters() -> None:
    """What the user may not read is missing, and what manager.conf's own filters keep back."""
    (found,) = obstacles(Seen(permissions=Permissions(read=("call", "dialplan"))), NEEDED)
    assert found.reason == "the user may not read the events of agent: add agent to read in manager.conf"
    assert hidden(Seen(permissions=Permissions(read=("all",), event_filters=("!Event: Newexten", "!")))) == {"Newexten"}
    assert hidden(Seen(permissions=Permissions(read=()))) == {"Hangup", "Newexten", "QueueCallerJoin"}


def test_what_is_unknown_is_taken_to_be_right() -> None:
    """A mask, filters and rights that are not known hide nothing."""
    assert hidden(Seen(mask=None, filters=None, permissions=None)) == set()
    assert hidden(Seen(mask=frozenset())) == {"Hangup", "Newexten", "QueueCallerJoin"}
    (found,) = obstacles(Seen(mask=frozenset({"call"})), NEEDED)
    assert "leaves out agent and dialplan" in found.reason


@pytest.mark.fake_asterisk(
    users={"few": Account("s", read="call,agent", write="call"), "admin": Account("s3cret", read="all", write="all")}
)
async def test_rights_that_the_server_does_not_tell(fake: FakeAsterisk) -> None:
    """Without the right to ask for one's rights a part is unverified until an event of each of its classes has come."""
    async with manager(fake, username="few", secret="s") as mgr, Live(mgr, parts=["bridges", "queues"]) as live:
        assert mgr.view.permissions is None
        assert set(live.unverified) == {"bridges", "queues"}
        assert "the events of call, and none" in live.unverified["bridges"]
        call = fake.incoming("PJSIP/trunk", to="hold@test")
        await call.waits(1)
        await until(lambda: live.queues["empty"].callers)
        await call.hang_up()
        await until(lambda: "bridges" not in live.unverified)
        assert "the events of dialplan, and none" in live.unverified["queues"]
    async with manager(fake) as mgr, Live(mgr, parts=["bridges"]) as live:
        assert live.unverified == {}
