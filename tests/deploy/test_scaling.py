"""docs/scaling.md's tables are what `python -m bench.reckon` prints, and the reckoning reacts as it should."""

import dataclasses
from pathlib import Path
from typing import Final

from bench.reckon import Assumed, Gpu, Measured, gpu_rate, needs, report

PAGE: Final = (Path(__file__).parents[2] / "docs/scaling.md").read_text()


def amounts(rate: float, measured: Measured | None = None) -> dict[str, str]:
    return {part: amount for part, amount, _ in needs(rate, measured or Measured(), Assumed())}


def test_the_tables_are_the_reckonings() -> None:
    between = PAGE.split("<!-- reckoned: begin -->\n")[1].split("\n<!-- reckoned: end -->")[0]
    assert between.strip() == report(10_000, Measured(), Assumed())


def test_every_measured_cost_counts() -> None:
    for field in dataclasses.fields(Measured):
        value = getattr(Measured(), field.name)
        assert value > 0, field.name
        more = dataclasses.replace(Measured(), **{field.name: 10 * value})
        assert report(10_000, more, Assumed()) != report(10_000, Measured(), Assumed()), field.name


def test_ten_times_the_rate_needs_more_of_everything_but_what_has_room() -> None:
    small, large = amounts(10_000), amounts(100_000)
    assert int(large["stream processes"]) > int(small["stream processes"]) == 2
    assert int(large["Kafka brokers"]) > int(small["Kafka brokers"]) == 3


def test_a_cards_rate_falls_with_the_model_and_is_bounded_by_the_engine() -> None:
    card = Gpu("card", 100)
    rates = [gpu_rate(size, card, Measured(), Assumed()) for size in (0.001, 1, 2, 4)]
    assert rates[0] == Assumed().calls_per_engine / Measured().calls
    assert rates[2] == rates[1] / 2
    assert rates[3] == rates[2] / 2
