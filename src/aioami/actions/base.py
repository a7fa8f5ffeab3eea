"""The base of all actions: a name, checked headers, and the form of the answer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from importlib import import_module
from inspect import Parameter as SignatureParameter
from inspect import Signature
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Final,
    Generic,
    Literal,
    TypeVar,
    get_args,
    get_origin,
)

from .._near import unexpected
from ..events.base import Event
from ..responses.base import ListReply, Response
from ..wire import MAX_ACTION_ID, MAX_LINES, encode_header, show_header
from ..wire.text import (
    DEFAULT_ENCODING,
    UTF8,
    Encoding,
    Received,
    encoding_of,
    from_bytes,
    shown,
)
from .parameters import REQUIRED, HeaderValue, Parameter, header

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: object) -> Callable[[type], type]:
        """Tell type checkers that a class declares its parameters in its body."""
        return lambda cls: cls


__all__ = [
    "ACTIONS",
    "Action",
    "KnownAction",
    "ResponseT_co",
    "action_class",
    "classes_of",
    "encode_action_id",
    "is_same",
    "load",
    "value_of",
]

ResponseT_co = TypeVar("ResponseT_co", bound=Response, covariant=True)

ACTIONS: Final[dict[str, type[Action[Any]]]] = {}
"""The class that declares how an action is answered, by the action's name in lower case."""

_LOADED: Final[set[str]] = set()
_RESERVED: Final = frozenset({"action", "actionid"})


