"""What a server holds is known to the last descriptor, so that one more is seen."""

from collections import Counter
from pathlib import Path

from common.threads import POOLS
from simulator.server import Simulator
from tests.chaos.holding import AT_REST, OF_A_BROWSER, POOL, THREADS, Holding, too_much
from tests.harness import ServerProcess, until
from tests.redis_server import RedisServer

FEW = Counter({"python3": THREADS})
WITH_TWO = AT_REST + OF_A_BROWSER + OF_A_BROWSER


def test_one_descriptor_more_of_any_kind_is_complained_of() -> None:
    assert not too_much(Holding(WITH_TWO, FEW), 2, 3)
    for kind in (*WITH_TWO, "socket:[1]"):
        complaints = too_much(Holding(WITH_TWO + Counter([kind]), FEW), 2, 3)
        assert complaints == [f"too many descriptors, with 2 browsers: {{{kind!r}: 1}}"]


def test_what_a_browser_had_is_complained_of_when_it_is_gone() -> None:
    assert too_much(Holding(WITH_TWO, FEW), 1, 3)


def test_more_threads_than_actors_and_the_pool_can_have_are_complained_of() -> None:
    most = Counter({"python3": THREADS, "account": 3, "profiles": POOL})
    assert not too_much(Holding(AT_REST, most), 0, 3)
    [complaint] = too_much(Holding(AT_REST, most + Counter(["leak"])), 0, 3)
    assert complaint.startswith(f"{THREADS + 3 + POOL + 1} threads, and there may be ")
    assert "'leak': 1" in complaint


def test_a_server_that_is_gone_is_complained_of() -> None:
    assert too_much(None, 0, 3)


async def test_a_server_at_rest_holds_what_is_known_whoever_is_connected(
    simulator: Simulator, tmp_path: Path, redis_server: RedisServer
) -> None:
    server = ServerProcess(tmp_path, simulator.url)
    server.environment["WA_REDIS_URL"] = redis_server.url
    await server.start()
    assert server.process is not None
    pid = server.process.pid

    def held() -> Counter[str]:
        return Holding.of(pid, server.port, redis_server.port).descriptors

    def named() -> Counter[str]:
        return Holding.of(pid, server.port, redis_server.port).threads

    async def nothing_else() -> bool:
        return held() == AT_REST

    try:
        # Once something is published there are both connections to Redis.
        await server.create()
        async with server.listen():
            await until(nothing_else, f"{AT_REST}", lambda: f"{held()}")
        threads = named()
        assert [threads[name] for name in ("account", "log", "monitor", "registry")] == [1] * 4
        known = {"account", "log", "monitor", "registry", "measuring", "hosts"}
        assert len(threads.keys() - known - {pool.name for pool in POOLS}) == 1, threads
    finally:
        await server.close()
