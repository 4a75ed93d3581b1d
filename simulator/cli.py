"""The simulator's command line, to be mounted under a command of the project's own."""

import argparse
import asyncio
import os
import signal
import sys

from simulator.server import Simulator
from simulator.settings import SimulatorSettings

DEFAULT_PORT = 8700

DEFAULTS = SimulatorSettings()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the simulator's options to a parser."""
    parser.add_argument("--host", default=DEFAULTS.host, help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=_port, default=DEFAULT_PORT, help="port, 0 for any free one (%(default)s)"
    )
    parser.add_argument(
        "--tls", action="store_true", help="serve https, with a certificate of its own making"
    )
    parser.add_argument(
        "--qr-first",
        type=_seconds,
        default=DEFAULTS.qr_first_seconds,
        metavar="SECONDS",
        help="how long the first QR code is shown (%(default)s)",
    )
    parser.add_argument(
        "--qr-next",
        type=_seconds,
        default=DEFAULTS.qr_next_seconds,
        metavar="SECONDS",
        help="how long each further one is shown (%(default)s)",
    )
    parser.add_argument(
        "--qr-codes",
        type=int,
        choices=range(1, 101),
        default=DEFAULTS.qr_codes,
        metavar="COUNT",
        help="how many are shown before the page waits for a click (%(default)s)",
    )
    parser.add_argument(
        "--pairing-code",
        type=_seconds,
        default=DEFAULTS.pairing_code_seconds,
        metavar="SECONDS",
        help="how long a pairing code is good for (%(default)s)",
    )
    parser.add_argument(
        "--sync",
        type=_seconds,
        default=DEFAULTS.sync_seconds,
        metavar="SECONDS",
        help="how long a page takes to load its chats (%(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Serves until SIGTERM or SIGINT.

    Returns:
        The exit code: 0, or 2 if the address cannot be had.
    """
    settings = SimulatorSettings(
        host=args.host,
        port=args.port,
        tls=args.tls,
        qr_first_seconds=args.qr_first,
        qr_next_seconds=args.qr_next,
        qr_codes=args.qr_codes,
        pairing_code_seconds=args.pairing_code,
        sync_seconds=args.sync,
    )
    return asyncio.run(_serve(settings))


async def _serve(settings: SimulatorSettings) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with Simulator(settings) as simulator:
            print(_greeting(simulator.url, settings.tls), flush=True)
            await stop.wait()
    except OSError as error:
        address = f"{settings.host}:{settings.port}"
        reason = os.strerror(error.errno) if error.errno else error
        print(f"The simulator cannot listen on {address}: {reason}", file=sys.stderr)
        return 2
    return 0


def _greeting(url: str, with_tls: bool) -> str:
    curl = "curl --insecure" if with_tls else "curl"
    phone = f"{url}/sim/phones/491700000001"
    return (
        f"WhatsApp Web is simulated on {url}\n"
        f'  scan a code:     {curl} -d \'{{"code": "<text of the QR>"}}\' {phone}/scan\n'
        f'  send a message:  {curl} -d \'{{"from": "491700000077", "body": "Hello"}}\''
        f" {phone}/messages\n"
        f"  see the phones:  {curl} {url}/sim/phones\n"
        f'  break something: {curl} -d \'{{"kind": "offline"}}\' {url}/sim/faults'
    )


def _port(value: str) -> int:
    port = int(value) if value.isdecimal() else -1
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{value!r} is no port: 0 to 65535")
    return port


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 86_400:
        raise argparse.ArgumentTypeError(f"{value!r} is no number of seconds above 0")
    return seconds
