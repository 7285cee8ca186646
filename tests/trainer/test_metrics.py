import numpy as np
import pytest

from trainer.metrics import OUTLIER, calibration_error, flips, paired_bootstrap, report, weighted_f1

TRUTH = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 1, OUTLIER, 0])


def test_a_report_by_hand() -> None:
    found = report(TRUTH, PREDICTED, ["a", "b", "c", "d"])
    assert found.accuracy == 3 / 6
    assert found.per_label["a"].precision == found.per_label["a"].recall == found.per_label["a"].f1 == 2 / 3
    assert (found.per_label["b"].precision, found.per_label["b"].recall) == (1 / 2, 1 / 2)
    assert found.per_label["c"].f1 == 0
    assert found.per_label["d"].support == 0
    assert found.macro_f1 == pytest.approx((2 / 3 + 1 / 2 + 0) / 3), "labels that never occur do not count"
    assert found.weighted_f1 == pytest.approx((3 * 2 / 3 + 2 * 1 / 2) / 6)


def test_a_report_agrees_with_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(5)
    truth, predicted = rng.integers(0, 5, 300), rng.integers(0, 5, 300)
    found = report(truth, predicted, list("abcde"))
    for average, ours in (("macro", found.macro_f1), ("weighted", found.weighted_f1)):
        assert ours == pytest.approx(metrics.f1_score(truth, predicted, average=average))
    assert weighted_f1(truth, predicted, 5) == pytest.approx(found.weighted_f1)


def test_the_quick_score_counts_outliers_as_wrong_too() -> None:
    assert weighted_f1(TRUTH, PREDICTED, 4) == pytest.approx(report(TRUTH, PREDICTED, list("abcd")).weighted_f1)


def test_nothing_to_compare_is_zero_and_no_error() -> None:
    none = np.array([], dtype=np.int64)
    assert report(none, none, ["a"]).weighted_f1 == 0


def test_flips() -> None:
    found = flips(TRUTH, np.array([0, 1, 1, 1, 1, 0]), PREDICTED)
    assert (found.right_to_wrong, found.wrong_to_right) == (1, 1)


def test_calibration_error_of_the_sure_and_the_unsure() -> None:
    right = np.array([True, False] * 150)
    assert calibration_error(np.full(300, 0.5), right) == pytest.approx(0, abs=0.03)
    assert calibration_error(np.full(300, 1.0), right) == pytest.approx(0.5, abs=0.03)


def test_the_bootstrap_resamples_conversations() -> None:
    groups = [str(number // 5) for number in range(200)]
    better = np.array([number % 5 == 0 for number in range(200)], dtype=float)
    found = paired_bootstrap(groups, lambda _: 0.0, lambda rows: float(better[rows].mean()), resamples=50)
    # Every conversation has the same share, so that resampling whole ones changes nothing.
    assert (found.observed, found.low, found.high) == pytest.approx((0.2, 0.2, 0.2))
    assert found.not_better == 0


def test_the_bootstrap_sees_no_difference_where_there_is_none() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.random(300), rng.random(300)
    found = paired_bootstrap(
        [str(number) for number in range(300)],
        lambda rows: float(first[rows].mean()),
        lambda rows: float(second[rows].mean()),
    )
    assert found.low < 0 < found.high
