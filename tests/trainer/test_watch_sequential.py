"""The test's error rate is the one that is stated, although it is looked at after every pair."""

import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.watch.sequential import log_capital, sequential_test

ALPHA = 0.05
REPEATS = 1500
PAIRS = 600


def differences(old: float, new: float, seed: int, repeats: int = REPEATS) -> NDArray[np.float64]:
    """New minus old, shape (repeats, PAIRS)."""
    rng = np.random.default_rng(seed)
    found: NDArray[np.float64] = (rng.random((repeats, PAIRS)) < new).astype(float) - (
        rng.random((repeats, PAIRS)) < old
    )
    return found


def rejections(rows: NDArray[np.float64], margin: float = 0.0) -> float:
    """How often the test, looked at after every pair, says "worse"."""
    return float(np.mean([log_capital(row, margin).max() >= -np.log(ALPHA) for row in rows]))


@pytest.mark.parametrize(
    ("old", "new", "margin"), [(0.1, 0.1, 0.0), (0.5, 0.5, 0.0), (0.3, 0.2, 0.0), (0.2, 0.25, 0.05), (0.02, 0.02, 0.0)]
)
def test_false_rollbacks_stay_under_alpha_at_every_look(old: float, new: float, margin: float) -> None:
    assert rejections(differences(old, new, 1), margin) <= ALPHA


def test_rates_that_move_together_cause_no_false_rollback() -> None:
    rng = np.random.default_rng(2)
    rate = np.clip(0.3 + 0.25 * np.sin(np.arange(PAIRS) / 40), 0, 1)
    rows = (rng.random((REPEATS, PAIRS)) < rate).astype(float) - (rng.random((REPEATS, PAIRS)) < rate)
    assert rejections(rows) <= ALPHA


def test_a_usual_test_that_is_looked_at_again_and_again_fails() -> None:
    """The negative control: a z-test for a fixed number of pairs rejects several times as often as it says."""
    rows = differences(0.3, 0.3, 3)
    count = np.arange(1, PAIRS + 1)
    z = rows.cumsum(axis=1) / np.sqrt(np.maximum((rows**2).cumsum(axis=1), 1.0))
    peeked = np.mean((z[:, count >= 20] > 1.645).any(axis=1))
    assert peeked > 3 * ALPHA


def test_a_clearly_worse_version_is_found_soon() -> None:
    rows = differences(0.1, 0.35, 4, repeats=300)
    found = [np.flatnonzero(log_capital(row, 0.0) >= -np.log(0.01)) for row in rows]
    assert np.mean([len(one) > 0 for one in found]) > 0.99
    assert np.median([one[0] for one in found if len(one)]) < 120


def test_worse_by_less_than_the_margin_stays() -> None:
    assert rejections(differences(0.2, 0.24, 5, repeats=300), margin=0.1) == 0.0


def test_what_was_rejected_once_stays_rejected() -> None:
    new, old = [True] * 30 + [False] * 500, [False] * 30 + [True] * 500
    assert sequential_test(new[:30], old[:30]).rejected
    later = sequential_test(new, old)
    assert later.rejected_at == sequential_test(new[:30], old[:30]).rejected_at
    assert later.pairs == 530


def test_the_bound_agrees_with_the_verdict_and_holds() -> None:
    rng = np.random.default_rng(6)
    above = 0
    for _ in range(100):
        new, old = rng.random(300) < 0.4, rng.random(300) < 0.2
        result = sequential_test(list(new), list(old), alpha=ALPHA)
        assert (result.at_least > 0) == result.rejected
        above += result.at_least > 0.2
    assert above <= 100 * ALPHA


def test_only_like_numbers_are_compared() -> None:
    result = sequential_test([True, False, True], [False])
    assert result.pairs == 1
    assert sequential_test([], [True]).pairs == 0
    assert not sequential_test([], []).rejected
