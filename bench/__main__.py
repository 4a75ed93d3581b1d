"""The benchmarks: `python -m bench restore`, `… soak`, `… start`, `… streams`, `… storm`."""

import argparse
import asyncio

from bench import restore, soak, start, streams, streams_storm

BENCHMARKS = {
    "restore": restore,
    "soak": soak,
    "start": start,
    "streams": streams,
    "storm": streams_storm,
}


def main() -> None:
    """Run the benchmark that is asked for."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="benchmark")
    for name, module in BENCHMARKS.items():
        command = commands.add_parser(name, description=module.__doc__)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    arguments = parser.parse_args()
    asyncio.run(arguments.run(arguments))


main()
