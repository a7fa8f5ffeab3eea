"""The least rights in manager.conf for the actions sent and the events selected.

    print(mgr.required_permissions())

prints a stanza for manager.conf. `of_recording()` derives it from a recording, `of_program()` from
the text of a program.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from .._check import check_characters, check_text
from ..actions.base import ACTIONS, Action, action_class
from ..actions.base import load as load_actions
from ..events.base import EVENTS, UNSOLICITED, Event, event_class
from ..events.base import load as load_events
from ..events.naming import misnamed
from ..wire.text import shown

if TYPE_CHECKING:
    from ..testing import Recording

__all__ = ["Demand", "Permissions", "of_program", "of_recording", "of_use", "read_classes"]

# If one of several classes is enough, the least powerful one is chosen.
_POWER: Final = {
    **dict.fromkeys(
        ("reporting", "cdr", "dtmf", "log", "verbose", "cc", "aoc", "test", "security"), 1
    ),
    **dict.fromkeys(("user", "agent", "message"), 2),
    **dict.fromkeys(("call", "dialplan", "agi"), 3),
    **{"originate": 5, "config": 8, "command": 20, "system": 20},
}
# Events that the library itself makes.
_OWN: Final = frozenset(
    {"disconnected", "reconnected", "relaychanged", "serverappeared", "servergone"}
)
_SIGNS: Final = "[A-Za-z0-9_-]"
_VARYING: Final = frozenset({"originate", "getvar", "status"})
_DANGEROUS_APPLICATION: Final = re.compile(
    "agi|dbdeltree|exec|externalivr|mixmonitor|originate|reload|system", re.IGNORECASE
)
_DANGEROUS_DATA: Final = re.compile("CURL|DB|EVAL|FILE|ODBC|REALTIME|SHELL", re.IGNORECASE)
_DANGEROUS_FUNCTION: Final = re.compile("SHELL|EVAL", re.IGNORECASE)


@dataclass(frozen=True)
class Demand:
    """The rights that one action needs.

    Attributes:
        action: its name.
        any_of: write classes of which the user needs one; empty if none is needed.
        also_system: `True` if its headers make the write class `system` necessary as well.
        events: the events that may bring its outcome.
    """

    action: str
    any_of: tuple[str, ...]
    also_system: bool = False
    events: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, headers: Iterable[tuple[str, str]] = ()) -> Demand:
        """Return the demand of an action.

        Args:
            name: the action's name.
            headers: its headers.
        """
        known = action_class(name)
        given = {key.lower(): value for key, value in headers}
        outcome = known.outcome_events
        if known.wire_name == "Originate" and given.get("async", "true").lower() not in (
            "true",
            "yes",
            "1",
            "on",
        ):
            outcome = ()
        own = read_classes(outcome[0]) if outcome else ()
        return cls(
            known.wire_name or name,
            tuple(known.privilege),
            _is_dangerous(name.lower(), given),
            tuple(each for each in outcome if own and read_classes(each) == own),
        )

    @staticmethod
    def variant(name: str, headers: Iterable[tuple[str, str]]) -> str:
        """Return a key for the effect of an action's headers on its rights; empty without any."""
        name = name.lower()
        if name not in _VARYING:
            return ""
        given = {key.lower(): value for key, value in headers}
        return f"{given.get('async', '').lower()} {_is_dangerous(name, given)}"


def _is_dangerous(name: str, given: Mapping[str, str]) -> bool:
    """True if Asterisk requires the write class `system` because of an action's headers."""
    if name == "originate":
        application, data = given.get("application", ""), given.get("data", "")
        queue_runs = application.lower() == "queue" and "agi" in data.lower()
        return bool(
            _DANGEROUS_APPLICATION.search(application) or _DANGEROUS_DATA.search(data) or queue_runs
        )
    variables = given.get("variable", "") + given.get("variables", "")
    return name in ("getvar", "status") and bool(_DANGEROUS_FUNCTION.search(variables))


