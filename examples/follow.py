"""Prints what happens to the accounts of a server, and goes on where it was.

Try it in the server's folder:

export WA_API_KEY=$(cat data/api-key)
python -m examples.follow --since 0
python -m examples.follow --types status --position position.json
"""

import argparse
import json
from collections.abc import Mapping
from typing import Any

from examples import command_line, position_file
from examples.wa_stream import Event, EventStream, Gap, Item, Snapshot


def line(item: Item, names: dict[str, str]) -> str:
    """Say in one line what happened.

    Args:
        item: What the stream told.
        names: What the accounts are called, by id; a snapshot brings it up to date.
    """
    match item:
        case Event():
            name = names.get(item.account_id)
            who = item.account_id if name is None else f"{_short(name)} {item.account_id}"
            what = f"{who} {item.type} {_short(item.data)}"
        case Snapshot(accounts=accounts):
            names.update((account["id"], account["name"]) for account in accounts)
            what = f"{len(accounts)} accounts: {_short([_place(account) for account in accounts])}"
        case Gap(since=since, oldest=oldest):
            what = f"the log has nothing from after {since} to before {oldest}"
        case _:
            what = f"{item.type} {_short(item.data)}"
    return f"{item.at:%Y-%m-%d %H:%M:%S} {what}"


async def follow(arguments: argparse.Namespace, since: int | None) -> None:
    """Print the stream until cancelled."""

    async def save(position: int) -> None:
        if arguments.position is not None:
            await position_file.save(arguments.position, position)

    stream = EventStream(
        arguments.url,
        arguments.key,
        since=since,
        accounts=arguments.accounts,
        types=arguments.types,
        save=save,
    )
    names: dict[str, str] = {}
    async with stream:
        async for item in stream:
            print(line(item, names), flush=True)


def main() -> None:
    """Run the program."""
    parser = command_line.new_parser("Print what happens to the accounts of a server.")
    parser.add_argument("--since", type=int, help="the event to begin after, 0 for all there are")
    parser.add_argument("--accounts", type=_words, help="only these, with commas between them")
    parser.add_argument(
        "--types", type=_words, default="status,message", help="only these; %(default)s"
    )
    arguments = command_line.parse(parser)
    since = command_line.load_position(parser, arguments, int)
    command_line.run(follow(arguments, arguments.since if since is None else since))


def _short(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _place(account: Mapping[str, Any]) -> str:
    return f"{account['name']} {account['status']}"


def _words(text: str) -> list[str]:
    return text.split(",")


if __name__ == "__main__":
    main()