class Action(Generic[ResponseT_co]):
    r"""A request to the server.

    An action is a value: it can be compared, printed and sent again, and is independent of any
    connection. Use this class itself for an action that has no own class:
    `Action("Foo", {"Bar": "1", "Variable": ["a=1", "b=2"]})`.

    Args:
        name: the action's name on the wire.
        headers: its headers in order. `None` leaves a header out, a list repeats it. Text is sent
            in the manager's encoding. Bytes are sent unchanged, here and in the arguments of every
            action.
        more: further headers, as keywords: `Action("Foo", Bar="1")`.

    Raises:
        ValueError: a name or a value cannot be sent, or a header is `Action` or `ActionID` (see
            `Manager.send`).
        TypeError: a value is neither text, bytes nor a whole number, or a header is given in both
            ways. A bool is refused, because Asterisk spells booleans in several ways.

    Attributes:
        name: the action's name on the wire.
        headers: the headers, without `Action` and `ActionID`; bytes that are no UTF-8 as `\xfc`.
        timeout: seconds to wait for its answer; `None` is the manager's timeout.
    """

    wire_name: ClassVar[str] = ""
    """The name on the wire; empty for classes that are not one action."""
    privilege: ClassVar[tuple[str, ...]] = ()
    """The write classes of which the user needs one; empty if none is needed."""
    reads_only: ClassVar[bool] = False
    """True if it changes nothing on the server except for this connection. A manager with
    `read_only` sends only such actions.
    """
    until: ClassVar[int | None] = None
    """The last major version of Asterisk that has it; `None` if the current one has it."""
    response_type: ClassVar[type[Response]] = Response
    """The class of its answer, as given in the brackets after `Action`."""
    items: ClassVar[tuple[type[Event], ...]] = ()
    """The classes of the list's items, if it is answered with a list."""
    completion: ClassVar[type[Event] | None] = None
    """The event that ends its list; `None` without one. On a server that marks no lists, as
    Asterisk 11 and older, a list is expected after each success of an action with a `completion`.
    """
    list_optional: ClassVar[bool] = False
    """True if a success that announces no list is the whole answer on every server."""
    list_unmarked: ClassVar[bool] = False
    """True if no `EventList` header marks its list. A successful reply starts the list, and
    `completion`, which may also be an item, ends it.
    """
    empty_list_messages: ClassVar[tuple[str, ...]] = ()
    """Asterisk's messages for an empty list, in an error or in a success without a list."""
    items_unseparated: ClassVar[bool] = False
    """True if Asterisk sends no blank line between the events of its list."""
    bare_reply: ClassVar[Literal["", "lines", "headers"]] = ""
    """The content of its reply, if that has no `Response` header; else empty."""
    reply_count: ClassVar[int] = 1
    """The number of replies if all goes well; the last one counts."""
    fenced: ClassVar[bool] = False
    """True if its answer has no marked end, or may not come. A Ping is sent after it. As Asterisk
    answers in order, the reply to the Ping shows that the action is over.
    """
    holds_session: ClassVar[bool] = False
    """True if Asterisk may answer it late, and answers no later action before it."""
    outcome_events: ClassVar[tuple[str, ...]] = ()
    """The names of the events that may bring its outcome after the answer."""

    _first_line: ClassVar[bytes] = b""
    _reply: ClassVar[Any] = ResponseT_co  # type: ignore[misc]

    name: str
    headers: tuple[tuple[str, str], ...]
    timeout: float | None
    _name: str
    _pairs: tuple[tuple[str, str], ...]  # like `headers`, with lone surrogates for bytes not UTF-8
    _lines: bytes

    def __init__(
        self: Action[Response],
        name: str | bytes,
        headers: Mapping[str, HeaderValue] | None = None,
        **more: HeaderValue,
    ) -> None:
        given: Any = {} if headers is None else headers
        if not isinstance(given, Mapping):
            kind = type(given).__name__
            raise TypeError(f"headers: expected a mapping of names to values, not {kind}")
        lower = {each.lower() for each in given if isinstance(each, str)}
        for keyword in more:
            if keyword.lower() in lower:
                raise TypeError(f"{keyword}: it is given among the headers, and as a keyword")
        self._declare({**given, **more}, name=name)

    def __init_subclass__(
        cls, *, wire_name: str | None = None, abstract: bool = False, **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        for sequence in ("privilege", "empty_list_messages", "outcome_events"):
            if isinstance(getattr(cls, sequence), str):
                raise TypeError(
                    f"{cls.__name__}.{sequence}: expected a tuple of texts, not one text"
                )
        if (
            wire_name is not None
            and wire_name != (cls.wire_name or wire_name)
            and "reads_only" not in vars(cls)
        ):
            cls.reads_only = False  # a subclass with its own name is another action
        cls.wire_name = "" if abstract else wire_name or cls.wire_name or cls.__name__
        if cls.wire_name != cls.wire_name.strip():
            raise ValueError(f"Action: {cls.wire_name!r} is no name: it has blanks around it")
        cls._first_line = encode_header("Action", cls.wire_name)
        name = cls.wire_name.lower()
        if name and not (
            name in ACTIONS and cls.__module__.startswith(f"{__package__}.")
        ):  # a user's class replaces the catalogue's
            ACTIONS[name] = cls
        for base in vars(cls).get("__orig_bases__", ()):
            origin = get_origin(base)
            if isinstance(origin, type) and issubclass(origin, Action):
                cls._answered_with(_substituted(origin._reply, origin, get_args(base)))
        if cls.list_unmarked and cls.completion is None and not abstract:
            raise TypeError(f"{cls.__name__}.completion: a list that is unmarked needs it to end")

    @classmethod
    def _answered_with(cls, reply: Any) -> None:
        """Set the kind of reply from the brackets; subclasses fill its type variables."""
        cls._reply = reply
        kind = get_origin(reply) or reply
        if isinstance(kind, TypeVar):
            return
        if not (isinstance(kind, type) and issubclass(kind, Response)):
            raise TypeError(
                f"{cls.__name__}: what answers an action is a class of responses, not {kind!r}"
            )
        cls.response_type = kind
        for each in (reply, *getattr(kind, "__orig_bases__", ())):
            if get_origin(each) is ListReply and not each.__parameters__:
                items, completion = get_args(each)
                cls.items = get_args(items) or (items,)
                cls.completion = completion

    def _declare(
        self,
        headers: Mapping[Any, HeaderValue] | Iterable[tuple[str | bytes, HeaderValue]],
        *,
        name: str | bytes | None = None,
        timeout: float | None = None,
    ) -> None:
        """Set the name, the headers and the timeout; the constructor of every class calls it."""
        self.name = self._name = self.wire_name if name is None else _plain("Action", name)
        self.timeout = timeout
        if not self.name or self.name != self.name.strip():
            raise ValueError(
                f"Action: {self.name!r} is no name: it is empty, or has blanks around it"
            )
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        self._pairs = tuple(
            (key, text)
            for name_or_bytes, value in pairs
            for key in (_plain("a header's name", name_or_bytes),)
            for text in _texts(key, value)
        )
        for key, _ in self._pairs:
            if key.lower() in _RESERVED:
                raise ValueError(
                    f"{key}: the action's name and its ActionID are not given among the headers"
                )
        if len(self._pairs) > MAX_LINES - 2:
            raise ValueError(
                f"{shown(self.name)}: {len(self._pairs) + 2} lines with Action and ActionID, "
                f"and Asterisk takes at most {MAX_LINES} in one action"
            )
        first = self._first_line if name is None else encode_header("Action", self._name)
        self._lines = b"\r\n".join([first, *(encode_header(*header) for header in self._pairs)])
        odd = not self._lines.isascii()
        if odd:
            self.name = shown(self.name)
        self.headers = (
            tuple((shown(key), shown(text)) for key, text in self._pairs) if odd else self._pairs
        )

    def encode(self, action_id: str, *, trusted: bool = False, encoding: Encoding = UTF8) -> bytes:
        """Return the bytes of this action with an ActionID.

        Args:
            action_id: identifies the answer.
            trusted: `True` for an ActionID of the library, which needs no check.
            encoding: the encoding of text; values given as bytes are sent unchanged.

        Raises:
            ValueError, TypeError: the ActionID cannot be sent (see `encode_action_id`).
            ValueError: a header has a character that this encoding lacks, or is too long in it.
        """
        line = b"ActionID: " + action_id.encode() if trusted else encode_action_id(action_id)
        lines = self._lines
        if encoding.name != DEFAULT_ENCODING:
            lines = self._encoded(encoding)
        return b"%b\r\n%b\r\n\r\n" % (lines, line)

    def _encoded(self, encoding: Encoding) -> bytes:
        """All lines in an encoding, without the ActionID."""
        if self._lines.isascii():
            return self._lines
        pairs = ("Action", self._name), *self._pairs
        return b"\r\n".join([encode_header(*each, encoding) for each in pairs])

    @classmethod
    def may_change(cls, headers: Iterable[tuple[str, str]]) -> str:
        """Return a clause on the change that it may make on the server; empty if it only reads.

        Args:
            headers: the headers of the action.
        """
        if cls.reads_only:
            return ""
        return (
            "it may change something on the server"
            if cls.wire_name
            else "nothing says that it only reads"
        )

    @property
    def answered_as(self) -> type[Action[Any]]:
        """The class that declares how it is answered; for a plain `Action`, that of its name."""
        return action_class(self.name) if type(self) is Action else type(self)

    @property
    def outcome_timeout(self) -> float | None:
        """Seconds to wait for its outcome, if it has one; `None` is no limit."""
        kind = self.answered_as
        return self.timeout if self.timeout is not None else kind.outcome_limit(self.headers)

    @classmethod
    def outcome_limit(cls, headers: Iterable[tuple[str, str]]) -> float | None:
        """Return the seconds that the outcome of an action with these headers may take."""
        return None

    def conclusion(self, action_id: str, event: Event) -> Event | str | None:
        """Decide whether an event of `outcome_events` is the outcome of this action.

        Args:
            action_id: the ActionID under which this action was sent.
            event: the event.

        Returns:
            The event, if it is the outcome; a sentence, if no outcome will come; `None`, if the
            event belongs to another action.
        """
        kind = self.answered_as
        same = kind.conclusion is Action.conclusion
        return None if same else kind.conclusion(self, action_id, event)

    def outcome_keys(self, encoding: Encoding) -> tuple[bytes, ...]:
        """Return keys of which the outcome's event has at least one among its `event_keys`.

        They limit the actions for which `conclusion` examines an event. Without keys, as here,
        every event is examined for this action.

        Args:
            encoding: the encoding of text.
        """
        return ()

    @staticmethod
    def event_keys(event: Event) -> tuple[bytes, ...]:
        """Return all keys in an event that could be `outcome_keys` of an action of this class."""
        return ()

    def conclusion_of_response(self, response: Response) -> Event | None:
        """Return the outcome if the answer itself already contains it, else `None`."""
        kind = self.answered_as
        same = kind.conclusion_of_response is Action.conclusion_of_response
        return None if same else kind.conclusion_of_response(self, response)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Action):
            return NotImplemented
        return self._lines == other._lines and self.timeout == other.timeout

    def __hash__(self) -> int:
        return hash(self._lines)

    def __repr__(self) -> str:
        own = {
            "action": self.name,
            **{name.lower(): value for name, value in reversed(self.headers)},
        }
        shown = (show_header(*header, own.get) for header in self.headers)
        return f"<Action {', '.join((self.name, *shown))}>"


