"""The telephone exchange behind a fake server: channels, queues and a dialplan, without sockets."""

from __future__ import annotations

import itertools
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from ..._log import get_logger
from ..clock import Clock, Signal
from ..config import ConfigFile
from ..message import Charset, escaped
from .applications import APPLICATIONS
from .calls import Handset
from .channels import Bridge, Channel, Pairs, Party
from .conferences import Conference
from .contacts import Contacts
from .dialplan import Dialplan
from .lines import Line
from .parking import ParkingLot, lots_of
from .queues import Queue, queues_of
from .records import Records
from .states import States
from .voicemail import Mailbox, mailboxes_of

__all__ = ["Application", "Bridge", "Channel", "Exchange", "Handset", "Pairs", "Party"]

_log: Final = get_logger("aioami.testing")

Application = Callable[[Channel, str], Awaitable[bool]]
_TRUE: Final = ("yes", "true", "y", "t", "1", "on")
RELEASES: Final = {13: "13.38.3", 16: "16.28.0", 22: "22.10.1"}
_LAST_CHAN_SIP: Final = 20
_PHONES: Final = {"PJSIP": "pjsip.conf", "SIP": "sip.conf", "IAX2": "iax.conf"}
_PHONE_TYPES: Final = ("endpoint", "friend", "peer", "user")
_MODULES: Final = (
    *("app_bridgewait", "app_confbridge", "app_dial", "app_echo", "app_mixmonitor", "app_playback"),
    *("app_queue", "app_read", "app_userevent"),
    *("app_voicemail", "chan_pjsip", "func_db", "func_devstate", "pbx_config", "res_agi"),
    "res_musiconhold",
    *("res_mutestream", "res_parking", "res_pjsip"),
)
# Events that the oldest version does not have, with the version that brought them.
_SINCE: Final = {
    "DialState": 14,
    "Load": 16,
    "Unload": 16,
    "MixMonitorStart": 16,
    "MixMonitorStop": 16,
    "MixMonitorMute": 16,
}
_BUILT_IN: Final = frozenset(
    {"manager", "cdr", "cel", "dnsmgr", "extconfig", "enum", "features", "http", "logger", "acl"}
)


