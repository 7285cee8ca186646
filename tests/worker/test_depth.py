"""The depth follows the lag, and does not flutter."""

import pytest

from worker.depth import AdaptiveDepth, DepthRule

RULE = DepthRule(calibrated_at_s=10, one_pass_at_s=60, return_share=0.5, hold_s=10)


class Clock:
    """Seconds, as told."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def _followed(*looks: tuple[float, float]) -> list[str]:
    """The policy after each look: (seconds since the last, lag)."""
    clock = Clock()
    depth = AdaptiveDepth(RULE, clock)
    found: list[str] = [depth.policy]
    for passed, lag in looks:
        clock.now += passed
        depth.look(lag)
        found.append(depth.policy)
    return found


def test_it_gets_shallower_at_once_as_the_lag_grows() -> None:
    assert _followed((1, 9.9), (1, 10), (1, 59), (1, 60)) == ["paper", "paper", "calibrated", "calibrated", "one-pass"]


def test_a_sudden_lag_skips_a_step() -> None:
    assert _followed((1, 500)) == ["paper", "one-pass"]


def test_it_comes_back_step_by_step_when_the_lag_has_stayed_low() -> None:
    found = _followed((1, 60), (1, 29), (9, 1), (1, 1), (9, 1), (1, 1), (100, 1))
    assert found == ["paper", "one-pass", "one-pass", "one-pass", "calibrated", "calibrated", "paper", "paper"]


def test_between_the_thresholds_nothing_changes() -> None:
    assert _followed((1, 60), *[(100, 31)] * 5)[1:] == ["one-pass"] * 6
    assert _followed((1, 10), *[(100, lag) for lag in (6, 9, 5, 59)])[1:] == ["calibrated"] * 5


def test_a_lag_that_jumps_up_in_between_begins_the_wait_anew() -> None:
    assert _followed((1, 10), (1, 1), (9, 6), (1, 1), (9, 1), (1, 1))[1:] == ["calibrated"] * 5 + ["paper"]


@pytest.mark.parametrize("lag", [-5.0, 0.0])
def test_clocks_that_differ_a_little_do_no_harm(lag: float) -> None:
    assert _followed((1, lag)) == ["paper", "paper"]
