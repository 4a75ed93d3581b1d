"""The numbers of everything that runs, in one value; `api/settings.py` is where they come from."""

from dataclasses import dataclass

from actors.account.context import Deadlines
from actors.account.restarts import RestartPolicy
from actors.browser.config import BrowserConfig
from actors.leases.policy import LeaseTerms
from actors.monitor.limits import MemoryLimits
from actors.startqueue import StartLimits


@dataclass(frozen=True)
class ManagerConfig:
    """The numbers of the manager. Times are seconds."""

    browser: BrowserConfig
    policy: RestartPolicy = RestartPolicy()
    deadlines: Deadlines = Deadlines()
    starts: StartLimits = StartLimits()
    limits: MemoryLimits = MemoryLimits()
    leases: LeaseTerms = LeaseTerms()
    sample_interval: float = 15.0
    """How often it is measured what each browser takes."""
    monitor_interval: float = 60.0
    """How often the log tells what the server takes."""
    store_timeout: float = 5.0
    """How long a command waits for the database before it is refused."""
    answer_timeout: float = 45.0
    """How long an answer of a page is waited for."""
