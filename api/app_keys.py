"""What handlers find in the application: the parts of the server."""

from aiohttp import web

from actors.manager import Manager
from api.settings import Settings
from api.streams.coalescing import Coalescer
from common.background import Background
from store.events.bus import Bus
from store.events.feed import Feed
from store.events.recorder import Recorder

SETTINGS = web.AppKey("SETTINGS", Settings)
BACKGROUND = web.AppKey("BACKGROUND", Background)
BUS = web.AppKey("BUS", Bus)
FEED = web.AppKey("FEED", Feed)
RECORDER = web.AppKey("RECORDER", Recorder)
COALESCER = web.AppKey("COALESCER", Coalescer)
MANAGER = web.AppKey("MANAGER", Manager)