@dataclass(frozen=True)
class Permissions:
    """The rights of a user. The `str()` is a stanza for manager.conf, with a comment on each right.

    Attributes:
        read: classes of events, for `read` in manager.conf; `("all",)` if all events are wanted.
        write: classes of actions, for `write`.
        event_filters: filters, as texts for `Manager(event_filters=...)`, one for each wanted
            event; empty if all events are wanted, or the program adds its own filters.
        why: pairs of a class of `read` or `write` and the events or actions that need it, such as
            `("read call", "Hangup, Newchannel")`.
        notes: further conditions, and rights that could not be determined.
    """

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    event_filters: tuple[str, ...] = ()
    why: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def stanza(self, user: str = "aioami", secret: str = "long-and-random") -> str:
        """Return the stanza for manager.conf.

        Args:
            user: the user's name.
            secret: the user's secret.

        Raises:
            ValueError: an argument is empty, or has a line break or a lone surrogate; or `user`
                has a bracket.
        """
        for name, text, signs in (("user", user, "\r\n[]"), ("secret", secret, "\r\n")):
            if not text or any(sign in text for sign in signs):
                raise ValueError(f"{name}: it is empty, or has a line break or a bracket")
            check_characters(name, text)
        lines = [f"; {note}" for note in self.notes]
        lines += [f"; {which}: {what}" for which, what in self.why]
        lines += [f"[{user}]", f"secret = {secret.replace(';', chr(92) + ';')}"]
        lines += [
            f"read = {','.join(self.read)}".rstrip(),
            f"write = {','.join(self.write)}".rstrip(),
        ]
        lines += [_line(each) for each in self.event_filters]
        return "\n".join(lines)

    @classmethod
    def together(cls, several: Iterable[Permissions]) -> Permissions:
        """Return the sum of several `Permissions`.

        If one of them reads events without event filters, the sum has no filters.
        """
        all_of_them = list(several)
        if len(all_of_them) == 1:
            return all_of_them[0]
        why: dict[str, set[str]] = {}
        for each in all_of_them:
            for which, what in each.why:
                why.setdefault(which, set()).update(what.split(", "))
        read = {label for each in all_of_them for label in each.read}
        if "all" in read:
            read = {"all"}
        unfiltered = any(each.read and not each.event_filters for each in all_of_them)
        return cls(
            read=tuple(sorted(read)),
            write=tuple(sorted({label for each in all_of_them for label in each.write})),
            event_filters=()
            if unfiltered
            else tuple(sorted({line for each in all_of_them for line in each.event_filters})),
            why=tuple((which, ", ".join(sorted(what))) for which, what in sorted(why.items())),
            notes=tuple(dict.fromkeys(note for each in all_of_them for note in each.notes)),
        )

    def to_dict(self) -> dict[str, object]:
        """Return a plain dictionary, ready for JSON."""
        return {
            **{
                name: list(getattr(self, name))
                for name in ("read", "write", "event_filters", "notes")
            },
            "why": dict(self.why),
        }

    def __str__(self) -> str:
        return self.stanza()

    def _repr_html_(self) -> str:
        """The rights as HTML, for a notebook: a row for each with its reason, and the stanza."""
        from .._show.html import box, clean, note, table

        # Dozens of events may need a class: these are wrapped over several lines.
        wrapped = '<span style="white-space: normal">{}</span>'
        rows = [(clean(which), wrapped.format(clean(what))) for which, what in self.why]
        notes = [note(each) for each in self.notes]
        lines = self.stanza().splitlines()
        shown = "\n".join(clean(line) for line in lines if not line.startswith(";"))
        return box(
            table(rows, ("right", "needed for")) if rows else note("it needs no rights"),
            *notes,
            f"<pre>{shown}</pre>",
        )


def _line(event_filter: str) -> str:
    """The line of manager.conf for an event filter."""
    from .delivery import criteria_in

    criteria, pattern = criteria_in(event_filter) or ("", event_filter)
    return f"eventfilter{f'({criteria})' if criteria else ''} = {pattern}".rstrip()


def read_classes(name: str) -> tuple[str, ...]:
    """Return the read classes that a user needs, all of them, to get an event.

    The result is empty if the event is unknown, or comes only in lists.

    Args:
        name: the event's name, in any case.
    """
    check_text("name", name)
    name = name.lower()
    if name not in UNSOLICITED:
        load_events()
    return UNSOLICITED.get(name, Event).read_classes


