"""A `wa-manager serve` in which something dies at SIGUSR1, for `test_death`; else the product.

The environment's MORTAL says what: `registry`, `log`, or a task by its name.
"""

import asyncio
import logging
import os
import signal
import sys
from types import FrameType

import pykka

from actors.mailbox import ForAccount, ShutDown
from actors.registry import RegistryActor
from api.__main__ import main
from api.logs.handler import LogHandler


def kill(_: int, __: FrameType | None) -> None:
    match os.environ["MORTAL"]:
        case "registry":
            for registry in pykka.ActorRegistry.get_by_class(RegistryActor):
                # No account is looked up by a list.
                registry.tell(ForAccount([], ShutDown()))  # type: ignore[arg-type]
        case "log":
            for outlet in logging.getLogger().handlers:
                assert isinstance(outlet, LogHandler)
                # It has no length, and is no line.
                outlet._lines.put(object())  # type: ignore[arg-type]
        case name:
            for task in asyncio.all_tasks(asyncio.get_running_loop()):
                if task.get_name() == name:
                    task.cancel()


signal.signal(signal.SIGUSR1, kill)
sys.exit(main())