_T = TypeVar("_T")

_NO_ARGUMENTS: Final[dict[str, Any]] = {}
_TAKEN: Final = frozenset(dir(Action)) | {"name", "headers", "timeout"}


def _substituted(reply: Any, origin: Any, arguments: tuple[Any, ...]) -> Any:
    """Replace a class's type variables in the kind of reply by the arguments in the brackets."""
    given = dict(zip(origin.__parameters__, arguments, strict=False))
    if isinstance(reply, TypeVar):
        return given.get(reply, reply)
    variables = getattr(reply, "__parameters__", ())
    return reply[tuple(given.get(each, each) for each in variables)] if variables else reply


class _Signature:
    """The signature of a class, built when it is read."""

    def __get__(self, action: object, owner: type[KnownAction[Any]]) -> Signature:
        if owner.__init__ is not KnownAction.__init__:
            return Signature(list(Signature.from_callable(owner.__init__).parameters.values())[1:])
        kinds = (SignatureParameter.POSITIONAL_OR_KEYWORD, SignatureParameter.KEYWORD_ONLY)
        parameters = [
            SignatureParameter(
                each.name,
                kinds[each.keyword_only],
                default=SignatureParameter.empty if each.default is REQUIRED else each.default,
                annotation=each.annotation,
            )
            for each in owner._parameters.values()
        ]
        return Signature(sorted(parameters, key=lambda each: each.kind))


