"""Profiles whose account is gone: found at the start and, where that is proven, removed.

A removal that failed leaves one behind, such as one whose disk refused. It is removed only if
nobody living holds it, the database has no such account, and the database's own log says that the
account was deleted. Without the last proof it may belong to another database, or to a later state
of one that was restored from a backup: then it is only reported.
"""

import logging

from actors.browser.config import BrowserConfig
from actors.browser.profile import care
from actors.browser.profile.profile import find_profiles
from common.threads import FILES
from store import accounts
from store.errors import DatabaseAway
from store.events import event_log

logger = logging.getLogger(__name__)


async def remove_orphans(config: BrowserConfig) -> None:
    """Remove the profiles of deleted accounts, and name those that nobody knows in the log."""
    # Listed before the accounts are: an account is always there before its profile.
    found = await FILES.run(find_profiles, config.profiles_dir)
    names = [profile.account_id for profile in found]
    try:
        known = {row.id for row in await accounts.some_rows(names)}
        orphans = [name for name in names if name not in known]
        deleted = await event_log.deleted(orphans)
    except DatabaseAway as error:
        logger.warning("Profiles of deleted accounts are looked for at the next start: %s", error)
        return
    for name in orphans:
        if name in deleted:
            logger.info("its account was deleted; removing its profile", extra={"account": name})
            await FILES.run(care.remove, config, name)
        else:
            logger.warning(
                "this profile's account is not in the database; it stays", extra={"account": name}
            )
