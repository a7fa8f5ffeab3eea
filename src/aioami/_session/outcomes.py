"""The assignment of events to the actions whose outcomes they are."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterable
from typing import Any, Final

from ..actions.base import Action
from ..errors import ActionError
from ..events.base import Event
from ..wire.text import Encoding
from .dispatch import Selection, Subscriber
from .pending import Outcome

__all__ = ["OutcomeWatch"]

_SPARE: Final = 100  # keys of dropped outcomes that may collect before they are removed


class OutcomeWatch(Subscriber):
    """Subscribes to the events of one name, for all actions whose outcome is such an event.

    One look-up finds the action of an event, by ActionID or by a key that both have. A subscriber
    for each action would have to examine every event. An outcome that its caller dropped is
    forgotten.

    Args:
        event_name: the name of the events.
        encoding: the encoding of the keys that actions give.

    Attributes:
        outcomes: by ActionID.
    """

    def __init__(self, event_name: str, encoding: Encoding) -> None:
        self.selection = Selection((event_name,))
        self.outcomes: weakref.WeakValueDictionary[str, Outcome] = weakref.WeakValueDictionary()
        self._encoding = encoding
        self._numbers = itertools.count()
        self._ids: dict[bytes, dict[str, int]] = {}  # ActionIDs by key, each with its rank
        self._kinds: set[type[Action[Any]]] = set()
        self._has_others = False

    @property
    def put(self) -> Callable[[Event], None]:
        return self._conclude

    def add(self, outcome: Outcome) -> None:
        """Watch the events for one more outcome."""
        self.outcomes[outcome.action_id] = outcome
        kind = outcome.action.answered_as
        keys = kind.outcome_keys(outcome.action, self._encoding)
        if not keys:
            self._has_others = True
            return
        self._kinds.add(kind)
        number = next(self._numbers)
        for key in keys:
            self._ids.setdefault(key, {})[outcome.action_id] = number
        if len(self._ids) > _SPARE + 4 * len(self.outcomes):
            self._sweep()

    def _sweep(self) -> None:
        left = (
            (key, {each: number for each, number in ids.items() if each in self.outcomes})
            for key, ids in self._ids.items()
        )
        self._ids = {key: ids for key, ids in left if ids}

    def _conclude(self, event: Event) -> None:
        # Some of these events have no ActionID; then an action recognises its own by other headers.
        one = self.outcomes.get(event.action_id or "")
        for outcome in (one,) if one is not None else self._candidates(event):
            conclusion = outcome.action.conclusion(outcome.action_id, event)
            if conclusion is None:
                continue
            del self.outcomes[outcome.action_id]
            if isinstance(conclusion, str):
                sentence = f"{outcome.action.name}: {conclusion}"
                outcome.settle(ActionError(sentence, action=outcome.action))
                continue
            outcome.settle(conclusion)
            return  # one event is the outcome of only one action, the one that was sent first

    def _candidates(self, event: Event) -> Iterable[Outcome]:
        if self._has_others:
            return tuple(self.outcomes.values())
        found: dict[str, int] = {}
        for key in {key for kind in self._kinds for key in kind.event_keys(event)}:
            ids = self._ids.get(key, {})
            for each in [each for each in ids if each not in self.outcomes]:
                del ids[each]
            if not ids:
                self._ids.pop(key, None)
            found.update(ids)
        outcomes = (self.outcomes.get(each) for each in sorted(found, key=found.__getitem__))
        return [outcome for outcome in outcomes if outcome is not None]
