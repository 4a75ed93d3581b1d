"""What can be set about a simulator. Where the values come from is the caller's affair."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SimulatorSettings:
    """A simulator's address and the times that WhatsApp keeps."""

    host: str = "127.0.0.1"
    port: int = 0
    """0 takes any free port. Browsers keep logins per origin: fix it where a login shall last."""
    tls: bool = False
    """Serve https with a certificate of its own making."""
    qr_first_seconds: float = 60.0
    """How long the first QR code is shown."""
    qr_next_seconds: float = 20.0
    """How long each of the others is shown."""
    qr_codes: int = 6
    """How many codes are shown before the page waits for a click."""
    pairing_code_seconds: float = 180.0
    """How long a pairing code is good for."""
    sync_seconds: float = 0.5
    """How long a page takes to load its chats. Some libraries begin to listen only meanwhile."""
