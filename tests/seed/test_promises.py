"""The promises that the log, the health check and the restart make to whoever runs the server.

The quoted texts are an interface: people grep and curl them.
"""

import asyncio
import os
import re
import signal
import subprocess
import time
from datetime import datetime
from pathlib import Path

import pytest

from simulator.server import Simulator
from tests.chaos.locks import LivingOwner
from tests.harness import Phones, ServerProcess, until
from tests.ports import free_port
from tests.surroundings import Surroundings

NUMBERS = ("491700000001", "491700000002", "491700000003")


async def link(server: ServerProcess, phones: Phones, count: int) -> list[str]:
    ids = [await server.create(f"Account {index}") for index in range(count)]
    await asyncio.gather(*map(phones.link, [server] * count, ids, NUMBERS))
    return ids


def lines(server: ServerProcess, *texts: str) -> list[int]:
    """Return the places of texts in the log, each after the one before."""
    places, start = [], 0
    for text in texts:
        start = server.log.index(text, start)
        places.append(start)
    return places


async def says_shutting_down(server: ServerProcess) -> bool:
    async with server.client.get("/health") as response:
        body = await response.json()
        return response.status == 503 and body["status"] == "shutting_down"


@pytest.mark.sqlite
async def test_s01_stale_locks_are_removed_at_every_start(
    simulator: Simulator, tmp_path: Path, surroundings: Surroundings
) -> None:
    server = ServerProcess(tmp_path, simulator.url, surroundings)
    profile = server.data / "profiles" / "0123456789abcdef"
    profile.mkdir(parents=True)
    locks = [profile / name for name in ("SingletonLock", "SingletonSocket", "SingletonCookie")]
    for lock in locks:
        lock.symlink_to("another-host-4711")
    await server.start()
    await server.close()
    assert not any(os.path.lexists(lock) for lock in locks)
    lines(server, "🧹 Cleaning Chromium lock files...", "  Removed: ", "✅ Lock files cleaned")
    for lock in locks:
        assert f"  Removed: {lock}" in server.log


async def test_s02_a_signal_closes_every_browser_and_then_the_database(
    server: ServerProcess, phones: Phones
) -> None:
    accounts = await link(server, phones, 2)
    assert await server.end(signal.SIGTERM) == 0
    assert server.chromiums() == []
    for account_id in accounts:
        lines(
            server,
            "⚠️  Received SIGTERM, starting graceful shutdown...",
            f"Closing client for {account_id}",
            f"✅ Client {account_id} closed",
            "✅ Database disconnected",
            "👋 Shutdown complete",
        )


@pytest.mark.sqlite
async def test_s02_sigint_does_the_same(server: ServerProcess) -> None:
    assert await server.end(signal.SIGINT) == 0
    lines(server, "⚠️  Received SIGINT, starting graceful shutdown...", "👋 Shutdown complete")


@pytest.mark.sqlite
async def test_s03_a_start_that_meets_a_lock_is_tried_twice_three_seconds_apart(
    server: ServerProcess,
) -> None:
    account = await server.create()
    owner = LivingOwner(server.data / "profiles" / account, our_lock=True)
    await server.connect(account)
    await server.reaches(account, "FAILED", "profile_locked")
    owner.end()

    met = [e for e in await server.events(account) if e["data"].get("cause") == "profile_locked"]
    assert [event["data"]["status"] for event in met] == ["CONNECTING", "FAILED"]
    first, second = (datetime.fromisoformat(event["at"]) for event in met)
    assert 3 <= (second - first).total_seconds() < 5
    assert "is held by" in met[1]["data"]["detail"]["message"]


@pytest.mark.sqlite
async def test_s03_a_lock_that_goes_away_between_the_attempts_does_no_harm(
    server: ServerProcess,
) -> None:
    account = await server.create()
    owner = LivingOwner(server.data / "profiles" / account, our_lock=False)
    await server.connect(account)
    await server.reaches(account, "CONNECTING", "profile_locked")
    owner.end()
    await server.reaches(account, "QR_READY")


async def test_s04_health_answers_in_the_seeds_shape(server: ServerProcess, phones: Phones) -> None:
    linked, fresh = await server.create(), await server.create()
    await phones.link(server, linked, NUMBERS[0])
    await server.connect(fresh)
    await server.reaches(fresh, "QR_READY")
    health = await server.call("GET", "/health")
    assert health["status"] == "ok"
    assert isinstance(health["uptime"], int)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", health["timestamp"])
    assert datetime.fromisoformat(health["timestamp"])
    assert health["activeClients"] == 2
    found = {
        client["accountId"]: (client["status"], client["hasPhone"]) for client in health["clients"]
    }
    assert found == {linked: ("CONNECTED", True), fresh: ("QR_READY", False)}
    assert all(isinstance(health["memory"][k], int) for k in ("heapUsed", "heapTotal", "rss"))


