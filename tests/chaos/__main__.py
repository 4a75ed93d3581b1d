"""The command line: `python -m tests.chaos --seed 1 --faults 200 --accounts 8`."""

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.run import ALL_FAULTS, Plan, run, say
from tests.chaos.violation import Violation
from tests.chaos.world import LOOK_EVERY


def main() -> int:
    """Run, and say how it went; 1 if a promise was broken."""
    arguments = _parse()
    plan = Plan(
        seed=random.randrange(10**6) if arguments.seed is None else arguments.seed,
        faults=arguments.faults,
        accounts=arguments.accounts,
        deadline=arguments.deadline,
        look_every=arguments.look_every,
        kinds=arguments.only or [kind for kind in ALL_FAULTS if kind not in arguments.without],
    )
    with tempfile.TemporaryDirectory(prefix="wa-manager-chaos-") as folder:
        try:
            result = asyncio.run(run(plan, Path(folder)))
        except Violation as violation:
            say(f"violation: {violation}")
            return 1
    say(result.table())
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="random unless given; printed")
    parser.add_argument("--faults", type=int, default=200, metavar="N")
    parser.add_argument("--accounts", type=int, default=8, metavar="N")
    parser.add_argument("--deadline", type=float, default=60.0, metavar="SECONDS")
    parser.add_argument("--look-every", type=float, default=LOOK_EVERY, metavar="SECONDS")
    kinds = sorted(ALL_FAULTS)
    parser.add_argument("--only", action="append", choices=kinds, metavar="KIND")
    parser.add_argument("--without", action="append", choices=kinds, default=[], metavar="KIND")
    return parser.parse_args()


sys.exit(main())
