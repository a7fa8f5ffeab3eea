"""A program's text, read for what it asks of the server."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..actions.base import Action
from ..events.base import Event, event_class
from . import Demand

__all__ = ["Reading"]


class Reading:
    """The actions and selectors in the text of a program.

    Attributes:
        demands: the demands of its actions.
        selectors: its selectors of events.
        own_filters: `True` if it adds event filters itself.
        notes: what could not be determined.

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
        self.notes: list[str] = []
        self._outcome = False
        self._mentioned: set[type[Event]] = set()
        self._uncertain = False
        nodes = list(ast.walk(tree))
        for node in nodes:
            self._import(node)
        attributes = [node.attr for node in nodes if isinstance(node, ast.Attribute)]
        self._outcome = "outcome" in attributes
        called = {id(node.func): node for node in nodes if isinstance(node, ast.Call)}
        for node in nodes:
            if isinstance(node, (ast.Attribute, ast.Name)):
                self._mention(node, called.get(id(node)))
            if isinstance(node, ast.Call):
                self._call(node)
        if self._uncertain:
            self.selectors |= self._mentioned

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
                module = node.module or ""
                path = f"{'.' * node.level}{module}.{alias.name}"
                self._names[alias.asname or alias.name] = path
                if alias.name == "*" and module.startswith("aioami"):
                    self._note(node, f"what of {module} is used cannot be known from `import *`")

    def _path(self, node: ast.AST) -> str:
        """Return the dotted path of an expression, through the imports; empty if it is none."""
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
                rule = "those that run programs need the write class system"
                self._note(node, f"which application Originate runs is not constant; {rule}")
        elif known.wire_name == "Getvar":
            variable = _argument(call, 0, "variable")
            headers = [("Variable", variable or "")]
        self._add(Demand.of(known.wire_name, headers))

    def _add(self, demand: Demand) -> None:
        """Add a demand, without its events where the program awaits no outcome."""
        self.demands.add(demand if self._outcome else replace(demand, events=()))

    def _call(self, node: ast.Call) -> None:
        path = self._path(node.func)
        if path in ("aioami.Action", "aioami.actions.Action"):
            name = _argument(node, 0, "name")
            if name is None:
                reason = "which right it needs cannot be known"
                self._note(node, f"the name of an Action is not constant: {reason}")
            else:
                self._add(Demand.of(name))
        if path in ("aioami.Manager", "aioami.Manager.from_url"):
            self.own_filters |= any(each.arg == "event_filters" for each in node.keywords)
        if isinstance(node.func, ast.Name) and node.func.id == "getattr" and node.args:
            from_catalogue = self._path(node.args[0]).startswith(("aioami.core", "aioami.actions"))
            if from_catalogue and len(node.args) > 1:
                name = _argument(node, 1, "name")
                if name is None:
                    lookup = "an action is looked up by a name that is not constant"
                    self._note(node, f"{lookup}: its right cannot be known")
                else:
                    self._action(name, node, None)
            return
        if not isinstance(node.func, ast.Attribute) or path:  # what was imported is no manager
            return
        if node.func.attr == "wait_booted":
            self.selectors.add("FullyBooted")
        elif node.func.attr in ("events", "wait_for", "on"):
            self._selection(node, node.func.attr)

    def _selection(self, node: ast.Call, method: str) -> None:
        if not node.args and method == "events":
            self.selectors.add("*")
            self._note(node, "events() without selectors: all events are let through")
        for each in node.args:
            name = _constant(each)
            room, _, last = self._path(each).rpartition(".")
            event = _event_by_class(last) if room.startswith("aioami.events") else None
            if event is not None:
                self.selectors.add(event)
            elif name is not None:
                pattern = any(sign in name for sign in "*?[")
                if method != "on" or pattern or event_class(name) is not Event:
                    self.selectors.add(name)
            elif self._path(each) not in ("aioami.Disconnected", "aioami.Reconnected"):
                self._uncertain = True
                effect = "all event classes that the program names are let through for it"
                self._note(node, f"a selector is not constant: {effect}")


def _actions() -> Iterator[type[Action[Any]]]:
    """All classes of actions, several for one name among them."""
    left: list[type[Action[Any]]] = list(Action.__subclasses__())
    while left:
        each = left.pop()
        left += each.__subclasses__()
        if each.wire_name:
            yield each


def _event_by_class(name: str) -> type[Event] | None:
    from .. import events

    found = getattr(events, name, None)
    return found if isinstance(found, type) and issubclass(found, Event) else None


def _argument(call: ast.Call | None, place: int, name: str) -> str | None:
    """Return the text given for a parameter, if constant; a sequence of constants is joined."""
    if call is None:
        return None
    given = next((each.value for each in call.keywords if each.arg == name), None)
    starred = any(isinstance(each, ast.Starred) for each in call.args)
    if given is None and len(call.args) > place and not starred:
        given = call.args[place]
    if isinstance(given, (ast.Tuple, ast.List)):
        parts = map(_constant, given.elts)
        return ",".join(part for part in parts if part is not None)
    return _constant(given)


def _constant(node: ast.AST | None) -> str | None:
    """Return the text of an expression, if it is a constant one."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None
