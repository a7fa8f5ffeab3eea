"""The base of classes that have one object for each manager."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from typing_extensions import Self

    from ._client.like import ManagerLike

__all__ = ["ManagersHub"]


class ManagersHub:
    """One object for each manager. When the manager is collected, its object is forgotten.

    Each subclass has its own objects. An idle object must hold no reference to its manager.
    """

    _hubs: ClassVar[WeakKeyDictionary[ManagerLike, Any]]

    def __init_subclass__(cls) -> None:
        cls._hubs = WeakKeyDictionary()

    @classmethod
    def of(cls, manager: ManagerLike) -> Self:
        """Return the hub of a manager, a new one at the first call."""
        hub: Self | None = cls._hubs.get(manager)
        if hub is None:
            hub = cls._hubs[manager] = cls()
        return hub
