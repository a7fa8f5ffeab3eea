"""Lists of events as typed data frames of pandas or polars; each library is loaded when needed."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final, Literal

from ..fields import (
    Boolean,
    ChannelVariables,
    DateTime,
    Duration,
    Enumeration,
    Field,
    Integer,
    Number,
    Texts,
    Timestamp,
    fields_of,
)

if TYPE_CHECKING:
    import pandas
    import polars

__all__ = ["to_pandas", "to_polars"]

Kind = Literal[
    "integer", "number", "boolean", "moment", "date", "category", "text", "texts", "variables"
]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
_KINDS: Final[tuple[tuple[type[Field[Any]], Kind], ...]] = (
    (Boolean, "boolean"),
    (Enumeration, "category"),
    (Timestamp, "moment"),
    (DateTime, "date"),
    (ChannelVariables, "variables"),
    (Texts, "texts"),
    (Number, "number"),
    (Integer, "integer"),
    (Duration, "integer"),
)


@dataclass
class _Column:
    """A column: its values, their kind, and the categories in their order."""

    kind: Kind
    values: list[Any]
    categories: list[str] = field(default_factory=list)


def to_pandas(
    items: Sequence[Any],
    typed: list[dict[str, Any]],
    plain: list[dict[str, Any]],
    empty: dict[str, Field[Any]],
) -> pandas.DataFrame:
    """See `EventList.to_pandas`.

    Args:
        items: the events.
        typed: their rows with typed values.
        plain: their rows with text.
        empty: the columns of the frame if there are no items.

    Raises:
        ImportError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise _missing("pandas") from error
    dtypes: dict[Kind, Any] = {
        "integer": "Int64",
        "number": "Float64",
        "boolean": "boolean",
        "moment": "datetime64[us, UTC]",
        "date": "datetime64[us]",
        "text": "string",
        "texts": "object",
        "variables": "object",
    }
    columns: dict[str, Any] = {}
    for name, column in _columns(items, typed, plain, empty).items():
        dtype = (
            pandas.CategoricalDtype(column.categories)
            if column.kind == "category"
            else dtypes[column.kind]
        )
        columns[name] = pandas.Series(column.values, dtype=dtype)
    frame: pandas.DataFrame = pandas.DataFrame(columns, index=pandas.RangeIndex(len(typed)))
    return frame


def to_polars(
    items: Sequence[Any],
    typed: list[dict[str, Any]],
    plain: list[dict[str, Any]],
    empty: dict[str, Field[Any]],
) -> polars.DataFrame:
    """See `EventList.to_polars`; the arguments are those of `to_pandas`.

    Raises:
        ImportError: polars is not installed.
    """
    try:
        import polars
    except ImportError as error:
        raise _missing("polars") from error
    dtypes: dict[Kind, Any] = {
        "integer": polars.Int64,
        "number": polars.Float64,
        "boolean": polars.Boolean,
        "moment": polars.Datetime("us", "UTC"),
        "date": polars.Datetime("us"),
        "category": polars.Categorical,
        "text": polars.String,
        "texts": polars.List(polars.String),
        "variables": polars.List(polars.Struct({"name": polars.String, "value": polars.String})),
    }
    columns = []
    for name, column in _columns(items, typed, plain, empty).items():
        values = column.values
        if column.kind == "variables":  # polars has no dictionaries
            values = [
                each and [{"name": name, "value": text} for name, text in each.items()]
                for each in values
            ]
        columns.append(polars.Series(name, values, dtype=dtypes[column.kind]))
    return polars.DataFrame(columns)


def _missing(library: str) -> ImportError:
    return ImportError(f"{library} is not installed: pip install 'aioami[{library}]'", name=library)


def _columns(
    items: Sequence[Any],
    typed: list[dict[str, Any]],
    plain: list[dict[str, Any]],
    empty: dict[str, Field[Any]],
) -> dict[str, _Column]:
    """The columns by name."""
    if not typed:
        return {name: _Column(_kind(one), []) for name, one in empty.items()}
    kinds = _kinds(items)
    columns = {}
    for name in typed[0]:
        try:
            columns[name] = _column(kinds.get(name.lower(), "text"), [row[name] for row in typed])
        except (
            TypeError
        ):  # a class of the items has no such field, or a number is too large for a column
            columns[name] = _column("text", [row.get(name) for row in plain])
    return columns


def _kind(one: Field[Any]) -> Kind:
    return next((kind for base, kind in _KINDS if isinstance(one, base)), "text")


def _kinds(items: Sequence[Any]) -> dict[str, Kind]:
    """Return the kinds of columns by lower-case name, except where the items' classes disagree."""
    found: dict[str, set[Kind]] = {}
    for each in {type(item): None for item in items}:
        for attribute, one in fields_of(each).items():
            for name in {attribute, one.header.lower()}:
                found.setdefault(name, set()).add(_kind(one))
    return {name: kinds.pop() for name, kinds in found.items() if len(kinds) == 1}


def _column(kind: Kind, values: list[Any]) -> _Column:
    """Make a column of these values.

    Raises:
        TypeError: a value is of another kind.
    """
    if kind == "text" and any(isinstance(value, list) for value in values):  # repeated headers
        kind = "texts"
        values = [[value] if isinstance(value, str) else value for value in values]
    convert = _CONVERTERS[kind]
    cells = [None if value is None else convert(value) for value in values]
    if kind != "category":
        return _Column(kind, cells)
    members = sorted({value for value in values if value is not None}, key=_rank)
    return _Column(kind, cells, list(dict.fromkeys(map(_name, members))))


def _exactly(kind: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError
        return value

    return check


def _integer(value: Any) -> int:
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise TypeError
    return value


def _moment(value: Any) -> datetime | None:
    if type(value) is not float:
        raise TypeError
    try:
        return _EPOCH + timedelta(seconds=value) if value else None  # Asterisk writes 0 for never
    except OverflowError:  # beyond the range of datetime
        return None


def _date(value: Any) -> datetime:
    if type(value) is not datetime:
        raise TypeError
    return value


def _name(value: Any) -> str:
    if not isinstance(value, enum.Enum):
        raise TypeError
    return _text(value.name)


def _rank(member: Any) -> tuple[int, str]:
    """Return the sort key of an enumeration's member: numbers by value, words by alphabet."""
    return (int(member) if isinstance(member, int) else 0, member.name)


def _text(value: Any) -> str:
    """A value as text that can be encoded: bytes that were no UTF-8 become escapes."""
    if not isinstance(value, str):
        raise TypeError
    return value.encode("utf-8", "backslashreplace").decode()


_CONVERTERS: Final[dict[Kind, Callable[[Any], Any]]] = {
    "integer": _integer,
    "number": _exactly(float),
    "boolean": _exactly(bool),
    "moment": _moment,
    "date": _date,
    "category": _name,
    "text": _text,
    "texts": lambda value: [_text(each) for each in _exactly(list)(value)],
    "variables": lambda value: {
        _text(name): _text(text) for name, text in _exactly(dict)(value).items()
    },
}
