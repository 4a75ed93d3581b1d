#!/bin/sh
# The steps of the image, which the Dockerfile runs one by one. They need no Docker: run in this
# order, they make the same server under PREFIX.
#
#   compose/build.sh tools               what building needs; root on Debian
#   compose/build.sh system              what running needs; root on Debian
#   compose/build.sh libraries PREFIX    PREFIX/venv: the Python libraries, by their hashes
#   compose/build.sh bundle PREFIX       PREFIX/app/node_modules: what runs inside the pages
#   compose/build.sh server PREFIX       PREFIX/app: the server; checks the bundle
set -eu
cd "$(dirname "$0")/.."

install_packages() {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@"
    rm -rf /var/lib/apt/lists/*
}

# A pip that stays behind: the server's own environment has none. With it stays what builds, which
# comes by its hash as well; left to itself, pip would fetch whichever is newest.
make_pip() {
    workshop=$(mktemp -d)
    trap 'rm -rf "$workshop"' EXIT
    python3 -m venv "$workshop/venv"
    pip install --require-hashes --target "$workshop/build" \
        --requirement compose/requirements-build.txt
}

pip() {
    PYTHONPATH="$workshop/build" \
        "$workshop/venv/bin/python" -m pip --quiet --disable-pip-version-check "$@"
}

tools() {
    install_packages ca-certificates npm python3 python3-venv
}

# The fonts are for pictures of pages: without them all but Latin letters are boxes.
system() {
    install_packages ca-certificates chromium-headless-shell fonts-noto-color-emoji \
        fonts-noto-core python3
}

# Not all have a wheel for every Python: websockets 10.4, which pyppeteer wants, is built here where
# Python is newer than 3.11. Without a compiler it does without what only makes it quicker.
libraries() {
    make_pip
    python3 -m venv --without-pip "$1/venv"
    pip --python "$1/venv/bin/python" install --no-build-isolation --use-pep517 \
        --require-hashes --requirement requirements.txt
}

bundle() {
    mkdir -p "$1/app"
    cp package.json package-lock.json .npmrc "$1/app"
    (cd "$1/app" && npm ci --omit=dev --loglevel=error --no-audit --no-fund)
    rm "$1/app/package.json" "$1/app/package-lock.json" "$1/app/.npmrc"
}

server() {
    make_pip
    pip install --no-deps --no-build-isolation --target "$workshop/app" .
    rm -r "$workshop/app/bin"
    cp -R "$workshop/app/." "$1/app"
    (cd "$1/app" && "$1/venv/bin/python" -m actors.browser.page.bundle)
}

stage=${1:-}
case $stage in
    tools | system) "$stage" ;;
    libraries | bundle | server) "$stage" "${2:?says where to build}" ;;
    *)
        sed -n 's/^#   //p' "$0" >&2
        exit 2
        ;;
esac
