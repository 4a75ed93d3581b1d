"""The wa-js bundle: where it is, and proof that it is the one that was pinned.

It is injected into a page that holds somebody's messages, so an unknown one is refused.
`python -m actors.browser.page.bundle` checks it and exits with 0 or 1.
"""

import hashlib
import sys
from functools import lru_cache
from pathlib import Path

from actors.browser.errors import BundleUnusable

VERSION = "4.6.0"
SHA256 = "5bfb88027f14a4d8c9e319374e8bb4083201906881cf8c74f75789b32e4106bd"
PLACE = Path("node_modules/@wppconnect/wa-js/dist/wppconnect-wa.js")


def find_bundle(explicit: Path | None = None) -> Path:
    """Return the bundle's path: the explicit one, or the one `npm ci` puts beside the project."""
    return explicit or Path(__file__).resolve().parents[3] / PLACE


@lru_cache(maxsize=4)
def load_bundle(path: Path, sha256: str = SHA256) -> str:
    """Read the bundle and check it; the text is kept for the next page. Blocks.

    Args:
        path: From `find_bundle`.
        sha256: The hash it must have.

    Raises:
        BundleUnusable: It is missing, unreadable, or not the pinned one.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleUnusable(
            f"wa-js {VERSION} cannot be read from {path} ({error.strerror}). {_advice(path)}"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise BundleUnusable(
            f"{path} is not the pinned wa-js {VERSION}: its SHA-256 is {found}, not {sha256}. "
            f"{_advice(path)}"
        )
    return content.decode()


def _advice(path: Path) -> str:
    if path != find_bundle():
        return "Name the right file, or none, and have `npm ci` install it beside the project."
    return "Remove node_modules and run `npm ci` in the project's folder."


def main() -> int:
    """Check the project's own bundle, for the Makefile."""
    path = find_bundle()
    try:
        load_bundle(path)
    except BundleUnusable as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"wa-js {VERSION} is in place: {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