def of_use(
    demands: Iterable[Demand],
    selectors: Iterable[type[Event] | str],
    *,
    own_filters: bool = False,
    notes: Iterable[str] = (),
) -> Permissions:
    """Return the rights for actions and selected events.

    Args:
        demands: the demands of the actions.
        selectors: the selectors of events, as for `Manager.events`; `"*"` selects all.
        own_filters: `True` if the program adds event filters itself.
        notes: further notes for the result.
    """
    load_actions()
    load_events()
    selectors = {shown(each) if isinstance(each, str) else each for each in selectors}
    everything = bool(selectors & {Event, "*"})
    needed = sorted(
        set(demands), key=lambda each: (each.action, each.any_of, each.also_system, each.events)
    )
    wanted, unknown = _selected(selectors - {Event, "*"})
    found = list(notes)
    for name in unknown:
        unsure = (
            f"which class the event {name} has is not known; where it is missing, add it to read"
        )
        found.append(misnamed(name) or unsure)
    wanted |= {name: read_classes(name) for each in needed for name in each.events}
    filters: tuple[str, ...] = ()
    if not everything and not own_filters:
        filters = tuple(_filter(name) for name in sorted([*wanted, *unknown]))
    if own_filters and not any(each.action == "Filter" for each in needed):
        needed.append(Demand("Filter", ("system",)))
        found.append(
            "the write class system is for the program's own event_filters; "
            "as eventfilter lines here, and not in the program, they need no right"
        )
    return _permissions(needed, wanted, everything, filters, found)


def _permissions(
    demands: list[Demand],
    wanted: Mapping[str, tuple[str, ...]],
    everything: bool,
    filters: tuple[str, ...],
    notes: list[str],
) -> Permissions:
    write = _fewest(
        [each.any_of for each in demands],
        {"system"} if any(each.also_system for each in demands) else set(),
    )
    for name in sorted({each.action for each in demands if each.also_system}):
        notes.append(
            f"{name} needs the write class system for what is run by it, a program or a "
            "function as SHELL"
        )
    for name in sorted(
        {each.action for each in demands if not each.any_of and action_class(each.action) is Action}
    ):
        notes.append(f"which write class the action {name} needs is not known")
    read: set[str] = {label for classes in wanted.values() for label in classes}
    why = []
    if everything:
        read = {"all"}
        why.append(("read all", "events of all kinds are selected"))
    for label in sorted(read - {"all"}):
        why.append(
            (
                f"read {label}",
                ", ".join(sorted(name for name, classes in wanted.items() if label in classes)),
            )
        )
    for label in sorted(write):
        users = {
            each.action
            for each in demands
            if label in each.any_of and not set(each.any_of) & write - {label}
        }
        users |= {
            each.action
            for each in demands
            if label in each.any_of or (each.also_system and label == "system")
        }
        why.append((f"write {label}", ", ".join(sorted(users))))
    return Permissions(tuple(sorted(read)), tuple(sorted(write)), filters, tuple(why), tuple(notes))


def _fewest(groups: Iterable[tuple[str, ...]], given: set[str]) -> set[str]:
    """Return the least powerful classes that include one of each group."""
    left = {frozenset(group) for group in groups if group}
    chosen = given | {label for group in left if len(group) == 1 for label in group}
    left = {group for group in left if not group & chosen}
    best: set[str] | None = None
    for some in itertools.product(*(sorted(group) for group in sorted(left, key=sorted))):
        if best is None or _power(set(some)) < _power(best):
            best = set(some)
    return chosen | (best or set())


def _power(labels: set[str]) -> tuple[int, list[str]]:
    return sum(_POWER.get(label, 10) for label in labels), sorted(labels)


