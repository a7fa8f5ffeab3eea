"""Channels and calls as the events so far describe them.

`CallRegistry` decides which channel belongs to which call. It makes no sentences: those are in
`sentences.py`, which writes them down here with `step()`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..events.base import Event
from .model import CallChannel, CallStep, CallTrace, Named

__all__ = ["UNKNOWN", "CallRecord", "CallRegistry", "ChannelRecord"]

UNKNOWN: Final = frozenset({"", "<unknown>", "<no name>", "none", "unknown"})
"""Texts that Asterisk sends where it has no value."""


class ChannelRecord:
    """State of one channel."""

    __slots__ = (
        "answered",
        "call",
        "caller",
        "cause",
        "cause_text",
        "dials",
        "ended",
        "name",
        "ringing",
        "started",
        "uniqueid",
        "was_there",
    )

    def __init__(self, uniqueid: str, name: str, call: CallRecord, started: float) -> None:
        self.uniqueid = uniqueid
        self.name = name
        self.call = call
        self.caller = ""
        self.started = started
        self.answered: float | None = None
        self.ended: float | None = None
        self.cause: int | None = None
        self.cause_text = ""
        self.was_there = False
        self.ringing = False
        self.dials: dict[ChannelRecord, None] = {}  # the channels that it is calling

    @property
    def named(self) -> Named:
        """The channel under its present name."""
        return Named(self.uniqueid, self.name)

    def value(self) -> CallChannel:
        """Return the state as a value that no longer changes."""
        return CallChannel(
            uniqueid=self.uniqueid,
            name=self.name,
            caller=self.caller,
            started=self.started,
            answered=self.answered,
            ended=self.ended,
            cause=self.cause,
            cause_text=self.cause_text,
            was_there=self.was_there,
        )


class CallRecord:
    """State of one call: its linked ids, channels and numbered steps."""

    __slots__ = ("alive", "channels", "links", "steps")

    def __init__(self, link: str) -> None:
        self.links = [link]
        self.channels: list[ChannelRecord] = []
        self.steps: list[tuple[int, CallStep]] = []
        self.alive = 0  # channels that are not hung up

    def value(self) -> CallTrace:
        """Return the state as a value that no longer changes."""
        known = {each.uniqueid for each in self.channels}
        return CallTrace(
            self.links[0],
            tuple(self.links),
            tuple(each.value() for each in sorted(self.channels, key=lambda each: each.started)),
            tuple(step.within(known) for _, step in self.steps),
        )


class CallRegistry:
    """Assigns channels to calls, joins calls, and forgets those that are over.

    Args:
        keep: how many calls that are over are kept, the latest ones; `None` keeps all.

    Attributes:
        calls: all known calls, in the order in which they began.
        channels: all known channels by unique id.
        bridges: the unique ids of the channels in each bridge, in the order of their entering.
        successors: by the unique id of a channel, the one that took its place in a bridge.
        touched: the call of the latest step. The tracer clears it before each event.
    """

    def __init__(self, keep: int | None = None) -> None:
        self.calls: dict[CallRecord, None] = {}
        self.channels: dict[str, ChannelRecord] = {}
        self.bridges: dict[str, dict[str, None]] = {}
        self.successors: dict[str, ChannelRecord] = {}
        self.touched: CallRecord | None = None
        self._keep = keep
        self._over: dict[CallRecord, None] = {}
        self._links: dict[str, CallRecord] = {}
        self._count = 0

    def seen(self, event: Event, time: float, prefix: str = "") -> ChannelRecord | None:
        """Bring the channel of an event up to date and return it; `None` if it names no channel.

        Args:
            event: the event with the headers of a channel.
            time: seconds, the event's.
            prefix: what stands before the names of these headers, as `Dest`.
        """
        uniqueid = event.get(f"{prefix}Uniqueid", "")
        if uniqueid in UNKNOWN:
            return None
        name, link = event.get(f"{prefix}Channel", ""), event.get(f"{prefix}Linkedid", "")
        channel = self.channels.get(uniqueid)
        if channel is None:
            # Without its linked id a channel cannot be put into a call.
            if not link or not name:
                return None
            channel = self._add(uniqueid, name, link, time)
            channel.caller = _caller(event, prefix)
            # Each channel begins with Newchannel, so one that is first seen in another event is
            # older than the tracing. Of an item of CoreShowChannels the sentence says more.
            if event.name != "Newchannel":
                channel.was_there = True
                if event.name != "CoreShowChannel":
                    self.step(time, "there", channel, " is there already")
        elif link and self._links.get(link) is not channel.call:
            self._join(channel.call, link)
        # Rename carries the old name, and its sentence needs it; the handler sets the new one.
        if name and event.name != "Rename":
            channel.name = name
        return channel

    def members(self, bridge: str, *without: ChannelRecord | None) -> list[ChannelRecord]:
        """Return the channels in a bridge, in the order of their entering.

        Args:
            bridge: its unique id.
            without: channels that are left out; `None` among them is skipped.
        """
        found = (self.channels.get(each) for each in self.bridges.get(bridge, ()))
        return [each for each in found if each is not None and each not in without]

    def unite(self, channel: ChannelRecord, *others: ChannelRecord | None) -> None:
        """Make the calls of channels one, which is that of the first; `None` is skipped."""
        for other in others:
            if other is not None and other.call is not channel.call:
                self._merge(channel.call, other.call)

    def set_caller(self, channel: ChannelRecord, event: Event) -> None:
        """Set the caller id of a channel to that of an event, if it has one."""
        channel.caller = _caller(event, "") or channel.caller

    def step(
        self,
        time: float,
        kind: str,
        channel: ChannelRecord,
        *words: str | ChannelRecord,
        others: Iterable[ChannelRecord | None] = (),
        event: Event | None = None,
        cause: int | None = None,
    ) -> None:
        """Add a step to the call of a channel.

        Args:
            time: seconds, the event's.
            kind: as in `CallStep`.
            channel: the subject of the sentence.
            words: the rest of the sentence.
            others: further channels that have part in it; `None` among them is skipped.
            event: the event behind it.
            cause: the hang-up cause, if it has one.
        """
        sentence = (channel, *words)
        step = CallStep(
            time,
            kind,
            channel.uniqueid,
            tuple(each.uniqueid for each in others if each is not None),
            tuple(each if isinstance(each, str) else each.named for each in sentence),
            cause,
            event,
        )
        self._count += 1
        channel.call.steps.append((self._count, step))
        self.touched = channel.call

    def end(self, channel: ChannelRecord, time: float) -> None:
        """Mark a channel as hung up, and its call as over if it was the last one."""
        if channel.ended is not None:
            return
        channel.ended = time
        for members in self.bridges.values():
            members.pop(channel.uniqueid, None)
        self.successors.pop(channel.uniqueid, None)
        channel.dials.clear()
        call = channel.call
        call.alive -= 1
        if call.alive:
            return
        self._over[call] = None
        # Even with keep=0 the call that has just ended stays until the next one ends: its last
        # step has not been read yet.
        while self._keep is not None and len(self._over) > max(self._keep, 1):
            self._forget(next(iter(self._over)))

    def find(self, name: str) -> CallRecord | None:
        """Return the call with this linked id, unique id or channel; see `CallTracer.find`."""
        found = self._links.get(name)
        if found is not None:
            return found
        wanted = name.lower()
        for link, call in self._links.items():
            if link.lower() == wanted:
                return call
        for channel in reversed(self.channels.values()):
            own = channel.name.lower()
            if wanted in (channel.uniqueid.lower(), own, own.rpartition("-")[0]):
                return channel.call
        return None

    def is_one_call(self, first: str, second: str) -> bool:
        """Tell if two linked ids are those of one call."""
        return first in self._links and self._links[first] is self._links.get(second)

    def _add(self, uniqueid: str, name: str, link: str, time: float) -> ChannelRecord:
        call = self._links.get(link)
        if call is None:
            call = self._links[link] = CallRecord(link)
            self.calls[call] = None
        channel = self.channels[uniqueid] = ChannelRecord(uniqueid, name, call, time)
        call.channels.append(channel)
        call.alive += 1
        # A call that was over goes on if another channel gets its linked id, as when a parking lot
        # calls back.
        self._over.pop(call, None)
        return channel

    def _join(self, call: CallRecord, link: str) -> None:
        """Give a call one more linked id; if another call has that one, make the two one."""
        into = self._links.get(link)
        # Nobody is known with this linked id: its call began before the tracing, or was forgotten.
        # So there is nothing to join, and the call keeps its own beginning.
        if into is None:
            call.links.append(link)
            self._links[link] = call
            return
        # The channel has moved to the linked id of an older call: Asterisk's rule when two channels
        # meet in a basic bridge. It sends no event about the channels that do not move. So the
        # whole younger call is taken over at the first event with the new linked id.
        self._merge(into, call)

    def _merge(self, into: CallRecord, call: CallRecord) -> None:
        into.links += call.links
        into.channels += call.channels
        into.alive += call.alive
        into.steps = sorted([*into.steps, *call.steps])  # by number: the order of the events
        for channel in call.channels:
            channel.call = into
        for each in call.links:
            self._links[each] = into
        del self.calls[call]
        self._over.pop(call, None)
        # An older call that was over already goes on with the younger one's channels.
        if into.alive:
            self._over.pop(into, None)

    def _forget(self, call: CallRecord) -> None:
        del self._over[call], self.calls[call]
        for link in call.links:
            del self._links[link]
        for channel in call.channels:
            del self.channels[channel.uniqueid]
            self.successors.pop(channel.uniqueid, None)


def _caller(event: Event, prefix: str) -> str:
    """Return the caller id of a channel as people write it: `"Ada" <555>`."""
    name, number = event.get(f"{prefix}CallerIDName", ""), event.get(f"{prefix}CallerIDNum", "")
    parts = [f'"{name}"'] if name not in UNKNOWN else []
    parts += [f"<{number}>"] if number not in UNKNOWN else []
    return " ".join(parts)
