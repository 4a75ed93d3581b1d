"""The care of profiles beside their browsers: at the server's start, and at an account's end.

All of it is file work and blocks: call it from a thread.
"""

import logging

from actors.browser.config import BrowserConfig
from actors.browser.errors import ProfileLocked
from actors.browser.profile.profile import Profile, find_profiles, locked

logger = logging.getLogger(__name__)


def clean_locks(config: BrowserConfig) -> None:
    """Remove the stale locks of all profiles, and end browsers that a dead server left behind.

    A profile that a living process holds is left alone, and the log says so.
    """
    logger.info("🧹 Cleaning Chromium lock files...")
    for profile in find_profiles(config.profiles_dir):
        try:
            with locked(profile):
                for path in profile.clean_locks():
                    logger.info("  Removed: %s", path, extra={"account": profile.account_id})
        except (ProfileLocked, OSError) as error:
            of_profile = {"account": profile.account_id}
            logger.warning("its locks stay: %s", error, extra=of_profile)
    logger.info("✅ Lock files cleaned")


def remove(config: BrowserConfig, account_id: str) -> None:
    """Remove an account's profile, unless a living process may be using it."""
    profile = Profile(config.profile(account_id))
    if not profile.path.exists():
        return
    try:
        profile.lock()
        try:
            profile.remove()
        finally:
            profile.unlock()
    except (ProfileLocked, OSError) as error:
        logger.error(  # noqa: TRY400
            "its profile stays on the disk: %s", error, extra={"account": account_id}
        )
