"""The rooms of the library and who may use whom, read from the source; and habits that every file keeps."""

from __future__ import annotations

import ast
import functools
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
PACKAGE: Final = ROOT / "src" / "aioami"

CATALOGUE: Final = frozenset({"events", "responses", "actions"})
PURE: Final = (
    frozenset({"_areas", "_check", "_log", "_near", "_warning", "enums", "errors", "wire", "fields"}) | CATALOGUE
)
PUBLIC: Final = frozenset(
    {
        "aioami",
        "aioami.actions",
        "aioami.agi",
        "aioami.bus",
        "aioami.bus.checking",
        "aioami.bus.config",
        "aioami.bus.relay",
        "aioami.bus.watching",
        "aioami.calls",
        "aioami.core",
        "aioami.enums",
        "aioami.schema",
        "aioami.events",
        "aioami.fleet",
        "aioami.errors",
        "aioami.live",
        "aioami.permissions",
        "aioami.permissions.delivery",
        "aioami.permissions.granted",
        "aioami.testing",
        "aioami.testing.real",
        "aioami.url",
        "aioami.wire",
    }
)

# A room is a module or a package directly below aioami; it may import itself and the rooms named here.
ROOMS: Final[dict[str, frozenset[str]]] = {
    "_version": frozenset(),
    "_hub": frozenset(),
    "_listening": frozenset(),
    "_log": frozenset(),
    "_areas": frozenset({"_near"}),
    "_check": frozenset(),
    "_near": frozenset(),
    "_owner": frozenset(),
    "_posix": frozenset(),
    "_signals": frozenset(),
    "_toml": frozenset(),
    "_warning": frozenset(),
    "errors": frozenset(),
    "states": frozenset(),
    "url": frozenset({"_near", "wire"}),
    "wire": frozenset({"_log", "errors"}),
    "enums": frozenset(),
    "fields": frozenset({"enums", "wire", "errors"}),
    "_show": frozenset({"_check", "enums", "wire", "fields"}),
    **dict.fromkeys(CATALOGUE, PURE | {"_show"}),
    "core": CATALOGUE | {"_near", "errors"},
    "schema": PURE,
    "permissions": PURE | {"_posix", "_show"},
    "_session": PURE,
    "metrics": frozenset({"_log", "_session", "_version", "actions", "errors", "states"}),
    # `calls` for Manager.call alone; see below.
    "_client": PURE | {"_session", "_owner", "_signals", "calls", "core", "metrics", "permissions", "states", "url"},
    # A session has its call, and a call may have a program: each loads the other when it is asked for.
    "agi": PURE | {"_hub", "_listening", "_owner", "_signals", "calls"},
    "calls": PURE | {"_hub", "_owner", "_show", "_signals", "agi"},
    "fleet": PURE | {"_client", "_owner", "_session", "_signals", "_toml", "live", "metrics", "states", "url"},
    "bus": PURE
    | {
        "_client",
        "_listening",
        "_owner",
        "_session",
        "_signals",
        "_toml",
        "calls",
        "metrics",
        "permissions",
        "states",
        "url",
    },
    "live": PURE | {"_client", "_owner", "_show", "_signals", "calls", "permissions", "states"},
    "notebook": PURE | {"_client", "_show"},
    "testing": frozenset({"_check", "_listening", "_log", "_near", "_posix", "wire", "errors"}),
}
# In these rooms, each module and those of its neighbours that it may import.
SESSION: Final[dict[str, frozenset[str]]] = {
    "statistics": frozenset(),
    "dispatch": frozenset(),
    "subjects": frozenset(),
    "refusals": frozenset({"subjects"}),
    "pending": frozenset(),
    "deadlines": frozenset({"pending"}),
    "outcomes": frozenset({"dispatch", "pending"}),
    "session": frozenset({"dispatch", "outcomes", "pending", "refusals", "statistics"}),
}
CLIENT: Final[dict[str, frozenset[str]]] = {
    "options": frozenset(),
    "checks": frozenset({"options"}),
    "observers": frozenset(),
    "buffers": frozenset({"checks"}),
    "streams": frozenset({"buffers"}),
    "connector": frozenset({"options"}),
    "keepalive": frozenset({"options"}),
    "outcomes": frozenset({"like"}),
    "rights": frozenset({"options"}),
    "connection": frozenset({"connector", "keepalive", "options", "outcomes"}),
    "login": frozenset({"connection", "options"}),
    "link_base": frozenset({"observers"}),
    "link": frozenset({"connection", "link_base", "login", "options"}),
    "callbacks": frozenset({"streams"}),
    "like": frozenset({"buffers", "callbacks", "options", "streams"}),
    "naming": frozenset(),
    "base": frozenset({"naming", "observers", "options"}),
    "loopthread": frozenset(),
    "blocking": frozenset({"callbacks", "loopthread", "streams"}),
    "blocking_calls": frozenset({"loopthread"}),
    "threads": frozenset(
        {"blocking", "blocking_calls", "buffers", "callbacks", "like", "loopthread", "options", "streams"}
    ),
    "view": frozenset({"connection", "link", "options"}),
    "manager": frozenset(
        {
            "base",
            "buffers",
            "callbacks",
            "checks",
            "like",
            "link",
            "observers",
            "options",
            "outcomes",
            "rights",
            "streams",
            "view",
        }
    ),
}
# The same of the sessions; those in the first line do no input and no output.
AGI_SANS_IO: Final = frozenset({"answers", "arguments", "commands", "environment", "results"})
AGI: Final[dict[str, frozenset[str]]] = {
    "results": frozenset(),
    "environment": frozenset(),
    "commands": frozenset(),
    "arguments": frozenset({"commands"}),
    "answers": frozenset({"environment"}),
    "transport": frozenset({"answers", "commands", "environment"}),
    "session": frozenset({"answers", "arguments", "commands", "results", "transport"}),
    "routes": frozenset({"session"}),
    "programs": frozenset({"session", "transport"}),
    "hub": frozenset(),
    "stopping": frozenset({"commands"}),
    "connection": frozenset({"answers", "commands", "environment", "hub", "stopping", "transport"}),
    "asynctransport": frozenset({"answers", "commands", "environment", "hub", "stopping", "transport"}),
    "fastagi": frozenset({"connection", "hub", "programs", "session"}),
    "asyncagi": frozenset({"asynctransport", "hub", "programs", "session"}),
}
# In the room of the bus, those that do no input and no output.
BUS_SANS_IO: Final = frozenset({"format", "reader"})
# ... and those of the remote manager, which is built of what the direct one is built of.
BUS_CLIENT: Final = frozenset({"discovery", "exchange", "feed", "link", "remote", "streams"})
# The same of calls: those that are traced, then those that are held.
CALLS_SANS_IO: Final = frozenset({"ends", "machine", "model", "registry", "sentences", "tracer"})
CALLS: Final[dict[str, frozenset[str]]] = {
    "ends": frozenset(),
    "model": frozenset({"ends"}),
    "registry": frozenset({"ends", "model"}),
    "sentences": frozenset({"model", "registry"}),
    "tracer": frozenset({"model", "registry", "sentences"}),
    "machine": frozenset({"ends"}),
    "watch": frozenset({"ends", "machine"}),
    "hub": frozenset({"machine", "watch"}),
    "call": frozenset({"ends", "hub", "machine", "watch"}),
    "incoming": frozenset({"call", "hub", "machine", "watch"}),
    "program": frozenset({"watch"}),
    "placing": frozenset({"call", "hub", "machine", "program", "watch"}),
}
LAYERED: Final = {"_session": SESSION, "_client": CLIENT, "agi": AGI, "calls": CALLS}
# The top level gathers what is public; these are programs, and live on what anybody can import.
APPLICATIONS: Final = frozenset({"__main__", "cli", "demo", "pytest_plugin"})
TOP: Final = "__init__"
# Modules that only say where their names are now.
MOVED: Final = frozenset({"recording", "streams"})
# Each needs the library that its extra installs, and is imported by nobody else.
EXTRAS: Final = {
    PACKAGE / "_show" / "dataframes.py",
    PACKAGE / "bus" / "connection.py",
    PACKAGE / "metrics" / "opentelemetry.py",
    PACKAGE / "metrics" / "prometheus.py",
}

