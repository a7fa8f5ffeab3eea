"""The rights that a manager's actions and streams need, and the actions that it refuses to send."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from .._session.dispatch import Selector
from ..actions.base import Action, action_class
from ..errors import PermissionDenied
from ..events.base import Event

if TYPE_CHECKING:
    from ..permissions import Demand, Permissions

__all__ = ["Rights"]

_NONE: Final[frozenset[Any]] = frozenset()


class Conditions(Protocol):
    """The options by which an action is admitted; `Options` has them, among others."""

    @property
    def read_only(self) -> bool:
        """True if no action is sent that may change something."""

    @property
    def ssl(self) -> object | None:
        """Not `None` if nobody else can read what is sent."""

    @property
    def plaintext_login(self) -> bool:
        """True if a secret may be sent as it is."""

    @property
    def event_filters(self) -> Sequence[object]:
        """The filters that are set at each login."""


class Rights:
    """Admits actions, and records what the server must allow for them and for the streams.

    Args:
        options: say whether the manager is read-only, and whether a secret may be sent as it is.
    """

    __slots__ = ("_admitted", "_demands", "_options", "_selected")

    def __init__(self, options: Conditions) -> None:
        self._options = options
        # Few things are ever added, and for a quiet connection three sets would be a tenth of its
        # memory.
        self._admitted: frozenset[str] = _NONE
        self._demands: frozenset[Demand] = _NONE
        self._selected: frozenset[Selector] = _NONE

    def admit(self, action: Action[Any]) -> None:
        """Record the rights that an action needs.

        Raises:
            TypeError: it is no action.
            ValueError: it is a login whose secret anybody could read.
            PermissionDenied: the manager is read-only, and the action may change something.
        """
        if not isinstance(action, Action):
            raise TypeError(_no_action(action))
        # Most actions need the same whatever their headers say, and are examined once.
        if action.name not in self._admitted:
            self._refuse_plain_secret(action)
            self._refuse_change(action)
            self._note(action)

    def note_selectors(self, selectors: Iterable[Selector]) -> frozenset[Selector]:
        """Record the events that a stream selects, and return what was not selected before.

        No selector is all events.
        """
        new = frozenset(selectors or ("*",)) - self._selected
        if new:
            self._selected |= new
        return new

    def required(self) -> Permissions:
        """Return what was recorded until now, as sections of manager.conf."""
        from ..permissions import of_use

        own_filters = bool(self._options.event_filters)
        return of_use(self._demands, self._selected, own_filters=own_filters)

    def _refuse_plain_secret(self, action: Action[Any]) -> None:
        if self._options.ssl is not None or self._options.plaintext_login:
            return
        if _is_login(action) and any(name.lower() == "secret" for name, _ in action.headers):
            raise ValueError(
                "Secret: anybody could read it on this link; give core.Login the challenge that "
                "core.Challenge returns, use TLS, or make the manager with plaintext_login=True"
            )

    def _refuse_change(self, action: Action[Any]) -> None:
        if not self._options.read_only:
            return
        kind = action_class(action.name) if type(action) is Action else type(action)
        if why := kind.may_change(action.headers):
            text = f"{action.name} was not sent, because the manager is read-only: {why}"
            raise PermissionDenied(text, action=action)

    def _note(self, action: Action[Any]) -> None:
        from ..permissions import Demand

        variant = Demand.variant(action.name, action.headers)
        examined = f"{action.name} {variant}" if variant else action.name
        if examined in self._admitted:
            return
        self._demands |= {Demand.of(action.name, action.headers)}
        # What is refused by its headers is examined each time.
        if variant or not (self._options.read_only or _is_login(action)):
            self._admitted |= {examined}


def _no_action(given: object) -> str:
    """A sentence on what was given in the place of an action, and what to write instead."""
    if isinstance(given, type) and issubclass(given, Action):
        made = f"{given.__name__}({'...' if _needs_arguments(given) else ''})"
        return f"{given.__name__} is the class of an action; send an object of it, {made}"
    event = given if isinstance(given, type) else type(given)
    if issubclass(event, Event):
        name = event.wire_name or event.__name__
        known = action_class(event.wire_name) if event.wire_name else Action
        other = "" if known is Action else f"; the action is actions.{known.__name__}"
        return f"{name} is an event, which is received by events() and not sent{other}"
    if isinstance(given, str):
        known = action_class(given)
        made = f"{known.__name__}({'...' if _needs_arguments(known) else ''})"
        free = f"Action({given!r:.60})"
        return (
            f"expected an action, not text; send {free if known is Action else f'{made} or {free}'}"
        )
    hint = "; send Action(name, headers)" if isinstance(given, Mapping) else ""
    return f"expected an action, not {type(given).__name__}{hint}"


def _needs_arguments(action: type[Action[Any]]) -> bool:
    parameters = inspect.signature(action).parameters.values()
    return any(
        each.default is each.empty and each.kind is not each.VAR_KEYWORD for each in parameters
    )


def _is_login(action: Action[Any]) -> bool:
    return action.name.lower() == "login"
