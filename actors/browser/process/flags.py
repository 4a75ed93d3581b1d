"""Chromium's command line: each flag with its reason. Pure.

The aim is an account that costs little and is never asked anything: no window, no helper process
that is not needed, no talk with anybody but WhatsApp.
"""

from pathlib import Path
from urllib.parse import urlsplit

from actors.browser.process.executable import Executable, user_agent

MARKER = "--wa-manager"
MB = 1 << 20

FLAGS = {
    "--no-first-run": "no welcome page",
    "--no-default-browser-check": "nobody is there to answer it",
    "--disable-gpu": "servers have none",
    "--in-process-gpu": "what remains of the GPU process moves into the main one: a process less",
    "--disable-dev-shm-usage": "containers have 64 MB of shared memory, and a page needs more",
    "--mute-audio": "nobody listens",
    "--hide-scrollbars": "screenshots without them",
    "--window-size=1280,900": "below about 1000 pixels WhatsApp Web shows another layout",
    "--disable-extensions": "none are used",
    "--disable-component-extensions-with-background-pages": "each would be a renderer process",
    "--disable-default-apps": "none are used",
    "--disable-background-networking": "no requests but the page's own",
    "--disable-component-update": "no downloads",
    "--disable-sync": "no Google account",
    "--disable-domain-reliability": "no reports to Google",
    "--disable-breakpad": "no crash reporter process for each browser",
    "--disable-crash-reporter": "no crash reporter process for each browser",
    "--disable-crashpad-for-testing": "two processes less, which would leave the browser's group",
    "--metrics-recording-only": "no metrics are sent",
    "--no-pings": "no link auditing",
    "--password-store=basic": "no desktop keyring is asked, which would block without one",
    "--use-mock-keychain": "no desktop keyring is asked, which would block without one",
    "--disable-site-isolation-trials": "one site needs one renderer",
    "--renderer-process-limit=1": "one site needs one renderer",
    "--disable-background-timer-throttling": "a page that nobody looks at must stay connected",
    "--disable-renderer-backgrounding": "a page that nobody looks at must stay connected",
    "--disable-backgrounding-occluded-windows": "a page that nobody looks at must stay connected",
    "--disable-blink-features=AutomationControlled": "navigator.webdriver stays as people have it",
    "--enable-aggressive-domstorage-flushing": "a new login is on the disk after one second, "
    "not after five or, where a page writes often, minutes; see durability.py",
    "--accept-lang=en-US,en": "the page speaks English on every server, see page.js",
    "--disable-popup-blocking": "a blocked dialog would wait for a click",
}

DISABLED_FEATURES = (
    "AutofillServerCommunication",
    "BackForwardCache",
    "CertificateTransparencyComponentUpdater",
    "DialMediaRouteProvider",
    "GlobalMediaControls",
    "InterestFeedContentSuggestions",
    "IsolateOrigins",
    "MediaRouter",
    "OptimizationGuideModelDownloading",
    "OptimizationHints",
    "PrivacySandboxSettings4",
    "SegmentationPlatform",
    "Translate",
    "site-per-process",
)
"""Each of them starts a process, keeps pages in memory, or talks with somebody else's server."""

ENABLED_FEATURES = ("NetworkServiceInProcess2",)
"""The network moves into the main process: a process less."""


def command(
    executable: Executable,
    profile: Path,
    marker: str,
    *,
    sandbox: bool,
    web_url: str,
    map_host: str | None,
    cache_mb: int,
) -> list[str]:
    """Return the whole command line.

    Args:
        executable: Which Chromium; the full build needs a word more than the shell.
        profile: Its user data directory, absolute.
        marker: From `marker`, tells whose browser it is.
        sandbox: Whether Chromium's sandbox can be used.
        web_url: The page it will open.
        map_host: Where that page's host is really served, if elsewhere.
        cache_mb: What its caches may take; half of that is for the one it can be told to bound.
    """
    line = [str(executable.path), "--remote-debugging-pipe", *FLAGS]
    line.append(f"--disable-features={','.join(DISABLED_FEATURES)}")
    line.append(f"--enable-features={','.join(ENABLED_FEATURES)}")
    if not executable.headless_shell:
        line.append("--headless=new")
    # The headless shell does not mind it, so that its caches are looked at besides: see caches.py.
    line.append(f"--disk-cache-size={cache_mb * MB // 2}")
    if not sandbox:
        line.append("--no-sandbox")
    if map_host is not None:
        host = urlsplit(web_url).hostname
        line += [f"--host-resolver-rules=MAP {host} {map_host}", "--ignore-certificate-errors"]
    line += [f"--user-agent={user_agent(executable.version)}", f"--user-data-dir={profile}", marker]
    return [*line, "about:blank"]


def marker(server_id: str, account_id: str) -> str:
    """Return the argument that tells whose browser a process is. Chromium ignores it."""
    return f"{MARKER}={server_id}:{account_id}"
