"""Actions that came to a fake server, and actions that a test expects."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import async_timeout

from .actions import Request

__all__ = ["Expectation", "Inbox"]


@dataclass(eq=False)
class _Wanted:
    """Actions that a test expects.

    Attributes:
        name: the action's name.
        headers: headers that each action must have.
        times: number of actions.
        met: the actions that came.
    """

    name: str
    headers: Sequence[tuple[str, str]]
    times: int
    met: list[Request] = field(default_factory=list)

    def __str__(self) -> str:
        wanted = ", ".join(f"{name}: {value}" for name, value in self.headers)
        return f"<Expectation {self.name}{f' with {wanted}' if wanted else ''}>"

    @property
    def is_met(self) -> bool:
        """True once all have come."""
        return len(self.met) >= self.times

    def fits(self, request: Request) -> bool:
        """Return true if a request has the name and the headers."""
        if request.name.lower() != self.name.lower():
            return False
        return all(value in request.getall(name) for name, value in self.headers)


class Inbox:
    """All actions that came to a server, and the expectations that they meet.

    Attributes:
        received: the actions, in the order in which they came.
    """

    def __init__(self) -> None:
        self.received: list[Request] = []
        self._changed = asyncio.Event()
        self._wanted: list[_Wanted] = []
        self._taken: set[int] = set()

    def add(self, request: Request) -> None:
        """Add an action that came."""
        self.received.append(request)
        self._changed.set()

    async def change(self) -> None:
        """Wait for the next action."""
        self._changed.clear()
        await self._changed.wait()

    def expect(self, wanted: _Wanted) -> None:
        """Add an expectation after the present ones."""
        self._wanted.append(wanted)

    def forget(self, wanted: _Wanted) -> None:
        """Remove an expectation; nothing happens if it is gone."""
        if wanted in self._wanted:
            self._wanted.remove(wanted)

    def match(self) -> None:
        """Give each action to the first expectation that it fits."""
        for wanted in self._wanted:
            for request in self.received:
                if wanted.is_met:
                    break
                if id(request) not in self._taken and wanted.fits(request):
                    self._taken.add(id(request))
                    wanted.met.append(request)

    def check(self) -> None:
        """Check that every expected action came.

        Raises:
            AssertionError: an action did not come as often as expected.
        """
        for wanted in self._wanted:
            self.check_one(wanted)

    def check_one(self, wanted: _Wanted) -> None:
        """Check that one expected action came.

        Raises:
            AssertionError: the action did not come as often as expected.
        """
        self.match()
        if not wanted.is_met:
            raise AssertionError(self.complaint(wanted))

    def complaint(self, wanted: _Wanted) -> str:
        """Return the message for an expectation that is not met; it lists the actions that came."""
        came = ", ".join(request.name for request in self.received) or "nothing"
        how = "it did not come"
        if wanted.times > 1:
            how = f"{len(wanted.met)} of {wanted.times} came"
        return f"{wanted}: {how}; what came: {came}"


class Expectation:
    """An action that a test expects of a client, made by `FakeAsterisk.expect`.

    Awaiting it waits for the action and returns the `Request`, or the last one if several are
    expected. It raises `AssertionError` if they do not come within the timeout, which removes the
    expectation. Cancelling leaves the expectation as it is.

    Attributes:
        name: the action's name.
    """

    def __init__(
        self,
        inbox: Inbox,
        name: str,
        headers: Sequence[tuple[str, str]],
        times: int,
        timeout: float,
    ) -> None:
        self.name = name
        self._inbox = inbox
        self._timeout = timeout
        self._wanted = _Wanted(name, headers, times)
        inbox.expect(self._wanted)

    def __repr__(self) -> str:
        return str(self._wanted)

    def __await__(self) -> Generator[Any, None, Request]:
        return self._wait().__await__()

    async def _wait(self) -> Request:
        try:
            async with async_timeout.timeout(self._timeout):
                self._inbox.match()
                while not self._wanted.is_met:
                    await self._inbox.change()
                    self._inbox.match()
        except asyncio.TimeoutError:
            self._inbox.forget(self._wanted)
            raise AssertionError(self._inbox.complaint(self._wanted)) from None
        return self._wanted.met[-1]

    def check(self) -> None:
        """Check that all expected actions have come.

        Raises:
            AssertionError: an action has not come.
        """
        self._inbox.check_one(self._wanted)
