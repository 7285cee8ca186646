"""The reckoning of `python -m bench fairness`: places held, from events, and the shares that they are compared with."""

import pytest

from bench.places import Held, fair_places, mean_places


def test_places_are_counted_for_as_long_as_they_were_held_within_the_span() -> None:
    held = [
        Held("a", until=12.0, seconds=2.0),  # all of it
        Held("a", until=11.0, seconds=2.0),  # half of it was before
        Held("b", until=21.0, seconds=3.0),  # a third of it came after
        Held("c", until=9.0, seconds=1.0),
    ]
    assert mean_places(held, 10.0, 20.0) == pytest.approx({"a": 0.3, "b": 0.2, "c": 0.0})


def test_a_fair_share_gives_what_is_wanted_below_it_and_shares_the_rest() -> None:
    assert fair_places({"a": 640.0, "b": 2.0, "c": 2.0}, 64) == {"a": 60.0, "b": 2.0, "c": 2.0}
    assert fair_places({"a": 640.0, "b": 30.0, "c": 32.0}, 60) == {"a": 20.0, "b": 20.0, "c": 20.0}
    assert fair_places({"b": 2.0, "c": 2.0}, 64) == {"b": 2.0, "c": 2.0}
