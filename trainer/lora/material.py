"""Examples as a recipe wants them: its turns of history, its length, its tasks."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from prompts.roles import RolePrompts
from trainer.examples import Example
from trainer.lora.errors import UnfitModelError
from trainer.lora.recipe import Recipe
from trainer.rounds import Sequence, negotiation


def fitted(examples: Iterable[Example], recipe: Recipe, roles: RolePrompts) -> list[Example]:
    """Examples with the recipe's most turns of history and tokens; those that stay too long are left out.

    Raises:
        UnfitModelError: prompts of a chat template, whose tokens only the serving side knows.
    """
    found = (_shortened(one, recipe, roles) for one in examples)
    return [one for one in found if recipe.max_tokens is None or len(one.question.opening) <= recipe.max_tokens]


def _shortened(example: Example, recipe: Recipe, roles: RolePrompts) -> Example:
    if not example.question.opening:
        raise UnfitModelError(
            "examples of a chat template have no tokens to train on: use the template completion in sentistream.json"
        )
    turns = example.question.parts.history
    keep = len(turns) if recipe.history_turns is None else min(recipe.history_turns, len(turns))
    example = _with_turns(example, keep, roles)
    while keep and recipe.max_tokens is not None and len(example.question.opening) > recipe.max_tokens:
        keep -= 1
        example = _with_turns(example, keep, roles)
    return example


def _with_turns(example: Example, keep: int, roles: RolePrompts) -> Example:
    parts = example.question.parts
    if keep == len(parts.history):
        return example
    shorter = parts.model_copy(update={"history": parts.history[len(parts.history) - keep :]})
    return replace(example, question=roles.open(shorter, example.question.deduction))


def sequence(
    example: Example, recipe: Recipe, roles: RolePrompts, belief: NDArray[np.float32], rng: np.random.Generator
) -> Sequence:
    """What one example teaches this time; its rationale follows the last answer, with the true label before it."""
    if recipe.tasks == "both":
        found = negotiation(roles, example, belief, rng)
    else:
        opening = example.question.opening
        found = Sequence(opening, (len(opening) - 1,))
    if not example.rationale:
        return found
    ids = (*found.ids, example.label_ids[example.target], *example.rationale)
    return Sequence(ids, found.decisions, tuple(range(len(found.ids), len(ids) - 1)))
