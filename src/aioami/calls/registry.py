"""Channels and calls as the events so far describe them.

`CallRegistry` decides which channel belongs to which call, who calls whom in it, who answered, and
how it ended. `CallTracer` and the live state of a server both use it. `sentences.py` makes the
sentences of the steps, and adds them here with `step()`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from ..enums import DialStatus, HangupCause
from ..events.base import Event
from ..fields import identifier
from .ends import CallEnd, EndReason, reason_of
from .model import CallChannel, CallStep, CallTrace, Named

__all__ = ["UNKNOWN", "CallRecord", "CallRegistry", "ChannelRecord"]

UNKNOWN: Final = frozenset({"", "<unknown>", "<no name>", "none", "unknown"})
"""Texts that Asterisk sends where it has no value."""


_LOCAL: Final = "Local/"
_HALVES: Final = {";1": ";2", ";2": ";1"}
_DEPTH: Final = 8  # the longest chain of Local channels that is followed
_NO_PLACES: Final = frozenset({"", "s", "h"})  # extensions that nobody dials


class ChannelRecord:
    """State of one channel.

    Attributes:
        bridge: the bridge that it is in; empty if in none.
        held: true while it has the other party on hold.
        dials: the channels that it is calling.
        dialled_by: the channel that called it.
        reached: the channel that answered its call.
        shown: the object of the live state that shows it.
    """

    __slots__ = (
        "answered",
        "bridge",
        "call",
        "caller",
        "cause",
        "cause_text",
        "dialled_by",
        "dials",
        "ended",
        "held",
        "name",
        "number",
        "reached",
        "ringing",
        "shown",
        "started",
        "uniqueid",
        "was_there",
    )

    def __init__(
        self, uniqueid: str, name: str, call: CallRecord, started: float, number: int
    ) -> None:
        self.uniqueid = uniqueid
        self.number = number  # grows from one channel to the next
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
        self.bridge = ""
        self.held = False
        self.dials: dict[ChannelRecord, None] = {}
        self.dialled_by: ChannelRecord | None = None
        self.reached: ChannelRecord | None = None
        self.shown: Any = None

    @property
    def is_local(self) -> bool:
        """True for one of the two ends of a Local channel."""
        return self.name.startswith(_LOCAL) and self.name[-2:] in _HALVES

    @property
    def named(self) -> Named:
        """The channel with its present name, for the sentence of a step."""
        return Named(self.uniqueid, self.name)

    def value(self) -> CallChannel:
        """Return the state as an immutable value."""
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
    """State of one call: its linked ids, channels, numbered steps, and end.

    Attributes:
        links: its linked ids, beginning with the first one.
        linkedid: its present linked id.
        channels: its channels.
        steps: its numbered steps.
        alive: the number of its channels that are not hung up.
        began: the time of its beginning.
        dialled: the extension that it was made for; empty if unknown.
        caller: the channel that calls.
        callee: the channel that is called, or talks with the caller; `None` without one, or if
            several ring.
        answered_by: the channel that answered first.
        originated: the channel that an Originate called.
        queue: the last queue in which it waited; empty if in none.
        end: its end; `None` while it goes on.
    """

    __slots__ = (
        *("alive", "answered_by", "began", "callee", "caller", "channels", "dialled", "end"),
        *("linkedid", "links", "originated", "queue", "steps"),
        *("_answered", "_called", "_failed", "_over", "_rang", "_status"),
    )

    def __init__(self, link: str, began: float) -> None:
        self.links = [link]
        self.linkedid = link
        self.channels: list[ChannelRecord] = []
        self.steps: list[tuple[int, CallStep]] = []
        self.alive = 0
        self.began = began
        self.dialled = ""
        self.caller: ChannelRecord | None = None
        self.callee: ChannelRecord | None = None
        self.answered_by: ChannelRecord | None = None
        self.originated: ChannelRecord | None = None
        self.queue = ""
        self.end: CallEnd | None = None
        self._called = False  # one of its channels called another one
        self._rang: float | None = None  # the time at which it began to ring
        self._answered: float | None = None  # the time at which `answered_by` answered
        self._failed: ChannelRecord | None = None  # the last channel that was called in vain
        self._status = ""  # the DialStatus of that failed call
        self._over: list[ChannelRecord] = []  # the channels that are hung up

    def value(self) -> CallTrace:
        """Return the state as an immutable value."""
        known = {each.uniqueid for each in self.channels}
        return CallTrace(
            self.links[0],
            tuple(self.links),
            tuple(each.value() for each in sorted(self.channels, key=lambda each: each.started)),
            tuple(step.within(known) for _, step in self.steps),
            None if self.answered_by is None else self.answered_by.uniqueid,
            self.end,
        )

    def rings(self, time: float, *, by_channel: bool) -> None:
        """Note that a channel of the call is dialled.

        Args:
            time: seconds.
            by_channel: true if another channel dials it, false if an Originate does.
        """
        # A channel that an Originate dialled turns into the caller when it dials another one. The
        # ringing of that one counts then, as in a call without an Originate.
        if self._rang is None or (by_channel and not self._called):
            self._rang = time
        self._called = self._called or by_channel

    def answers(self, channel: ChannelRecord, time: float) -> None:
        """Note that a channel of the call answers; only the first answer counts."""
        if self.answered_by is None:
            self.answered_by, self._answered = channel, time

    def fails(self, channel: ChannelRecord, status: str) -> None:
        """Note that a channel of the call was dialled without an answer."""
        self._failed, self._status = channel, status

    def finish(self, last: ChannelRecord, time: float, *, seen: bool) -> None:
        """Set the end of the call, as its last channel is hung up.

        Args:
            last: the last channel.
            time: seconds.
            seen: false if the hang-up was missed.
        """
        answered, cause = self._answered, last.cause
        if answered is None and not self._called and not self.queue:
            # No channel called another one. So the call counts as answered as soon as one of its
            # channels was up, as in an application.
            ups = [each.answered for each in self.channels if each.answered is not None]
            answered = min(ups, default=None)
            if answered is not None and self.originated in self.channels:
                self.answered_by = self.originated
        if not seen:
            reason, cause = EndReason.UNKNOWN, None
        elif answered is not None:
            reason = EndReason.ANSWERED
        else:
            failed = self._failed
            if failed is not None and failed.cause is not None and not self.queue:
                cause = failed.cause
            reason = EndReason.NO_ANSWER
            # For a caller in a queue it does not matter which members were busy.
            if not self.queue:
                reason = reason_of(cause, self._status)
                if reason is EndReason.UNKNOWN and self._rang is not None:
                    reason = EndReason.NO_ANSWER
        rang = 0.0 if self._rang is None else (time if answered is None else answered) - self._rang
        self.end = CallEnd(
            reason,
            HangupCause(cause) if cause else None,  # 0 stands for no cause, as for a `Call`
            max(0.0, rang),
            0.0 if answered is None else max(0.0, time - answered),
        )

    def take_over(self, call: CallRecord) -> None:
        """Take over the channels and steps of a call that becomes part of this one."""
        self.links += call.links
        self.channels += call.channels
        self.alive += call.alive
        self.steps = sorted([*self.steps, *call.steps])  # by number: the order of the events
        for channel in call.channels:
            channel.call = self
        self._over += call._over
        self._called = self._called or call._called
        older, younger = (call, self) if call.began < self.began else (self, call)
        self.began = older.began
        self.dialled = older.dialled or younger.dialled
        self.queue = older.queue or younger.queue
        self.originated = older.originated or younger.originated
        rang = [each._rang for each in (older, younger) if each._rang is not None]
        self._rang = min(rang, default=None)
        # When they meet in a bridge, `CallRegistry` sets the caller and the callee anew.
        for name in ("caller", "callee"):
            setattr(self, name, getattr(older, name) or getattr(younger, name))
        first = younger if older._answered is None else older
        self.answered_by, self._answered = first.answered_by, first._answered
        self._failed, self._status = older._failed, older._status
        if self._failed is None:
            self._failed, self._status = younger._failed, younger._status

    def spare(self, keep: int) -> ChannelRecord | None:
        """Remove and return one hung-up channel, if there are more than `keep`."""
        if len(self._over) <= keep:
            return None
        parties = (self.caller, self.callee, self.answered_by, self._failed, self.originated)
        for number, channel in enumerate(self._over):
            if channel not in parties:
                del self._over[number]
                self.channels.remove(channel)
                return channel
        return None

    def note_end(self, channel: ChannelRecord) -> None:
        """Note that a channel of the call is hung up."""
        self._over.append(channel)


class CallRegistry:
    """Assigns channels to calls, joins calls, and forgets finished calls.

    Args:
        keep: the number of finished calls to keep, the latest ones; `None` keeps all.
        spare: the number of hung-up channels that a call keeps, the latest ones. Its parties, and
            the channels that matter for its end, are kept besides. `None` keeps all.
        moved: called when a call gets another linked id, or takes over another call. It gets the
            call, and its former linked id or that of the other call.

    Attributes:
        calls: all known calls, in the order in which they began.
        channels: all known channels by unique id.
        bridges: the unique ids of the channels in each bridge, in the order in which they entered.
        successors: by the unique id of a channel, the channel that took its place in a bridge.
        kinds: the type and the creator of each bridge that has channels.
        touched: the call of the latest step. The tracer clears it before each event.
    """

    def __init__(
        self,
        keep: int | None = None,
        spare: int | None = None,
        moved: Callable[[CallRecord, str], None] | None = None,
    ) -> None:
        self.calls: dict[CallRecord, None] = {}
        self.channels: dict[str, ChannelRecord] = {}
        self.bridges: dict[str, dict[str, None]] = {}
        self.successors: dict[str, ChannelRecord] = {}
        self.kinds: dict[str, tuple[str, str]] = {}
        self.touched: CallRecord | None = None
        self._keep, self._spare, self._moved = keep, spare, moved
        self._over: dict[CallRecord, None] = {}
        self._links: dict[str, CallRecord] = {}
        self._halves: dict[str, ChannelRecord] = {}  # of Local channels, by name
        self._count = 0
        self._channels = 0

    def seen(self, event: Event, time: float, prefix: str = "") -> ChannelRecord | None:
        """Update the channel of an event and return it; `None` if the event names no channel.

        Args:
            event: the event with the headers of a channel.
            time: the time of the event, in seconds.
            prefix: the prefix of the names of these headers, as `Dest`.
        """
        uniqueid = identifier(event, f"{prefix}Uniqueid", "")
        if uniqueid in UNKNOWN:
            return None
        name = identifier(event, f"{prefix}Channel", "")
        link = identifier(event, f"{prefix}Linkedid", "")
        channel = self.channels.get(uniqueid)
        if channel is None:
            # Without a linked id a channel cannot be put into a call.
            if not link or not name:
                return None
            channel = self.add(uniqueid, name, link, event.get(f"{prefix}Exten", ""), time)
            channel.caller = _caller(event, prefix)
            # Each channel begins with Newchannel. So a channel that is first seen in another event
            # is older than the tracing. For CoreShowChannel the handler writes a longer sentence.
            if event.name != "Newchannel":
                channel.was_there = True
                if event.name != "CoreShowChannel":
                    self.step(time, "there", channel, " is there already")
        elif link:
            self.link(channel, link)
        # Rename carries the old name, and its sentence needs it; the handler sets the new one.
        if name and name != channel.name and event.name != "Rename":
            self.rename(channel, name)
        return channel

    def rename(self, channel: ChannelRecord, name: str) -> None:
        """Give a channel another name."""
        if self._halves.get(channel.name) is channel:
            del self._halves[channel.name]
        channel.name = name
        if channel.is_local:
            self._halves[name] = channel

    def other_half(self, channel: ChannelRecord) -> ChannelRecord | None:
        """Return the other end of a Local channel; `None` for any other channel."""
        if not channel.is_local:
            return None
        return self._halves.get(channel.name[:-2] + _HALVES[channel.name[-2:]])

    def far_end(self, channel: ChannelRecord, depth: int = _DEPTH) -> ChannelRecord:
        """Return the channel of the telephone behind a Local channel, or any other channel itself.

        Args:
            channel: the channel.
            depth: the number of chained Local channels to follow.
        """
        other = self.other_half(channel)
        if other is None or not depth:
            return channel
        reached = other.reached
        if reached is None or reached.ended is not None:
            near = [each for each in self.members(other.bridge, other) if each is not channel]
            near.sort(key=lambda each: each.is_local)
            reached = near[0] if near else None
        return channel if reached is None else self.far_end(reached, depth - 1)

    # Facts about channels

    def dials(self, channel: ChannelRecord | None, dest: ChannelRecord, time: float) -> None:
        """Note that a channel, or an Originate, calls another one."""
        call = dest.call
        call.rings(time, by_channel=channel is not None)
        if channel is None:
            call.originated = dest
            return
        others = any(each.ended is None and each is not dest for each in channel.dials)
        channel.dials[dest] = None
        dest.dialled_by = channel
        half = self.other_half(channel)
        if half is None or half.dialled_by is None:
            if half is None:
                call.caller = channel
            call.callee = None if others else dest
        elif call.callee is half:
            call.callee = None if others else dest

    def dial_ends(
        self, channel: ChannelRecord | None, dest: ChannelRecord, status: str, time: float
    ) -> None:
        """Note the result of calling a channel."""
        if channel is not None:
            channel.dials.pop(dest, None)
        call = dest.call
        if status != DialStatus.ANSWER:
            call.fails(dest, status)
            return
        if dest.answered is None:
            dest.answered = time
        if channel is None:
            return
        channel.reached = dest
        end, half = self.far_end(dest), self.other_half(channel)
        if half is None or half.dialled_by is None:
            call.answers(end, time)
            call.callee = end
            return
        # Behind a Local channel: the answer counts when the Local channel itself has answered.
        if call.callee in (half, dest):
            call.callee = end
        if call.answered_by is half:
            call.answered_by = end

    def enters(
        self,
        channel: ChannelRecord,
        bridge: str,
        kind: tuple[str, str],
        time: float,
        swapped: ChannelRecord | None = None,
    ) -> None:
        """Note that a channel enters a bridge.

        Args:
            channel: the channel.
            bridge: the bridge's unique id.
            kind: its type and its creator.
            time: seconds.
            swapped: the channel that it replaces, and that leaves the bridge in the next event.
        """
        self.leaves(channel)
        # In a basic bridge all channels get the oldest Linkedid, which the entering channel has
        # already: it is one call (tried on 16 and 22). The channels in a conference or a parking
        # lot belong to separate calls.
        if kind[0] == "basic":
            self.unite(channel, swapped, *self.members(bridge, channel))
        self.bridges.setdefault(bridge, {})[channel.uniqueid] = None
        self.kinds[bridge] = kind
        channel.bridge = bridge
        if kind[0] == "basic":
            self._meet(channel, bridge, time, swapped)

    def _meet(
        self, channel: ChannelRecord, bridge: str, time: float, swapped: ChannelRecord | None
    ) -> None:
        """Set the caller and the callee, as a channel has entered a bridge."""
        present = self.members(bridge, swapped)
        ends = list(dict.fromkeys(self.far_end(each) for each in present))
        call = channel.call
        if len(ends) < 2:
            return
        if call.caller not in ends:
            call.caller = min(ends, key=lambda each: each.number)
            call.callee = None
        callee = call.callee
        if callee is None or callee not in ends:
            callee = call.callee = [each for each in ends if each is not call.caller][-1]
        call.answers(callee, time)

    def leaves(self, channel: ChannelRecord, bridge: str | None = None) -> None:
        """Note that a channel leaves its bridge; with `bridge`, only if it is in that one."""
        left = channel.bridge
        if not left or bridge not in (None, left):
            return
        channel.bridge, channel.held = "", False
        members = self.bridges.get(left, {})
        members.pop(channel.uniqueid, None)
        if not members:
            self.bridges.pop(left, None)
            self.kinds.pop(left, None)

    def destroyed(self, bridge: str) -> None:
        """Note that a bridge no longer exists."""
        for channel in self.members(bridge):
            self.leaves(channel)
        self.bridges.pop(bridge, None)
        self.kinds.pop(bridge, None)

    def goes_on(self, channel: ChannelRecord, exten: str) -> None:
        """Note that a channel is in the dialplan, at an extension.

        The channel becomes the caller if the former caller is gone, as after a blind transfer.
        """
        call = channel.call
        caller = call.caller
        if exten in _NO_PLACES or channel.is_local:
            return
        if caller is not channel and caller is not None and caller.ended is not None:
            call.caller, call.callee, call.dialled = channel, None, exten
        elif not call.dialled:
            call.dialled = exten

    def transfers(self, channel: ChannelRecord, moved: ChannelRecord | None, exten: str) -> None:
        """Note that a channel transfers another one to an extension (a blind transfer).

        Args:
            channel: the channel that transfers.
            moved: the channel that is transferred; `None` if the event does not name it.
            exten: the extension.
        """
        if moved is not None:
            call = moved.call
            call.caller, call.callee, call.dialled = self.far_end(moved), None, exten

    def parties(self, call: CallRecord) -> tuple[ChannelRecord | None, ChannelRecord | None]:
        """Return the present caller and callee of a call, or the last ones if it is over."""
        caller, callee = call.caller, call.callee
        if call.alive:
            if callee is not None and callee.ended is not None:
                callee = None
            if caller is None or caller.ended is not None:
                alive = [each for each in call.channels if each.ended is None]
                order = sorted(alive, key=lambda each: (each.is_local, each is callee, each.number))
                caller = order[0]
            caller = self.far_end(caller)
            callee = None if callee is None else self.far_end(callee)
        return caller, None if callee is caller else callee

    def forget(self) -> None:
        """Forget the finished calls."""
        for call in list(self._over):
            self._forget(call)

    def members(self, bridge: str, *without: ChannelRecord | None) -> list[ChannelRecord]:
        """Return the channels in a bridge, in the order in which they entered.

        Args:
            bridge: its unique id.
            without: channels that are left out; `None` among them is skipped.
        """
        found = (self.channels.get(each) for each in self.bridges.get(bridge, ()))
        return [each for each in found if each is not None and each not in without]

    def unite(self, channel: ChannelRecord, *others: ChannelRecord | None) -> None:
        """Join the calls of other channels to the call of the first; `None` is skipped."""
        for other in others:
            if other is not None and other.call is not channel.call:
                self._merge(channel.call, other.call)

    def unite_halves(self, channel: ChannelRecord) -> None:
        """Join the calls of the two ends of a Local channel, under the older linked id."""
        other = self.other_half(channel)
        if other is not None and other.call is not channel.call:
            older, younger = sorted((channel, other), key=lambda each: each.call.began)
            self.unite(older, younger)

    def set_caller(self, channel: ChannelRecord, event: Event) -> None:
        """Set the caller id of a channel from an event, if the event has one."""
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
            time: the time of the event, in seconds.
            kind: as in `CallStep`.
            channel: the subject of the sentence.
            words: the rest of the sentence.
            others: other channels that take part in the step; `None` among them is skipped.
            event: the event behind the step.
            cause: the hang-up cause, if the step has one.
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

    def end(self, channel: ChannelRecord, time: float, *, seen: bool = True) -> None:
        """Mark a channel as hung up, and its call as over if it was the last one.

        Args:
            channel: the channel.
            time: seconds.
            seen: false if the hang-up was missed.
        """
        if channel.ended is not None:
            return
        channel.ended = time
        self.leaves(channel)
        self.successors.pop(channel.uniqueid, None)
        if self._halves.get(channel.name) is channel:
            del self._halves[channel.name]
        channel.dials.clear()
        call = channel.call
        call.alive -= 1
        call.note_end(channel)
        if self._spare is not None and (gone := call.spare(self._spare)) is not None:
            del self.channels[gone.uniqueid]
        if call.alive:
            return
        call.finish(channel, time, seen=seen)
        self._over[call] = None
        # Even with keep=0 the last ended call stays until the next one ends: its last step has not
        # been read yet.
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
        """Return true if two linked ids belong to the same call."""
        return first in self._links and self._links[first] is self._links.get(second)

    def add(self, uniqueid: str, name: str, link: str, exten: str, time: float) -> ChannelRecord:
        """Add a channel, and return it.

        Args:
            uniqueid: its unique id.
            name: its name.
            link: its linked id.
            exten: the extension that it is made for; empty without one.
            time: the time at which it began, in seconds.
        """
        call = self._links.get(link)
        if call is None:
            call = self._links[link] = CallRecord(link, time)
            self.calls[call] = None
        self._channels += 1
        channel = ChannelRecord(uniqueid, name, call, time, self._channels)
        self.channels[uniqueid] = channel
        call.channels.append(channel)
        call.alive += 1
        call.began = min(call.began, time)
        call.end = None
        if channel.is_local:
            self._halves[name] = channel
        if call.caller is None:
            call.caller = channel
        if not call.dialled and exten not in _NO_PLACES:
            call.dialled = exten
        # A finished call goes on if another channel gets its linked id, as when a parking lot calls
        # back.
        self._over.pop(call, None)
        return channel

    def link(self, channel: ChannelRecord, link: str) -> None:
        """Add a linked id to a channel's call; if another call has the id, join the two calls."""
        call = channel.call
        into = self._links.get(link)
        if into is call:
            return
        # No known call has this linked id: its call began before the tracing, or was forgotten. So
        # there is no call to join, and this one keeps its own beginning.
        if into is None:
            before, call.linkedid = call.linkedid, link
            call.links.append(link)
            self._links[link] = call
            if self._moved is not None:
                self._moved(call, before)
            return
        # The channel got the linked id of an older call, as Asterisk does when two channels meet in
        # a basic bridge. It sends no such event for the other channels. So the whole younger call
        # is taken over at the first event with the new linked id.
        self._merge(into, call)

    def _merge(self, into: CallRecord, call: CallRecord) -> None:
        into.take_over(call)
        for each in call.links:
            self._links[each] = into
        del self.calls[call]
        self._over.pop(call, None)
        # A finished older call goes on with the channels of the younger one.
        if into.alive:
            self._over.pop(into, None)
            into.end = None
        if self._moved is not None:
            self._moved(into, call.linkedid)

    def _forget(self, call: CallRecord) -> None:
        del self._over[call], self.calls[call]
        for link in call.links:
            del self._links[link]
        for channel in call.channels:
            self.channels.pop(channel.uniqueid, None)
            self.successors.pop(channel.uniqueid, None)


def _caller(event: Event, prefix: str) -> str:
    """Return the caller id of a channel as people write it: `"Ada" <555>`."""
    name, number = event.get(f"{prefix}CallerIDName", ""), event.get(f"{prefix}CallerIDNum", "")
    parts = [f'"{name}"'] if name not in UNKNOWN else []
    parts += [f"<{number}>"] if number not in UNKNOWN else []
    return " ".join(parts)
