"""Recording of the rights that a manager needs, and refusal of actions that it must not send."""

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
    """The options that decide which actions may be sent; `Options` has them."""

    @property
    def read_only(self) -> bool:
        """True if actions that may change something are refused."""

    @property
    def ssl(self) -> object | None:
        """The TLS setting; `None` if others can read the actions."""

    @property
    def plaintext_login(self) -> bool:
        """True if a secret may be sent in plain text."""

    @property
    def event_filters(self) -> Sequence[object]:
        """The filters that each login sets."""


class Rights:
    """Admits or refuses actions, and records the rights that actions and streams need.

    Args:
        options: decide whether the manager is read-only, and whether a plain secret may be sent.
    """

    __slots__ = ("_admitted", "_demands", "_options", "_selected")

    def __init__(self, options: Conditions) -> None:
        self._options = options
        # Frozen sets, because entries are rarely added, and three sets would be a tenth of the
        # memory of a quiet connection.
        self._admitted: frozenset[str] = _NONE
        self._demands: frozenset[Demand] = _NONE
        self._selected: frozenset[Selector] = _NONE

    def admit(self, action: Action[Any]) -> None:
        """Admit an action, and record the rights that it needs.

        Raises:
            TypeError: `action` is no action.
            ValueError: it is a login, and others could read its secret.
            PermissionDenied: the manager is read-only, and the action may change something.
        """
        if not isinstance(action, Action):
            raise TypeError(_no_action(action))
        # The rights of most actions do not depend on their headers: these are examined only once.
        if action.name not in self._admitted:
            self._refuse_plain_secret(action)
            self._refuse_change(action)
            self._note(action)

    def note_selectors(self, selectors: Iterable[Selector]) -> frozenset[Selector]:
        """Record the selectors of a stream, and return the new ones.

        No selector selects all events.
        """
        new = frozenset(selectors or ("*",)) - self._selected
        if new:
            self._selected |= new
        return new

    def required(self) -> Permissions:
        """Return the rights that were recorded so far, as for manager.conf."""
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
        # An action that may be refused because of its headers is examined each time.
        if variant or not (self._options.read_only or _is_login(action)):
            self._admitted |= {examined}


def _no_action(given: object) -> str:
    """A sentence on an argument that is no action, with what to write instead."""
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
