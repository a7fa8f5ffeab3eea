"""Waiting for the event with an action's outcome, and the reasons why it may not come."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import async_timeout

from .._owner import Owner
from .._session.pending import Outcome
from ..actions.base import Action, value_of
from ..errors import ActionError, ConnectionLost, ManagerTimeout, PermissionDenied, fresh
from ..events.base import Event

if TYPE_CHECKING:
    from .like import View

__all__ = ["hindrance", "sight", "waiting_for"]


def waiting_for(outcome: Outcome) -> Callable[[float | None], Awaitable[Event]]:
    """Return a function that waits for an outcome, only in the event loop that runs now."""
    owner = Owner(functools.partial(_lose, outcome), "response", "response.outcome()")
    owner.take()

    def wait(timeout: float | None) -> Awaitable[Event]:
        return _wait_for_outcome(outcome, owner, timeout)

    return wait


def _lose(outcome: Outcome) -> None:
    outcome.settle(ConnectionLost("the event loop of the link was closed", sent=True))


async def _wait_for_outcome(outcome: Outcome, owner: Owner, timeout: float | None) -> Event:
    """Wait for the event with the outcome of an action, and return it.

    Args:
        outcome: receives the event; several tasks may wait for it.
        owner: the loop, thread and process in which the action was sent.
        timeout: seconds to wait; `None` is no limit.

    Raises:
        RuntimeError: this is another event loop, thread or process.
        ManagerTimeout: the event did not come in time.
        ManagerError: the event will not come; the error says why.
    """
    if outcome.result is None:
        owner.check()
    if outcome.result is None:
        promise: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        outcome.waiting.append(promise)
        try:
            async with async_timeout.timeout(timeout):
                return await promise
        except asyncio.TimeoutError as error:
            action = outcome.action
            sentence = f"the outcome of {action.name} did not come in {timeout:g} seconds"
            raise ManagerTimeout(sentence, action=action) from error
        finally:
            # Other tasks may still wait for the same outcome.
            if promise in outcome.waiting:
                outcome.waiting.remove(promise)
    if isinstance(outcome.result, Event):
        return outcome.result
    raise fresh(outcome.result)


def hindrance(view: View, action: Action[Any]) -> ActionError | None:
    """Return the error for an outcome that cannot come; `None` if it may come, as far as is known.

    Args:
        view: the part of the server that the manager can see.
        action: the action, which the server accepted.
    """
    from ..permissions import Demand, read_classes
    from ..permissions.delivery import EventFilter, includes, passes

    names = Demand.of(action.name, action.headers).events
    if not names:
        return None
    classes = set(read_classes(names[0]))
    what = f"the outcome of {action.name} cannot come, as it is the event {names[0]}"
    needed = f"of the class {' and '.join(sorted(classes))}"
    mask, permissions = view.mask, view.permissions
    if mask is not None and not includes(mask, classes):
        asked = f"asks for {', '.join(sorted(mask))} alone" if mask else "asks for no events"
        return ActionError(f"{what} {needed}, and the event mask {asked}", action=action)
    if permissions is not None and not includes(permissions.read, classes):
        return PermissionDenied(f"{what} {needed}, which the user may not read", action=action)
    own = list(map(EventFilter.of, view.filters or ()))
    # Asterisk applies the filters of manager.conf for this user too, before the manager's own.
    configured = [] if permissions is None else map(EventFilter.of, permissions.event_filters)
    filters = [*configured, *own]
    if all(passes(filters, name, sorted(classes)) is False for name in names):
        whose = "the manager's own filters" if own else "the user's filters in manager.conf"
        return ActionError(f"{what}, which {whose} hold back", action=action)
    return None


def sight(view: View) -> str:
    """A clause on the limits of a manager's events, for an outcome that did not come in time."""
    mask = view.mask
    if mask is None:
        found = "the event mask is not known"
    elif "all" in mask:
        found = "all events are asked for"
    else:
        found = f"the event mask is {','.join(sorted(mask)) or 'off'}"
    if view.filters is None:
        found += ", the filters are not known"
    elif view.filters:
        texts = [
            value_of(each, "MatchCriteria") or value_of(each, "Filter") for each in view.filters
        ]
        found += f", the filters are {', '.join(map(repr, texts))}"
    else:
        found += ", without filters"
    if view.permissions is None:
        found += "; the user's read classes are not known"
    return found
