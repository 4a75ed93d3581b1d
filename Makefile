# make demo   everything with simulated phones; ARGS=--exit ends after the show
# make run    the server for real phones; ARGS="--port 5002" and the like reach `wa-manager serve`
# make install  what `make run` sets up, and nothing started; for a service
# make test   the test suite, and on Postgres and Redis what touches the store; ARGS="-k name" reaches pytest
# make quick  those tests alone that start no browser, server or other program: a minute
# make chaos  random faults against a running server; ARGS="--seed 1 --faults 200" and the like
# make bench  a benchmark; ARGS="restore --accounts 20" says which
# make lint   ruff, mypy, prettier
# make format rewrite the sources as the linters want them
# make lock   pin the dependencies anew
#
# Each target sets up what it needs by itself, and is quiet when all is there.

# Which Python .venv is made with: make run PYTHON=python3.12
export PYTHON
ARGS ?=
# Most tests wait for a browser most of the time.
TESTS_AT_ONCE ?= 3
# Hundreds of tests start a program of ours: it is compiled once, also where the environment says
# that nothing compiled is to be kept, as it does in many images.
COMPILED_ONCE = PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX=$(CURDIR)/.pytest_cache/compiled
PYTEST = $(COMPILED_ONCE) $(BIN)/pytest -n $(TESTS_AT_ONCE) --dist worksteal
# What pytest ends with when ARGS selects nothing that touches the store.
NO_TESTS := 5
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo install run test quick chaos bench lint format lock set-up set-up-test set-up-lint clean

help:
	@sed -n 's/^# //p' Makefile | head -10

demo: set-up
	@$(BIN)/wa-manager demo $(ARGS)

install: set-up

run: set-up
	@$(BIN)/wa-manager serve $(ARGS)

test: set-up-test
	$(PYTEST) $(ARGS)
	$(PYTEST) --surroundings=postgres $(ARGS) || [ $$? = $(NO_TESTS) ]

# These have the cores busy, and each worker reads all tests anew.
quick: set-up-test
	@$(COMPILED_ONCE) $(BIN)/pytest -n 2 --dist worksteal --quick -q -r fE $(ARGS)

chaos: set-up-test
	@$(COMPILED_ONCE) $(BIN)/python -m tests.chaos $(ARGS)

bench: set-up
	@$(BIN)/python -m bench $(ARGS)

lint: set-up-lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	node_modules/.bin/prettier --check --log-level warn .

format: set-up-lint
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	node_modules/.bin/prettier --write --log-level warn .

# Only Python and the programs it calls for are system packages; the rest lives in this folder.
set-up:
	@scripts/set-up.sh run

set-up-test:
	@scripts/set-up.sh test

set-up-lint:
	@scripts/set-up.sh lint

COMPILE = $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
	--no-emit-find-links --no-emit-index-url --no-emit-trusted-host --upgrade

lock: set-up-lint
	$(BIN)/pip install --quiet --disable-pip-version-check pip-tools
	$(COMPILE) --extra postgres --output-file requirements.txt setup.cfg
	$(COMPILE) --extra test --output-file requirements-test.txt setup.cfg
	$(COMPILE) --only-build-deps --build-deps-for wheel \
		--output-file compose/requirements-build.txt pyproject.toml

clean:
	rm -rf .venv node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