NETWORK: Final = frozenset({"asyncio", "async_timeout", "select", "selectors", "socket", "ssl"})
SANS_IO: Final = (PURE - {"errors"}) | {"_session", "_show", "core", "permissions"}


@dataclass(frozen=True)
class Import:
    """One imported module, and the name taken from it (None for the module itself)."""

    where: str
    module: str
    name: str | None
    runs: bool  # False under `if TYPE_CHECKING:`

    @property
    def room(self) -> str | None:
        """The room of ours that it comes from, `__init__` for the top level; None for what is not ours."""
        parts = self.module.split(".")
        if parts[0] != "aioami":
            return None
        if len(parts) > 1:
            return parts[1]
        return self.name if self.name in rooms() else TOP

    def __str__(self) -> str:
        return f"{self.where} imports {self.module}" + (f".{self.name}" if self.name else "")


@functools.cache
def rooms() -> set[str]:
    """What lies directly below the package."""
    files = {path.stem for path in PACKAGE.glob("*.py")}
    return files | {path.parent.name for path in PACKAGE.glob("*/__init__.py")} - {TOP}


def sources(room: str) -> list[Path]:
    """The modules of a room."""
    return sorted((PACKAGE / room).rglob("*.py")) if (PACKAGE / room).is_dir() else [PACKAGE / f"{room}.py"]


