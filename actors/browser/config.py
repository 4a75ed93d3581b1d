"""The numbers and places a browser works with. Values only; who reads the settings fills them."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BrowserConfig:
    """What every browser of this server shares. Times are in seconds."""

    profiles_dir: Path
    """Holds a profile per account, named by the account's id."""
    server_id: str
    """Names this server in the command line of its browsers, beside the account."""
    web_url: str = "https://web.whatsapp.com/"
    map_host: str | None = None
    """Where the host of `web_url` is really served, as `host:port`, under any certificate.

    For a simulator that stands in for WhatsApp under its own name.
    """
    executable: Path | None = None
    """Chromium; found by itself when None."""
    wa_js: Path | None = None
    """The wa-js bundle; found in the project's node_modules when None."""
    qr_first_seconds: float = 60.0
    qr_next_seconds: float = 20.0
    qr_codes: int = 6
    """How WhatsApp Web rotates its codes. Said to the user; the page itself keeps the time."""
    pairing_code_seconds: float = 180.0
    page_load_seconds: float = 30.0
    """For the page to open, and once more for WhatsApp Web to come up in it."""
    close_seconds: float = 10.0
    """For a browser to end in good order, before it is killed."""
    call_seconds: float = 30.0
    """For a call into the page, such as sending a text."""
    probe_seconds: float = 30.0
    """Between two questions to a page whether it still answers."""
    probe_timeout_seconds: float = 10.0
    """For its answer. Two that do not come end the run."""
    durable_seconds: float = 10.0
    """For a fresh login to be proven on the disk, before the account is called ready anyway."""
    finish_seconds: float = 5.0
    """For messages that are being sent when a browser is to close."""
    unlink_seconds: float = 10.0
    """For WhatsApp to take a logout, before the browser is closed without it."""

    cache_mb: int = 100
    """What the caches in a profile may take at a start, in MB; see caches.py."""
    cache_check_seconds: float = 3600.0
    """Between two looks at how much they have become since."""

    def profile(self, account_id: str) -> Path:
        """Return the place of an account's profile."""
        return self.profiles_dir / account_id