class Exchange:
    """A telephone exchange.

    Args:
        major: the Asterisk version to behave like: 13, 16 or 22.
        files: the configuration, by file name.
        clock: the clock.
        emit: called with each event: its name, its headers and its classes.
        charset: converts bytes to text and back.
        connect: begins a connection to a host and a port; without it, every connection fails.
        answer_seconds: seconds that phones ring until they answer; `None` is never.
        talk_seconds: seconds that phones talk until they hang up; `None` is never.

    Attributes:
        epoch: seconds since 1970 when the clock began.
        channels: by name.
        bridges: by uniqueid.
        queues: by name.
        lots: parking lots, by name.
        contacts: the contacts of PJSIP telephones.
        records: call detail records of the present channels.
        conferences: those that have members, by name.
        rooms: bridges of BridgeWait, by name.
        mailboxes: by `number@context`.
        database: values, by family and key.
        missing_files: sounds and folders that do not exist.
        booted: set once all modules are loaded.
        applications: dialplan applications by name. Each is an `async def f(channel, data)` that
            returns true if the dialplan goes on.
    """

    def __init__(
        self,
        major: int,
        files: Mapping[str, ConfigFile],
        clock: Clock,
        emit: Callable[[str, Pairs, str], None],
        charset: Charset,
        *,
        connect: Callable[[str, int], Line] | None = None,
        answer_seconds: float | None = None,
        talk_seconds: float | None = None,
    ) -> None:
        self.major = major
        self.clock = clock
        self.epoch = 1767225600.0
        self.files = dict(files)
        self.random = random.Random(0)
        self.connect = connect or (lambda host, port: Line.nowhere(clock))
        self.missing_files: set[str] = set()
        self.answer_seconds, self.talk_seconds = answer_seconds, talk_seconds
        self.channels: dict[str, Channel] = {}
        self.bridges: dict[str, Bridge] = {}
        self.conferences: dict[str, Conference] = {}
        self.rooms: dict[str, Bridge] = {}
        self.database: dict[tuple[str, str], str] = {}
        self.applications: dict[str, Application] = dict(APPLICATIONS)
        self.system_name = self.file("asterisk.conf").get("options", "systemname")
        settings = self.file("manager.conf")
        wanted = settings.get("general", "channelvars")
        self.channel_variables = [name.strip() for name in wanted.split(",") if name.strip()]
        self._timestamps = settings.get("general", "timestampevents").lower() in _TRUE
        self.phones: dict[str, Handset] = {}
        self.dialplan = Dialplan(self.file("extensions.conf"))
        self.states = States(self)
        self.contacts = Contacts(self)
        self.records = Records(self)
        self.queues: dict[str, Queue] = queues_of(self)
        self.lots: dict[str, ParkingLot] = lots_of(self)
        self.mailboxes: dict[str, Mailbox] = mailboxes_of(self)
        self.modules = {f"{name}.so" for name in _MODULES}
        self.unloaded: set[str] = set()
        self.built_in = _BUILT_IN
        self.release = RELEASES[major]
        self.booted = Signal(clock)
        self._emit = emit
        self.charset = charset
        self._numbers = itertools.count()
        self._serials = itertools.count()
        self._suffixes: dict[str, itertools.count[int]] = {}

    @property
    def wall_time(self) -> float:
        """The server's time in seconds since 1970."""
        return self.epoch + self.clock.now

    def boot(self) -> None:
        """Finish booting, and emit FullyBooted."""
        self.booted.set()
        self.emit("FullyBooted", self.boot_headers(), classes="system")

    def boot_headers(self) -> Pairs:
        """Return the headers of FullyBooted."""
        uptime = str(int(self.clock.now))
        newer = [] if self.major <= 13 else [("Uptime", uptime), ("LastReload", uptime)]
        return [*newer, ("Status", "Fully Booted")]

    def file(self, name: str) -> ConfigFile:
        """Return a configuration file; an empty one if there is none."""
        return self.files.get(name) or ConfigFile()

    def emit(self, name: str, headers: Pairs, *, classes: str = "call") -> None:
        """Emit an event, if this version has it."""
        if self.major < _SINCE.get(name, 0):
            return
        head = [("Event", name), ("Privilege", f"{classes},all")]
        if self._timestamps:
            head.append(("Timestamp", f"{self.wall_time:.6f}"))
        if self.system_name:
            head.append(("SystemName", self.system_name))
        self._emit(name, [*head, *headers], classes)

    def emit_variable(self, place: Pairs, name: str, value: str) -> None:
        """Emit VarSet. Asterisk passes its text through JSON, which must be UTF-8."""
        data = self.charset.encode(value)
        try:
            data.decode()
        except UnicodeDecodeError:
            if self.major < 22:  # an older Asterisk drops the event
                return
            value = self.charset.decode(data.decode("utf-8", "replace").encode())
        headers = [*place, ("Variable", escaped(name)), ("Value", escaped(value))]
        self.emit("VarSet", headers, classes="dialplan")

    def add_channel(
        self,
        name: str,
        *,
        state: int,
        context: str,
        exten: str,
        uniqueid: str = "",
        eldest: Channel | None = None,
        caller: Party | None = None,
        emit: bool = True,
    ) -> Channel:
        """Make a channel of this name; without `emit` no event is emitted yet."""
        channel = Channel(
            self,
            name,
            uniqueid or self.next_uniqueid(),
            state=state,
            context=context,
            exten=exten,
        )
        channel.eldest = eldest or channel
        channel.caller = caller or Party()
        self.channels[name] = channel
        self.records.begin(channel)
        if emit:
            channel.emit("Newchannel")
            self.states.channel_changed(channel)
        return channel

    def next_serial(self) -> int:
        """Return the serial of the next channel."""
        return next(self._serials)

    def next_uniqueid(self) -> str:
        """Return a new Uniqueid."""
        number = f"{int(self.wall_time)}.{next(self._numbers)}"
        return f"{self.system_name}-{number}" if self.system_name else number

    def next_suffix(self, technology: str) -> str:
        """Return the eight digits at the end of a new channel's name."""
        return f"{next(self._suffixes.setdefault(technology, itertools.count())):08x}"

    def forget(self, channel: Channel) -> None:
        """Remove a channel."""
        if self.channels.get(channel.name) is channel:
            del self.channels[channel.name]

    def phone(self, device: str) -> Handset:
        """Return a phone; one that no configuration file declares exists from now on."""
        if device not in self.phones:
            was_there = self.has_phone(device)
            self.phones[device] = Handset(
                self, device, answer_after=self.answer_seconds, hang_up_after=self.talk_seconds
            )
            if not was_there:
                self.states.appeared(device)
        return self.phones[device]

    def has_phone(self, device: str) -> bool:
        """True if a phone is declared: in a configuration file, or by `phone`."""
        return device in self.phones or device in self.declared_phones()

    def declared_phones(self) -> list[str]:
        """Return the names of all declared phones, as they are dialled."""
        found = list(self.phones)
        for technology, file in _PHONES.items():
            if technology != "SIP" or self.major <= _LAST_CHAN_SIP:
                found += [
                    f"{technology}/{each.name}"
                    for each in self.file(file).categories
                    if not each.template and each.get("type") in _PHONE_TYPES
                ]
        return list(dict.fromkeys(found))

    def channel_like(self, name: str) -> Channel | None:
        """Find a channel by name, then by Uniqueid, ignoring case as Asterisk does."""
        lowered, channels = name.lower(), self.channels.values()
        named = next((channel for channel in channels if channel.name.lower() == lowered), None)
        return named or next(
            (channel for channel in channels if channel.uniqueid.lower() == lowered),
            None,
        )

    def is_missing(self, file: str) -> bool:
        """True if a sound or a folder does not exist."""
        return any(file == each or file.startswith(f"{each}/") for each in self.missing_files)

    def has_application(self, application: str) -> bool:
        """True if this exchange has an application."""
        return application.lower() in (name.lower() for name in self.applications)

    async def execute(self, channel: Channel, application: str, data: str) -> bool:
        """Run an application on a channel, and return true if the dialplan goes on."""
        wanted = application.lower()
        known = self.applications.items()
        runs = next((each for name, each in known if name.lower() == wanted), None)
        if runs is None:
            _log.warning("%s ends: there is no application %s", channel.name, application)
            return False
        return await runs(channel, data)
