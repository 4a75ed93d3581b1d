"""A file that keeps where a consumer is, so that it goes on there when it is started again."""

import asyncio
import json
import os
from pathlib import Path


def load(path: Path) -> object:
    """Return what was saved; None if nothing was.

    Raises:
        ValueError: The file holds something else.
        OSError: It cannot be read.
    """
    if not path.exists():
        return None
    position: object = json.loads(path.read_text(encoding="utf-8"))
    return position


async def save(path: Path, position: object) -> None:
    """Replace what is saved; whatever happens, the file holds the old or the new whole.

    Raises:
        OSError: It cannot be written.
    """
    await asyncio.to_thread(_replace, path, json.dumps(position))


def _replace(path: Path, text: str) -> None:
    aside = path.with_name(path.name + ".new")
    with aside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
