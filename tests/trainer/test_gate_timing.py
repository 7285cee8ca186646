from collections.abc import Callable

import numpy as np
import pytest

from trainer.gate.timing import Timing, compare_times


class Machine:
    """A clock that only moves when something is asked; noise slows whatever runs."""

    def __init__(self, noise: float, seed: int) -> None:
        self._now = 0.0
        self._noise = noise
        self._rng = np.random.default_rng(seed)
        self.asked = 0

    def takes(self, seconds: float) -> Callable[[], None]:
        def ask() -> None:
            self.asked += 1
            self._now += seconds * (1 + self._noise * self._rng.exponential())

        return ask

    def clock(self) -> float:
        return self._now


def timed(ratio: float, *, noise: float = 0.0, seed: int = 0, most_turns: int = 41) -> tuple[Timing, Machine]:
    machine = Machine(noise, seed)
    found = compare_times(
        machine.takes(1.0), machine.takes(ratio), limit=1.05, most_turns=most_turns, clock=machine.clock
    )
    return found, machine


@pytest.mark.parametrize("ratio", [0.5, 1.0, 1.2, 3.0])
def test_a_quiet_machine_soon_knows(ratio: float) -> None:
    found, machine = timed(ratio)
    assert found.ratio == pytest.approx(ratio)
    assert (found.turns, found.sure) == (7, True)
    assert machine.asked == 2 * (7 + 1)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ratio", [0.9, 1.3])
def test_noise_is_seen_through(ratio: float, seed: int) -> None:
    found, _ = timed(ratio, noise=0.2, seed=seed, most_turns=101)
    assert (found.ratio > 1.05) == (ratio > 1.05)


def test_what_stays_unclear_is_said_to_be_so() -> None:
    found, _ = timed(1.05, noise=0.3, most_turns=6)
    assert found.turns == 6
    assert not found.sure
