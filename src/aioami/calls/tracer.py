"""Tracer of calls: it puts the events of a server together to calls."""

from __future__ import annotations

from collections.abc import Iterable

from .._check import check_whole_number
from ..events.base import Event
from .model import CallTrace
from .registry import CallRegistry
from .sentences import HANDLERS

__all__ = ["CallTracer"]


class CallTracer:
    """Puts the events of a server together to calls.

    Args:
        keep: the number of finished calls to keep, the latest ones; `None` keeps all.

    Raises:
        ValueError: `keep` is negative.
        TypeError: `keep` is no whole number.
    """

    def __init__(self, *, keep: int | None = None) -> None:
        check_whole_number("keep", keep)
        if keep is not None and keep < 0:
            raise ValueError(f"keep: at least 0, or None for all, not {keep}")
        self._registry = CallRegistry(keep)

    def take(self, event: Event, time: float | None = None) -> str | None:
        """Add an event to the call that it is about; ignore it if it is about no call.

        Args:
            event: from a stream, a recording or a log; or an item of `CoreShowChannels`, for a
                channel that is older than the tracing.
            time: the time of the event, in seconds since 1970; `None` takes its own time stamp.

        Returns:
            The Linkedid of the call to which the event added a step; `None` if it added no step.

        Raises:
            ValueError: no time is given, and the event has no time stamp.
        """
        handler = HANDLERS.get(event.name)
        if handler is None:
            return None
        if time is None:
            time = event.timestamp
            if time is None:
                stamp = "time stamp (manager.conf: timestampevents)"
                raise ValueError(f"time: {event.name} has no {stamp}, so it must be given")
        self._registry.touched = None
        handler(self._registry, event, time)
        touched = self._registry.touched
        return None if touched is None else touched.links[0]

    def missing(self, present: Iterable[str], time: float) -> None:
        """End all channels that no longer exist, after a time in which events were missed.

        Args:
            present: the unique ids of the channels that exist.
            time: the time of this list of channels, in seconds.
        """
        alive = set(present)
        for channel in list(self._registry.channels.values()):
            if channel.ended is None and channel.uniqueid not in alive:
                words = " is gone; when and why was missed"
                self._registry.step(time, "gone", channel, words)
                self._registry.end(channel, time, seen=False)

    def find(self, call: str) -> CallTrace | None:
        """Find a call by a linked id, a unique id or a channel.

        Args:
            call: a linked id, a unique id, a channel's name, or the part of the name before the
                last hyphen (`PJSIP/alice`). Letter case is ignored. If several calls match, the
                latest is taken.

        Returns:
            The call as far as it is known; `None` if no call matches.
        """
        found = self._registry.find(call)
        return None if found is None else found.value()

    def is_one_call(self, first: str, second: str) -> bool:
        """Return true if two linked ids belong to the same call.

        Args:
            first: a linked id.
            second: a linked id.
        """
        return self._registry.is_one_call(first, second)

    def calls(self) -> list[CallTrace]:
        """Return all known calls, in the order in which they began."""
        return [each.value() for each in self._registry.calls]

    def __len__(self) -> int:
        return len(self._registry.calls)
