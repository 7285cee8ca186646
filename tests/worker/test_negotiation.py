"""SANM as SentiXRL has it: who is asked when, what counts as consensus, and what an outlier carries."""

import itertools
from collections.abc import Sequence
from functools import partial

import pytest

from prompts.roles import Said
from worker.negotiation import Agreement, Decision, margin, mean_scores, negotiate, vote

JOY = Decision("joy", {"joy": 0.7, "anger": 0.3}, "she laughs")
ANGER = Decision("anger", {"joy": 0.2, "anger": 0.8}, "she shouts")
NONE = Decision(None)


class Answers:
    """Gives prepared answers in turn, and keeps what each asking saw."""

    def __init__(self, *answers: Decision) -> None:
        self._answers = iter(answers)
        self.seen: list[tuple[Said, ...]] = []

    async def __call__(self, said: Sequence[Said]) -> Decision:
        self.seen.append(tuple(said))
        return next(self._answers)


async def paper(*answers: Decision, rounds: int = 3) -> tuple[Agreement, Answers]:
    ask = Answers(*answers)
    return await negotiate(ask, rounds, accept=lambda _: False), ask


async def voted(*decisions: Decision) -> Agreement:
    return await vote([partial(Answers(one), ()) for one in decisions])


def _sure(threshold: float, decision: Decision) -> bool:
    return margin(decision) >= threshold


async def test_an_agreeing_discriminator_ends_it() -> None:
    agreement, ask = await paper(JOY, JOY)
    assert (agreement.status, agreement.label, len(ask.seen)) == ("labelled", "joy", 2)
    assert len(agreement.rounds) == 1
    assert agreement.rounds[0].generator.reason == "she laughs"
    assert agreement.rounds[0].discriminator is not None


async def test_the_generator_may_give_way_to_the_critique() -> None:
    agreement, ask = await paper(JOY, ANGER, ANGER)
    assert (agreement.label, len(ask.seen)) == ("anger", 3)
    assert [one.number for one in agreement.rounds] == [1, 2]
    assert agreement.rounds[1].discriminator is None
    # What G sees in round 2 holds D's critique.
    assert ask.seen[2] == (Said("generator", "joy", "she laughs"), Said("discriminator", "anger", "she shouts"))


async def test_only_the_two_that_agreed_make_the_scores() -> None:
    agreement, _ = await paper(JOY, ANGER, ANGER)
    assert agreement.scores == pytest.approx({"joy": 0.2, "anger": 0.8})


async def test_no_consensus_is_an_outlier_with_what_was_on_the_table() -> None:
    agreement, ask = await paper(JOY, ANGER, JOY, ANGER, JOY, ANGER)
    assert (agreement.status, agreement.label, len(ask.seen)) == ("outlier", None, 6)
    assert agreement.candidates == ("anger", "joy")
    assert agreement.scores == pytest.approx({"joy": 0.45, "anger": 0.55})
    assert [one.number for one in agreement.rounds] == [1, 2, 3]


async def test_an_answer_outside_the_set_breaks_the_row() -> None:
    agreement, ask = await paper(JOY, NONE, JOY, JOY)
    assert (agreement.label, len(ask.seen)) == ("joy", 4)
    nothing, ask = await paper(NONE, NONE, NONE, NONE, rounds=2)
    assert (nothing.status, nothing.candidates, nothing.scores, len(ask.seen)) == ("outlier", (), {}, 4)


async def test_the_rounds_are_a_bound_for_any_row_of_answers() -> None:
    for rounds in (1, 2, 3):
        for row in itertools.product((JOY, ANGER, NONE), repeat=2 * rounds):
            agreement, ask = await paper(*row, rounds=rounds)
            asked = row[: len(ask.seen)]
            consensus = [a for a, b in itertools.pairwise(asked) if a.label is not None and a.label == b.label]
            assert agreement.label == (consensus[0].label if consensus else None)
            # It ends with the first consensus, never later; without one every role was asked in every round.
            assert len(consensus) <= 1
            assert consensus or len(asked) == 2 * rounds


async def test_a_first_answer_that_is_trusted_is_taken_at_once() -> None:
    for threshold, calls in ((0.3, 1), (0.5, 2)):
        ask = Answers(JOY, JOY)
        agreement = await negotiate(ask, 3, partial(_sure, threshold))
        assert (agreement.label, len(ask.seen)) == ("joy", calls)
    ask = Answers(NONE, JOY, JOY)
    agreement = await negotiate(ask, 3, accept=lambda _: True)
    assert (agreement.label, len(ask.seen)) == ("joy", 3)


async def test_a_vote_goes_to_the_majority_then_to_the_probability() -> None:
    majority = await voted(JOY, ANGER, JOY)
    assert (majority.label, majority.candidates, len(majority.rounds)) == ("joy", ("joy", "anger"), 3)
    tie = await voted(JOY, ANGER, NONE)
    assert tie.label == "anger"
    nothing = await voted(NONE, NONE, NONE)
    assert (nothing.status, nothing.label, len(nothing.rounds)) == ("outlier", None, 3)


async def test_a_vote_without_scores_still_has_an_order() -> None:
    agreement = await voted(Decision("b"), Decision("a"), Decision("c"))
    assert agreement.candidates == ("a", "b", "c")


async def test_the_generators_error_is_nobodys_answer() -> None:
    async def ask(_: Sequence[Said]) -> Decision:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await negotiate(ask, 3, accept=lambda _: False)


def test_margin_and_means() -> None:
    assert margin(JOY) == pytest.approx(0.4)
    assert margin(NONE) == 0
    assert margin(Decision("joy", {"joy": 1.0})) == 0
    assert mean_scores([JOY, NONE, ANGER]) == pytest.approx({"joy": 0.45, "anger": 0.55})
    assert mean_scores([NONE]) == {}