@dataclass_transform(field_specifiers=(header,), eq_default=False, frozen_default=True)
class KnownAction(Action[ResponseT_co], abstract=True):
    """The base of action classes, which declare their parameters and their answer::

        class Foo(KnownAction[ListReply[FooItem, FooListComplete]]):
            bar: int = header("Bar", whole_number(minimum=0))

    See `aioami.actions.parameters`. Each argument is an attribute of the action. A class whose
    parameters depend on each other has a constructor instead.
    """

    given: dict[str, Any]
    """The arguments that the action was made with, by parameter."""
    _parameters: ClassVar[dict[str, Parameter]] = {}

    if TYPE_CHECKING:

        def __init__(self) -> None: ...

    else:
        __signature__ = _Signature()

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            parameters = self._parameters
            if not (parameters or args or kwargs):  # like most actions that are sent often
                self.given, self._lines = _NO_ARGUMENTS, self._first_line
                self.name = self._name = self.wire_name
                self.headers = self._pairs = ()
                self.timeout = None
                return
            name = type(self).__name__
            places = [each for each, parameter in parameters.items() if not parameter.keyword_only]
            if len(args) > len(places):
                raise TypeError(
                    f"{name}() takes {len(places)} positional arguments, but {len(args)} were given"
                )
            given = dict(zip(places, args, strict=False))
            for keyword, value in kwargs.items():
                if keyword not in parameters:
                    raise unexpected(name, keyword, parameters)
                if keyword in given:
                    raise TypeError(f"{name}() got multiple values for argument {keyword!r}")
                given[keyword] = value
            for each, value in given.items():
                if isinstance(
                    value, Iterator
                ):  # an action must allow several reads of its arguments
                    given[each] = tuple(value)
            for each, parameter in parameters.items():
                if given.setdefault(each, parameter.default) is REQUIRED:
                    raise TypeError(f"{name}() is missing the argument {each!r}")
            self.given = given
            self._declare(
                [
                    line
                    for each, parameter in parameters.items()
                    for line in parameter.encode(given[each])
                ]
            )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._parameters = {**cls._parameters, **_parameters_of(cls)}
        if "__init__" in vars(cls):
            setattr(cls, "__new__", _checking_keywords)  # noqa: B010 - type checkers need no other
        if cls.__init__ is KnownAction.__init__:
            places = tuple(name for name, each in cls._parameters.items() if not each.keyword_only)
            setattr(cls, "__match_args__", places)  # noqa: B010 - type checkers know it already


