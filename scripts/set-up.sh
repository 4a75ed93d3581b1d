#!/bin/sh
# Sets up in this folder what wa-manager needs: its Python in .venv, and wa-js in node_modules. Says
# nothing when all is there. What is stale or half made is made anew.
#
#   scripts/set-up.sh run | test | lint
#
# PYTHON: the Python that .venv is made with. Unless it is given, any that is new enough.
set -eu
cd "$(dirname "$0")/.."
here=$(pwd -P)

NEEDS=$1
MARK=.venv/.installing
PIP=".venv/bin/pip install --quiet --disable-pip-version-check"

fail() {
    echo "$1" >&2
    exit 1
}

# Prints a Python's version and where it is installed.
identity() {
    "$1" -c 'import sys
print("%d.%d.%d %s" % (sys.version_info[:3] + (getattr(sys, "base_prefix", sys.prefix),)))' 2> /dev/null
}

is_new_enough() {
    version=${1%% *}
    major=${version%%.*}
    minor=${version#*.}
    minor=${minor%%.*}
    [ "$major" -gt 3 ] || { [ "$major" -eq 3 ] && [ "$minor" -ge 11 ]; }
}

# Whether a marker is missing, or older than one of the files.
is_outdated() {
    marker=$1
    shift
    [ -e "$marker" ] || return 0
    for file; do
        [ ! "$file" -nt "$marker" ] || return 0
    done
    return 1
}

# Says why .venv cannot be used; nothing if it can.
fault() {
    if [ -e "$MARK" ]; then echo "its installation was interrupted"; return; fi
    found=$(identity .venv/bin/python) || { echo "its Python is gone"; return; }
    is_new_enough "$found" || { echo "it has Python ${found%% *}"; return; }
    made=$(sed -n 's/^version[_a-z]* *= *\([0-9]*\.[0-9]*\).*/\1/p' .venv/pyvenv.cfg 2> /dev/null | head -n 1)
    case $found in
        "$made".*) ;;
        *) echo "it was made with Python ${made:-of unknown version}, which is ${found%% *} now"; return ;;
    esac
    # The programs in it name the folder that they were installed in.
    programs=$(head -n 2 .venv/bin/pip 2> /dev/null) || { echo "it is half made"; return; }
    case $programs in
        *"$here/.venv/bin/"*) ;;
        *) echo "it was made in another folder"; return ;;
    esac
    .venv/bin/python -c 'import pip' 2> /dev/null || { echo "it is half made"; return; }
    if [ -n "${PYTHON:-}" ] && wanted=$(identity "$PYTHON") && [ "$wanted" != "$found" ]; then
        echo "it has another Python than $PYTHON"
    fi
}

choose_python() {
    if [ -n "${PYTHON:-}" ]; then
        found=$(identity "$PYTHON") || fail "wa-manager needs Python 3.11 or newer; $PYTHON cannot be run."
        is_new_enough "$found" || fail "wa-manager needs Python 3.11 or newer; $PYTHON is Python ${found%% *}."
        return
    fi
    is=""
    for PYTHON in python3 python3.14 python3.13 python3.12 python3.11; do
        found=$(identity "$PYTHON") || continue
        if is_new_enough "$found"; then
            [ -z "$is" ] || echo "$is; $PYTHON is used, Python ${found%% *}."
            return
        fi
        is="python3 is Python ${found%% *}, and wa-manager needs 3.11 or newer"
    done
    fail "${is:-wa-manager needs Python 3.11 or newer, and there is no python3}. Install one, and name it: make PYTHON=python3.12 ..."
}

# Two at a time would undo each other's work. The lock ends with whoever holds it.
exec 9< scripts/set-up.sh
if command -v flock > /dev/null && ! flock --nonblock 9; then
    echo "Another set-up is at work in this folder. Waiting for it."
    flock 9
fi

if [ -e .venv ] || [ -L .venv ]; then
    why=$(fault)
    if [ -n "$why" ]; then
        # What it is made anew with must be there first.
        choose_python
        echo "The folder .venv is made anew: $why."
        rm -rf .venv
    fi
fi
if [ -e .venv ]; then
    PYTHON=.venv/bin/python
elif [ -z "${why:-}" ]; then
    choose_python
fi
export PYTHON
if [ ! -e .venv ] || [ ! -e node_modules/.installed ]; then
    echo "Setting up: Python's libraries in .venv, wa-js in node_modules, and system packages where they"
    echo "are missing. This takes about 90 s, once."
fi

case $NEEDS in
    run) packages="chromium npm" ;;
    test) packages="chromium curl nginx npm redis-server postgresql promtool libfaketime" ;;
    lint) packages="npm" ;;
    *) fail "What is $NEEDS? There are run, test and lint." ;;
esac
[ -e .venv ] || packages="$packages venv"
# shellcheck disable=SC2086 -- a list of names
scripts/install-system-packages.sh $packages

if [ ! -e .venv ]; then
    echo "* .venv, with Python ${found%% *}"
    mkdir .venv
    touch "$MARK"
    "$PYTHON" -m venv .venv
fi
# What builds comes by its hash as well; left to itself, pip would fetch whichever is newest.
if is_outdated .venv/.installed requirements.txt compose/requirements-build.txt setup.cfg pyproject.toml; then
    echo "* the libraries of requirements.txt"
    touch "$MARK"
    $PIP --require-hashes -r compose/requirements-build.txt
    $PIP --require-hashes --no-build-isolation --use-pep517 -r requirements.txt
    $PIP --no-deps --no-build-isolation --use-pep517 --editable .
    touch .venv/.installed
    rm "$MARK"
fi
if [ "$NEEDS" != run ] && is_outdated .venv/.installed-test requirements-test.txt .venv/.installed; then
    echo "* the libraries of requirements-test.txt"
    touch "$MARK"
    $PIP --require-hashes -r requirements-test.txt
    touch .venv/.installed-test
    rm "$MARK"
fi
# The lock file's checksum guards the download, the bundle's own what is run inside the browser.
install_node_modules() {
    rm -f node_modules/.installed node_modules/.installed-test
    npm ci "$@" --silent --no-audit --no-fund
    .venv/bin/python -m actors.browser.page.bundle
    touch node_modules/.installed
}
if [ "$NEEDS" = run ]; then
    if is_outdated node_modules/.installed package.json package-lock.json .venv/.installed; then
        echo "* wa-js"
        install_node_modules --omit=dev
    fi
elif is_outdated node_modules/.installed-test package.json package-lock.json .venv/.installed; then
    echo "* wa-js, and what the tests need of npm"
    install_node_modules
    touch node_modules/.installed-test
fi