def is_type_checking(test: ast.expr) -> bool:
    """Whether an `if` is `if TYPE_CHECKING:`."""
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def statements(node: ast.AST, runs: bool = True) -> Iterator[tuple[ast.AST, bool]]:
    """Every node below, with whether it is ever run."""
    for child in ast.iter_child_nodes(node):
        unseen = isinstance(node, ast.If) and is_type_checking(node.test) and child in node.body
        yield child, runs and not unseen
        yield from statements(child, runs and not unseen)


@functools.cache
def syntax(path: Path) -> ast.Module:
    """A module, taken apart."""
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def imports(path: Path) -> list[Import]:
    """Everything that a module imports, wherever it does so."""
    found = []
    where = path.relative_to(PACKAGE.parent)
    package = where.parent.parts
    for node, runs in statements(syntax(path)):
        if isinstance(node, ast.Import):
            found += [Import(f"{where}:{node.lineno}", alias.name, None, runs) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *filter(None, [node.module])))
            found += [Import(f"{where}:{node.lineno}", module, alias.name, runs) for alias in node.names]
    return found


def test_every_module_has_a_room() -> None:
    """Each module and package of the library is in the table of rooms."""
    assert rooms() - APPLICATIONS - MOVED - {TOP} == set(ROOMS)


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_a_room_imports_only_the_rooms_below_it(room: str) -> None:
    """A room imports itself and the rooms that the table allows it; types may be named everywhere, but for testing."""
    allowed = ROOMS[room] | {room}
    wrong = [
        str(item)
        for path in sources(room)
        for item in imports(path)
        if (item.runs or room == "testing") and item.room is not None and item.room not in allowed
    ]
    assert not wrong


@pytest.mark.parametrize(
    ("room", "module"),
    [(room, module) for room, modules in LAYERED.items() for module in sorted(modules)],
)
def test_a_private_module_imports_only_those_below_it(room: str, module: str) -> None:
    """No private room is one in which everything may import everything."""
    modules = LAYERED[room]
    assert {path.stem for path in sources(room)} == {TOP, *modules}
    used = {
        item.module.split(".")[2] if item.module.count(".") > 1 else item.name
        for item in imports(PACKAGE / room / f"{module}.py")
        if item.runs and item.room == room
    }
    assert used <= modules[module]


