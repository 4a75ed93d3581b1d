"""A run's hold on its profile: taken and cleaned before the start, given up after the end."""

import asyncio
import logging
from contextlib import suppress

from actors.browser.errors import ProfileLocked, StartFailed
from actors.browser.profile import caches
from actors.browser.profile.profile import Profile
from common.threads import FILES

logger = logging.getLogger(__name__)


class ProfileLock:
    """Takes a profile for one run and leaves it. Used on the loop; the work is done in threads."""

    def __init__(self, profile: Profile, cache_mb: int) -> None:
        """Prepare it; nothing is taken yet.

        Args:
            profile: What to take.
            cache_mb: How many MB of caches may be in it when the browser starts.
        """
        self._profile = profile
        self._cache_mb = cache_mb
        self._taking: asyncio.Task[None] | None = None

    async def take(self) -> None:
        """Take the profile and clean it, in a thread whose work a cancellation does not undo.

        Raises:
            ProfileLocked: Somebody else holds it.
            StartFailed: It cannot be used.
        """
        self._taking = asyncio.create_task(FILES.run(self._take))
        await asyncio.shield(self._taking)

    async def leave(self, *, wipe: bool) -> None:
        """Give the profile up, also if it was never taken. Only once its browser is gone.

        Args:
            wipe: Remove it first.
        """
        if self._taking is not None:
            with suppress(Exception):
                await self._taking
        if wipe:
            await FILES.run(self._remove)
        await FILES.run(self._profile.unlock)

    def _take(self) -> None:
        try:
            self._profile.lock()
            removed = self._profile.clean_locks()
            freed = caches.trim(self._profile, self._cache_mb)
        except OSError as error:
            raise StartFailed(f"The profile cannot be used: {error}") from error
        for path in removed:
            logger.info("removed the stale lock %s", path)
        if freed:
            logger.info("removed %d MB of caches", freed)

    def _remove(self) -> None:
        try:
            self._profile.lock()
            self._profile.remove()
        except (ProfileLocked, OSError) as error:
            logger.warning("the profile stays: %s", error)
