"""`aioami events`: what happens on the server, as it happens."""

from __future__ import annotations

from .common import Json, Seconds, Url, manager, run_to_end
from .filters import Channels, Filter, Names, Where
from .watch import Brief, Count, Limit, Watch, form_of, hint_at_names

__all__ = ["events"]


def events(
    names: Names = None,
    url: Url = None,
    where: Where = None,
    channel: Channels = None,
    as_json: Json = False,
    brief: Brief = False,
    count: Count = False,
    limit: Limit = None,
    seconds: Seconds = None,
) -> int:
    """Show events as they come, until Ctrl-C. What was missed, and whether the link stands, is told on the standard error."""
    chosen = Filter(names, where, channel)
    watch = Watch(chosen, form_of(as_json, brief), counting=count, limit=limit)

    async def watched() -> None:
        mgr = manager(url, events=True)
        hint_at_names(chosen)
        await watch.follow(mgr, seconds)

    return run_to_end(watched())
