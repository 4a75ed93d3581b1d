"""The application: its parts, opened and closed in order, its middlewares, its routes."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from aiohttp import web

from actors.account.context import Deadlines
from actors.account.restarts import RestartPolicy
from actors.browser.config import BrowserConfig
from actors.config import ManagerConfig
from actors.evidence import FOLDER as EVIDENCE
from actors.leases.policy import LeaseTerms
from actors.manager import Manager
from actors.monitor.limits import MemoryLimits
from actors.startqueue import StartLimits
from actors.telemetry.observer import Observer
from api.app_keys import BACKGROUND, BUS, COALESCER, FEED, MANAGER, RECORDER, SETTINGS
from api.attempts import GUARD, Guard
from api.auth import KEY, load_key, require_key
from api.lifetime import LIFETIME, Lifetime, refuse_unless_open
from api.logs.lines import hide, name_accounts, until_log_dies
from api.metrics.metrics import METRICS, Metrics
from api.problems import problems
from api.routes import OPEN, ROUTES
from api.server.private import NotPrivate, check_private, check_writable, make_private
from api.settings import Settings, SettingsError, variable
from api.streams.clients import CLIENTS, close_streams
from api.streams.coalescing import Coalescer
from api.validation.bodies import refuse_compressed
from common.background import Background
from common.tasks import abandon, first
from store.database.opening import open_database
from store.database.timeouts import DatabaseWait
from store.events.bus import Bus, InProcessBus, RedisBus
from store.events.feed import Feed
from store.events.recorder import Recorder
from store.events.retention import Retention, Trimmer

ManagerMaker = Callable[[ManagerConfig, Recorder, Observer, Background], Manager]

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""What every answer tells a browser: load nothing from elsewhere, tell nobody, guess nothing."""

LAST_WRITES_SECONDS = 5.0
"""How long the shutdown waits for a database that does not take the last events."""
QR_MARGIN_SECONDS = 30.0
"""How much longer than its codes a QR_READY may last: WhatsApp Web ends it, this makes sure."""
CLOSING_MARGIN_SECONDS = 10.0
"""How much longer than its last messages, logout and close a browser may take to be gone."""
ANSWER_MARGIN_SECONDS = 15.0
"""How much longer than the work itself its answer is waited for: the account may be busy."""

OPENED = web.AppKey("OPENED", AsyncExitStack)
"""Closes what was opened, in the opposite order."""

logger = logging.getLogger(__name__)


def init_app(settings: Settings, make_manager: ManagerMaker = Manager) -> web.Application:
    """Build the server for these settings; `open_parts` opens its parts once it is set up.

    Raises:
        SettingsError: The data directory cannot be used.
    """
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_private(settings.data_dir, settings.data_dir.stat())
        make_private(settings.profiles_dir)
        make_private(settings.data_dir / EVIDENCE)
        check_writable(settings.data_dir, settings.profiles_dir, settings.data_dir / EVIDENCE)
        key = load_key(settings.key_file, settings.api_key)
    except (OSError, NotPrivate) as error:
        raise SettingsError(f"{variable('data_dir')}: {error}") from error
    hide(key.value)
    app = web.Application(client_max_size=settings.body_limit)
    app[SETTINGS] = settings
    app[KEY] = key
    app[GUARD] = Guard()
    app[LIFETIME] = Lifetime()
    app[OPENED] = AsyncExitStack()
    figures = app[METRICS] = Metrics(app, restore_window=2 * settings.lease_seconds)
    app.middlewares.extend(
        [
            figures.requests.begin,
            problems,
            refuse_compressed,
            refuse_unless_open,
            require_key(OPEN),
        ]
    )
    app[CLIENTS] = set()
    background = app[BACKGROUND] = Background()
    bus = app[BUS] = _bus(settings, background)
    app[FEED] = Feed(bus, background=background)
    app[COALESCER] = Coalescer()
    recorder = app[RECORDER] = Recorder(bus, background=background)
    app[MANAGER] = make_manager(*(manager_config(settings), recorder, figures.accounts, background))
    name_accounts(app[MANAGER].name_of)
    app.add_routes(ROUTES)
    app.on_response_prepare.extend([_add_headers, figures.requests.end])
    app.on_shutdown.append(stop_working)
    app.on_cleanup.append(_close_parts)
    return app


