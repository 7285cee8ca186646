"""Whole negotiations as training sequences: every decision of G and D is taught the true label.

The answers that a later decision sees are drawn from what the model itself believes of the message, whether right or
wrong. Given the text, such an answer says nothing about the truth, so that a judge who copies it gains nothing: D
learns to read the message again.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from prompts.roles import RolePrompts, Said, next_role
from trainer.examples import Example

#: Decisions in a negotiation of three rounds: G and D in each.
MAX_DECISIONS: Final = 6
#: How often a negotiation goes on when the last two answers that it shows differ.
_GO_ON: Final = 0.3


@dataclass(frozen=True, slots=True)
class Sequence:
    """Token ids, and what is taught in them.

    Attributes:
        ids: of the whole sequence.
        decisions: positions whose next token is a decision, G's first one first.
        text: positions whose next token is text that the model shall write, such as a reason.
    """

    ids: tuple[int, ...]
    decisions: tuple[int, ...]
    text: tuple[int, ...] = ()


def negotiation(
    roles: RolePrompts, example: Example, belief: NDArray[np.float32], rng: np.random.Generator
) -> Sequence:
    """One sequence in which at least G, D and G again decide.

    Args:
        roles: asks the roles.
        example: the message.
        belief: probability of each label, shape (labels,), as the model saw it last.
        rng: draws the answers shown, and how long the negotiation goes on.
    """
    names = [label.name for label in example.question.parts.labels]
    weights = belief[: len(names)].astype(np.float64)
    weights /= weights.sum()
    said: list[Said] = []
    decisions = [len(example.question.opening) - 1]
    while len(decisions) < MAX_DECISIONS:
        if len(said) > 1 and (said[-1].label == said[-2].label or rng.random() > _GO_ON):
            break
        said.append(Said(next_role(said), names[int(rng.choice(len(names), p=weights))]))
        decisions.append(len(roles.ask(example.question, said).token_ids) - 1)
    return Sequence(roles.ask(example.question, said).token_ids, tuple(decisions))
