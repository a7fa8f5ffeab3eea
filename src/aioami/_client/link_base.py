"""The common base of links: their state, and waiting for it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

import async_timeout

from .._owner import Owner
from .._signals import Signal
from ..errors import ConnectionLost, ManagerError, ManagerTimeout, fresh
from ..states import ManagerState
from .observers import Observers

__all__ = ["LinkBase"]


class LinkBase(ABC):
    """The base of the links of `Manager` and `RemoteManager`.

    Attributes:
        owner: the loop, thread and process that the link belongs to.
        observers: the functions that are called with each new state.
        state: the state of the link; see also `visible_state`.
        reason: the error that ended the link, or with which the last attempt failed; else `None`.
    """

    def __init__(self) -> None:
        self._changed = Signal()
        self._was_connected = False
        self.owner = Owner(self._lost_its_loop)
        self.observers: Observers[ManagerState] = Observers("states")
        self.state = ManagerState.CLOSED
        self.reason: ManagerError | None = None

    @abstractmethod
    def _lost_its_loop(self) -> None:
        """Take note that the event loop was closed, which ended the link without a `close()`."""

    @property
    def visible_state(self) -> ManagerState:
        """The state as callers see it, in any thread and process."""
        return ManagerState.CLOSED if self.owner.is_gone else self.state

    def _enter(self, state: ManagerState) -> None:
        changed = state is not self.state
        self.state = state
        self._wake()
        if changed:
            self.observers.notify(state)

    def _wake(self) -> None:
        """Wake the tasks that wait for another state."""
        self._changed.send()

    def why_not(self) -> str:
        """Return the reason why there is no link, as a sentence."""
        if self.reason is not None:
            return str(self.reason)
        if not self._was_connected:
            return "this manager was never connected; `async with` does so, and `connect()`"
        return f"the manager is {self.state.value}"

    async def wait_ready(self, timeout: float | None) -> None:
        """See `Manager.wait_ready`."""
        try:
            async with async_timeout.timeout(timeout):
                await self._ready()
        except asyncio.TimeoutError as error:
            sentence = f"the manager was not ready within {timeout:g} seconds: {self.why_not()}"
            raise ManagerTimeout(sentence) from error

    async def _ready(self) -> None:
        waiting = False
        while self.state is not ManagerState.READY:
            if self.state is ManagerState.LOST and self.reason is not None:
                raise fresh(self.reason)
            if waiting and self.state is ManagerState.CLOSED:
                sentence = f"the manager did not become ready: {self.why_not()}"
                raise ConnectionLost(sentence) from self.reason
            waiting = True
            await self._changed.wait()
            self.owner.check()
