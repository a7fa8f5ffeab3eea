"""Running programs: their tasks, and the end of a call's session when its program ends."""

from __future__ import annotations

import asyncio
from typing import Final, Literal

from .._log import get_logger
from ..errors import ConnectionLost, ManagerTimeout, SessionEnded
from .session import Program, Session, run_program
from .transport import Transport

__all__ = ["OnError", "Programs", "check_on_error", "log"]

_GRACE: Final = 5.0  # seconds for a cancelled program to end, and for the end of its session

OnError = Literal["hangup", "continue"]
"""The fate of a call whose program failed: it is hung up, or the dialplan goes on."""

log = get_logger("aioami.agi")


def check_on_error(on_error: str) -> None:
    """Refuse any word but `"hangup"` and `"continue"`."""
    if on_error not in ("hangup", "continue"):
        raise ValueError(f"on_error: 'hangup' or 'continue', not {on_error!r}")


class Programs:
    """The running programs of one server.

    Args:
        on_error: the fate of a call whose program raises or is cancelled.
    """

    def __init__(self, on_error: OnError) -> None:
        check_on_error(on_error)
        self._hangs_up = on_error == "hangup"
        self._tasks: dict[asyncio.Task[None], Transport] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, program: Program, transport: Transport) -> asyncio.Task[None]:
        """Run a program with a new session, in a separate task."""
        session = Session(transport)
        name = f"program of {session.channel}"
        task = asyncio.create_task(self._run(program, session, transport), name=name)
        self._tasks[task] = transport
        task.add_done_callback(self._tasks.pop)
        return task

    async def _run(self, program: Program, session: Session, transport: Transport) -> None:
        try:
            await run_program(program, session)
        except SessionEnded:
            await transport.finish(hang_up=False)
        except asyncio.CancelledError:
            await transport.finish(hang_up=self._hangs_up)
            if _is_cancelled():
                raise
            log.error("the program of %s awaited something cancelled", session, exc_info=True)
        except (ConnectionLost, ManagerTimeout) as error:
            log.warning("the program of %s ended, as %s", session, error)
            await transport.finish(hang_up=self._hangs_up)
        except Exception:
            log.exception("the program of %s failed", session)
            await transport.finish(hang_up=self._hangs_up)
        else:
            await transport.finish(hang_up=False)

    async def close(self, timeout: float | None) -> list[Transport]:
        """Wait until all programs have ended, and cancel those that take too long.

        If a program calls this, it is itself left out, and goes on.

        Args:
            timeout: seconds to wait before programs are cancelled; `None` is no limit.

        Returns:
            The transports of programs that run on after they were cancelled.
        """
        own = asyncio.current_task()
        if tasks := self._others(own):
            await asyncio.wait(tasks, timeout=timeout)
        tasks = self._others(own)
        for task in tasks:
            task.cancel()
        if not tasks:
            return []
        _, left = await asyncio.wait(tasks, timeout=_GRACE)
        for task in left:
            log.warning("the %s was cancelled, and goes on", task.get_name())
        return [self._tasks[task] for task in left if task in self._tasks]

    def forget(self) -> None:
        """Forget the programs, as their event loop was closed."""
        self._tasks.clear()

    def _others(self, own: asyncio.Task[object] | None) -> list[asyncio.Task[None]]:
        return [task for task in self._tasks if task is not own]


def _is_cancelled() -> bool:
    """True if the current task itself is being cancelled; always true on Python 3.10."""
    return bool(getattr(asyncio.current_task(), "cancelling", lambda: True)())
