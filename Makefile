# Needs Python (3.10 or later) and make. Every target installs what it uses into a virtual environment of its own,
# once: `make test PYTHON=python3.13 VENV=.venv-3.13` does so with another Python, beside the first.
PYTHON ?= python3
VENV ?= .venv
MINUTES ?= 30
PROCESSES ?= 6
# Kernels of notebooks, and browsers, compute more.
PROGRAMS ?= 5
BIN = $(VENV)/bin
INSTALL = $(BIN)/python -m pip install -qq --disable-pip-version-check

# Each of the hundreds of programs that the tests start would compile the library anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo demo-bus dashboard web pictures check test prove notebooks lint format types docs build reproducible extras bench bench-bus peers fuzz mutation soak clean
.NOTPARALLEL:
.DELETE_ON_ERROR:

demo: $(VENV)/.project        # log in, place a call, follow it to the hang-up; AIOAMI_URL=ami://... for a real server
	$(BIN)/python -m aioami.demo

demo-bus: $(VENV)/.tests        # two servers on a bus, two relays, a program that follows both, a kill, and the account
	$(BIN)/python -m examples.bus

dashboard: $(VENV)/.dashboard        # a live page for the browser, of an invented office; AIOAMI_URL and DASHBOARD_USERS for a real one
	$(BIN)/python -m examples.dashboard

check: lint $(VENV)/.typing $(VENV)/.tests $(VENV)/.dashboard        # the gate for each change: lint, types, and each file of the unit tests alone
	$(MAKE) types & $(BIN)/python tools/alone.py tests/unit; tests=$$?; wait $$! || { echo 'types: FAILED, see above'; exit 1; }; exit $$tests

# What a link and its calls live on: no branch of it is without a test.
comma = ,
CORE = wire/*,_session/*,_client/*,agi/*,calls/*,fleet/merged.py,_owner.py,_signals.py,states.py,url.py
# The tests that take these branches. All others go untraced, and so do those behind a `!`:
# a tracer has Python 3.11 compute twice as long.
TRACED = $(addprefix tests/unit/,agi/ calls/ client/ fleet/ session/ wire/ test_url.py) \
	$(addprefix !tests/unit/,client/test_text_of_all.py wire/test_properties.py wire/test_wire.py::test_the_corpora)

TRACE = $(BIN)/coverage run -m pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder --traced "$(TRACED)"
COVERED = $(BIN)/coverage report --include='*/aioami/$(subst $(comma),$(comma)*/aioami/,$(CORE))' --fail-under=100

# The tests wait more than they compute, so there are more processes than processors. Each starts the real servers that it needs.
# In the order of the files those on real servers come first: they wait most, and none of them is left for the end.
test: $(VENV)/.tests $(VENV)/.typing $(VENV)/.dashboard        # the whole suite, with the branches that it leaves out; ARGS="tests/unit -x" for a part, without
ifeq ($(strip $(ARGS)),)
	$(BIN)/coverage erase
	$(BIN)/python -m pytest --collect-only --cache-clear -qq > /dev/null || true # compiles all files once, and not in each process
	$(TRACE) --ignore tests/unit/project/test_cost.py || $(BIN)/python tools/again.py $$?
	$(BIN)/coverage combine --quiet && { $(COVERED) || { echo 'NOT COVERED beside all others: the lines above; once more, with the traced tests alone'; $(TRACE) -q $(filter-out !%,$(TRACED)) && $(BIN)/coverage combine --quiet --append && $(COVERED); }; }
	$(BIN)/python -m pytest -q tests/unit/project/test_cost.py
else
	$(BIN)/python -m pytest $(ARGS)
endif

# The long lane, nightly and before a release. Each part prints its seed and its figures.
prove: $(VENV)/.tests $(VENV)/.fuzz        # soaks, random operations, calls and scenarios on both real servers, and fuzzing; MINUTES=30 for each soak
	$(BIN)/python -m tests.soak --minutes $(MINUTES) --version 16
	$(BIN)/python -m tests.soak --minutes $(MINUTES) --version 22
	$(BIN)/python -m tests.live_operations --operations 2000
	$(BIN)/python -m tests.bus_rounds --rounds 100 --actions 10_000 --full-disk --power-loss
	$(BIN)/python -m tests.bus_rounds --rounds 20 --version newest --full-disk --power-loss
	$(BIN)/python -m tests.bus_rounds --rounds 100 --nodes 3 --power-loss
	$(BIN)/python -m tests.bus_node
	$(BIN)/python -m pytest -q tests/bus_sessions.py tests/bus_traps.py tests/bus_partitions.py
	$(BIN)/python -m tests.live_calls --stories 200
	$(BIN)/python -m tests.live_recorded
	$(BIN)/python -m tests.scenarios.chance --count 2000
	$(BIN)/python -m tests.fuzz --inputs 10_000_000 --jobs 2

