"""What every action has: a name, headers that are checked when they are given, and what its answer looks like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

from ..responses.base import Response
from ..wire import MAX_ACTION_ID, MAX_LINES, encode_header, show_header

if TYPE_CHECKING:
    from ..events.base import Event

__all__ = [
    "ACTIONS",
    "Action",
    "HeaderValue",
    "ResponseT_co",
    "checked",
    "encode_action_id",
    "milliseconds",
    "seconds",
    "variable",
    "yes_no",
]

ResponseT_co = TypeVar("ResponseT_co", bound=Response, covariant=True)

HeaderValue = str | int | Iterable[str | int] | None
"""What a header may be given as: text, a whole number, several of them for a repeated header, or nothing."""

ACTIONS: Final[dict[str, type[Action[Any]]]] = {}
"""For each action's name on the wire, in lower case, a class that says how it is answered."""

_RESERVED: Final = frozenset({"action", "actionid"})


class Action(Generic[ResponseT_co]):
    """Anything that can be asked of the server.

    An action is a value: it can be compared, printed and sent again, and holds nothing of a connection.
    Use this class itself for what has no class of its own: `Action("Foo", {"Bar": "1", "Variable": ["a=1", "b=2"]})`.

    Args:
        name: the action's name on the wire.
        headers: its headers in order. `None` leaves a header out, a list repeats it.

    Raises:
        ValueError: a name or a value cannot be sent, or is one of `Action` and `ActionID` (see `Manager.send`).
        TypeError: a value is neither text nor a whole number. Asterisk spells booleans in several ways, so a bool
            has no one form.

    Attributes:
        name: the action's name on the wire.
        headers: the headers as they are sent, without `Action` and `ActionID`.
        timeout: seconds for which its answer is waited for; `None` is what the manager says.
    """

    wire_name: ClassVar[str] = ""
    """The name on the wire, for the classes that are one action."""
    privilege: ClassVar[tuple[str, ...]] = ()
    """The write classes of which the user needs one; none is needed if this is empty."""
    until: ClassVar[int | None] = None
    """The last major version of Asterisk that has it; `None` if today's has it."""
    response_type: ClassVar[type[Response]] = Response
    """The class of its answer."""
    list_end: ClassVar[str] = ""
    """The event that ends its list, where Asterisk does not mark the end as it does everywhere else."""
    raw: ClassVar[bool] = False
    """Whether the answer is lines of text without a `Response` header."""
    holds_session: ClassVar[bool] = False
    """Whether Asterisk may take its time before it answers this or anything behind it on the connection."""
    outcome_events: ClassVar[tuple[str, ...]] = ()
    """Names of the events in which its outcome may follow the answer."""

    name: str
    headers: tuple[tuple[str, str], ...]
    timeout: float | None
    _lines: bytes

    def __init__(self: Action[Response], name: str, headers: Mapping[str, HeaderValue] | None = None) -> None:
        self._declare(headers or {}, name=name)

    def __init_subclass__(cls, *, wire_name: str | None = None, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.wire_name = "" if abstract else wire_name or cls.__name__
        if cls.wire_name:
            ACTIONS[cls.wire_name.lower()] = cls

    def _declare(
        self,
        headers: Mapping[str, HeaderValue] | Iterable[tuple[str, HeaderValue]],
        *,
        name: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Fill this action; to be called by the constructor of every class."""
        self.name = _plain("Action", self.wire_name if name is None else name)
        self.timeout = timeout
        if not self.name or self.name != self.name.strip():
            raise ValueError(f"Action: {self.name!r} is no name: it is empty, or has blanks around it")
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        self.headers = tuple(
            (_plain("a header's name", key), text) for key, value in pairs for text in _texts(key, value)
        )
        for key, _ in self.headers:
            if key.lower() in _RESERVED:
                raise ValueError(f"{key}: the action's name and its ActionID are not given among the headers")
        if len(self.headers) > MAX_LINES - 2:
            raise ValueError(
                f"{self.name}: {len(self.headers) + 2} lines with Action and ActionID, "
                f"and Asterisk takes at most {MAX_LINES} in one action"
            )
        self._lines = b"\r\n".join(encode_header(*header) for header in (("Action", self.name), *self.headers))

    def encode(self, action_id: str) -> bytes:
        """The bytes of this action under an ActionID.

        Raises:
            ValueError, TypeError: the ActionID cannot be sent (see `encode_action_id`).
        """
        return b"%b\r\n%b\r\n\r\n" % (self._lines, encode_action_id(action_id))

    def conclusion(self, action_id: str, event: Event) -> Event | str | None:
        """What an event of `outcome_events` means to this action when it was sent under `action_id`.

        Returns:
            the event, if it is the outcome; a sentence, if it says that none will come; `None`, if it is another's.
        """
        return None

    def conclusion_of_response(self, response: Response) -> Event | None:
        """The outcome, if the answer itself already is one."""
        return None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Action):
            return NotImplemented
        return self._lines == other._lines and self.timeout == other.timeout

    def __hash__(self) -> int:
        return hash(self._lines)

    def __repr__(self) -> str:
        own = {"action": self.name, **{name.lower(): value for name, value in reversed(self.headers)}}
        return f"<Action {', '.join((self.name, *(show_header(*header, own.get) for header in self.headers)))}>"


def encode_action_id(action_id: str) -> bytes:
    """The line with an ActionID, unless it would not come back as it was sent.

    Raises:
        ValueError: empty, over 67 bytes of UTF-8, or beginning with a blank; CR, LF or NUL.
        TypeError: it is no text.
    """
    action_id = _plain("ActionID", action_id)
    if not action_id:
        raise ValueError("ActionID: it is empty, which Asterisk takes for none")
    if action_id[0] in " \t":
        raise ValueError("ActionID: it begins with a blank, which Asterisk drops")
    line = encode_header("ActionID", action_id)
    size = len(line) - len("ActionID: ")
    if size > MAX_ACTION_ID:
        raise ValueError(f"ActionID: it has {size} bytes, and Asterisk takes at most {MAX_ACTION_ID} everywhere")
    return line


def checked(field: str, value: str, allowed: tuple[str, ...]) -> str:
    """The value, if it is one of those that Asterisk knows.

    Raises:
        ValueError: it is not; the message names the field and what is allowed.
    """
    if value not in allowed:
        raise ValueError(f"{field}: one of {', '.join(allowed)}, not {value!r:.60}")
    return value


def seconds(field: str, value: float) -> str:
    """A time in seconds as text, fractions kept.

    Raises:
        ValueError: it is negative.
        TypeError: it is no number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{field}: expected a number of seconds, not {type(value).__name__}")
    if not 0 <= value < float("inf"):
        raise ValueError(f"{field}: 0 seconds or more, not {value}")
    return f"{value:.6f}".rstrip("0").rstrip(".")


def milliseconds(field: str, value: int | None) -> int | None:
    """A time in milliseconds, or none.

    Raises:
        ValueError: it is negative.
        TypeError: it is no whole number.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{field}: expected a whole number of milliseconds, not {type(value).__name__}")
    if value < 0:
        raise ValueError(f"{field}: 0 milliseconds or more, not {value}")
    return value


def yes_no(field: str, value: bool | None, words: tuple[str, str] = ("yes", "no")) -> str | None:
    """A truth value in one of Asterisk's spellings; nothing for `None`.

    Raises:
        TypeError: it is neither: a text such as `"false"` would be true.
    """
    if value is None:
        return None
    if not isinstance(value, bool):
        raise TypeError(f"{field}: expected True or False, not {type(value).__name__}")
    return words[0] if value else words[1]


_ESCAPED: Final = str.maketrans({character: f"\\{character}" for character in '\\,"()[]'})


def variable(name: str, value: str | int) -> str:
    """A `Variable` header's text, escaped so that the value arrives as it is.

    Raises:
        ValueError: the name is empty or has a character that would end it.
        TypeError: the value is neither text nor a whole number.
    """
    if not name or any(character in name for character in '="\\') or ("," in name and "(" not in name):
        raise ValueError(f"Variable: {name!r} is no variable's name")
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise TypeError(f"Variable {name}: expected text or a whole number, not {type(value).__name__}")
    return f"{name}={str(value).translate(_ESCAPED)}"


def _plain(field: str, text: object) -> str:
    """Text without what a subclass of `str` makes of it, as the members of an enum do."""
    if not isinstance(text, str):
        raise TypeError(f"{field}: expected text, not {type(text).__name__}")
    return str.__str__(text)


def _texts(key: str, value: HeaderValue) -> list[str]:
    """A header's value as the texts that are sent, none of them for `None`."""
    if value is None:
        return []
    if isinstance(value, bool):
        raise TypeError(f"{key}: a bool has no one spelling in Asterisk; give the text that this header wants")
    if isinstance(value, str):
        return [_plain(key, value)]
    if isinstance(value, int):
        return [str(int(value))]
    if isinstance(value, (bytes, bytearray, Mapping)) or not isinstance(value, Iterable):
        raise TypeError(f"{key}: expected text or a whole number, not {type(value).__name__}")
    return [text for item in value for text in _texts(key, item)]
