"""SANM: generator and discriminator by turns, until two decisions in a row agree (SentiXRL, section 3.2). Pure."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from prompts.roles import Said, next_role
from schemas.event import Answer, Round


@dataclass(frozen=True, slots=True)
class Decision:
    """One role's answer.

    Attributes:
        label: None where the answer was outside the set: no decision.
        scores: probability by label name; empty where the engine gives none.
        reason: in the model's words.
    """

    label: str | None
    scores: Mapping[str, float] = field(default_factory=dict)
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a negotiation came to.

    Attributes:
        label: None for an outlier.
        scores: mean of the decisions that agreed; of all of them for an outlier.
        candidates: labels that were on the table, the likeliest first.
    """

    status: Literal["labelled", "outlier"]
    label: str | None
    scores: Mapping[str, float]
    rounds: tuple[Round, ...]
    candidates: tuple[str, ...]


#: Asks the next role, which sees what was said so far.
Ask = Callable[[Sequence[Said]], Awaitable[Decision]]
#: Whether the generator's first decision is taken at once.
Accept = Callable[[Decision], bool]


async def negotiate(ask: Ask, rounds: int, accept: Accept) -> Agreement:
    """Ask G and D by turns: G1, D1, G2, D2, … until two equal decisions in a row.

    Args:
        ask: asks one role; from round 2 on G's prompt holds D's critique.
        rounds: N, after which a message without consensus is an outlier.
        accept: takes the first decision without asking D; policy ``paper`` never does.
    """
    decisions: list[Decision] = []
    said: list[Said] = []
    while len(decisions) < 2 * rounds:
        role = next_role(said)
        decision = await ask(said)
        decisions.append(decision)
        said.append(Said(role, decision.label, decision.reason))
        if len(decisions) == 1:
            if decision.label is not None and accept(decision):
                return _labelled(decisions, decisions)
        elif decision.label is not None and decision.label == decisions[-2].label:
            return _labelled(decisions, decisions[-2:])
    return _outlier(decisions)


async def vote(ask_samples: Sequence[Callable[[], Awaitable[Decision]]]) -> Agreement:
    """Draw several first answers; the majority's label wins, a tie goes to the higher mean probability.

    No decision at all is an outlier. Each draw is a round of its own in the event.
    """
    decisions = [await draw() for draw in ask_samples]
    rounds = tuple(Round(number=number, generator=_answer(one)) for number, one in enumerate(decisions, 1))
    votes = Counter(one.label for one in decisions if one.label is not None)
    if not votes:
        return Agreement("outlier", None, {}, rounds, ())
    scores = mean_scores(decisions)
    ranked = sorted(votes, key=lambda label: (-votes[label], -scores.get(label, 0.0), label))
    return Agreement("labelled", ranked[0], scores, rounds, tuple(ranked))


def margin(decision: Decision) -> float:
    """Difference between the two likeliest labels' probabilities; 0 where the engine gives none."""
    ranked = sorted(decision.scores.values(), reverse=True)
    return ranked[0] - ranked[1] if len(ranked) > 1 else 0.0


def mean_scores(decisions: Sequence[Decision]) -> dict[str, float]:
    """Mean probability by label over the decisions that carry any."""
    scored = [one.scores for one in decisions if one.scores]
    labels = {label: None for scores in scored for label in scores}
    return {label: sum(scores.get(label, 0.0) for scores in scored) / len(scored) for label in labels}


def _labelled(decisions: Sequence[Decision], agreed: Sequence[Decision]) -> Agreement:
    label = agreed[-1].label
    return Agreement("labelled", label, mean_scores(agreed), _rounds(decisions), _candidates(decisions))


def _outlier(decisions: Sequence[Decision]) -> Agreement:
    return Agreement("outlier", None, mean_scores(decisions), _rounds(decisions), _candidates(decisions))


def _candidates(decisions: Sequence[Decision]) -> tuple[str, ...]:
    named = Counter(one.label for one in decisions if one.label is not None)
    scores = mean_scores(decisions)
    return tuple(sorted(named, key=lambda label: (-scores.get(label, 0.0), -named[label], label)))


def _rounds(decisions: Sequence[Decision]) -> tuple[Round, ...]:
    pairs = [decisions[start : start + 2] for start in range(0, len(decisions), 2)]
    return tuple(
        Round(number=number, generator=_answer(pair[0]), discriminator=_answer(pair[1]) if len(pair) > 1 else None)
        for number, pair in enumerate(pairs, 1)
    )


def _answer(decision: Decision) -> Answer:
    return Answer(label=decision.label, scores=dict(decision.scores), reason=decision.reason)
