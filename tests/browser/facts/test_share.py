"""How much of the loop one browser may take."""

from actors.browser.facts.share import BYTES_A_SECOND, CREDIT_SECONDS, TIME_SHARE, Share


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_browser_that_says_little_never_waits() -> None:
    clock = Clock()
    share = Share(clock)
    for _ in range(100):
        clock.now += 1
        assert share.spend(TIME_SHARE / 2, BYTES_A_SECOND // 2) == 0


def test_a_browser_that_has_much_to_say_for_a_moment_does_not_wait() -> None:
    assert Share(Clock()).spend(TIME_SHARE * CREDIT_SECONDS / 2, BYTES_A_SECOND // 2) == 0


def test_a_browser_that_never_stops_takes_its_share_of_the_time_and_no_more() -> None:
    clock = Clock()
    share = Share(clock)
    busy = 0.0
    while clock.now < 100:
        clock.now += 0.01
        busy += 0.01
        clock.now += share.spend(0.01, 0)
    assert busy < 1.1 * TIME_SHARE * (100 + CREDIT_SECONDS)


def test_a_browser_that_never_stops_tells_its_share_of_bytes_and_no_more() -> None:
    clock = Clock()
    share = Share(clock)
    told = 0
    while clock.now < 100:
        told += 1_000_000
        clock.now += share.spend(0, 1_000_000)
    assert told < 1.1 * BYTES_A_SECOND * (100 + CREDIT_SECONDS)
