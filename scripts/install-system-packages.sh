#!/bin/sh
# Installs what of the given needs is missing on a Debian or Ubuntu. Says nothing when all is there.
#
#   scripts/install-system-packages.sh NEED...
#
# NEED: chromium, curl, libfaketime, nginx, redis-server, postgresql, promtool, npm, venv
set -eu

DOWNLOADS=/usr/local/lib/chrome-headless-shell

# What the server can start: no script around it, and no snap, which takes no profile of ours.
is_program() {
    found=$(command -v "$1") && found=$(readlink -f "$found") || return 1
    [ "${found##*/}" != snap ] && head -c 4 "$found" | grep -q ELF
}

has() {
    case $1 in
        chromium) for candidate in /usr/lib/chromium/chromium-headless-shell /usr/lib/chromium/chromium \
                      /opt/google/chrome/chrome chrome-headless-shell chromium chromium-browser chrome; do
                      is_program "$candidate" && return 0
                  done
                  return 1 ;;
        libfaketime) for candidate in /usr/lib/faketime/*MT.so.1 /usr/lib/*/faketime/*MT.so.1; do
                         [ -e "$candidate" ] && return 0
                     done
                     return 1 ;;
        postgresql) for candidate in /usr/lib/postgresql/*/bin/initdb; do
                        [ -x "$candidate" ] && return 0
                    done
                    command -v initdb > /dev/null ;;
        # Debian keeps it where only root looks for programs.
        nginx) command -v nginx > /dev/null || [ -x /usr/sbin/nginx ] ;;
        venv) "${PYTHON:-python3}" -c 'import ensurepip, venv' 2> /dev/null ;;
        *) command -v "$1" > /dev/null ;;
    esac
}

package() {
    case $1 in
        chromium) echo chromium-headless-shell ;;
        promtool) echo prometheus ;;
        # A Python that is not Debian's own has its venv in a package of its own.
        venv) case ${PYTHON:-python3} in
                  */python3.[0-9]* | python3.[0-9]*) echo "${PYTHON##*/}-venv" ;;
                  *) echo python3-venv ;;
              esac ;;
        *) echo "$1" ;;
    esac
}

# Prints the service that the package of a need brings, if it does.
service() {
    case $1 in
        nginx | postgresql | redis-server) echo "$1" ;;
        promtool) echo prometheus ;;
    esac
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

fail() {
    echo "$1" >&2
    exit 1
}

# A package that brings a service must not start it: only its program is wanted here.
without_services() {
    policy=/usr/sbin/policy-rc.d
    if [ -e "$policy" ]; then "$@"; return; fi
    trap 'as_root rm -f "$policy"' EXIT INT TERM
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" > /dev/null
    as_root chmod 755 "$policy"
    "$@"
}

missing=""
for need in "$@"; do
    has "$need" || missing="$missing $need"
done
[ -n "$missing" ] || exit 0

command -v apt-get > /dev/null \
    || fail "Please install:$missing. (Only Debian and Ubuntu are set up automatically.)"
[ "$(id -u)" = 0 ] || command -v sudo > /dev/null \
    || fail "Please install as root:$missing. (There is no sudo here to do it for you.)"

# Ubuntu has Chromium only as a snap. Its libraries want root, and so it is root's.
download_chromium() {
    as_root npx --yes @puppeteer/browsers@3 install chrome-headless-shell@stable \
        --install-deps --path "$DOWNLOADS"
    # Those of one download: chrome-headless-shell/<platform and version>/<folder of its archive>
    for program in "$DOWNLOADS"/*/*/*/chrome-headless-shell; do
        as_root ln -sf "$program" /usr/local/bin/
    done
}

echo "Installing:$missing"
as_root apt-get update -qq
packages=""
download=""
new_services=""
for need in $missing; do
    name=$(service "$need")
    if [ -n "$name" ] && command -v systemctl > /dev/null && ! systemctl is-enabled --quiet "$name" 2> /dev/null; then
        new_services="$new_services $name"
    fi
    name=$(package "$need")
    if [ "$need" = chromium ] && ! apt-cache show "$name" > /dev/null 2>&1; then
        download=yes
        has npm || packages="$packages npm"
    else
        packages="$packages $name"
    fi
done
if [ -n "$packages" ]; then
    # shellcheck disable=SC2086 -- a list of names
    without_services as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y --no-install-recommends $packages > /dev/null
fi
# Nor is it to start with the machine.
for name in $new_services; do
    as_root systemctl disable --quiet "$name" 2> /dev/null || true
done
[ -z "$download" ] || download_chromium
for need in $missing; do
    has "$need" || fail "$need is still missing after the installation."
done
