"""`aioami demo`: one call from its beginning to its end."""

from __future__ import annotations

from ..options import Url
from ..server import with_secret

__all__ = ["demo"]


def demo(url: Url = None) -> int:
    """Place a call, follow it to its end, and say what happened;
    on an embedded server without --url.
    """
    from aioami import demo

    return demo.main(None if url is None else with_secret(url).text)
