# From a fresh clone with Python 3.11+, make and git: everything else comes into .venv, pinned.
#   make run    the sample cluster in the simulator (ARGS="--port-base 9000" passes options on)
#   make test   lint and all tests (T=tests/host_tools runs a part)
#   make soak   tests that take many minutes
#   make bench  measure speed, memory and size (F=name,name measures some figures)
#   make bench-emulated   the official firmware in an emulator, some minutes
#   make docs   the documentation as a site, in build/site
#   make lint   ruff, mypy for host and device code
#   make release VERSION=0.2.0   check that all is ready, test, build, tag

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
ARGS   ?=
T      ?=
F      ?=
# More than two cores have work for: most tests wait, for a board, a broker or a clock.
JOBS   ?= 2

# Python compiles our tools once, not at every start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test soak bench bench-emulated docs lint format clean release

run: $(READY)
	@$(BIN)/torpor sim $(ARGS)

test: lint
	@$(BIN)/pytest -n $(JOBS) $(T)

soak: $(READY)
	@$(BIN)/pytest -m soak --timeout 0 $(T)

bench: $(READY)
	@$(BIN)/python -m tests.bench $(F)

bench-emulated: $(READY)
	@$(BIN)/python -m tests.bench 'emulated_*'

docs: $(READY)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet
	@echo "open build/site/index.html"

release: $(READY)
	@$(BIN)/python scripts/release.py '$(VERSION)'

lint: $(READY)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/python scripts/check_device_types.py
	@$(BIN)/torpor check

format: $(READY)
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

clean:
	rm -rf $(VENV) build .torpor dist

# The tools' own build backend is in the lock too, so nothing unpinned is fetched.
$(READY): requirements.lock tests/drivers.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "torpor needs Python 3.11 or newer, this is %d.%d; name one: make PYTHON=python3.11" % sys.version_info[:2])'
	@echo "Creating $(VENV) from requirements.lock (once, about half a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . -r tests/drivers.lock
	@touch $@