@pytest.mark.parametrize("room", ["bus", "live", "notebook"])
def test_what_is_built_on_the_client_uses_its_public_names(room: str) -> None:
    """Whatever these import from the client, users can import from the top level."""
    aioami = importlib.import_module("aioami")
    built = [path for path in sources(room) if room != "bus" or path.stem not in BUS_CLIENT]
    used = {item.name for path in built for item in imports(path) if item.room == "_client"}
    assert used <= set(aioami.__all__)


def private_reaches(path: Path) -> list[str]:
    """The private attributes that a module uses of what is not its own."""
    tree = syntax(path)
    own = {
        node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    }
    own |= {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self":
            own.add(node.attr)
    return [
        f"{path.relative_to(PACKAGE)}:{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and re.match("_[^_]", node.attr)
        and node.attr not in own
        and ast.unparse(node.value) not in ("self", "cls", "super()")
    ]


# Enumerations make their members so; pytest says in no other way whose fixture it takes; and each event of a fleet is named
# where a call would cost a fiftieth of it.
REACHES: Final = {"enums.py": "member", "pytest_plugin.py": "metafunc", "session.py": "event"}


def test_nobody_reaches_into_what_is_private() -> None:
    """No private attribute of another module's object is touched."""
    found = [
        reach
        for path in sorted(PACKAGE.rglob("*.py"))
        for reach in private_reaches(path)
        if not reach.partition(": ")[2].startswith(f"{REACHES.get(path.name, ' ')}.")
    ]
    assert not found


@pytest.mark.parametrize("room", sorted(SANS_IO))
def test_a_pure_room_imports_no_network(room: str) -> None:
    """What turns bytes into typed things and back names neither asyncio nor sockets."""
    wrong = [str(item) for path in sources(room) for item in imports(path) if item.module.partition(".")[0] in NETWORK]
    assert not wrong


@pytest.mark.parametrize("module", sorted(AGI_SANS_IO))
def test_the_language_of_agi_imports_no_network(module: str) -> None:
    """What encodes commands of AGI and reads its answers names neither asyncio nor sockets."""
    names = [item.module.partition(".")[0] for item in imports(PACKAGE / "agi" / f"{module}.py") if item.runs]
    assert not NETWORK & set(names)


@pytest.mark.parametrize("module", sorted(BUS_SANS_IO))
def test_the_format_of_the_bus_imports_no_network(module: str) -> None:
    """What reads and writes the messages of the bus names neither asyncio nor sockets nor a client of the bus."""
    names = [item.module.partition(".")[0] for item in imports(PACKAGE / "bus" / f"{module}.py") if item.runs]
    assert not (NETWORK | {"nats"}) & set(names)


@pytest.mark.parametrize("module", sorted(CALLS_SANS_IO))
def test_the_state_of_calls_imports_no_network(module: str) -> None:
    """What puts calls together from events names neither asyncio nor sockets."""
    names = [item.module.partition(".")[0] for item in imports(PACKAGE / "calls" / f"{module}.py") if item.runs]
    assert not NETWORK & set(names)


def test_the_client_knows_calls_in_one_place() -> None:
    """The only arrow upwards is the call of a manager, which loads the room of calls when it is called."""
    found = [item for path in sources("_client") for item in imports(path) if item.runs and item.room == "calls"]
    assert [(item.where.partition(":")[0], item.name) for item in found] == [("aioami/_client/base.py", "PlacedCall")]


def test_calls_and_sessions_load_each_other_late() -> None:
    """Neither room is loaded by importing the other."""
    program = "import sys, aioami.{}; print('aioami.{}' in sys.modules)"
    for one, other in (("calls", "agi"), ("agi", "calls")):
        command = [sys.executable, "-c", program.format(one, other)]
        assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.split() == ["False"], one


def test_applications_use_only_what_is_public() -> None:
    """The command line and the demo import nothing of the library that its users cannot."""
    wrong = []
    for path in [path for room in sorted(APPLICATIONS & rooms()) for path in sources(room)]:
        for item in imports(path):
            if item.room is None or item.room in APPLICATIONS:
                continue
            public = getattr(importlib.import_module(item.module), "__all__", ()) if item.module in PUBLIC else ()
            submodule = item.module == "aioami" and f"aioami.{item.name}" in PUBLIC
            if item.module not in PUBLIC or not (submodule or item.name is None or item.name in public):
                wrong.append(str(item))
    assert not wrong


def test_only_what_is_an_extra_needs_more_than_async_timeout() -> None:
    """Outside the extras and pytest's plugin only the standard library, async_timeout and aioami are imported."""
    ours = {*sys.stdlib_module_names, "annotationlib", "aioami", "async_timeout"}  # the first from Python 3.14
    wrong = [
        str(item)
        for room in sorted(rooms() - {"cli", "pytest_plugin"})
        for path in set(sources(room)) - EXTRAS
        for item in imports(path)
        if item.runs and item.module.partition(".")[0] not in ours
    ]
    assert not wrong


@pytest.mark.skipif(sys.version_info < (3, 11), reason="before 3.11 a TimeoutError of ours is one of asyncio's too")
def test_the_catalogue_loads_no_event_loop() -> None:
    """A program that only parses may import the wire, the catalogue and the session, and never loads asyncio."""
    program = f"""
import sys, types
package = types.ModuleType("aioami")  # stands for the top level, which imports the manager
package.__path__ = [{str(PACKAGE)!r}]
sys.modules["aioami"] = package
import aioami.core, aioami.events, aioami._session.session, aioami.wire
print(*sorted({set(NETWORK)!r} & sys.modules.keys()))
"""
    loaded = subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True, capture_output=True, text=True)
    assert loaded.stdout.split() == []


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    """Every docstring of a module, those of attributes too, with its line."""
    for node in ast.walk(syntax(path)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            for statement in node.body:
                value = statement.value if isinstance(statement, ast.Expr) else None
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield statement.lineno, value.value


def test_no_docstring_begins_as_a_question() -> None:
    """A summary is an imperative or a noun phrase: a reader need not guess what it is about."""
    found = [
        f"{path.relative_to(PACKAGE)}:{line}: {text[:60]}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line, text in docstrings(path)
        if re.match(r"(What|Whether|Who|Until|How|Which)\b", text.strip())
    ]
    assert not found


def test_lines_have_at_most_a_hundred_columns() -> None:
    """Two files of the library fit beside each other."""
    found = [
        f"{path.relative_to(PACKAGE)}:{number}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > 100
    ]
    assert not found


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("test_*.py")), ids=lambda path: path.name)
def test_every_test_says_what_it_holds(path: Path) -> None:
    """Each test function has a docstring, which is one sentence."""
    silent = [
        node.name
        for node in ast.walk(syntax(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_")
        if not (ast.get_docstring(node) or "").endswith((".", "?"))
    ]
    assert not silent


def project_files() -> list[Path]:
    """The files that are or would be committed; without git, all that is not made by a tool."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    if (ROOT / ".git").exists():
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        return [path for path in map(ROOT.joinpath, listed) if path.is_file()]
    made = {"build", "dist", "__pycache__", "_build"}
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name == ".ci" or not (name in made or name[0] == ".")]
        found += [Path(folder, name) for name in files]
    return found


def test_no_file_names_a_machine_or_a_registry() -> None:
    """No project file holds a path of the machine that it was written on, or the host of a package registry."""
    hosts = [("pypi", "org"), ("pythonhosted", "org"), ("registry", "npmjs", "org"), ("deb", "debian", "org")]
    folders = [("", "work", "main"), ("", "work", "shared"), ("..", "shared"), ("", "root", ""), ("", "opt", "pypi")]
    words = [".".join(host) for host in hosts] + ["/".join(folder) for folder in folders]
    unwanted = re.compile("|".join(map(re.escape, words)).encode())
    found = [
        f"{path.relative_to(ROOT)}: {match.group().decode()}"
        for path in project_files()
        for match in unwanted.finditer(path.read_bytes())
    ]
    assert not found
