"""The channels of the live state."""

from __future__ import annotations

import asyncio
import heapq
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar, Union

from ..actions.channels import Status as StatusAction
from ..enums import ChannelState
from ..errors import ActionError, PermissionDenied
from ..events.base import Event
from ..events.bridges import (
    AttendedTransfer,
    BlindTransfer,
    BridgeEnter,
    BridgeLeave,
    BridgeListItem,
)
from ..events.channels import (
    CoreShowChannel,
    DialBegin,
    DialEnd,
    Hangup,
    Hold,
    NewAccountCode,
    NewCallerid,
    Newchannel,
    NewConnectedLine,
    Newexten,
    Newstate,
    Rename,
    Status,
    Unhold,
)
from ..events.snapshots import ChannelEvent
from ..fields import identifier
from .calls import Calls
from .part import SLICE, Doubts, Lists, LiveObject, Part, Reports, View, known
from .visibility import Obstacle

__all__ = ["Channels", "LiveChannel"]

_T = TypeVar("_T")
_NUMBERS: Final = re.compile(r"(\d{1,18})\.(\d{1,18})$")
_FEW: Final = 10  # the most channels that are asked about one by one
_UP: Final = str(int(ChannelState.UP))
_ORIGINATING: Final = "AppDial2"
# The end of a subroutine. If an application ran the subroutine itself, as Queue does, it goes on
# then without an event. Meanwhile CoreShowChannels names Return, and Status names the application
# (tried on 16 and 22).
_RETURN: Final = "Return"
# After these another application begins, or goes on, without an event.
_SILENT: Final = frozenset({_RETURN, "Exec", "TryExec"})
# Applications, in lower case, and the creators of the bridges into which they put their channel.
_ROOMS: Final = {"confbridge": "ConfBridge", "bridgewait": "BridgeWait", "park": "Parking"}

_Listed = Union[CoreShowChannel, Status]


@dataclass(frozen=True, slots=True, repr=False)
class LiveChannel(LiveObject):
    """A channel at one moment. The object never changes: `Live.channels` gets a new one instead.

    Attributes:
        uniqueid: the channel's Uniqueid, which stays the same.
        name: the channel's name, as `PJSIP/alice-00000001`, which may change.
        state: the channel's state; `None` if the server does not report it.
        caller_id_num: the number of the channel's own end; empty if unknown.
        caller_id_name: the name of that end; empty if unknown.
        connected_line_num: the number of the far end; empty if unknown.
        connected_line_name: the name of the far end; empty if unknown.
        context: the context in the dialplan.
        exten: the extension in that context.
        priority: the step of that extension.
        application: the application that runs on the channel, as `Queue`; empty if none does, or if
            the user lacks the rights to see it.
        application_data: the application's arguments, as `support`.
        bridge: the id of the channel's bridge, a key of `Live.bridges`; `None` if it is in none.
        linkedid: the Linkedid, which is the same for all channels of one call.
        account_code: the account to be billed.
        since: the time at which the channel was made, in seconds since 1970 by the clock of `Live`.
    """

    uniqueid: str
    name: str = ""
    state: ChannelState | None = None
    caller_id_num: str = ""
    caller_id_name: str = ""
    connected_line_num: str = ""
    connected_line_name: str = ""
    context: str = ""
    exten: str = ""
    priority: str = ""
    application: str = ""
    application_data: str = ""
    bridge: str | None = None
    linkedid: str = ""
    account_code: str = ""
    since: float = 0.0


