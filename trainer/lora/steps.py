"""Which examples each step trains on, at which rate, in which parts and on which device: all by the seed alone."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.batches import by_length
from trainer.lora.recipe import Recipe

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a run.

    Attributes:
        per_epoch: steps in each epoch.
        total: steps in all, at most.
    """

    recipe: Recipe
    lengths: Rows
    per_epoch: int
    total: int

    @classmethod
    def of(cls, recipe: Recipe, lengths: Rows) -> "Plan":
        """A plan for examples of these lengths."""
        per_epoch = -(-len(lengths) // recipe.batch_size)
        total = recipe.epochs * per_epoch
        return cls(recipe, lengths, per_epoch, min(total, recipe.max_steps or total))

    def batches(self, epoch: int) -> list[Rows]:
        """The examples of each step of an epoch, of like length within a step."""
        rng = np.random.default_rng((self.recipe.seed, epoch))
        return by_length(self.lengths, self.recipe.batch_size, rng)

    def rate(self, step: int) -> float:
        """The learning rate of a step, from 0: a linear warm-up, then a cosine down to the recipe's share."""
        rising = max(1, round(self.recipe.warm_up * self.total))
        if step < rising:
            return self.recipe.learning_rate * (step + 1) / rising
        done = (step - rising) / max(1, self.total - rising)
        falling = (1 + math.cos(math.pi * done)) / 2
        return self.recipe.learning_rate * (self.recipe.final_rate + (1 - self.recipe.final_rate) * falling)


def parts(rows: Rows, size: int, process: int, processes: int) -> list[Rows]:
    """One process's share of a step, in parts that its device takes at once.

    Every process gets as many rows, so that gradients are averaged in step; the first ones count twice for that.
    """
    own = np.resize(rows, -(-len(rows) // processes) * processes)[process::processes]
    return [own[start : start + size] for start in range(0, len(own), size)]


def seed_of(*numbers: int) -> int:
    """One seed from several."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))
