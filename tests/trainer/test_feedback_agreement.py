"""Krippendorff's alpha and the majority, against published figures."""

import random

import pytest

from schemas.agreement import krippendorff_alpha, majority


def units(*annotators: str) -> list[list[str]]:
    """One string per annotator, one character per unit; a dot is a missing value."""
    return [[value for value in values if value != "."] for values in zip(*annotators, strict=True)]


@pytest.mark.parametrize(
    ("annotators", "alpha"),
    [
        # Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), sections A, B and C.
        (("0100000010", "1110010000"), 0.095),
        (("aabbdcccedda", "babbbccceddd"), 0.692),
        (("123321412...", "1233224125.3", ".3332342251.", "12332441251."), 0.743),
        # The example of Wikipedia's article "Krippendorff's alpha", nominal.
        ((".....34121133.3", "1.213343.......", "..21344.21133.4"), 0.691),
    ],
)
def test_alpha_is_the_published_one(annotators: tuple[str, ...], alpha: float) -> None:
    assert krippendorff_alpha(units(*annotators)) == pytest.approx(alpha, abs=5e-4)


def test_alpha_of_perfect_agreement_is_one_and_of_chance_about_nought() -> None:
    assert krippendorff_alpha([["joy", "joy"], ["anger", "anger", "anger"]]) == 1
    draw = random.Random(7)
    drawn = [[draw.choice("abcd") for _ in range(3)] for _ in range(3000)]
    assert krippendorff_alpha(drawn) == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("values", [[], [["joy"], ["anger"]], [["joy", "joy"], ["joy", "joy"]]])
def test_alpha_has_no_value_where_nothing_could_be_disagreed_on(values: list[list[str]]) -> None:
    assert krippendorff_alpha(values) is None


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["joy"], "joy"),
        (["joy", "anger"], None),
        (["joy", "anger", "joy"], "joy"),
        (["joy", "anger", "fear", "joy"], "joy"),
        (["joy", "anger", "anger", "joy"], None),
        ([], None),
    ],
)
def test_the_majority_is_what_more_say_than_anything_else(labels: list[str], expected: str | None) -> None:
    assert majority(labels) == expected
