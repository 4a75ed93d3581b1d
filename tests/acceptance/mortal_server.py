"""A `wa-manager serve` whose registry dies at SIGUSR1, for `test_death`; else the product."""

import signal
import sys
from types import FrameType

import pykka

from actors.messages import ForAccount, ShutDown
from actors.registry import RegistryActor
from api.__main__ import main


def kill_registry(_: int, __: FrameType | None) -> None:
    for registry in pykka.ActorRegistry.get_by_class(RegistryActor):
        # No account is looked up by a list.
        registry.tell(ForAccount([], ShutDown()))  # type: ignore[arg-type]


signal.signal(signal.SIGUSR1, kill_registry)
sys.exit(main())