async def open_parts(app: web.Application) -> None:
    """Open what the server is made of, from the ground up; its end closes it from the top down.

    Health checks and figures are answered meanwhile, and all else is refused. A database that is
    away is waited for, however long that takes.

    Raises:
        SettingsError: The data directory cannot be used.
        StoreError: The database cannot be used, and waiting would not help.
    """
    settings, lifetime, opened = app[SETTINGS], app[LIFETIME], app[OPENED]
    bus, feed, recorder, manager = app[BUS], app[FEED], app[RECORDER], app[MANAGER]
    background, patience = app[BACKGROUND], DatabaseWait(lifetime.wait_for)
    opened.push_async_callback(background.end, background.start("log", until_log_dies()))
    await patience.wait_for(lambda: opened.enter_async_context(_database(settings)))
    opened.push_async_callback(bus.close)
    await bus.start()
    opened.push_async_callback(feed.close)
    await patience.wait_for(feed.start)
    opened.push_async_callback(recorder.close, LAST_WRITES_SECONDS)
    await recorder.start()
    trimmer = Trimmer(_retention(settings), background=background)
    opened.push_async_callback(trimmer.close)
    await trimmer.start()
    opened.push_async_callback(stop_working, app)
    try:
        await manager.start()
    except OSError as error:
        raise SettingsError(f"{variable('data_dir')}: {error}") from error
    lifetime.open = True


async def stop_working(app: web.Application) -> None:
    """Refuse requests, close the streams, then the browsers; health checks and figures go on.

    Whoever closes the listener calls this first, so that `/health` tells how it goes. Setting
    `hurry` in the application's lifetime ends the wait for the browsers.
    """
    lifetime = app[LIFETIME]
    if lifetime.stopping:
        return
    lifetime.stopping = True
    app[MANAGER].begin_stopping()
    await close_streams(app)
    closing = asyncio.create_task(app[MANAGER].stop(app[SETTINGS].shutdown_seconds))
    hurry = asyncio.create_task(lifetime.hurry.wait())
    await first(closing, hurry)
    await abandon(hurry)
    if closing.done():
        await closing
        return
    logger.warning("Not waiting for the browsers any longer")
    await abandon(closing)
    await app[MANAGER].stop(0)


async def _close_parts(app: web.Application) -> None:
    await app[OPENED].aclose()


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[None]:
    async with open_database(settings.effective_database_url):
        yield
    logger.info("✅ Database disconnected")


def _bus(settings: Settings, background: Background) -> Bus:
    if settings.redis_url is None:
        return InProcessBus()
    return RedisBus(settings.redis_url, settings.redis_prefix, background=background)


def _retention(settings: Settings) -> Retention:
    days, count = settings.events_max_days, settings.events_max_count
    return Retention(timedelta(days=days) if days else None, count or None)


def manager_config(settings: Settings) -> ManagerConfig:
    """Give the manager its numbers."""
    codes = settings.qr_first_seconds + (settings.qr_codes - 1) * settings.qr_next_seconds
    browser = _browser_config(settings)
    closing = sum(
        (
            browser.finish_seconds,
            browser.unlink_seconds,
            browser.close_seconds,
            CLOSING_MARGIN_SECONDS,
        )
    )
    return ManagerConfig(
        browser=browser,
        policy=RestartPolicy(
            max_failures=settings.max_failures,
            within=settings.failure_window_seconds,
            first_delay=settings.backoff_first_seconds,
            max_delay=settings.backoff_max_seconds,
            lock_attempts=settings.lock_attempts,
            lock_delay=settings.lock_retry_seconds,
        ),
        deadlines=Deadlines(
            connecting=settings.connecting_seconds,
            qr_ready=codes + QR_MARGIN_SECONDS,
            authenticating=settings.authenticating_seconds,
            offline=settings.offline_seconds,
            closing=closing,
        ),
        leases=LeaseTerms(settings.lease_seconds, settings.lease_margin),
        starts=StartLimits(settings.starts_at_once, settings.start_memory_mb, settings.disk_min_mb),
        limits=MemoryLimits(
            soft_mb=settings.memory_soft_mb,
            hard_mb=settings.memory_hard_mb,
            quiet_seconds=settings.memory_quiet_seconds,
            rest_seconds=settings.memory_rest_seconds,
        ),
        sample_interval=settings.resources_seconds,
        monitor_interval=settings.monitor_seconds,
        # A deletion is answered once the browser is closed.
        answer_timeout=max(browser.call_seconds, closing) + ANSWER_MARGIN_SECONDS,
    )


def _browser_config(settings: Settings) -> BrowserConfig:
    return BrowserConfig(
        profiles_dir=settings.profiles_dir,
        server_id=settings.server_id,
        web_url=settings.web_url,
        map_host=settings.map_host,
        executable=settings.chromium,
        wa_js=settings.wa_js,
        qr_first_seconds=settings.qr_first_seconds,
        qr_next_seconds=settings.qr_next_seconds,
        qr_codes=settings.qr_codes,
        pairing_code_seconds=settings.pairing_code_seconds,
        page_load_seconds=settings.page_load_seconds,
        close_seconds=settings.close_seconds,
        # Browsers have to close as well before the shutdown's time is over.
        finish_seconds=min(settings.finish_seconds, settings.shutdown_seconds / 2),
        call_seconds=settings.call_seconds,
        probe_seconds=settings.probe_seconds,
        probe_timeout_seconds=settings.probe_timeout_seconds,
        cache_mb=settings.cache_max_mb,
    )


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