async def test_s05_stuck_accounts_are_reset_at_start(server: ServerProcess, phones: Phones) -> None:
    shows_code, syncs, loads = [await server.create() for _ in range(3)]
    await server.connect(shows_code)
    await server.reaches(shows_code, "QR_READY")
    await phones.call("POST", "faults", {"kind": "slow-sync", "seconds": 60})
    await server.connect(syncs)
    await server.reaches(syncs, "QR_READY")
    qr = await server.call("GET", f"/accounts/{syncs}/qr?format=json")
    await phones.scan(NUMBERS[0], qr["qr"])
    await server.reaches(syncs, "AUTHENTICATING")
    await phones.call("POST", "faults", {"kind": "slow-load", "seconds": 60})
    await server.connect(loads)

    async def is_kept() -> bool:
        last = (await server.events(loads))[-1]
        return bool(last["data"]["status"] == "CONNECTING")

    # What the server knows and has not written yet, the next one does not know.
    await until(is_kept, "what happens is in the log")
    await server.end(signal.SIGKILL)
    await server.start()
    assert "🔄 Reset 3 stuck account(s) to DISCONNECTED" in server.log
    for account_id in (shows_code, loads):
        await server.reaches(account_id, "DISCONNECTED", "reset")

    # This one is linked and wanted, so that it is brought back after its reset.
    async def was_reset() -> bool:
        resets = [e for e in await server.events(syncs) if e["data"]["cause"] == "reset"]
        return [event["data"]["status"] for event in resets] == ["DISCONNECTED"]

    await until(was_reset, "the reset is in the log")


@pytest.mark.sqlite
async def test_s06_the_resource_monitor_writes_its_block(
    server: ServerProcess, phones: Phones
) -> None:
    await link(server, phones, 1)
    await server.end()
    server.environment |= {"WA_MONITOR_SECONDS": "0.5"}
    await server.start()
    block = (
        r"📊 Resource Monitor:\n"
        r"  - Active Clients: 1\n"
        r"  - Memory Used: \d+MB / \d+MB\n"
        r"  - RSS: \d+MB\n"
        r"  - Uptime: \d+ minutes\n"
    )

    async def written() -> bool:
        return re.search(block, server.log) is not None

    await until(written, "the resource monitor's block", lambda: server.log[-2000:])


