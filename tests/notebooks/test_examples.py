"""The example notebooks: executed in a kernel of their own, on a fake server and on real ones, and what they show."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import matplotlib.image
import nbformat
import numpy
import pytest

from aioami.testing.real import RealAsterisk

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # these libraries warn of each other
    from nbclient import NotebookClient

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "examples/notebooks"
NOTEBOOKS: Final = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
PICTURES: Final = {"calls-over-time": 1, "look-around": 0, "queue-waiting-times": 1}
# Where they are looked at: `make notebooks` leaves them here.
SHOWN: Final = ROOT / "build/notebooks"

Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Execute a notebook in a fresh kernel, which sees no server but the one that is named, and no settings of its user."""
    for name in [name for name in os.environ if name.startswith("AIOAMI_")]:
        monkeypatch.delenv(name)
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")

    def executed(notebook: Any, **settings: Any) -> Any:
        place = {"metadata": {"path": str(tmp_path)}}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return NotebookClient(notebook, timeout=90, kernel_name="python3", resources=place, **settings).execute()

    return executed


def read(name: str) -> Any:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)  # type: ignore[no-untyped-call]


def notebook_of(*cells: str) -> Any:
    """A notebook with these cells."""
    made = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]
    made.cells = [nbformat.v4.new_code_cell(each) for each in cells]  # type: ignore[no-untyped-call]
    return made


def outputs(notebook: Any) -> list[dict[str, str]]:
    """What the cells show, each by its type; printed text as plain text."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            found.append(dict(output.get("data", {})) or {"text/plain": output.get("text", "")})
    return found


def look(notebook: Any, name: str) -> None:
    """See what was shown: no error, nothing secret, pictures with something in them; and keep it for somebody to look at."""
    shown = outputs(notebook)
    texts = "\n".join(text for each in shown for kind, text in each.items() if kind.startswith("text/"))
    for unwanted in ("s3cret", "ami://", str(ROOT), str(Path.home()), "Traceback"):
        assert unwanted not in texts
    assert [cell for cell in notebook.cells for each in cell.get("outputs", ()) if each.output_type == "error"] == []
    assert not [each for each in shown if "stderr" in each]
    pictures = [base64.b64decode(each["image/png"]) for each in shown if "image/png" in each]
    assert len(pictures) == PICTURES[name.partition("@")[0]]
    SHOWN.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(pictures):
        pixels = matplotlib.image.imread(io.BytesIO(picture))
        colours = numpy.unique((pixels[..., :3] * 255).astype(int).reshape(-1, 3), axis=0)
        assert pixels.shape[1] > 600
        assert len(colours) > 50
        (SHOWN / f"{name}-{number}.png").write_bytes(picture)
    nbformat.write(notebook, SHOWN / f"{name}.ipynb")  # type: ignore[no-untyped-call]


def test_every_notebook_is_tested() -> None:
    """Those that are there are those that are known here."""
    assert sorted(PICTURES) == NOTEBOOKS


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_committed_without_outputs(name: str) -> None:
    """A committed notebook shows nothing of the machine on which it ran: no outputs, no counts, no metadata."""
    content = json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))
    for cell in content["cells"]:
        assert cell["metadata"] == {}
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
    assert set(content["metadata"]) == {"kernelspec", "language_info"}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_anywhere(run: Run, name: str) -> None:
    """Without a server of its own each notebook runs to its end on a fake one, and shows what it is to show."""
    notebook = run(read(name))
    look(notebook, name)
    shown = outputs(notebook)
    texts = [each.get("text/html") or each.get("text/plain") or "" for each in shown]
    if name == "look-around":
        assert any("QueueParams" in text and "not in use" in text for text in texts)
        assert any("the manager is read-only" in text for text in texts)
        (bar,) = [text for text in texts if "<progress" in text]
        assert "complete" in bar
        (watched,) = [text for text in texts if "events in" in text]  # one place, which changed
        assert "done" in watched
        assert "AgentConnect" in watched
    elif name == "calls-over-time":
        assert any("24 of 24 items" in text for text in texts)
        assert any("ANSWERED" in text and "BUSY" in text and "NO_ANSWER" in text for text in texts)
    else:
        assert "60 callers\n" in texts
        assert any("gave up" in text for text in texts)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_explores_a_real_server(
    run: Run, real_asterisk: RealAsterisk, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a real server each notebook does the same, and leaves no call, extension or member of its own behind."""
    monkeypatch.setenv("AIOAMI_URL", real_asterisk.url)
    monkeypatch.setenv("AIOAMI_QUEUE", "support")
    monkeypatch.setenv("AIOAMI_SECONDS", "2")
    notebook = run(read(name))
    look(notebook, f"{name}@{real_asterisk.major}")
    texts = "\n".join(each.get("text/html") or each.get("text/plain") or "" for each in outputs(notebook))
    wanted = {
        "look-around": ["QueueParams", "the manager is read-only", "done"],
        "calls-over-time": ["24 of 24 items", "ANSWERED", "BUSY"],
        "queue-waiting-times": ["8 callers", "answered"],
    }
    assert [each for each in wanted[name] if each not in texts] == []
    assert "=>" not in real_asterisk.cli("dialplan show aioami-notebook")
    assert "aioami-notebook" not in real_asterisk.cli("queue show support")
    assert re.search(r"^0 active channels", real_asterisk.cli("core show channels"), re.MULTILINE)


@pytest.mark.timeout(120)
def test_an_interrupted_cell_leaves_the_link_and_what_was_seen(run: Run) -> None:
    """Events are watched until the cell is interrupted; the next cells go on with the same link."""
    notebook = run(
        notebook_of(
            "from aioami import EventList, Manager, core, notebook\n"
            "from aioami.testing import FakeAsterisk\n"
            "server = FakeAsterisk()\nawait server.start()\nmgr = Manager.from_url(server.url)\nawait mgr.connect()",
            "seen = EventList()\nstream = mgr.events('DoorBell')\nawait server.send_event('DoorBell', {'Door': 'front'})",
            "import asyncio, os, signal\n"
            "asyncio.get_running_loop().call_later(1, os.kill, os.getpid(), signal.SIGINT)  # the button's own way\n"
            "await notebook.watch(stream, into=seen)",
            "print(len(seen), (await mgr.send(core.Ping())).success)",
            "await mgr.close()\nawait server.stop()",
        ),
        allow_errors=True,
    )
    watched = notebook.cells[2].outputs
    assert watched[0]["data"]["text/plain"].startswith("stopped: 1 events in ")
    assert [each.ename for each in watched[1:] if each.output_type == "error"] in (
        ["KeyboardInterrupt"],
        ["CancelledError"],
    )
    assert notebook.cells[3].outputs[0]["text"] == "1 True\n"
    assert all(not cell.outputs for cell in (notebook.cells[0], notebook.cells[1], notebook.cells[4]))
