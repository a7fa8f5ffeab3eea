"""The events that real servers send by mask and filters are those that the library, and the fake server, say."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any, Final

from aioami import Action, Event, EventStream, Manager, core
from aioami.actions.base import value_of
from aioami.permissions.delivery import EventFilter, includes, mask_of, passes
from aioami.testing import EventFilter as FakeFilter
from aioami.testing.real import RealAsterisk

FILTERS: Final = (
    ("^Event: Hangup[[:space:]]",),
    ("!Event: Hangup",),
    ("Event: (Newchannel|Door)",),
    ("!Event: Door",),
    ("Event: Hangup|Channel: Local/short",),
    ("!^Event: Newchannel|Channel: Local/short@test-[[:xdigit:]]+;2",),
    ("^Event: Newchannel.*Exten: short",),
    ("^Event: Newchannel.Privilege",),
    ("^Event: [[:alnum:]]+[[:cntrl:]]+Privilege: user",),
    ("Privilege: agent",),
    ("!Privilege: (call|dialplan),all",),
    ("Note: plain$",),
    ("Note: plain[[:space:]]+$",),
    ("Note: [0-9]+", "Event: QueueMemberPause"),
    ("Note: a+?b",),
    ("Note: ]", "Note: [[]"),
    ("note: plain",),
    ("Event: User", "!UserEvent: Door"),
    (r"^Event: \w+Pause",),
    ("Note: (x|)plain",),
)
CRITERIA: Final = (
    ("name(Hangup)", ""),
    ("action(exclude),name(Hangup)", ""),
    ("name(UserEvent),header(Note),method(exact)", "plain"),
    ("action(exclude),header(Note),method(starts_with)", "pla"),
    ("header(Event),method(ends_with)", "Pause"),
    ("header(Channel),method(contains)", ";1"),
    ("method(contains)", "Event: Newchannel"),
    ("header(Note)", ""),
    ("name(Newchannel),method(regex)", "Exten: short"),
)
MASKS: Final = (
    "on",
    "YES",
    "off",
    "call",
    "Call",
    "c,agent",
    "call, agent",
    "bogus",
    "66",
    "user,call",
    "a,x",
    "0",
    "f",
)
KINDS: Final = ("UserEvent", "QueueMemberPause", "Newchannel", "Hangup", "OriginateResponse")
NOTES: Final = ("plain", "9", "dd", "ab", "b", "]", "[", "plain ")


async def make(mgr: Manager) -> None:
    """Make events of four classes; it is over when both ends of a call have hung up."""
    for note in NOTES:
        await mgr.send(core.UserEvent(UserEvent="Door", Note=note))
    await mgr.send(core.QueuePause("PJSIP/agent1", True, "support"))
    await mgr.send(core.QueuePause("PJSIP/agent1", False, "support"))
    with mgr.events("Hangup") as ended:
        await mgr.send(core.Originate_Application("Local/short@test/n", "Wait", ("1",), timeout=5000))
        for _ in range(2):
            await asyncio.wait_for(anext(ended), 10)


async def came(mgr: Manager, stream: EventStream) -> list[Event]:
    """The events that came to a session, once it has been sent all there are."""
    for _ in range(2):
        await mgr.send(core.Ping())
    return [await anext(stream) for _ in range(stream.pending)]


def whole(event: Event) -> str:
    """An event as the server filters it, with the blank line at its end."""
    return event.text.rstrip("\r\n") + "\r\n\r\n"


def fake_passes(filters: list[FakeFilter], event: Event) -> bool:
    """Whether the fake server would send the event."""
    verdicts = [(each.exclude, each.matches(event.name, whole(event))) for each in filters]
    including = [matches for exclude, matches in verdicts if not exclude]
    return not any(exclude and matches for exclude, matches in verdicts) and (not including or any(including))


async def test_filters_and_masks_are_heeded_as_the_library_says(asterisk: RealAsterisk) -> None:
    """All, none or some of the events of a name come, as told; the fake server's filters let the very same ones through."""
    async with AsyncExitStack() as stack:

        async def listening(**options: Any) -> tuple[Manager, EventStream]:
            mgr = await stack.enter_async_context(Manager.from_url(asterisk.url, **options))
            return mgr, mgr.events(*KINDS)

        observer, everything = await listening()
        filtered: dict[object, tuple[Manager, EventStream]] = {
            each: await listening(event_filters=list(each)) for each in FILTERS
        }
        for each in CRITERIA if asterisk.version.startswith("22") else ():
            filtered[each] = await listening(event_filters=[each])
        masked = {each: await listening() for each in MASKS}
        for mask, (mgr, _) in masked.items():
            await mgr.send(Action("Events", {"EventMask": mask}))
        await make(observer)
        total = await came(observer, everything)
        names = {each.name: each for each in total}
        assert names.keys() == set(KINDS)
        for given, (mgr, stream) in filtered.items():
            got = await came(mgr, stream)
            own = mgr.view.filters
            for name, event in names.items():
                verdict = passes(list(map(EventFilter.of, own)), name, event.read_classes)
                expected = sum(each.name == name for each in total) if verdict else 0
                assert verdict is None or sum(each.name == name for each in got) == expected, (given, name, verdict)
            fakes = [
                FakeFilter.parse(value_of(each, "Filter"), value_of(each, "MatchCriteria") or None) for each in own
            ]
            assert list(map(whole, got)) == [whole(each) for each in total if fake_passes(fakes, each)], given
        for mask, (mgr, stream) in masked.items():
            got = await came(mgr, stream)
            assert mgr.view.mask == mask_of(mask)
            assert list(map(whole, got)) == [
                whole(each) for each in total if includes(mask_of(mask), each.read_classes)
            ]
