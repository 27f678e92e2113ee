"""How the soak judges growth: a leak shows through noise, and what a process takes while it warms up is none."""

import os
import random
import sys
from itertools import pairwise

import pytest

from soak.samples import Sample, Sampler, most, slope

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def grown(by_minute: float, *, noise: float = 0, minutes: float = 4, warm: float = 0) -> list[Sample]:
    """Samples each two seconds. warm: megabytes that the first minute takes, and the others keep."""
    chance = random.Random(1)
    return [
        Sample(at, 1, 90 + warm * min(1, at / 60) + by_minute * at / 60 + chance.uniform(-noise, noise), 20, 10)
        for at in range(0, round(minutes * 60), 2)
    ]


def test_the_slope_is_in_megabytes_a_minute() -> None:
    assert slope(grown(by_minute=1.5), since=0, until=240) == pytest.approx(1.5)
    assert slope(grown(by_minute=-0.5), since=0, until=240) == pytest.approx(-0.5)


def test_a_leak_shows_through_noise_larger_than_itself() -> None:
    assert slope(grown(by_minute=2, noise=3), since=0, until=240) == pytest.approx(2, abs=0.5)
    assert slope(grown(by_minute=0, noise=3), since=0, until=240) == pytest.approx(0, abs=0.5)


def test_what_the_warm_up_takes_is_no_growth() -> None:
    samples = grown(by_minute=0, warm=40)
    assert slope(samples, since=60, until=240) == pytest.approx(0)
    assert slope(samples, since=0, until=240) > 1


def test_what_comes_after_the_load_is_not_counted() -> None:
    samples = [*grown(by_minute=1), *(Sample(at, 1, 10, 20, 10) for at in range(240, 300, 2))]
    assert slope(samples, since=0, until=239) == pytest.approx(1)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_samples_have_no_slope(count: int) -> None:
    assert slope(grown(by_minute=1)[:count], since=0, until=240) == 0


def test_what_is_held_is_the_most_that_was_seen() -> None:
    held = most([Sample(0, 1, 90, 20, 12), Sample(2, 1, 90, 24, 2)])
    assert (held.fds, held.threads) == (24, 12)


@on_linux
def test_this_process_is_sampled_and_one_that_has_gone_is_passed_over() -> None:
    sampler = Sampler({os.getpid(): "this", 2**22 + 1: "none"})
    for _ in range(3):
        sampler.tick()
    samples = sampler.of(os.getpid())
    assert sampler.of(2**22 + 1) == []
    assert len(samples) == 3
    assert all(early.at <= late.at for early, late in pairwise(samples))
    assert samples[0].megabytes > 5
    assert samples[0].fds > 2
    assert samples[0].threads >= 1
    assert set(sampler.held(since=0)) == {"this"}


@on_linux
def test_an_open_file_is_counted(tmp_path) -> None:
    before = Sample.take(os.getpid(), 0)
    with (tmp_path / "open").open("w"):
        assert Sample.take(os.getpid(), 0).fds == before.fds + 1
