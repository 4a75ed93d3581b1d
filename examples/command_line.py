"""What the examples have in common as programs: flags, the key, the position, and the end."""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from examples import position_file
from examples.wa_stream import StreamError

KEY = "WA_API_KEY"

Position = TypeVar("Position")


def new_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser of the flags that all of them have."""
    parser = argparse.ArgumentParser(
        description=description, epilog=f"The API key is taken from {KEY} in the environment."
    )
    parser.add_argument("--url", default="http://127.0.0.1:5001", help="the server")
    parser.add_argument("--position", type=Path, help="a file to keep where it is, and go on there")
    return parser


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Return the flags, and beside them the key; end with a sentence if there is none."""
    arguments = parser.parse_args()
    arguments.key = os.environ.get(KEY, "").strip()
    if not arguments.key:
        parser.error(f"{KEY} is not set: export {KEY}=$(cat data/api-key)")
    return arguments


def load_position(
    parser: argparse.ArgumentParser,
    arguments: argparse.Namespace,
    read: Callable[[Any], Position],
) -> Position | None:
    """Return the position that was saved, if one was; end with a sentence if it is not one."""
    if arguments.position is None:
        return None
    try:
        saved = position_file.load(arguments.position)
        return None if saved is None else read(saved)
    except (AttributeError, KeyError, TypeError, ValueError):
        parser.error(f"{arguments.position} holds something else; without it, this begins now")


def run(program: Coroutine[None, None, None], *refusals: type[Exception]) -> None:
    """Run a program until Ctrl-C, or until it is refused; its own refusals are these."""
    refused: tuple[type[Exception], ...] = (StreamError, aiohttp.ClientError, ValueError, *refusals)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    try:
        asyncio.run(program)
    except KeyboardInterrupt:
        sys.exit(130)
    except refused as error:
        sys.exit(f"{type(error).__name__}: {error}")