def _checking_keywords(cls: type[_T], *args: object, **kwargs: object) -> _T:
    """Make an object of a class with its own constructor; unknown keywords are refused."""
    if kwargs:
        parameters = Signature.from_callable(cls.__init__).parameters
        if not any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
            for keyword in kwargs:
                if keyword not in parameters:
                    raise unexpected(cls.__name__, keyword, list(parameters)[1:])
    return object.__new__(cls)


def _parameters_of(cls: type[KnownAction[Any]]) -> dict[str, Parameter]:
    """The parameters that the class itself declares, in their order."""
    found: dict[str, Parameter] = {}
    keyword_only = False
    for name, annotation in _annotations_of(cls).items():
        keyword_only = keyword_only or name == "_"
        if isinstance(vars(cls).get(name), Parameter):
            found[name] = copy(vars(cls)[name])
            found[name].keyword_only = keyword_only
            found[name].annotation = annotation
            setattr(cls, name, found[name])
    for base in cls.__mro__:
        # Base classes that are actions were checked when they were made.
        if base is not cls and (issubclass(base, KnownAction) or base in KnownAction.__mro__):
            continue
        for name, value in vars(base).items():
            if not isinstance(value, Parameter):
                continue
            if name in _TAKEN:
                raise TypeError(
                    f"{cls.__name__}.{name}: a parameter cannot have this name, "
                    "which every action has"
                )
            if base is not cls or name not in found:
                raise TypeError(
                    f"{cls.__name__}.{name}: a parameter needs an annotation, "
                    "in a class of an action"
                )
    optional = ""
    for name, each in {**cls._parameters, **found}.items():
        if each.default is not REQUIRED:
            optional = optional or ("" if each.keyword_only else name)
        elif optional and not each.keyword_only:
            raise TypeError(
                f"{cls.__name__}.{name}: what is required cannot follow {optional}, which is not"
            )
    return found


def _annotations_of(cls: type) -> dict[str, Any]:
    """Return a class's own annotations, even if some names exist only for type checkers."""
    own: dict[str, Any] | None = vars(cls).get("__annotations__")
    if own is None and sys.version_info >= (3, 14):
        import annotationlib

        own = annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF)
    return own or {}


def action_class(name: str) -> type[Action[Any]]:
    """Return the class for an action's name; `Action` itself if none is declared."""
    name = name.lower()
    found = ACTIONS.get(name)
    if found is None:
        load()
        found = ACTIONS.get(name, Action)
    return found


