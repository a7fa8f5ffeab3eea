"""Functions of others that are told of something at once, in the middle of what we do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from .._check import check_callable
from .._log import get_logger

__all__ = ["Observers"]

log = get_logger("aioami.manager")

T = TypeVar("T")


class Observers(Generic[T]):
    """Those who observe one kind of thing.

    Args:
        what: the kind, in the plural, for the log.

    Attributes:
        entries: their functions, each in a tuple of its own: so one function may observe twice.
    """

    __slots__ = ("_what", "entries")

    def __init__(self, what: str) -> None:
        self._what = what
        self.entries: tuple[tuple[Callable[[T], object]], ...] = ()

    def add(self, observer: Callable[[T], object]) -> Callable[[], None]:
        """Have a function called with each; return the one that ends it."""
        check_callable("observer", observer)
        entry = (observer,)
        self.entries = (*self.entries, entry)

        def end() -> None:
            self.entries = tuple(each for each in self.entries if each is not entry)

        return end

    def notify(self, thing: T) -> None:
        """Call all of them. What one raises is logged, and hurts no other."""
        for (observer,) in self.entries:
            try:
                observer(thing)
            except Exception:
                log.exception("an observer of %s raised", self._what)
