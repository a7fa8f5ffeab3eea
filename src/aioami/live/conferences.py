"""The conferences of the live state, with their participants."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from ..actions.base import Action
from ..actions.conferences import ConfbridgeList as ListParticipants
from ..actions.conferences import ConfbridgeListRooms as ListRooms
from ..errors import ActionError, PermissionDenied, UnknownAction
from ..events.base import Event
from ..events.channels import Hangup
from ..events.conferences import (
    ConfbridgeEnd,
    ConfbridgeJoin,
    ConfbridgeLeave,
    ConfbridgeList,
    ConfbridgeListRooms,
    ConfbridgeMute,
    ConfbridgeTalking,
    ConfbridgeUnmute,
)
from ..fields import identifier
from .part import Doubts, Lists, LiveObject, Part, Reports, View, is_ascii

__all__ = ["Conferences", "LiveConference", "LiveParticipant"]


@dataclass(frozen=True, slots=True, repr=False)
class LiveParticipant(LiveObject):
    """A participant of a conference.

    Attributes:
        uniqueid: the Uniqueid of the channel, a key of `Live.channels`.
        channel: the channel's name.
        muted: true if the others do not hear the participant.
        talking: true while the participant talks, if the conference's profile detects that.
        admin: true for an administrator.
    """

    uniqueid: str
    channel: str = ""
    muted: bool = False
    talking: bool = False
    admin: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class LiveConference(LiveObject):
    """A conference at one moment. A conference without participants does not exist.

    Attributes:
        name: its name.
        participants: the participants, in the order in which they joined.
        locked: true if nobody else can join, by the last answer of the server: locking has no
            event. `None` if the server was not asked yet.
    """

    name: str
    participants: tuple[LiveParticipant, ...] = ()
    locked: bool | None = None


class _Conference:
    """A conference as its events describe it."""

    __slots__ = ("_shown", "locked", "name", "participants")

    def __init__(self, conference: LiveConference) -> None:
        self._shown: LiveConference | None = conference
        self.name = conference.name
        self.locked = conference.locked
        self.participants = {each.uniqueid: each for each in conference.participants}

    def put(self, participant: LiveParticipant) -> None:
        """Add a participant, or replace the one with the same Uniqueid."""
        self.participants[participant.uniqueid] = participant
        self._shown = None

    def remove(self, uniqueid: str) -> None:
        """Remove a participant."""
        self.participants.pop(uniqueid, None)
        self._shown = None

    def lock(self, locked: bool | None) -> bool:
        """Set `locked`; return false if it has this value already."""
        if locked is self.locked:
            return False
        self.locked = locked
        self._shown = None
        return True

    def value(self) -> LiveConference:
        """Return the conference as it is now."""
        if self._shown is None:
            participants = tuple(self.participants.values())
            self._shown = LiveConference(self.name, participants, self.locked)
        return self._shown


class Conferences(Part[LiveConference]):
    """The conferences of ConfBridge, by name."""

    name = "conferences"
    kind = "conference"
    modules = frozenset({"app_confbridge"})

    def __init__(self, reports: Reports) -> None:
        super().__init__(reports)
        self._records: dict[str, _Conference] = {}
        self._places: dict[str, str] = {}  # the conference of each participant, by Uniqueid
        self._doubts = Doubts()  # the Uniqueids of participants who hung up
        self._asks_locks = False  # true if a conference may be locked, which is not known yet
        self.view = View(self._records)
        self.handlers = {
            ConfbridgeJoin: self._joined,
            ConfbridgeLeave: self._left,
            ConfbridgeEnd: self._ended,
            ConfbridgeMute: self._muted,
            ConfbridgeUnmute: self._unmuted,
            ConfbridgeTalking: self._talks,
            Hangup: self._hung_up,
        }

    def clear(self) -> None:
        for name in list(self._records):
            self._remove(name)

    def touched_by(self, action: Action[Any]) -> set[str] | None:
        # Locking has no event (tried on 16 and 22).
        name = action.name.lower()
        if name in ("confbridgelock", "confbridgeunlock"):
            if not is_ascii(action):
                return None
            return {value for header, value in action.headers if header.lower() == "conference"}
        commands = [value for header, value in action.headers if header.lower() == "command"]
        by_command = any(each.lower().lstrip().startswith("confbridge ") for each in commands)
        return None if name == "command" and by_command else set()

    async def read(self, lists: Lists, keys: set[str] | None) -> None:
        found = {}
        for name, locked in (await self._rooms(lists)).items():
            if keys is None or name in keys:
                conference = await self._conference(lists, name, locked)
                if conference is not None:
                    found[name] = conference
        for name in [name for name in self._records if keys is None or name in keys]:
            if name not in found:
                self._remove(name)
        for name, conference in found.items():
            record = self._records.get(name)
            if record is None or record.value() != conference:
                if record is not None:
                    self._forget(name, record.participants)
                self._records[name] = _Conference(conference)
                for each in conference.participants:
                    self._places[each.uniqueid] = name
                self.notify(name)

    async def look(self, lists: Lists) -> None:
        for uniqueid in self._doubts.take():
            if uniqueid in self._places:
                self.reports.must_read(self, self._places[uniqueid])
        if self._doubts:
            self.reports.doubt(self)
        if not self._asks_locks:
            return
        rooms = await self._rooms(lists)
        self._asks_locks = False
        for name, record in self._records.items():
            # Who joins while the last participant leaves may be in a conference that is no longer
            # listed, and does not meet those who join later (tried on 16).
            if name not in rooms:
                self.reports.must_read(self, name)
            elif record.lock(rooms[name]):
                self.notify(name)

    async def _rooms(self, lists: Lists) -> dict[str, bool | None]:
        """Return the names of all conferences, and if they are locked."""
        items = [each async for each in lists.items(ListRooms())]
        rooms = [each for each in items if isinstance(each, ConfbridgeListRooms)]
        return {each.conference: each.locked for each in rooms if each.conference}

    async def _conference(
        self, lists: Lists, name: str, locked: bool | None
    ) -> LiveConference | None:
        try:
            items = [each async for each in lists.items(ListParticipants(name))]
        except (PermissionDenied, UnknownAction):
            raise
        except ActionError:  # it ended meanwhile
            return None
        before = self._records.get(name)
        participants = {each.uniqueid: each for each in map(_participant, items)}
        order = [*(before.participants if before is not None else ()), *participants]
        found = tuple(participants[each] for each in dict.fromkeys(order) if each in participants)
        return LiveConference(name, found, locked) if found else None

    def _remove(self, name: str) -> None:
        record = self._records.pop(name, None)
        if record is not None:
            self._forget(name, record.participants)
            self.notify(name, True)

    def _forget(self, name: str, participants: Iterable[str]) -> None:
        for uniqueid in participants:
            if self._places.get(uniqueid) == name:
                del self._places[uniqueid]

    # The events

    def _joined(self, event: ConfbridgeJoin) -> None:
        name, uniqueid = identifier(event, "Conference"), identifier(event, "Uniqueid")
        if not name or not uniqueid:
            return
        record = self._records.get(name)
        if record is None:
            record = self._records[name] = _Conference(LiveConference(name))
            self._asks_locks = True  # the event does not show if it is locked
            self.reports.doubt(self)
        self._places[uniqueid] = name
        record.put(
            LiveParticipant(
                uniqueid,
                event.channel or "",
                bool(event.muted),
                admin=bool(event.admin),
            )
        )
        self.notify(name)

    def _left(self, event: ConfbridgeLeave) -> None:
        name = identifier(event, "Conference", "")
        uniqueid = identifier(event, "Uniqueid", "")
        record = self._records.get(name)
        if record is None:
            return
        if uniqueid in record.participants:
            record.remove(uniqueid)
            self._forget(name, [uniqueid])
            if record.participants:
                self.notify(name)
            else:
                self._remove(name)
        else:  # the channel had taken a participant's place
            self.reports.must_read(self, name)

    def _hung_up(self, event: Hangup) -> None:
        # ConfbridgeLeave mostly comes first, but the order is not certain.
        uniqueid = self.reports.identifier(event, "Uniqueid")
        if uniqueid in self._places:
            self._doubts.add(uniqueid)
            self.reports.doubt(self)

    def _ended(self, event: ConfbridgeEnd) -> None:
        # The last participant left before. Another conference of the same name may have begun.
        name = identifier(event, "Conference", "")
        if name in self._records:
            self.reports.must_read(self, name)

    def _muted(self, event: ConfbridgeMute) -> None:
        self._change(event, lambda each: replace(each, muted=True))

    def _unmuted(self, event: ConfbridgeUnmute) -> None:
        self._change(event, lambda each: replace(each, muted=False))

    def _talks(self, event: ConfbridgeTalking) -> None:
        talking = bool(event.talking_status)
        self._change(event, lambda each: replace(each, talking=talking))

    def _change(self, event: Event, change: Callable[[LiveParticipant], LiveParticipant]) -> None:
        name = identifier(event, "Conference", "")
        record = self._records.get(name)
        known = (
            None if record is None else record.participants.get(identifier(event, "Uniqueid", ""))
        )
        if record is not None and known is not None:
            record.put(change(known))
            self.notify(name)


def _participant(item: Event) -> LiveParticipant:
    if not isinstance(item, ConfbridgeList):
        return LiveParticipant(item.get("Uniqueid", ""))
    return LiveParticipant(
        item.uniqueid or "",
        item.channel or "",
        bool(item.muted),
        bool(item.talking),
        bool(item.admin),
    )
