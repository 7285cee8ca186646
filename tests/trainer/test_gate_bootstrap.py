import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.gate.bootstrap import Differences, paired_differences
from trainer.metrics import Indices, paired_bootstrap, report

LABELS = 5


def answers(accuracy: float, seed: int, messages: int = 600) -> tuple[Indices, Indices]:
    rng = np.random.default_rng(3)
    truth: NDArray[np.int64] = rng.choice(LABELS, messages, p=[0.5, 0.2, 0.15, 0.1, 0.05])
    rng = np.random.default_rng(seed)
    said = np.where(rng.random(messages) < accuracy, truth, rng.integers(-1, LABELS, messages))
    return truth, said


def conversations(messages: int) -> list[str]:
    return [f"c{number // 6}" for number in range(messages)]


def differences(live: float, candidate: float, **changed: int) -> Differences:
    truth, before = answers(live, 1)
    _, after = answers(candidate, 2)
    given = {"labels": LABELS, "resamples": 1000, "seed": 0} | changed
    return paired_differences(truth, before, after, conversations(len(truth)), margin=0.005, **given)


def test_counts_give_the_same_scores_and_interval_as_asking_for_every_resample() -> None:
    truth, before = answers(0.6, 1)
    _, after = answers(0.7, 2)
    names = [str(one) for one in range(LABELS)]
    found = differences(0.6, 0.7)
    for what, ours in (("macro_f1", found.macro_f1), ("weighted_f1", found.weighted_f1)):
        slow = paired_bootstrap(
            conversations(len(truth)),
            lambda rows, what=what: getattr(report(truth[rows], before[rows], names), what),  # type: ignore[misc]
            lambda rows, what=what: getattr(report(truth[rows], after[rows], names), what),  # type: ignore[misc]
        )
        assert ours.observed == pytest.approx(slow.observed)
        assert (ours.low, ours.high) == pytest.approx((slow.low, slow.high), abs=0.01)


def test_the_same_seed_gives_the_same_figures() -> None:
    assert differences(0.6, 0.7) == differences(0.6, 0.7)
    assert differences(0.6, 0.7) != differences(0.6, 0.7, seed=1)


def test_better_worse_and_equal_are_told_apart() -> None:
    assert differences(0.6, 0.75).macro_f1.not_worse > 0.99
    assert differences(0.75, 0.6).macro_f1.not_worse < 0.01
    truth, said = answers(0.7, 1)
    same = paired_differences(
        truth, said, said, conversations(len(truth)), labels=LABELS, margin=0.005, resamples=200, seed=0
    )
    assert same.macro_f1.not_worse == 1.0
    assert same.macro_f1.observed == same.weighted_f1.observed == 0.0


def test_messages_of_one_conversation_are_one_piece_of_evidence() -> None:
    """Where conversations are right or wrong as a whole, treating messages as independent would be too sure."""
    truth, _ = answers(0.6, 1)
    rng = np.random.default_rng(7)
    wrong = (truth + 1) % LABELS
    before, after = (np.where(np.repeat(rng.random(30) < share, 20), truth, wrong) for share in (0.5, 0.6))
    widths = []
    for size in (1, 20):
        groups = [f"c{number // size}" for number in range(len(truth))]
        found = paired_differences(truth, before, after, groups, labels=LABELS, margin=0.0, resamples=1000, seed=0)
        widths.append(found.weighted_f1.high - found.weighted_f1.low)
    assert widths[1] > 2 * widths[0]
