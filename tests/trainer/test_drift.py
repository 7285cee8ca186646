"""Steady traffic raises no alarm; a mix that shifts does, and is the new normal after a while."""

from collections import Counter

import numpy as np
import pytest

from trainer.watch.drift import MEASURES, Measure, Rule, Window, label_distance, merged, readings

LABELS = ("neutral", "joy", "anger", "sadness", "surprise", "fear", "disgust")
MIX = np.array([0.47, 0.18, 0.12, 0.08, 0.11, 0.02, 0.02])
SHIFTED = np.array([0.27, 0.18, 0.32, 0.08, 0.11, 0.02, 0.02])


def window(
    rng: np.random.Generator,
    mix: np.ndarray[tuple[int], np.dtype[np.float64]] = MIX,
    *,
    events: int = 400,
    outliers: float = 0.03,
    verdicts: int = 60,
    corrected: float = 0.2,
) -> Window:
    without = int(rng.binomial(events, outliers))
    counts = rng.multinomial(events - without, mix)
    labels = Counter({name: int(count) for name, count in zip(LABELS, counts, strict=True) if count})
    return Window(labels, without, verdicts, int(rng.binomial(verdicts, corrected)), Counter({"base": events}))


@pytest.mark.parametrize("measure", MEASURES)
def test_steady_traffic_raises_no_alarm(measure: Measure) -> None:
    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        steady = [window(rng, events=int(rng.integers(100, 3000))) for _ in range(150)]
        alarms += sum(one.begins for one in readings(steady, measure, Rule()))
    assert alarms == 0


@pytest.mark.parametrize(
    ("measure", "changed"),
    [
        ("label_distance", {"mix": SHIFTED}),
        ("outlier_share", {"outliers": 0.15}),
        ("corrected_share", {"corrected": 0.6}),
    ],
)
def test_a_shift_is_found_within_two_windows_and_begins_once(measure: Measure, changed: dict[str, object]) -> None:
    rng = np.random.default_rng(7)
    stream = [window(rng) for _ in range(30)] + [window(rng, **changed) for _ in range(8)]  # type: ignore[arg-type]
    found = readings(stream, measure, Rule())
    assert [index for index, one in enumerate(found) if one.begins] == [31]
    assert all(one.alarm for one in found[31:])
    others = [name for name in MEASURES if name != measure]
    assert not any(one.alarm for name in others for one in readings(stream, name, Rule()))


def test_one_odd_window_is_no_alarm() -> None:
    rng = np.random.default_rng(8)
    stream = [*(window(rng) for _ in range(30)), window(rng, SHIFTED), *(window(rng) for _ in range(10))]
    assert not any(one.alarm for one in readings(stream, "label_distance", Rule()))


def test_a_shift_that_stays_becomes_the_range() -> None:
    rng = np.random.default_rng(9)
    stream = [*(window(rng) for _ in range(30)), *(window(rng, SHIFTED) for _ in range(40))]
    found = readings(stream, "label_distance", Rule())
    assert found[31].alarm
    assert not any(one.alarm for one in found[-20:])
    back = readings([*stream, window(rng), window(rng)], "label_distance", Rule())
    assert back[-1].begins


def test_too_few_windows_have_no_range() -> None:
    rng = np.random.default_rng(10)
    stream = [*(window(rng) for _ in range(5)), *(window(rng, SHIFTED) for _ in range(5))]
    assert all(one.high is None and not one.alarm for one in readings(stream, "label_distance", Rule()))


def test_quiet_windows_are_joined_and_the_unfinished_one_waits() -> None:
    rng = np.random.default_rng(11)
    joined = merged([window(rng, events=40, verdicts=5) for _ in range(11)], 100, "label_distance")
    assert [one.events for one in joined] == [120, 120, 120]
    assert [one.verdicts for one in merged([window(rng, verdicts=5) for _ in range(11)], 25, "corrected_share")] == [
        25,
        25,
    ]


def test_the_distance_is_bounded_and_symmetric() -> None:
    assert label_distance({"joy": 3}, {"joy": 9}) == 0.0
    assert label_distance({"joy": 3}, {"anger": 1}) == pytest.approx(1.0)
    one, other = {"joy": 3, "anger": 1}, {"anger": 5, "fear": 2}
    assert label_distance(one, other) == pytest.approx(label_distance(other, one))
    assert label_distance({}, one) == 0.0
