"""Actions of chan_iax2."""

from __future__ import annotations

from ..responses.base import Response
from .base import Action

__all__ = ["IAXnetstats"]


class IAXnetstats(Action[Response]):
    """Tell how well IAX2 calls are heard: lines of numbers, which are the response's `data`.

    Without any call the server answers with nothing that could be told from silence, and this times out.
    """

    privilege = ("system", "reporting")
    raw = True

    def __init__(self) -> None:
        self._declare({})
