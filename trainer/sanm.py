"""The negotiation over many examples at once, to fit a threshold and to compare policies on development data.

The rule is the worker's (SentiXRL, section 3.3): decisions G1, D1, G2, D2, …; two equal ones in a row are consensus.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel

from prompts.roles import RolePrompts, Said, next_role
from trainer.examples import Example
from trainer.metrics import OUTLIER, Indices
from trainer.predict import label_logits


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What policy ``paper`` comes to.

    Attributes:
        logits: G's first ones, shape (examples, labels).
        first: G's first answers, or OUTLIER where the model's numbers decide for none, shape (examples,).
        final: the consensus, or OUTLIER.
        decisions: how many each example took.
    """

    logits: NDArray[np.float64]
    first: Indices
    final: Indices
    decisions: Indices


def negotiate(
    model: PreTrainedModel,
    roles: RolePrompts,
    examples: Sequence[Example],
    rounds: int = 3,
    logits: NDArray[np.float64] | None = None,
    among: Indices | None = None,
) -> Negotiated:
    """Ask G and D by turns until each example has its consensus or ``rounds`` rounds are over.

    Args:
        model: what answers.
        roles: asks them.
        examples: the messages.
        rounds: most of them.
        logits: G's first ones, where they are known already.
        among: places of the examples that D is asked about; the others keep their first answer. All, if left out.
    """
    logits = label_logits(model, examples) if logits is None else logits
    first = decisions(logits)
    answers = [[int(one)] for one in first]
    open_ones = list(range(len(examples))) if among is None else among.tolist()
    final = first.copy()
    final[open_ones] = OUTLIER
    for _ in range(2 * rounds - 1):
        asked = [examples[index] for index in open_ones]
        if not asked:
            break
        prompts = [_prompt(roles, examples[index], answers[index]) for index in open_ones]
        for index, said in zip(open_ones, decisions(label_logits(model, asked, prompts)), strict=True):
            answers[index].append(int(said))
            if answers[index][-2] == answers[index][-1]:
                final[index] = answers[index][-1]
        open_ones = [index for index in open_ones if final[index] == OUTLIER]
    return Negotiated(logits, first, final, np.array([len(one) for one in answers], dtype=np.int64))


def decisions(logits: NDArray[np.float64]) -> Indices:
    """The likeliest label of each row, or OUTLIER where a number is none, or none is finite; shape (examples,)."""
    broken = np.isnan(logits).any(-1) | ~np.isfinite(logits.max(-1))
    result: Indices = np.where(broken, OUTLIER, logits.argmax(-1))
    return result


def _prompt(roles: RolePrompts, example: Example, answers: list[int]) -> tuple[int, ...]:
    names = [label.name for label in example.question.parts.labels]
    said: list[Said] = []
    for answer in answers:
        said.append(Said(next_role(said), None if answer == OUTLIER else names[answer]))
    return roles.ask(example.question, said).token_ids