@pytest.mark.sqlite
async def test_s07_browsers_run_without_crash_reports_needless_processes_and_locks(
    server: ServerProcess, phones: Phones
) -> None:
    [account] = await link(server, phones, 1)
    main = server.browser_of(account)
    words = main.cmdline()
    assert {"--no-first-run", "--disable-breakpad", "--disable-crash-reporter"} <= set(words)
    assert {"--disable-background-networking", "--disable-component-update"} <= set(words)
    helpers = " ".join(word for child in main.children(recursive=True) for word in child.cmdline())
    assert "--type=renderer" in helpers
    for needless in ("crashpad", "--type=gpu-process", "network.mojom"):
        assert needless not in helpers

    await server.call("POST", f"/accounts/{account}/disconnect", expect=202)
    await server.reaches(account, "DISCONNECTED")
    assert not list((server.data / "profiles" / account).glob("Singleton*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_s08_connected_accounts_come_back_after_a_restart(
    server: ServerProcess, phones: Phones, number: signal.Signals
) -> None:
    accounts = await link(server, phones, 2)
    left_alone = await server.create()
    await server.end(number)
    await server.start()
    for account_id in accounts:
        await server.reaches(account_id, "CONNECTED")
        assert await server.scans(account_id) == 1
    assert (await server.account(left_alone))["status"] == "DISCONNECTED"


async def test_s09_the_start_has_its_order_and_says_it(
    server: ServerProcess, phones: Phones
) -> None:
    [account_id] = await link(server, phones, 1)
    await server.end()
    before = len(server.log)
    await server.start()
    await server.reaches(account_id, "CONNECTED")
    log = server.log[before:]
    order = (
        "🧹 Cleaning Chromium lock files...",
        "✅ Lock files cleaned",
        "🔄 Reset 0 stuck account(s) to DISCONNECTED",
        f"{account_id}: CONNECTING (restore)",
        f"{account_id}: CONNECTED (ready)",
    )
    assert sorted(order, key=log.index) == list(order)
    for text in (
        f"🚀 WhatsApp API Server running on http://localhost:{server.port}",
        "💡 Ready to accept connections",
        f"📊 Health check: http://localhost:{server.port}/health",
    ):
        assert text in log


async def test_s10_connect_never_blocks(server: ServerProcess, phones: Phones) -> None:
    # No page comes up, so that whoever waited for one would wait too, for half a minute at least.
    await phones.call("POST", "faults", {"kind": "slow-load", "seconds": 60})
    accounts = [await server.create() for _ in range(5)]
    async with asyncio.timeout(10):
        answers = await asyncio.gather(*map(server.connect, accounts))
    assert {answer["desired"] for answer in answers} == {"connected"}
    for account_id in accounts:
        await server.reaches(account_id, "CONNECTING")


async def test_s10_many_connects_run_in_parallel_without_lock_errors(
    server: ServerProcess, phones: Phones
) -> None:
    accounts = await link(server, phones, 3)
    for account_id in accounts:
        causes = {event["data"]["cause"] for event in await server.events(account_id)}
        assert "profile_locked" not in causes
        assert "start_failed" not in causes


async def test_s11_browsers_close_before_the_database_and_nothing_hangs(
    server: ServerProcess, phones: Phones
) -> None:
    await server.end()
    server.environment |= {"WA_SHUTDOWN_SECONDS": "3"}
    await server.start()
    frozen, well = await link(server, phones, 2)
    server.browser_of(frozen).send_signal(signal.SIGSTOP)
    started = time.monotonic()
    assert await server.end(signal.SIGTERM) == 0
    assert time.monotonic() - started < 10
    lines(server, f"✅ Client {well} closed", "✅ Database disconnected", "👋 Shutdown complete")
    await server.no_chromium_is_left()


def check_health(url: str, **environment: str) -> tuple[int, str]:
    """Run the script that cron runs; give its exit code and what it says."""
    ran = subprocess.run(
        [Path("compose/health-check.sh").absolute()],
        env={"PATH": os.environ["PATH"], "HEALTH_URL": f"{url}/health", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ran.stderr == ""
    return ran.returncode, ran.stdout


@pytest.mark.sqlite
async def test_s14_the_health_check_script_says_nothing_when_all_is_well(
    server: ServerProcess,
) -> None:
    assert await asyncio.to_thread(check_health, server.url) == (0, "")


@pytest.mark.sqlite
async def test_s14_the_health_check_script_warns_of_high_memory(server: ServerProcess) -> None:
    code, words = await asyncio.to_thread(check_health, server.url, MEMORY_MB="1")
    assert code == 1
    assert re.fullmatch(r"⚠️ High memory usage: \d+MB\n", words)


@pytest.mark.sqlite
async def test_s14_the_health_check_script_warns_of_a_status_that_is_not_ok(
    server: ServerProcess,
) -> None:
    await server.end()
    server.environment |= {"WA_REDIS_URL": f"redis://127.0.0.1:{free_port()}"}
    await server.start()
    found = await asyncio.to_thread(check_health, server.url)
    assert found[0] == 1
    assert re.fullmatch(r"⚠️ Server unhealthy: degraded \(bus: Error 111 .*\)\n", found[1])

    await server.end()
    found = await asyncio.to_thread(check_health, server.url)
    assert found == (1, "⚠️ Server unhealthy: unreachable\n")


@pytest.mark.sqlite
async def test_s11_a_second_signal_hurries_and_leaves_no_browser_that_does_not_answer(
    server: ServerProcess, phones: Phones
) -> None:
    [account_id] = await link(server, phones, 1)
    browser = server.browser_of(account_id)
    browser.send_signal(signal.SIGSTOP)
    assert server.process is not None
    server.process.send_signal(signal.SIGTERM)

    async def hurries() -> bool:
        # A repeat within a second means nothing.
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        return "Not waiting for the browsers any longer" in server.log

    await until(hurries, "a later signal hurries")
    assert await asyncio.wait_for(server.process.wait(), 40) == 0
    assert server.chromiums() == []
    assert "👋 Shutdown complete" in server.log
    assert "Traceback" not in server.log


async def test_s15_health_says_shutting_down_while_the_server_stops(
    server: ServerProcess, phones: Phones
) -> None:
    await link(server, phones, 1)
    assert server.process is not None
    [account] = [client["accountId"] for client in (await server.call("GET", "/health"))["clients"]]
    # A browser that does not answer keeps the shutdown waiting for as long as it may.
    server.browser_of(account).send_signal(signal.SIGSTOP)
    server.process.send_signal(signal.SIGTERM)

    await until(lambda: says_shutting_down(server), "the health check says shutting_down")
    server.browser_of(account).send_signal(signal.SIGCONT)
    assert await asyncio.wait_for(server.process.wait(), 40) == 0
