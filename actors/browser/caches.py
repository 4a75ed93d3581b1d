"""The caches inside a profile: what can be thrown away at any start without losing the session.

A session lives in Local Storage and IndexedDB, which nothing here touches. All of this is file
work and blocks: call it from a thread, and only while no browser uses the profile.
"""

import shutil

from actors.browser.profile import Profile, size_of

DEFAULT = "Default"
"""The folder of the only user that a profile of ours has."""

CACHES = (
    "Cache",
    "Code Cache",
    "DawnGraphiteCache",
    "DawnWebGPUCache",
    "GPUCache",
    "Service Worker",
)
"""What Chromium fills again by itself. A page registers its service worker anew when it is gone;
its folder goes whole, since a registration without its script would be worse than none."""


def trim(profile: Profile, bound_mb: int) -> int:
    """Remove a profile's caches if they are over a bound.

    Args:
        profile: One that we hold.
        bound_mb: What they may take together, in MB (1024 * 1024 bytes).

    Returns:
        The MB that were freed; 0 if they were within the bound.

    Raises:
        ProfileLocked: We do not hold the profile.
    """
    _ = profile.lock_descriptor
    found = [path for name in CACHES if (path := profile.path / DEFAULT / name).is_dir()]
    taken = sum(map(size_of, found)) >> 20
    if taken <= bound_mb:
        return 0
    for path in found:
        # Chromium begins a cache anew when it finds half of one.
        shutil.rmtree(path, ignore_errors=True)
    return taken