def value_of(action: Action[Any], name: str) -> str:
    """Return the first header of a name, in any case, as Asterisk reads it; empty without one."""
    return next((value for key, value in action.headers if key.lower() == name.lower()), "")


def bytes_of_header(action: Action[Any], name: str, encoding: Encoding) -> bytes | None:
    """Return the bytes of an action's first header of a name; `None` without one.

    Raises:
        ValueError: the encoding lacks a character of it.
    """
    given = next((value for key, value in action._pairs if key.lower() == name.lower()), None)
    return None if given is None else encoding.encode(name, given)


def is_same(action: Action[Any], event: Event, name: str, other: str | None = None) -> bool:
    """True if an action's first header of a name has the same bytes as the event's.

    Their texts may differ: an action shows a channel that was given as bytes in UTF-8.

    Args:
        other: the name of the event's header, if it is another one.
    """
    try:
        return bytes_of_header(action, name, encoding_of(event.text)) == event.getbytes(
            other or name
        )
    except ValueError:  # the encoding cannot write it, so it was not sent
        return False


def classes_of(name: str) -> list[type[Action[Any]]]:
    """Return the catalogue's classes for an action's name, in any case; Originate has two."""
    load()
    from . import AREAS

    modules = [import_module(f"{__package__}.{area}") for area in AREAS]
    found = (getattr(module, each) for module in modules for each in module.__all__)
    return [
        each
        for each in found
        if isinstance(each, type)
        and issubclass(each, Action)
        and each.wire_name.lower() == name.lower()
    ]


def load() -> None:
    """Load all areas of the catalogue, so that `ACTIONS` is complete."""
    from . import AREAS

    if not _LOADED:
        for area in AREAS:
            import_module(f"{__package__}.{area}")
        _LOADED.update(AREAS)


def encode_action_id(action_id: str) -> bytes:
    """Encode the line with an ActionID, if Asterisk will repeat it unchanged.

    Raises:
        ValueError: it is empty, is over 67 bytes, begins with a blank, or has characters other than
            printable ASCII.
        TypeError: it is no text.
    """
    if not isinstance(action_id, str):
        raise TypeError(f"ActionID: expected text, not {type(action_id).__name__}")
    action_id = str.__str__(action_id)
    if not (action_id.isascii() and action_id.isprintable()):
        raise ValueError("ActionID: it may have printable characters of ASCII alone")
    if not action_id:
        raise ValueError("ActionID: it is empty, which Asterisk takes for none")
    if action_id[0] in " \t":
        raise ValueError("ActionID: it begins with a blank, which Asterisk drops")
    line = encode_header("ActionID", action_id)
    size = len(line) - len("ActionID: ")
    if size > MAX_ACTION_ID:
        raise ValueError(
            f"ActionID: it has {size} bytes, and Asterisk takes at most {MAX_ACTION_ID} everywhere"
        )
    return line


def _plain(field: str, text: object) -> str:
    """The plain text of a value; a subclass of `str`, such as an enum, may show another one."""
    if isinstance(text, (bytes, bytearray)):
        return from_bytes(text)
    if isinstance(text, Received):
        return from_bytes(text.raw)
    if not isinstance(text, str):
        raise TypeError(f"{field}: expected text, not {type(text).__name__}")
    return str.__str__(text)


def _texts(key: str, value: HeaderValue) -> list[str]:
    """A header's value as the list of texts to send; empty for `None`."""
    if value is None:
        return []
    if isinstance(value, bool):
        raise TypeError(
            f"{shown(key)}: a bool has no one spelling in Asterisk; give the text that this "
            "header wants"
        )
    if isinstance(value, (str, bytes, bytearray)):
        return [_plain(key, value)]
    if isinstance(value, int):
        return [str(int(value))]
    if isinstance(value, (memoryview, Mapping)) or not isinstance(value, Iterable):
        raise TypeError(
            f"{shown(key)}: expected text or a whole number, not {type(value).__name__}"
        )
    return [text for item in value for text in _texts(key, item)]
