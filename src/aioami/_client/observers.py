"""Observers: functions of the user that are called at once, in the middle of the library's work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from .._check import check_callable
from .._log import get_logger

__all__ = ["Observers"]

log = get_logger("aioami.manager")

T = TypeVar("T")


class Observers(Generic[T]):
    """The observers of one kind of thing.

    Args:
        what: the kind, in the plural, for the log.

    Attributes:
        entries: the functions, each in its own tuple, so that one function may observe twice.
    """

    __slots__ = ("_what", "entries")

    def __init__(self, what: str) -> None:
        self._what = what
        self.entries: tuple[tuple[Callable[[T], object]], ...] = ()

    def add(self, observer: Callable[[T], object]) -> Callable[[], None]:
        """Add an observer that is called with each thing; return a function that removes it."""
        check_callable("observer", observer)
        entry = (observer,)
        self.entries = (*self.entries, entry)

        def end() -> None:
            self.entries = tuple(each for each in self.entries if each is not entry)

        return end

    def notify(self, thing: T) -> None:
        """Call all observers. An exception of one is logged, and does not affect the others."""
        for (observer,) in self.entries:
            try:
                observer(thing)
            except Exception:
                log.exception("an observer of %s raised", self._what)
