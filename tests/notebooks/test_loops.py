"""The loop of a notebook: what was made in one cell is used in the next ones, and refused in a thread that a cell begins."""

from __future__ import annotations

from typing import Any

import pytest
from tests.notebooks.test_examples import ROOT, Run, notebook_of, outputs, run

__all__ = ["run"]  # the fixture

BEGIN = f"""
import asyncio, os, signal, sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "src")!r}]
from tests.unit.client.test_one_loop_of_all import USES, WAYS, World, not_refused, refusals
world = World()
await world.begin()
print("begun")
"""
AT_ONCE = """
assert world.fleet.events("Tick") is not world.merged
assert world.call.changes() is not world.changes
assert world.live.changes() is not world.live_changes
world.mgr.wait_for("Tick")
print(world.fleet.health()["pbx"].state.value, world.call.state.value, world.session.channel)
"""
ELSEWHERE = """
before = len(world.fake.received)
print([not_refused(await asyncio.to_thread(refusals, way, world)) for way in WAYS])
print({str(each["Action"]) for each in world.fake.received[before:]} - {"Ping"})
"""
THROUGH = """
loop = asyncio.get_running_loop()
print(await asyncio.to_thread(lambda: asyncio.run_coroutine_threadsafe(world.call.set("A", "1"), loop).result(20)))
"""
# As the stop button, of a cell that would wait for ever.
STOPPED = """
asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), signal.SIGINT)
await {waits}
"""
END = """
await world.end()
print("ended")
"""
WAITS = ("world.call.ended()", "world.merged.__anext__()", "world.fleet.wait_for('Tick')", "world.agi.__anext__()")


def texts(notebook: Any) -> list[str]:
    return [each["text/plain"].strip() for each in outputs(notebook) if "text/plain" in each]


@pytest.mark.timeout(180)
def test_fleets_calls_and_sessions_in_cells(run: Run) -> None:
    """Each public call of a manager, a fleet, a call, a session and a live state: right in later cells, refused in threads.

    What acts at once, may stand in a cell without `await`.
    """
    notebook = run(notebook_of(BEGIN, AT_ONCE, ELSEWHERE, THROUGH, END))
    assert texts(notebook) == ["begun", "ready ringing PJSIP/alice", "[{}, {}]\nset()", "None", "ended"]


@pytest.mark.timeout(180)
def test_a_cell_that_is_stopped(run: Run) -> None:
    """The stop button ends the wait of a cell alone: the call, the fleet and the session are used on in the next cell."""
    notebook = notebook_of(BEGIN, *(STOPPED.format(waits=each) for each in WAITS), END)
    for cell in notebook.cells[1:-1]:
        cell.metadata["tags"] = ["raises-exception"]
    run(notebook)
    for cell in notebook.cells[1:-1]:
        assert [each.ename for each in cell.outputs if each.output_type == "error"] != []
    assert texts(notebook)[0] == "begun"
    assert texts(notebook)[-1] == "ended"
