"""The catalogue as JSON Schema, for programs in other languages that get its events."""

from __future__ import annotations

import inspect
from typing import Any, Final

from ._check import check_flag
from .actions.base import Action, KnownAction
from .actions.base import load as load_actions
from .actions.parameters import REQUIRED, one_of
from .enums import Code, Word
from .events.base import EVENTS, Event
from .events.base import load as load_events
from .fields import (
    Boolean,
    ChannelVariables,
    DateTime,
    Duration,
    Enumeration,
    Field,
    Integer,
    Milliseconds,
    Number,
    Seconds,
    Texts,
    Timestamp,
    Values,
    fields_of,
    values_of,
)

__all__ = ["json_schema"]

_TYPES: Final[dict[type[Field[Any]], dict[str, Any]]] = {
    Boolean: {"type": ["boolean", "null"]},
    ChannelVariables: {"type": "object", "additionalProperties": {"type": "string"}},
    Texts: {"type": "array", "items": {"type": "string"}},
    Seconds: {"type": ["integer", "null"], "description": "seconds"},
    Duration: {"type": ["integer", "null"], "description": "seconds"},
    Milliseconds: {"type": ["integer", "null"], "description": "milliseconds"},
    Timestamp: {"type": ["number", "null"], "description": "seconds since 1970"},
    DateTime: {"type": ["string", "null"], "description": "in the server's own time zone"},
    Integer: {"type": ["integer", "null"]},
    Number: {"type": ["number", "null"]},
    Field: {"type": ["string", "null"]},
}
_TEXT: Final = {"type": ["string", "array"], "items": {"type": "string"}}
_ARGUMENTS: Final = {
    "bool": {"type": "boolean"},
    "bytes": {"type": "string", "contentEncoding": "base64"},
    "float": {"type": "number"},
    "int": {"type": "integer"},
    "str": {"type": "string"},
    "None": {"type": "null"},
}


def json_schema(
    *, attributes: bool = False, typed: bool = False, numbers: bool = False
) -> dict[str, Any]:
    """Return a JSON Schema (2020-12) of all events, in the form of `event.to_dict()`, and actions.

    An event is valid if its headers match its class. Unknown headers and unknown events are valid
    too. `$defs` has each event, such as `events.Hangup`, and each action with its arguments by
    name, such as `actions.QueueAdd`.

    Args:
        attributes, typed, numbers: the form of the events, as for `Event.to_dict()`.

    Raises:
        ValueError: `numbers` without `typed`.
    """
    for name, flag in (("attributes", attributes), ("typed", typed), ("numbers", numbers)):
        check_flag(name, flag)
    values = values_of(typed, numbers)
    load_actions()
    load_events()
    events = {
        name: _event(cls, attributes, values)
        for name, cls in sorted((cls.wire_name, cls) for cls in EVENTS.values())
    }
    actions = {cls.__name__: _action(cls) for cls in _classes(KnownAction) if cls.wire_name}
    name = "event" if attributes else "Event"
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An event of the Asterisk Manager Interface",
        "type": "object",
        "required": [name],
        "properties": {name: {"type": "string"}},
        "allOf": [
            {
                "if": {"properties": {name: {"const": each}}},
                "then": {"$ref": f"#/$defs/events.{each}"},
            }
            for each in events
        ],
        "$defs": {
            **{f"events.{each}": schema for each, schema in events.items()},
            **{f"actions.{each}": schema for each, schema in sorted(actions.items())},
        },
    }


def _classes(parent: type[Action[Any]]) -> list[type[Action[Any]]]:
    return [each for child in parent.__subclasses__() for each in (child, *_classes(child))]


def _event(cls: type[Event], attributes: bool, values: Values) -> dict[str, Any]:
    name = "event" if attributes else "Event"
    properties: dict[str, Any] = {name: {"const": cls.wire_name}}
    for attribute, field in fields_of(cls).items():
        if field.header != "Event":
            properties[attribute if attributes else field.header] = (
                _TEXT if values == "text" else _value(field, values)
            )
    return {
        "title": cls.wire_name,
        "description": inspect.cleandoc(cls.__doc__ or ""),
        "type": "object",
        "required": [name],
        "properties": properties,
    }


def _value(field: Field[Any], values: Values) -> dict[str, Any]:
    if isinstance(field, Enumeration):
        return _members(field.kind, values)
    return next(schema for kind, schema in _TYPES.items() if isinstance(field, kind))


def _members(kind: type[Code] | type[Word], values: Values) -> dict[str, Any]:
    """The schema of an enumeration's values; those without a name are valid too."""
    if values == "names":
        known = [{"const": member.name} for member in kind]
        return {"anyOf": [*known, {"type": ["string", "null"]}]}
    others = {"type": ["string" if issubclass(kind, Word) else "integer", "null"]}
    return {"anyOf": [*({"const": member.value, "title": member.name} for member in kind), others]}


def _action(cls: type[Action[Any]]) -> dict[str, Any]:
    signature = inspect.signature(cls).parameters.values()
    declared = getattr(cls, "_parameters", {})
    properties: dict[str, Any] = {}
    required = []
    for parameter in signature:
        if parameter.kind is parameter.VAR_KEYWORD:
            continue
        kind = getattr(declared.get(parameter.name), "kind", None)
        schema = (
            {"enum": list(kind.allowed)}
            if isinstance(kind, one_of)
            else _argument(str(parameter.annotation))
        )
        if parameter.default not in (parameter.empty, REQUIRED):
            schema = {
                **schema,
                **({} if parameter.default in (None, ()) else {"default": parameter.default}),
            }
        else:
            required.append(parameter.name)
        properties[parameter.name] = schema
    return {
        "title": cls.wire_name,
        "description": inspect.cleandoc(cls.__doc__ or ""),
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": cls.wire_name == "UserEvent",
    }


def _argument(annotation: str) -> dict[str, Any]:
    """Return the JSON type for an annotation: an array for a sequence, an object for a mapping."""
    kinds = []
    for part in _parts(annotation):
        outer = part.partition("[")[0]
        if outer in ("Sequence", "Iterable"):
            kinds.append({"type": "array"})
        elif outer == "Mapping":
            kinds.append({"type": "object"})
        elif outer in _ARGUMENTS:
            kinds.append(_ARGUMENTS[outer])
    unique = [each for number, each in enumerate(kinds) if each not in kinds[:number]]
    return unique[0] if len(unique) == 1 else {"anyOf": unique}


def _parts(annotation: str) -> list[str]:
    """The alternatives of an annotation, not counting those in brackets."""
    parts, depth = [""], 0
    for sign in annotation:
        depth += (sign == "[") - (sign == "]")
        if sign == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]