class _Channel:
    """A channel as its events describe it.

    Each event has the whole channel at its time. So only the last event is kept, and it is only
    parsed when `value()` is called: mostly another event comes before that.
    """

    __slots__ = (
        *("_changed", "_channel", "_data", "_event", "_linkedid"),
        *("answered", "application", "bridge"),
    )

    def __init__(self, channel: LiveChannel) -> None:
        self.show(channel)

    @property
    def since(self) -> float:
        """The time at which the channel began, in seconds since 1970."""
        return self._channel.since

    def show(self, channel: LiveChannel) -> None:
        """Take over the channel as it is known from a list."""
        self._channel = channel
        self._event: ChannelEvent | None = None
        self._linkedid: str | None = None  # a newer Linkedid than that of the last event
        self._changed = False
        # The Uniqueid of the channel that a dial has connected with this one, until both have met.
        self.answered: str | None = None
        self.application = channel.application
        self._data = channel.application_data
        self.bridge = channel.bridge

    def take(self, event: ChannelEvent) -> None:
        """Update the channel from an event."""
        # Events of Asterisk 11 and older have a part of the channel, so the last one is parsed now.
        if self._changed and event.find("ConnectedLineName") is None:
            self.value()
        self.take_whole(event)

    def take_whole(self, event: ChannelEvent) -> None:
        """Update the channel from an event that has the whole channel on every version."""
        self._event = event
        self._linkedid = None
        self._changed = True

    def enter(self, bridge: str | None) -> None:
        """Set the channel's bridge; `None` for none."""
        self.bridge = bridge
        self._changed = True

    def executes(self, application: str, data: str) -> bool:
        """Set the application of the channel; return false if it is the same already."""
        new = (application, data) != (self.application, self._data)
        self.application, self._data = application, data
        self.answered = None
        self._changed = True
        return new

    def rename(self, name: str) -> None:
        """Set the channel's new name, which its events so far do not have."""
        self.show(replace(self.value(), name=name))

    @property
    def linkedid(self) -> str:
        """The present Linkedid of the channel."""
        if self._linkedid is not None:
            return self._linkedid
        given = None if self._event is None else self._event.linkedid
        return self._channel.linkedid if given is None else given

    def link(self, linkedid: str) -> None:
        """Set the channel's new Linkedid, which its events so far do not have."""
        self._linkedid = linkedid
        self._changed = True

    def value(self) -> LiveChannel:
        """Return the channel as it is now."""
        if self._changed:
            event = self._channel if self._event is None else self._event
            self._channel = _channel(
                event, self._channel, self.linkedid, self.bridge, self.application, self._data
            )
            self._event, self._linkedid, self._changed = None, None, False
        return self._channel


