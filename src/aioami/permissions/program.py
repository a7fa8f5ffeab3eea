"""Analysis of a program's text for its requests to the server."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Any, Final

from ..actions.base import Action
from ..events.base import Event, event_class
from . import Demand

__all__ = ["Reading"]

# The actions that the parts of a live state send, and the read classes of its events.
_PARTS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "channels": (("CoreShowChannels",), ("call", "dialplan")),
    "bridges": (("BridgeList",), ("call",)),
    "queues": (("QueueStatus",), ("agent", "call", "dialplan")),
    "hints": (("ExtensionStateList",), ("call",)),
    "parking": (("Parkinglots", "ParkedCalls"), ("call",)),
    "conferences": (("ConfbridgeListRooms", "ConfbridgeList"), ("call",)),
    "mailboxes": (("VoicemailUsersList",), ("call",)),
    "endpoints": (("PJSIPShowEndpoints", "PJSIPShowContacts"), ("call", "system")),
    "registrations": (("PJSIPShowRegistrationsOutbound",), ("system",)),
}

# The methods of a `Call`, and the actions that they send. Other objects have a `get` and a `set`
# too, so these two count only if the text shows that the object is a call.
_STEERING: Final = {
    "get": "Getvar",
    "set": "Setvar",
    "hang_up": "Hangup",
    "redirect": "Redirect",
    "transfer": "BlindTransfer",
    "bridge": "Bridge",
    "park": "Park",
    "mute": "MuteAudio",
    "record": "MixMonitor",
    "press": "PlayDTMF",
}


class Reading:
    """The actions and selectors in the text of a program.

    Attributes:
        demands: the demands of the actions that it names.
        selectors: the events that it selects.
        own_filters: true if it adds event filters itself.
        classes: read classes for the events of calls, sessions and live states, each with the
            object that needs it. The text does not show which events these select.
        notes: sentences on rights that could not be determined.

    Raises:
        SyntaxError: the text is no Python.
    """

    def __init__(self, source: str, filename: str) -> None:
        tree = ast.parse(source, filename)
        self._filename = filename
        self._names: dict[str, str] = {}
        self.demands: set[Demand] = set()
        self.selectors: set[type[Event] | str] = set()
        self.own_filters = False
        self.classes: set[tuple[str, str]] = set()
        self.notes: list[str] = []
        self._outcome = False
        self._mentioned: set[type[Event]] = set()
        self._uncertain = False
        nodes = list(ast.walk(tree))
        self._functions = {node.name for node in nodes if isinstance(node, ast.AsyncFunctionDef)}
        for node in nodes:
            self._import(node)
        self._outcome = any(
            isinstance(node, ast.Attribute) and node.attr == "outcome" for node in nodes
        )
        called = {id(node.func): node for node in nodes if isinstance(node, ast.Call)}
        for node in nodes:
            if isinstance(node, (ast.Attribute, ast.Name)):
                self._mention(node, called.get(id(node)))
            if isinstance(node, ast.Call):
                self._call(node)
        if self._uncertain:
            self.selectors |= self._mentioned
        self._steering([node.func for node in called.values()], _calls(nodes))

    def _note(self, node: ast.AST, text: str) -> None:
        self.notes.append(f"{self._filename}:{getattr(node, 'lineno', 0)}: {text}")

    def _import(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self._names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                self._names[alias.asname or alias.name] = (
                    f"{'.' * node.level}{node.module or ''}.{alias.name}"
                )
                if alias.name == "*" and (node.module or "").startswith("aioami"):
                    self._note(
                        node, f"what of {node.module} is used cannot be known from `import *`"
                    )

    def _path(self, node: ast.AST) -> str:
        """Return the dotted path of an expression, through the imports; empty if it has none."""
        if isinstance(node, ast.Name):
            return self._names.get(node.id, "")
        if isinstance(node, ast.Attribute):
            base = self._path(node.value)
            return f"{base}.{node.attr}" if base else ""
        return ""

    def _mention(self, node: ast.Attribute | ast.Name, call: ast.Call | None) -> None:
        room, _, name = self._path(node).rpartition(".")
        if not isinstance(node.ctx, ast.Load) or not room.startswith("aioami"):
            return
        part = room.partition(".")[2].partition(".")[0]
        if part in ("core", "actions"):
            self._action(name, node, call)
        elif part == "events":
            event = _event_by_class(name)
            if event is not None:
                self._mentioned.add(event)

    def _action(self, name: str, node: ast.AST, call: ast.Call | None) -> None:
        known = next((each for each in _actions() if each.__name__ == name), None)
        if known is None:
            return
        headers = []
        if known.wire_name == "Originate" and name.endswith("Application"):
            application = _argument(call, 1, "application")
            data = _argument(call, 2, "data")
            headers = [("Application", application or ""), ("Data", data or "")]
            if application is None:
                text = (
                    "which application Originate runs is not constant; those that run programs "
                    "need the write class system"
                )
                self._note(node, text)
        elif known.wire_name == "Getvar":
            variable = _argument(call, 0, "variable")
            headers = [("Variable", variable or "")]
        demand = Demand.of(known.wire_name, headers)
        self.demands.add(
            demand if self._outcome else Demand(demand.action, demand.any_of, demand.also_system)
        )

    def _call(self, node: ast.Call) -> None:
        path = self._path(node.func)
        if path in ("aioami.Action", "aioami.actions.Action"):
            name = _argument(node, 0, "name")
            if name is None:
                self._note(
                    node,
                    "the name of an Action is not constant: which right it needs cannot be known",
                )
            else:
                demand = Demand.of(name)
                self.demands.add(demand if self._outcome else Demand(demand.action, demand.any_of))
        if path in ("aioami.Manager", "aioami.Manager.from_url"):
            self.own_filters = self.own_filters or any(
                each.arg == "event_filters" for each in node.keywords
            )
        if path in ("aioami.live.Live", "aioami.fleet.FleetLive"):
            self._live(node, path.rpartition(".")[2])
        if path == "aioami.agi.AsyncAGI":
            self._needs("AsyncAGI", read=("agi", "call", "dialplan"), actions=("AGI", "Hangup"))
        if isinstance(node.func, ast.Name) and node.func.id == "getattr" and node.args:
            if (
                self._path(node.args[0]).startswith(("aioami.core", "aioami.actions"))
                and len(node.args) > 1
            ):
                name = _argument(node, 1, "name")
                if name is None:
                    self._note(
                        node,
                        "an action is looked up by a name that is not constant: its right cannot "
                        "be known",
                    )
                else:
                    self._action(name, node, None)
            return
        if not isinstance(node.func, ast.Attribute) or path:  # an imported name is no manager
            return
        to = next((each.value for each in node.keywords if each.arg == "to"), None)
        if node.func.attr == "call" and to is not None:
            self._placed(node, to)
        elif node.func.attr == "wait_booted":
            self.selectors.add("FullyBooted")
        elif node.func.attr in ("events", "wait_for", "on"):
            self._selection(node, node.func.attr)

    def _needs(self, who: str, *, read: Iterable[str], actions: Iterable[str]) -> None:
        self.classes |= {(label, who) for label in read}
        self.demands |= {Demand.of(name) for name in actions}

    def _placed(self, node: ast.Call, to: ast.expr) -> None:
        """Add the rights for `mgr.call(..., to=...)`, and for its hang-up after `async with`."""
        self._needs("call()", read=("call",), actions=("Hangup",))
        headers: list[tuple[str, str]] = []
        application = isinstance(to, ast.Call) and self._path(to.func).endswith(".Application")
        if isinstance(to, ast.Call) and application:
            data = [_constant(each) for each in to.args[1:]]
            headers = [
                ("Application", _argument(to, 0, "name") or ""),
                ("Data", ",".join(each or "" for each in data)),
            ]
        elif isinstance(to, (ast.Name, ast.Attribute)) and self._is_function(to):
            headers = [("Application", "AGI"), ("Data", "agi:async")]
            self._needs("call()", read=("agi", "dialplan"), actions=("AGI",))
        elif not isinstance(to, (ast.Constant, ast.JoinedStr)):
            self._note(
                node,
                "where the call goes is not constant: a program, and an application that runs "
                "programs, need more; required_permissions() of the manager knows",
            )
        self.demands.add(Demand.of("Originate", headers))

    def _steering(self, methods: Iterable[ast.expr], calls: set[str]) -> None:
        """Add the rights for methods of calls.

        Args:
            methods: the functions and methods that are called in the text.
            calls: the names of calls in the text.
        """
        places = ("call", "call()") in self.classes
        for node in methods:
            if not isinstance(node, ast.Attribute) or node.attr not in _STEERING:
                continue
            of_call = _last_name(node.value) in calls
            if of_call or (places and node.attr not in ("get", "set", "hang_up")):
                self._needs("call()", read=("call",), actions=(_STEERING[node.attr],))

    def _is_function(self, node: ast.Name | ast.Attribute) -> bool:
        """True if a name is that of a coroutine function in the text."""
        return (node.id if isinstance(node, ast.Name) else node.attr) in self._functions

    def _live(self, node: ast.Call, who: str) -> None:
        """Add the rights for a live state and its parts."""
        given = next((each.value for each in node.keywords if each.arg == "parts"), None)
        parts = ["channels", "bridges", "queues"]
        if isinstance(given, (ast.List, ast.Tuple, ast.Set)):
            parts = [_constant(each) or "" for each in given.elts]
        if given is not None and (
            not isinstance(given, (ast.List, ast.Tuple, ast.Set)) or not set(parts) <= set(_PARTS)
        ):
            self._note(node, f"which parts {who} has is not constant: their rights are not here")
        self._needs(who, read=("system",), actions=())
        for actions, classes in (_PARTS[part] for part in parts if part in _PARTS):
            self._needs(who, read=classes, actions=actions)

    def _selection(self, node: ast.Call, method: str) -> None:
        if not node.args and method == "events":
            self.selectors.add("*")
            self._note(node, "events() without selectors: all events are let through")
        for each in node.args:
            name = (
                each.value
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
                else None
            )
            room, _, last = self._path(each).rpartition(".")
            event = _event_by_class(last) if room.startswith("aioami.events") else None
            if event is not None:
                self.selectors.add(event)
            elif name is not None:
                if (
                    method != "on"
                    or any(sign in name for sign in "*?[")
                    or event_class(name) is not Event
                ):
                    self.selectors.add(name)
            elif self._path(each) not in ("aioami.Disconnected", "aioami.Reconnected"):
                self._uncertain = True
                text = (
                    "a selector is not constant: all event classes that the program names are "
                    "let through for it"
                )
                self._note(node, text)


def _actions() -> Iterator[type[Action[Any]]]:
    """All classes of actions; some names have several."""
    left: list[type[Action[Any]]] = list(Action.__subclasses__())
    while left:
        each = left.pop()
        left += each.__subclasses__()
        if each.wire_name:
            yield each


def _calls(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names of calls in a text: placed calls, a session's, and annotated names."""
    found = {".call"}  # a session's own call has this name
    for node in nodes:
        if isinstance(node, ast.withitem) and _places(node.context_expr):
            found.add(_last_name(node.optional_vars))
        elif isinstance(node, ast.Assign) and _places(node.value):
            found.update(map(_last_name, node.targets))
        elif isinstance(node, ast.AnnAssign) and _last_name(node.annotation) == "Call":
            found.add(_last_name(node.target))
        elif isinstance(node, ast.arg) and _last_name(node.annotation) == "Call":
            found.add(node.arg)
    return found - {""}


