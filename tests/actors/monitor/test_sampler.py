"""Samples of what processes take, with real processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.browser.process.group import Process, processes
from actors.monitor import sampler
from actors.monitor.sampler import Sample, Sampler, Usage, _CpuMeter, pss_mb

HOLDS_30_MB = "held = bytearray(30 << 20); print(flush=True); input()"


@pytest.fixture
def pair() -> Iterator[subprocess.Popen[bytes]]:
    """A process that leads a group of two."""
    held = f"{sys.executable} -c '{HOLDS_30_MB}'"
    leader = subprocess.Popen(
        ["/bin/sh", "-c", f"{held}; exit"],
        start_new_session=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert leader.stdout is not None
    assert leader.stdin is not None
    leader.stdout.readline()
    yield leader
    leader.stdin.close()
    leader.stdout.close()
    leader.wait(10)


def used(pid: int, cpu_seconds: float, started: str = "1") -> Process:
    return Process(pid, pid, started, False, cpu_seconds, 1)


def test_a_browser_is_all_of_its_process_group(pair: subprocess.Popen[bytes]) -> None:
    sample = Sampler().sample({"a": pair.pid})
    usage = sample.accounts["a"]
    assert usage.processes == usage.threads == 2
    assert 30 < usage.pss_mb < 100


def test_the_server_is_one_process_without_its_browsers(pair: subprocess.Popen[bytes]) -> None:
    sample = Sampler().sample({"a": pair.pid})
    assert sample.server.processes == 1
    assert sample.server.cpu_seconds > 0
    assert sample.whole.processes == 3
    assert sample.whole.pss_mb == sample.server.pss_mb + sample.accounts["a"].pss_mb


def test_a_browser_that_is_gone_has_no_figures(pair: subprocess.Popen[bytes]) -> None:
    sampler = Sampler()
    assert pair.stdin is not None
    pair.stdin.close()
    pair.wait(10)
    assert sampler.sample({"a": pair.pid}).accounts == {}


def test_processor_time_is_a_share_of_one_core() -> None:
    times = iter([0.0, 10.0])
    sampler = Sampler(clock=lambda: next(times))
    begun = os.times().user + os.times().system
    while (spent := os.times().user + os.times().system - begun) < 0.2:
        pass
    usage = sampler.sample({}).server
    assert usage.cpu_percent == pytest.approx(10 * spent, abs=1)


def test_a_group_keeps_the_time_of_members_that_ended() -> None:
    meter = _CpuMeter()
    assert meter.read(1, [used(1, 2.0), used(2, 3.0)]) == (5.0, 5.0)
    meter.turn()
    assert meter.read(1, [used(1, 2.5)]) == (5.5, 0.5)


def test_a_later_process_of_the_same_id_begins_from_nothing() -> None:
    meter = _CpuMeter()
    meter.read(1, [used(1, 8.0)])
    meter.turn()
    assert meter.read(1, [used(1, 1.0, started="2")]) == (9.0, 1.0)


def test_where_the_kernel_hides_pss_it_is_what_is_not_mapped_from_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = (
        "Name:\tx\nVmRSS:\t 9000 kB\nRssAnon:\t 1024 kB\nRssFile:\t 6952 kB\nRssShmem:\t 1024 kB\n"
    )
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "status").write_text(status)
    monkeypatch.setattr(sampler, "PROC", tmp_path)
    assert pss_mb(7) == 2
    assert pss_mb(8) == 0


def test_a_process_is_listed_with_its_group_and_its_time() -> None:
    [own] = [each for each in processes() if each.pid == os.getpid()]
    assert own.group == os.getpgrp()
    assert own.cpu_seconds == pytest.approx(sum(os.times()[:2]), abs=0.1)


def test_nothing_sums_up_to_nothing() -> None:
    assert Sample().whole == Usage()
