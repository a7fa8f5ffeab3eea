"""Conclusions from what the server sent. Nothing here does I/O."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Final

from aioami.permissions.delivery import EventFilter, filter_text, includes, mask_of, passes
from aioami.permissions.granted import CLASSES, Settings, classes_of, granted, sections
from aioami.wire import product_of, version_of

__all__ = [
    "CLASSES",
    "EventMask",
    "Rights",
    "asterisk_release",
    "described",
    "in_order",
    "rights_of",
]

_PROVEN: Final = "ListCommands"
# An action that needs one write class only: a user who may send it has that class.
_ACTIONS_OF_ONE_CLASS: Final = {
    "command": "command",
    "originate": "originate",
    "setvar": "call",
    "userevent": "user",
    "updateconfig": "config",
    "moduleload": "system",
    "queueadd": "agent",
    "agi": "agi",
    "messagesend": "message",
    "aocmessage": "aoc",
}


def in_order(labels: Iterable[str]) -> str:
    """Return classes as a list for manager.conf, in Asterisk's order; `all` for all of them."""
    given = set(labels)
    if given >= set(CLASSES):
        return "all"
    return ",".join(label for label in CLASSES if label in given)


def described(line: str) -> str:
    """Return the server that a greeting describes; empty if it is no manager interface's."""
    product, version = product_of(line), version_of(line)
    if product is None:
        return ""
    if product == "Asterisk Call Manager":
        release = asterisk_release(version)
        return f"AMI {version}{f', {release}' if release else ''}".strip()
    name = f"{product} {version}".strip()
    if "proxy" in product.lower():
        return f"{name}, a proxy, which does not say what is behind it"
    return f"{name}, a relative of Asterisk's"


def asterisk_release(version: str) -> str:
    """Return the release of Asterisk that has a version of AMI; empty if it is not known."""
    major, _, minor = version.partition(".")
    if not major.isdecimal():
        return ""
    # Since Asterisk 14 both numbers count up together.
    if int(major) >= 3:
        return f"which is Asterisk {int(major) + 11}"
    if major != "2":
        return "before Asterisk 12"
    # Asterisk 12 has AMI 2.0 to 2.5, Asterisk 13 has 2.6 and later ones, 2.10 among them.
    is_13 = minor >= "6" or len(minor.partition(".")[0]) > 1
    return f"which is Asterisk {13 if is_13 else 12}"


@dataclass(frozen=True)
class EventMask:
    """The events that a URL asks for.

    Attributes:
        text: the mask, such as `on`, `off` or `call,agent`.
    """

    text: str

    @property
    def is_all(self) -> bool:
        """True if the mask asks for all events."""
        return "all" in mask_of(self.text)

    @property
    def is_none(self) -> bool:
        """True if the mask asks for no events."""
        return not mask_of(self.text)

    def includes(self, *classes: str) -> bool:
        """True if the mask asks for events of all these classes."""
        return includes(mask_of(self.text), classes)


@dataclass(frozen=True)
class Rights:
    """The rights of a user, as far as they are known.

    Attributes:
        read: the classes of events; `None` if they are not known.
        write: the classes of actions; `None` if they are not known.
        source: the source of these rights.
        actions: the actions that the user may send, by their names in lower case;
            `None` if they are not known.
        general: the section `[general]` of manager.conf.
        own: the user's section of manager.conf, without the secret.
        has_config: true if the user may read manager.conf.
    """

    read: frozenset[str] | None = None
    write: frozenset[str] | None = None
    source: str = ""
    actions: dict[str, str] | None = None
    general: Settings = ()
    own: Settings = ()
    has_config: bool = False

    @property
    def is_partial(self) -> bool:
        """True if the user may have more write classes than those that are known."""
        return self.write is None or self.source == _PROVEN

    def may_read(self, label: str) -> bool:
        """True if the user is known to have a read class."""
        return self.read is not None and label in self.read

    def may_write(self, label: str) -> bool:
        """True if the user is known to have a write class."""
        return self.write is not None and label in self.write

    @property
    def disabled_events(self) -> list[str]:
        """The events that the server sends to nobody."""
        values = [value for name, value in self.general if name == "disabledevents"]
        return [name.strip() for value in values for name in value.split(",") if name.strip()]

    @property
    def event_filters(self) -> Settings:
        """The user's event filters."""
        return tuple(each for each in self.own if each[0].startswith("eventfilter"))

    @property
    def has_short_write_timeout(self) -> bool:
        """True if the server ends the link after 100 ms in which it cannot write."""
        milliseconds = dict(self.own).get("writetimeout", "100")
        # Python refuses to read a number of some thousands of digits.
        is_number = milliseconds.isdecimal() and len(milliseconds) < 10
        return bool(self.own) and is_number and int(milliseconds) <= 100

    def pass_filters(self, name: str, classes: Iterable[str]) -> bool:
        """False if the filters certainly let no event of a name through."""
        filters = [EventFilter.of(filter_text(*each)) for each in self.event_filters]
        return passes(filters, name, classes) is not False


def rights_of(
    user: str,
    *,
    actions: Iterable[str] | None,
    shown: Iterable[str] | None,
    config: Iterable[tuple[str, str]] | None,
) -> Rights:
    """Infer a user's rights from what the server lets the user see.

    Args:
        user: the user.
        actions: the lines of ListCommands; `None` if it is refused.
        shown: the lines of `manager show user`; `None` if it is refused.
        config: the headers of GetConfig for manager.conf; `None` if it is refused.
    """
    allowed: dict[str, str] | None = None
    if actions is not None:
        names = [line.partition(":")[0].strip() for line in actions]
        allowed = {name.lower(): name for name in names}
    general, own = sections(config or (), user)
    # The first source that is open to the user is the most complete one.
    for source, known in (
        ("manager show user", granted(user, shown=shown)),
        ("manager.conf", granted(user, config=config)),
    ):
        if known is not None:
            read, write = classes_of(",".join(known.read)), classes_of(",".join(known.write))
            return Rights(read, write, source, allowed, general, own, config is not None)
    proven = None if allowed is None else _proven_by(allowed)
    source = "" if allowed is None else _PROVEN
    return Rights(None, proven, source, allowed, general, own, has_config=config is not None)


def _proven_by(actions: Container[str]) -> frozenset[str]:
    """Return the write classes that a list of allowed actions proves."""
    found = {label for action, label in _ACTIONS_OF_ONE_CLASS.items() if action in actions}
    # CoreStatus needs one of two classes.
    if "corestatus" in actions and "system" not in found:
        found.add("reporting")
    return frozenset(found)