def _places(node: ast.expr) -> bool:
    """True if an expression is `mgr.call(..., to=...)`, awaited or not."""
    if isinstance(node, ast.Await):
        node = node.value
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "call"
        and any(each.arg == "to" for each in node.keywords)
    )


def _last_name(node: ast.AST | None) -> str:
    """Return the name of a variable, or of an attribute with its dot, or a text; else empty."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f".{node.attr}"
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _event_by_class(name: str) -> type[Event] | None:
    from .. import events

    found = getattr(events, name, None)
    return found if isinstance(found, type) and issubclass(found, Event) else None


def _constant(node: ast.expr) -> str | None:
    """Return the value of an expression that is a constant text; else `None`."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _argument(call: ast.Call | None, place: int, name: str) -> str | None:
    """Return the constant text for a parameter; the items of a constant sequence are joined."""
    if call is None:
        return None
    given = next((each.value for each in call.keywords if each.arg == name), None)
    if (
        given is None
        and len(call.args) > place
        and not any(isinstance(each, ast.Starred) for each in call.args)
    ):
        given = call.args[place]
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        return given.value
    if isinstance(given, (ast.Tuple, ast.List)):
        parts = [
            each.value
            for each in given.elts
            if isinstance(each, ast.Constant) and isinstance(each.value, str)
        ]
        return ",".join(parts)
    return None
