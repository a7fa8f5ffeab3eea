"""Several programs behind one server."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from .._check import check_takes_one, check_text
from .session import Program, Session, run_program

__all__ = ["Routes"]

ProgramT = TypeVar("ProgramT", bound=Program)


class Routes:
    """Programs by their names; give this instead of a single program::

        routes = Routes()

        @routes.route("menu")
        async def menu(call: Session) -> None: ...

        async with FastAGI(routes) as server: ...  # dialplan: AGI(agi://127.0.0.1/menu)
        async with AsyncAGI(mgr, routes): ...  # dialplan: AGI(agi:async,menu)

    The name is the path of the `agi://` URL without its query. If that is empty, and over AsyncAGI,
    it is the first argument, which is then removed from the session's `arguments`. So a program has
    the same arguments over both transports. A session without a matching route is given back to
    the dialplan at once.
    """

    def __init__(self) -> None:
        self._programs: dict[str, Program] = {}

    def route(self, name: str) -> Callable[[ProgramT], ProgramT]:
        """Return a decorator that registers a coroutine function under a name.

        Args:
            name: the name, as `"menu"`; slashes around it are ignored.

        Raises:
            ValueError: the name has a program already.
        """
        check_text("name", name)
        key = name.strip("/")
        if key in self._programs:
            raise ValueError(f"there is a program for {name!r} already")

        def keep(program: ProgramT) -> ProgramT:
            check_takes_one("program", program, "the session")
            self._programs[key] = program
            return program

        return keep

    async def __call__(self, call: Session) -> None:
        """Run the program that a session asks for; return at once if it has no route."""
        program = self._programs.get(call.take_name().strip("/"))
        if program is not None:
            await run_program(program, call)

    def __repr__(self) -> str:
        return f"<Routes {', '.join(self._programs) or 'empty'}>"
