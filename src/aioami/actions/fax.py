"""Actions on faxes."""

from __future__ import annotations

from ..responses.base import Response
from .base import Action

__all__ = ["FAXStats"]


class FAXStats(Action[Response]):
    """Tell how faxes went: one `FAXStats` event, which nothing marks as the last."""

    privilege = ("system", "reporting")
    list_end = "FAXStats"

    def __init__(self) -> None:
        self._declare({})