notebooks: $(VENV)/.tests $(VENV)/.notebooks        # the example notebooks, executed; their pictures go into build/notebooks
	$(BIN)/python -m pytest --numprocesses $(PROGRAMS) tests/notebooks $(ARGS)
	$(BIN)/python -m pytest -q docs/guide/notebooks.md # a page, whose cells go together

lint: $(VENV)/.lint
	$(BIN)/ruff check --output-format=concise . && $(BIN)/ruff format --check .
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml

format: $(VENV)/.lint
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

types: $(VENV)/.typing
	$(BIN)/mypy src && $(BIN)/mypy tests/typing && $(BIN)/pyright --pythonpath $(BIN)/python

docs: $(VENV)/.docs        # the pages, and llms.txt and llms-full.txt for readers that are programs
	$(BIN)/sphinx-build -E -W --keep-going -n -b html docs docs/_build/html

web: $(VENV)/.web $(VENV)/.typing        # the dashboard in a headless browser, on real servers; needs Debian's package chromium, and gets it where it may
	command -v chromium > /dev/null || { apt-get update -qq && apt-get install -y -qq chromium > /dev/null; }
	$(BIN)/mypy --strict examples/dashboard && $(BIN)/python -m pytest --numprocesses $(PROGRAMS) --dist loadfile tests/web $(ARGS)

pictures: $(VENV)/.web        # the dashboard as it looks, for the documentation
	$(BIN)/python -m tests.web.pictures docs/guide/images

build: $(VENV)/.build        # wheel and sdist, into dist/
	rm -rf dist && env -u SOURCE_DATE_EPOCH $(BIN)/python -m build --no-isolation

reproducible: build        # the same bytes, wherever and whenever they are built?
	$(BIN)/python tools/reproducible.py dist

extras: build        # the wheel in clean environments: without extras, with each alone, with all; ARGS="--python python3.13 --sets none all"
	$(BIN)/python tools/extras.py dist/*.whl $(ARGS)

bench: $(VENV)/.bench        # what it all costs, beside the other clients, in one run; ARGS="--quick --only fields" for a part
	$(BIN)/python -m benchmarks $(ARGS)

bench-bus: $(VENV)/.tests        # what the bus costs: the relay, consumers, actions, a takeover, and a plain loop as the peer
	$(BIN)/python -m benchmarks.bus $(ARGS)

peers: $(VENV)/.peers        # what other clients make of the conformance cases: the table of the documentation
	$(BIN)/python -m tests.peers --write docs/reference/peers-table.md

fuzz: $(VENV)/.fuzz        # look for bytes that are read wrongly; ARGS="--inputs 10_000_000 --jobs 4"
	$(BIN)/python -m tests.fuzz $(ARGS)

mutation: $(VENV)/.tests $(VENV)/.mutation        # change the wire and the session in a thousand ways: which change does no test see?
	$(BIN)/mutmut run $(ARGS) > mutation.log && $(BIN)/mutmut results

soak: $(VENV)/.project        # load and faults on a real server for MINUTES: nothing may be lost, and nothing may grow
	$(BIN)/python -m tests.soak --minutes $(MINUTES) $(ARGS)

clean:
	rm -rf $(VENV) build dist docs/_build .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage mutants mutation.log

# One stamp file for the interpreter, so that another PYTHON makes the environment anew; one for the project with its
# extra; one for each dependency group of pyproject.toml. `pip install --group` needs pip 25.1.
MADE = $(VENV)/.made-by-$(subst /,-,$(PYTHON))

$(MADE):
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.project: $(MADE) pyproject.toml
	$(INSTALL) --editable ".[cli]"
	@touch $@

$(VENV)/.pip: $(MADE)
	$(INSTALL) --upgrade "pip>=25.1"
	@touch $@

$(VENV)/.tests $(VENV)/.notebooks $(VENV)/.typing $(VENV)/.dashboard $(VENV)/.web $(VENV)/.lint $(VENV)/.docs $(VENV)/.build $(VENV)/.bench $(VENV)/.peers $(VENV)/.fuzz $(VENV)/.mutation: $(VENV)/.%: $(VENV)/.project $(VENV)/.pip
	$(INSTALL) --group $*
	@touch $@