class Channels(Part[LiveChannel]):
    """The channels, in the order in which they were made, and their calls.

    Args:
        reports: gets the changes.
        history: the number of finished calls to keep.

    Attributes:
        calls: the calls.
    """

    name = "channels"
    kind = "channel"

    def __init__(self, reports: Reports, history: int) -> None:
        super().__init__(reports)
        self.calls = Calls(reports, history)
        self._records: dict[str, _Channel] = {}
        self._bridges: dict[str, dict[str, None]] = {}  # the Uniqueids in each bridge
        self._doubtful = Doubts()
        self._alone = Doubts()  # the channels in a bridge without the one that a dial gave them
        self._lost = Doubts()  # the channels that hung up in a bridge, by Uniqueid
        self._shows_application = True
        self.view = View(self._records)
        self.handlers = {
            Newchannel: self._made,
            Newstate: self._state,
            Newexten: self._executes,
            NewCallerid: self._changed,
            NewConnectedLine: self._changed,
            NewAccountCode: self._changed,
            Rename: self._renamed,
            Hangup: self._hung_up,
            DialBegin: self.calls.dials,
            DialEnd: self._answered,
            BlindTransfer: self.calls.transfers,
            AttendedTransfer: self.calls.unites,
            Hold: self.calls.holds,
            Unhold: self.calls.holds_no_more,
            BridgeEnter: self._entered,
            BridgeLeave: self._left,
        }

    def obstructed(self, found: Sequence[Obstacle]) -> str | None:
        # Without the events of the dialplan only the application is unknown.
        self._shows_application = not any(Newexten in each.events for each in found)
        return super().obstructed([each for each in found if each.events != {Newexten}])

    def clear(self) -> None:
        self.calls.clear()
        self._show({})

    async def read(self, lists: Lists, keys: set[str] | None) -> None:
        found = {each.uniqueid: each for each in await self._listed(await lists.channels())}
        returned = [key for key, each in found.items() if each.application == _RETURN]
        for each in await self._listed(await self._status(lists, returned)):
            found[each.uniqueid] = each
        kinds = await self._kinds(lists) if any(each.bridge for each in found.values()) else {}
        self._show(found)
        for uniqueid in returned:
            if found[uniqueid].application == _RETURN:
                self._doubt(uniqueid)
        self.calls.read(self._records, kinds)

    async def _kinds(self, lists: Lists) -> dict[str, tuple[str, str]]:
        """Return the type and the creator of each bridge."""
        try:
            items = await lists.bridges()
        except ActionError:  # then a call in a bridge of any type counts as talking
            return {}
        return {
            each.bridge_uniqueid or "": (each.bridge_type or "", each.bridge_creator or "")
            for each in items
            if isinstance(each, BridgeListItem)
        }

    async def look(self, lists: Lists) -> None:
        lost = self._lost.take()
        doubtful = {each for each in self._doubtful.take() if each in self._records}
        for uniqueid in self._alone.take():
            record = self._records.get(uniqueid)
            if record is not None and record.answered is not None:
                doubtful.add(uniqueid)
        if self._doubtful or self._alone or self._lost:
            self.reports.doubt(self)
        try:
            if lost:
                await self.read(lists, None)
            items = await self._status(lists, doubtful)
        except BaseException:
            for doubts, uniqueids in ((self._lost, lost), (self._doubtful, doubtful)):
                for uniqueid in uniqueids:
                    doubts.add(uniqueid)
            raise
        for channel in await self._listed(items):
            record = self._records.get(channel.uniqueid)
            if record is not None and record.value() != channel:
                self._move(channel.uniqueid, record, channel.bridge)
                record.show(channel)
                self.notify(channel.uniqueid)
                self.calls.moved(channel.uniqueid, channel.bridge)
                self.calls.touched(channel.uniqueid)
            if channel.state != ChannelState.UP:
                continue
            # Another thread starts the application, which may take long on a busy server.
            if channel.application == _ORIGINATING:
                self._doubt(channel.uniqueid)
            # The channel is between two applications, or two bridges. The next application has no
            # event if it is the same as before, at the same place of the dialplan.
            elif (
                channel.application in ("", _RETURN)
                and channel.bridge is None
                and self._shows_application
                and self._doubtful.again(channel.uniqueid)
            ):
                self.reports.doubt(self)

    async def _status(self, lists: Lists, uniqueids: Collection[str]) -> list[Event]:
        """Return the items of `Status` for channels; if they are few, ask for each one."""
        found: list[Event] = []
        for asked in uniqueids if len(uniqueids) <= _FEW else (None,):
            try:
                async for each in lists.items(StatusAction(asked)):
                    if each.get("Uniqueid") in uniqueids:
                        found.append(each)
            except PermissionDenied:
                for uniqueid in uniqueids:
                    if (record := self._records.get(uniqueid)) is not None:
                        record.executes("", "")
                        self.notify(uniqueid)
                break
            except ActionError:  # it was hung up meanwhile
                pass
        return found

    async def _listed(self, items: Iterable[Event]) -> list[LiveChannel]:
        """Return the channels of a list, the oldest first."""
        found = []
        now = self.reports.clock()
        for count, item in enumerate(items, 1):
            if isinstance(item, (CoreShowChannel, Status)) and item.uniqueid:
                record = self._records.get(item.uniqueid)
                channel = _listed(item, None if record is None else record.since, now)
                if not self._shows_application:
                    channel = replace(channel, application="", application_data="")
                found.append(channel)
            if count % SLICE == 0:
                await asyncio.sleep(0)
        return in_order(found)

    def _show(self, found: dict[str, LiveChannel]) -> None:
        records = dict(self._records)
        # In place, because views show this dictionary.
        self._records.clear()
        self._bridges.clear()
        for uniqueid, channel in found.items():
            record = records.pop(uniqueid, None)
            if record is None or record.value() != channel:
                record = _Channel(channel)
                self.notify(uniqueid)
            self._records[uniqueid] = record
            if channel.bridge is not None:
                self._bridges.setdefault(channel.bridge, {})[uniqueid] = None
        for uniqueid in records:
            self.notify(uniqueid, gone=True)

    def _doubt(self, uniqueid: str) -> None:
        self._doubtful.add(uniqueid)
        self.reports.doubt(self)

    # The events. If their channel is not known, it ended before the snapshot, and they came late.

    def _made(self, event: ChannelEvent) -> None:
        uniqueid = self.reports.identifier(event, "Uniqueid")
        if uniqueid:
            record = self._records.get(uniqueid)
            if record is None:
                since = self.reports.clock()
                record = self._records[uniqueid] = _Channel(LiveChannel(uniqueid, since=since))
            record.take(event)
            self.notify(uniqueid)
            self.calls.made(event, record)

    def _changed(self, event: ChannelEvent) -> None:
        uniqueid = self.reports.identifier(event, "Uniqueid")
        record = self._records.get(uniqueid)
        if record is not None:
            record.take(event)
            self.notify(uniqueid)
            self.calls.take(event, uniqueid)

    def _state(self, event: ChannelEvent) -> None:
        uniqueid = self.reports.identifier(event, "Uniqueid")
        record = self._records.get(uniqueid)
        if record is None:
            return
        record.take(event)
        self.notify(uniqueid)
        self.calls.state(event, uniqueid)
        # The application of an Originate begins without an event (tried on 16 and 22).
        if record.application == _ORIGINATING and event.find("ChannelState") == _UP:
            self._doubt(uniqueid)

    def _executes(self, event: Newexten) -> None:
        uniqueid = self.reports.identifier(event, "Uniqueid")
        record = self._records.get(uniqueid)
        if record is None:
            return
        record.take(event)
        # After a Redirect or a transfer this may have the new place, but still the application that
        # the channel has left. The next application has no event then (tried on 22).
        application, data = event.find("Application", ""), event.find("AppData", "")
        if not record.executes(application, data) or application in _SILENT:
            self._doubt(uniqueid)
        self.notify(uniqueid)
        self.calls.executes(event, uniqueid, application, data)

    def _hung_up(self, event: ChannelEvent) -> None:
        uniqueid = self.reports.identifier(event, "Uniqueid")
        record = self._records.pop(uniqueid, None)
        if record is not None:
            if record.bridge is not None:
                # If no BridgeLeave follows, another channel has taken its place: an attended
                # transfer to a conference has no BridgeEnter for it (tried on 16 and 22).
                self._lost.add(uniqueid)
                self.reports.doubt(self)
            self._move(uniqueid, record, None)
            self._doubtful.discard(uniqueid)
            self.notify(uniqueid, gone=True)
            self.calls.hung_up(event, uniqueid)

    def _renamed(self, event: Rename) -> None:
        uniqueid = self.reports.identifier(event, "Uniqueid")
        record = self._records.get(uniqueid)
        if record is not None and event.newname:
            record.rename(event.newname)
            self.notify(uniqueid)
            self.calls.rename(uniqueid, event.newname)

    def _entered(self, event: BridgeEnter) -> None:
        uniqueid = self.reports.identifier(event, "Uniqueid")
        bridge = self.reports.identifier(event, "BridgeUniqueid")
        record = self._records.get(uniqueid)
        if record is None or not bridge:
            return
        kind, creator = self.calls.kind_of(bridge, event)
        record.take_whole(event)
        self._move(uniqueid, record, bridge)
        self.notify(uniqueid)
        self.calls.enters(event, uniqueid, bridge, (kind, creator))
        # Bridge and Park end the running application without an event (tried on 16 and 22), even
        # between the answer and the bridge of a dial. Dial, Queue and the applications in `_ROOMS`
        # bridge their channel themselves, and go on.
        connected = self._records.get(record.answered or "")
        if connected is not None and connected.bridge == bridge:
            record.answered = connected.answered = None
        elif record.answered is not None:
            self._alone.add(uniqueid)
            self.reports.doubt(self)
        elif record.application:
            expected = _ROOMS.get(record.application.lower())
            if expected is None or expected != creator:
                self._doubt(uniqueid)
        # In a basic bridge all channels get the oldest Linkedid, which this event has; the earlier
        # channels have no event. In a conference, a parking lot or a holding bridge each channel
        # keeps its Linkedid (tried on 16 and 22).
        if kind == "basic" and (linkedid := record.linkedid):
            for each in self._bridges[bridge]:
                other = self._records[each]
                if other.linkedid != linkedid:
                    other.link(linkedid)
                    self.notify(each)

    def _answered(self, event: DialEnd) -> None:
        uniqueid = self.reports.identifier(event, "Uniqueid")  # an Originate has none
        destination = identifier(event, "DestUniqueid", "")
        caller, dialled = self._records.get(uniqueid), self._records.get(destination)
        if caller is not None and dialled is not None and event.find("DialStatus") == "ANSWER":
            caller.answered, dialled.answered = destination, uniqueid
        self.calls.dial_ends(event)

    def _left(self, event: BridgeLeave) -> None:
        uniqueid = self.reports.identifier(event, "Uniqueid")
        bridge = self.reports.identifier(event, "BridgeUniqueid")
        record = self._records.get(uniqueid)
        if record is None:
            self._lost.discard(uniqueid)
            return
        record.take_whole(event)
        if record.bridge == bridge:
            self._move(uniqueid, record, None)
        self.notify(uniqueid)
        self.calls.leaves(event, uniqueid, bridge)

    def _move(self, uniqueid: str, record: _Channel, bridge: str | None) -> None:
        """Move a channel from its bridge to another one, or to none."""
        if record.bridge is not None and record.bridge != bridge:
            members = self._bridges[record.bridge]
            del members[uniqueid]
            if not members:
                del self._bridges[record.bridge]
        if bridge is not None:
            self._bridges.setdefault(bridge, {})[uniqueid] = None
        record.enter(bridge)


