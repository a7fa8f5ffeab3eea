"""Waiting for the event with the outcome of an action, and reasons why it cannot come."""

from __future__ import annotations

import asyncio
import re
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import async_timeout

from .._session.pending import Outcome
from ..actions.base import Action, value_of
from ..errors import ActionError, ManagerTimeout, PermissionDenied, fresh
from ..events.base import Event

if TYPE_CHECKING:
    from .like import View

__all__ = ["hindrance", "sight", "wait_for_outcome"]


async def wait_for_outcome(outcome: Outcome, timeout: float | None) -> Event:
    """Return the event that says how an action ended, when it is there.

    Args:
        outcome: receives it; several tasks may wait for it.
        timeout: seconds to wait; `None` is no limit.

    Raises:
        ManagerTimeout: it did not come in time.
        ManagerError: it will not come, for this reason.
    """
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
            # Others may go on waiting for the same outcome.
            if promise in outcome.waiting:
                outcome.waiting.remove(promise)
    if isinstance(outcome.result, Event):
        return outcome.result
    raise fresh(outcome.result)


def hindrance(view: View, action: Action[Any]) -> ActionError | None:
    """Return the error for an outcome that cannot come; `None` if it may, as far as is known.

    Args:
        view: the part of the server that the manager sees.
        action: the action, which was accepted.
    """
    from ..permissions import Demand, read_classes

    names = Demand.of(action.name, action.headers).events
    if not names:
        return None
    classes = set(read_classes(names[0]))
    what = f"the outcome of {action.name} cannot come, as it is the event {names[0]}"
    needed = f"of the class {' and '.join(sorted(classes))}"
    mask, permissions = view.mask, view.permissions
    if mask is not None and "all" not in mask and not classes <= mask:
        asked = f"asks for {', '.join(sorted(mask))} alone" if mask else "asks for no events"
        return ActionError(f"{what} {needed}, and the event mask {asked}", action=action)
    read = None if permissions is None else set(permissions.read)
    if read is not None and "all" not in read and not classes <= read:
        return PermissionDenied(f"{what} {needed}, which the user may not read", action=action)
    own = [_filter(each) for each in view.filters or ()]
    # Asterisk puts a manager's filters behind those that manager.conf has for its user.
    configured = (
        [] if permissions is None else [{"Filter": each} for each in permissions.event_filters]
    )
    if all(_is_held_back(name, sorted(classes), [*configured, *own]) for name in names):
        whose = "the manager's own filters" if own else "the user's filters in manager.conf"
        return ActionError(f"{what}, which {whose} hold back", action=action)
    return None


def sight(view: View) -> str:
    """A clause on what limits the events of a manager, for an outcome that did not come in time."""
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
        filters = map(_filter, view.filters)
        texts = [each["MatchCriteria"] or each["Filter"] for each in filters]
        found += f", the filters are {', '.join(map(repr, texts))}"
    else:
        found += ", without filters"
    if view.permissions is None:
        found += "; the user's read classes are not known"
    return found


def _filter(action: Action[Any]) -> dict[str, str]:
    return {name: value_of(action, name) for name in ("Filter", "MatchCriteria")}


def _is_held_back(name: str, classes: Iterable[str], filters: Iterable[dict[str, str]]) -> bool:
    """True if filters certainly let no event of a name through, whatever else is in it."""
    head = f"Event: {name}\r\nPrivilege: {','.join(classes)},all\r\n"
    # Asterisk lets through what one of the including filters fits, if there are any, and none of
    # the excluding ones.
    verdicts = [_fits(each, name, head) for each in filters]
    if any(excludes and fits for excludes, fits in verdicts):
        return True
    including = [fits for excludes, fits in verdicts if not excludes]
    return bool(including) and all(fits is False for fits in including)


def _fits(headers: dict[str, str], name: str, head: str) -> tuple[bool, bool | None]:
    """Return whether a filter excludes, and whether it fits such events; `None` if it may."""
    pattern = headers.get("Filter", "")
    criteria = dict(re.findall(r"(\w+)\(([^()]*)\)", headers.get("MatchCriteria", "")))
    if criteria:
        excludes = criteria.get("action") == "exclude"
        if criteria.get("name", name) != name:
            return excludes, False
        return excludes, None if "header" in criteria or pattern else True
    excludes = pattern.startswith("!")
    pattern = pattern.removeprefix("!")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python has doubts about what is plain in POSIX
            fits = re.search(pattern.replace("[[:space:]]", r"\s"), head) is not None
    except re.error:  # POSIX knows expressions that Python does not
        return excludes, None
    # What does not begin with the event's name may fit a header that is not known here.
    return excludes, fits or (False if pattern.startswith(("^", "Event:")) else None)
