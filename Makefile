# make demo   everything with simulated phones; ARGS=--exit ends after the show
# make run    the server for real phones; ARGS="--port 5002" and the like reach `wa-manager serve`
# make install  what `make run` sets up, and nothing started; for a service
# make test   the test suite, and on Postgres and Redis what touches the store; ARGS="-k name" reaches pytest
# make chaos  random faults against a running server; ARGS="--seed 1 --faults 200" and the like
# make bench  a benchmark; ARGS="restore --accounts 20" says which
# make lint   ruff, mypy, prettier
# make format rewrite the sources as the linters want them
# make lock   pin the dependencies anew
#
# Each target sets up what it needs by itself, and is quiet when all is there.

PYTHON ?= python3
ARGS ?=
# Most tests wait for a browser most of the time.
TESTS_AT_ONCE ?= 3
PYTEST = $(BIN)/pytest -n $(TESTS_AT_ONCE) --dist worksteal
# What pytest ends with when ARGS selects nothing that touches the store.
NO_TESTS := 5
BIN := .venv/bin
INSTALL = $(BIN)/pip install --quiet --disable-pip-version-check
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help demo install run test chaos bench lint format lock programs test-programs clean

help:
	@sed -n 's/^# //p' Makefile | head -9

demo: programs .venv/.installed node_modules/.installed
	@$(BIN)/wa-manager demo $(ARGS)

install: programs .venv/.installed node_modules/.installed

run: programs .venv/.installed node_modules/.installed
	@$(BIN)/wa-manager serve $(ARGS)

test: test-programs .venv/.installed-test node_modules/.installed-test
	$(PYTEST) $(ARGS)
	$(PYTEST) --surroundings=postgres $(ARGS) || [ $$? = $(NO_TESTS) ]

chaos: test-programs .venv/.installed-test node_modules/.installed-test
	@$(BIN)/python -m tests.chaos $(ARGS)

bench: programs .venv/.installed node_modules/.installed
	@$(BIN)/python -m bench $(ARGS)

lint: .venv/.installed-test node_modules/.installed-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	node_modules/.bin/prettier --check --log-level warn .

format: .venv/.installed-test node_modules/.installed-test
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	node_modules/.bin/prettier --write --log-level warn .

# Only Python and the programs it calls for are system packages; the rest lives in this folder.
programs:
	@scripts/install-system-packages.sh chromium npm venv

test-programs:
	@scripts/install-system-packages.sh chromium curl nginx npm venv redis-server postgresql promtool libfaketime

.venv/bin/python:
	@scripts/install-system-packages.sh venv
	$(PYTHON) -m venv .venv

# What builds comes by its hash as well; left to itself, pip would fetch whichever is newest.
.venv/.installed: requirements.txt compose/requirements-build.txt setup.cfg pyproject.toml | .venv/bin/python
	$(INSTALL) --require-hashes -r compose/requirements-build.txt
	$(INSTALL) --require-hashes --no-build-isolation --use-pep517 -r requirements.txt
	$(INSTALL) --no-deps --no-build-isolation --use-pep517 --editable .
	@touch $@

.venv/.installed-test: requirements-test.txt .venv/.installed
	$(INSTALL) --require-hashes -r requirements-test.txt
	@touch $@

# The lock file's checksum guards the download, the bundle's own what is run inside the browser.
node_modules/.installed: package.json package-lock.json .venv/.installed
	@scripts/install-system-packages.sh npm
	npm ci --omit=dev --silent --no-audit --no-fund
	$(BIN)/python -m actors.browser.bundle
	@touch $@

node_modules/.installed-test: node_modules/.installed
	npm ci --silent --no-audit --no-fund
	$(BIN)/python -m actors.browser.bundle
	@touch node_modules/.installed $@

COMPILE = $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
	--no-emit-find-links --no-emit-index-url --no-emit-trusted-host --upgrade

lock: .venv/bin/python
	$(INSTALL) pip-tools
	$(COMPILE) --extra postgres --output-file requirements.txt setup.cfg
	$(COMPILE) --extra test --output-file requirements-test.txt setup.cfg
	$(COMPILE) --only-build-deps --build-deps-for wheel \
		--output-file compose/requirements-build.txt pyproject.toml

clean:
	rm -rf .venv node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