def in_order(channels: Iterable[LiveChannel]) -> list[LiveChannel]:
    """Return channels in the order in which they were made.

    Asterisk's own Uniqueids have the second and a growing number. Channels whose Uniqueid a client
    chose are put among them by `since`, which is exact to a second in lists.
    """
    numbered: list[tuple[int, int, LiveChannel]] = []
    chosen: list[LiveChannel] = []
    for channel in channels:
        found = _NUMBERS.search(channel.uniqueid)
        if found is None:
            chosen.append(channel)
        else:
            numbered.append((int(found[1]), int(found[2]), channel))
    numbered.sort(key=lambda each: each[:2])
    chosen.sort(key=lambda each: each.since)
    ours = [each[2] for each in numbered]
    return list(heapq.merge(ours, chosen, key=lambda each: each.since)) if chosen else ours


def _or(new: _T | None, old: _T) -> _T:
    return old if new is None else new


def _channel(
    event: ChannelEvent | LiveChannel,
    before: LiveChannel,
    linkedid: str,
    bridge: str | None,
    application: str,
    data: str,
) -> LiveChannel:
    """Return a channel as an event describes it, with the former values of missing headers."""
    if isinstance(event, LiveChannel):
        name: str | None = event.name
        state: ChannelState | None = event.state
    else:
        name, state = event.channel, event.channel_state
    return LiveChannel(
        before.uniqueid,
        _or(name, before.name),
        _or(state, before.state),
        _number(event.caller_id_num, before.caller_id_num),
        _number(event.caller_id_name, before.caller_id_name),
        _number(event.connected_line_num, before.connected_line_num),
        _number(event.connected_line_name, before.connected_line_name),
        _or(event.context, before.context),
        _or(event.exten, before.exten),
        _or(event.priority, before.priority),
        application,
        data,
        bridge,
        linkedid,
        _or(event.account_code, before.account_code),
        before.since,
    )


def _number(new: str | None, old: str) -> str:
    return old if new is None else known(new)


def _given(text: str | None) -> str:
    return "" if text is None or text == "(null)" else text  # Status writes "(null)" for no value


def _listed(item: _Listed, since: float | None, now: float) -> LiveChannel:
    if isinstance(item, Status):
        seconds, data = item.seconds, item.data_
    else:
        seconds, data = item.duration, item.application_data
    # The list has whole seconds, so a time that is known already is better.
    known = LiveChannel(item.uniqueid or "", since=now - (seconds or 0) if since is None else since)
    return _channel(
        item,
        known,
        item.linkedid or "",
        item.bridge_id or None,
        _given(item.application),
        _given(data),
    )