def _selected(
    selectors: Iterable[type[Event] | str],
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Return the selected events with their classes, and the selectors of unknown events."""
    wanted: dict[str, tuple[str, ...]] = {}
    unknown: set[str] = set()
    for selector in selectors:
        if not isinstance(selector, str):
            names = {
                each.wire_name
                for each in (*EVENTS.values(), selector)
                if issubclass(each, selector)
            } - {""}
            # A class without its own name, such as one for a UserEvent, has its base's name.
            names = names or {
                each.wire_name for each in selector.__mro__ if issubclass(each, Event)
            } - {""}
            known = [name for name in names if name.lower() in UNSOLICITED]
            if not known and selector.__name__.lower() not in _OWN and not _in_lists(selector):
                unknown.update(names)
        else:
            known = [name for name in UNSOLICITED if fnmatchcase(name, selector.lower())]
            if not known and selector.lower() not in _OWN and not _in_lists(event_class(selector)):
                unknown.add(selector)
        found = (UNSOLICITED[name.lower()] for name in known)
        wanted |= {each.wire_name: each.read_classes for each in found}
    return wanted, sorted(unknown)


def _in_lists(event: type[Event]) -> bool:
    """True if the event is an item of some action's list, or its end."""
    return event is not Event and any(
        event in (*each.items, each.completion) for each in ACTIONS.values()
    )


def _filter(name: str) -> str:
    """Return the `eventfilter` for the events of a name, or of a pattern."""
    text = ""
    for sign in re.findall(r"\[[^]]+\]|.", name):
        special = {"*": f"{_SIGNS}*", "?": _SIGNS}.get(sign)
        text += special or (
            sign if len(sign) > 1 or sign.isalnum() or sign in "-_" else f"[{sign}]"
        )
    return f"^Event: {text}[[:space:]]"


def of_recording(recording: Recording) -> Permissions:
    """Return the rights for the actions and the events of a recording.

    All events in it count, also those that the program ignored.
    """
    if not hasattr(recording, "entries"):
        raise TypeError(f"recording: expected a Recording, not {type(recording).__name__}")
    demands: set[Demand] = set()
    wanted: dict[str, tuple[str, ...]] = {}
    own_filters = False
    for entry in recording.entries:
        if entry.direction == "sent":
            message = entry.message
            name = message.get("Action", "")
            headers = [
                pair for pair in message.items() if pair[0].lower() not in ("action", "actionid")
            ]
            demands.add(Demand.of(name, headers))
            own_filters = own_filters or name.lower() == "filter"
        elif entry.direction == "received" and entry.data.startswith("Event: "):
            message = entry.message
            name = message.get("Event", "")
            labels = tuple(sorted(set(message.get("Privilege", "").split(",")) - {"all", ""}))
            if labels and not _is_item(name, message.get("ActionID", "")):
                wanted[name] = labels
    filters = () if own_filters else tuple(_filter(name) for name in sorted(wanted))
    outcomes = {name for each in demands for name in each.events}
    wanted |= {name: read_classes(name) for name in outcomes if name not in wanted and any(wanted)}
    notes = [
        "from a recording: all events that came are let through, whether or not the program "
        "looked at them"
    ]
    needed = sorted(demands, key=lambda each: (each.action, each.also_system, each.events))
    return _permissions(needed, wanted, False, filters, notes)


def _is_item(name: str, action_id: str) -> bool:
    """True if an event is a list item: it has an ActionID, and an action declares it as an item."""
    return bool(action_id) and _in_lists(event_class(name))


def of_program(source: str, filename: str = "<program>") -> Permissions:
    """Return the rights for a program, from the requests in its text.

    These are the actions, events and selectors that it names, `mgr.call(..., to=...)`, `Live`,
    `FleetLive` and `AsyncAGI`. A program with one of the last four gets no event filters, because
    the events for these are known only at run time; see `Manager.required_permissions()`.

    The program is not run. Modules that it imports are not read; join their texts with its own.

    Args:
        source: the program's text.
        filename: the program's name, for the notes.

    Raises:
        SyntaxError: the text is no Python.
    """
    from .program import Reading

    check_text("source", source)
    check_text("filename", filename)
    load_actions()
    load_events()
    reading = Reading(source, filename)
    named = of_use(
        reading.demands, reading.selectors, own_filters=reading.own_filters, notes=reading.notes
    )
    if not reading.classes:
        return named
    why: dict[str, list[str]] = {}
    for label, who in sorted(reading.classes):
        why.setdefault(f"read {label}", []).append(who)
    unfiltered = Permissions(
        read=tuple(sorted({label for label, _ in reading.classes})),
        why=tuple((which, ", ".join(who)) for which, who in why.items()),
    )
    return Permissions.together([named, unfiltered])
