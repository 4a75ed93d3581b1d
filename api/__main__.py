"""The command line: `wa-manager serve`, `simulate`, `demo`. It reads arguments and starts programs.

What a command needs is imported when it runs, so that `--help` and mistakes answer at once.
"""

import argparse
import asyncio
import re
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import NoReturn

from api.server.signals import Signals
from api.settings import Settings, SettingsError, flag, variable
from api.validation.suggestions import nearest, short

FAILURE = 1
USAGE_ERROR = 2


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong; the usage of `serve` alone has more than sixty flags."""

    def error(self, message: str) -> NoReturn:
        """End with the message and where to find more."""
        sys.exit(_refuse(f"{message}; `{self.prog} --help` says more"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command of the command line.

    Args:
        arguments: What follows the program's name; the process's own unless given.

    Returns:
        The exit code: 0, 1 if the command failed, 2 if it cannot run with what it was given.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = Parser(prog="wa-manager", description="Keeps many WhatsApp accounts connected.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('wa-manager')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (help_, add_arguments, run) in COMMANDS.items():
        command = commands.add_parser(name, help=help_, description=help_, allow_abbrev=False)
        add_arguments(command)
        command.set_defaults(run=run, command=name, usage=command.format_usage())
    if given and not given[0].startswith("-") and given[0] not in COMMANDS:
        hint = nearest(given[0], COMMANDS)
        meant = f"did you mean {hint}?" if hint else f"there are {', '.join(COMMANDS)}."
        return _refuse(f"there is no command {short(given[0])}; {meant}")
    parsed, rest = parser.parse_known_args(given)
    if rest:
        flags = re.findall("--[a-z-]+", parsed.usage)
        return _refuse(_unknown(rest[0], parsed.command, flags))
    return int(parsed.run(parsed))


def _unknown(word: str, command: str, flags: Iterable[str]) -> str:
    name = word.partition("=")[0]
    if not name.startswith("-"):
        return f"{command} takes nothing but flags; {short(name)} is none"
    hint = nearest(name, flags)
    meant = f"did you mean {hint}?" if hint else f"`wa-manager {command} --help` lists all."
    return f"{command} has no flag {short(name)[1:-1]}; {meant}"


def _refuse(message: str) -> int:
    print(f"wa-manager: {message}", file=sys.stderr)
    return USAGE_ERROR


def _add_serve_arguments(parser: argparse.ArgumentParser) -> None:
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f", {field.default} by default"
        help_ = f"{field.description} [{variable(name)}{default}]"
        parser.add_argument(flag(name), dest=name, metavar="VALUE", help=help_.replace("%", "%%"))


def _serve(arguments: argparse.Namespace) -> int:
    signals = Signals()
    # First, so that a signal that comes while the rest is imported is obeyed as any other.
    signals.listen()
    from actors.browser.errors import BundleUnusable, ChromiumNotFound
    from api.logs.lines import set_up_logging
    from api.logs.uncaught import log_uncaught
    from api.server.serve import Broken, CannotListen, serve
    from store.errors import StoreError

    try:
        settings = Settings.load({name: getattr(arguments, name) for name in Settings.model_fields})
        set_up_logging(settings.log_level, settings.log_format, settings.secrets)
        log_uncaught()
        asyncio.run(serve(settings, signals))
    except (
        SettingsError,
        CannotListen,
        ChromiumNotFound,
        BundleUnusable,
        StoreError,
    ) as error:
        return _refuse(str(error))
    except Broken:
        return FAILURE
    return 0


def _add_simulate_arguments(parser: argparse.ArgumentParser) -> None:
    from simulator.cli import add_arguments

    add_arguments(parser)


def _simulate(arguments: argparse.Namespace) -> int:
    from api.logs.lines import set_up_logging
    from simulator.cli import run

    set_up_logging("INFO")
    return run(arguments)


def _add_demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--accounts", type=_positive, default=3, help="how many, 3 by default")
    parser.add_argument("--exit", action="store_true", help="end afterwards, 0 if all went well")


def _demo(arguments: argparse.Namespace) -> int:
    signals = Signals()
    signals.listen()
    from api.demo import demo

    return asyncio.run(demo(arguments.accounts, signals, stay=not arguments.exit))


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number from 1")
    return int(text)


COMMANDS = {
    "serve": ("Run the server.", _add_serve_arguments, _serve),
    "simulate": (
        "Run an imitation of WhatsApp Web, with phones to link.",
        _add_simulate_arguments,
        _simulate,
    ),
    "demo": (
        "Show three accounts link, survive a restart, and write to each other; no phone needed.",
        _add_demo_arguments,
        _demo,
    ),
}

if __name__ == "__main__":
    sys.exit(main())
