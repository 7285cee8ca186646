"""Temperature scaling."""

import math

import pytest

from worker.calibration import calibrated


def test_at_temperature_one_a_distribution_stays_as_it_is() -> None:
    shares = {"a": 0.6, "b": 0.3, "c": 0.1}
    assert calibrated({name: math.log(share) for name, share in shares.items()}, 1.0) == pytest.approx(shares)


def test_higher_temperature_is_less_sure_and_keeps_the_order() -> None:
    raw = {"a": -0.1, "b": -2.5, "c": -4.0}
    cold, warm = calibrated(raw, 0.5), calibrated(raw, 3.0)
    assert cold["a"] > warm["a"] > warm["b"] > warm["c"]
    assert sum(cold.values()) == pytest.approx(1)
    assert sum(warm.values()) == pytest.approx(1)


def test_what_is_not_normalised_or_is_far_away_does_no_harm() -> None:
    assert calibrated({}, 1.0) == {}
    assert calibrated({"a": 0.0, "b": 0.0}, 2.0) == {"a": 0.5, "b": 0.5}
    assert calibrated({"a": -1e6, "b": -1e6 - 2}, 1.0)["a"] == pytest.approx(1 / (1 + math.exp(-2)))
    assert calibrated({"a": 0.0, "b": -math.inf}, 1.0) == {"a": 1.0, "b": 0.0}
