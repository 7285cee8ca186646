"""From a recipe's conversations to the rows of each epoch."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from prompts.roles import RolePrompts
from trainer.beliefs import frequencies
from trainer.bilingual.conversations import Segmenter, Utterance
from trainer.bilingual.packing import Row, pack
from trainer.bilingual.recipe import BilingualRecipe, CorpusUse
from trainer.bilingual.sources import Sources
from trainer.bilingual.trees import Tree, Windows
from trainer.examples import Example
from trainer.rounds import Sequence as Negotiation
from trainer.rounds import negotiation

#: Labels so rare that they would weigh more than this many times the usual weigh just so much.
_HEAVIEST: Final = 5.0


def first_answer(example: Example) -> Negotiation:
    """What follows a turn where G alone is asked."""
    asked = example.question.opening
    return Negotiation(asked, (len(asked) - 1,))


def label_weights(examples: Sequence[Example], balance: dict[str, float]) -> NDArray[np.float32]:
    """Of each example in the loss, by how rare its label is in its taxonomy; mean 1 over each taxonomy."""
    keys = [(one.question.parts.taxonomy, one.target) for one in examples]
    count = Counter(keys)
    total = Counter(name for name, _ in keys)
    labels = Counter(name for name, _ in count)
    raw = {
        key: min((total[key[0]] / (labels[key[0]] * number)) ** balance.get(key[0], 0.0), _HEAVIEST)
        for key, number in count.items()
    }
    mean = {name: sum(raw[key] * n for key, n in count.items() if key[0] == name) / total[name] for name in total}
    return np.array([raw[key] / mean[key[0]] for key in keys], np.float32)


@dataclass(frozen=True, slots=True)
class Material:
    """All that is trained on.

    Attributes:
        corpora: of each file, its use and its conversations in segments.
        examples: all labels.
        numbers: the place of an example in them, by ``id``.
        echoed: of each, how many tokens say its message once more, shape (examples,).
        weights: of each in the loss, shape (examples,).
        development: trees with the first question alone, by corpus format.
    """

    corpora: list[tuple[CorpusUse, list[list[Utterance]]]]
    examples: list[Example]
    numbers: dict[int, int]
    echoed: NDArray[np.int64]
    weights: NDArray[np.float32]
    development: dict[str, list[Tree]]

    def first_beliefs(self) -> NDArray[np.float32]:
        """Before anything was learnt, shape (examples, most labels)."""
        return frequencies(self.examples)


def load_material(recipe: BilingualRecipe, sources: Sources, segmenter: Segmenter) -> Material:
    """Cut everything into segments."""
    corpora = [(use, list(segmenter.cut(conversations))) for use, conversations in sources.train]
    taught = [
        (use.weight, turn.example, turn.echoed)
        for use, found in corpora
        for turns in found
        for turn in turns
        if turn.example is not None
    ]
    examples = [example for _, example, _ in taught]
    own = np.array([weight for weight, _, _ in taught], np.float32)
    windows = Windows(recipe.length, recipe.carried)
    return Material(
        corpora,
        examples,
        {id(one): place for place, one in enumerate(examples)},
        np.array([echoed for _, _, echoed in taught]),
        label_weights(examples, recipe.balance) * own,
        {
            name: [tree for turns in segmenter.cut(held) for tree in windows.trees(turns, first_answer)]
            for name, held in sources.development.items()
        },
    )


def without_echo(asked: Negotiation, echoed: int) -> Negotiation:
    """The same where the message stands once."""
    return Negotiation(asked.ids[echoed:], tuple(place - echoed for place in asked.decisions))


def drawn(share: float, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Which of so many conversations are read, each as often as the next or once more."""
    rounds = [rng.permutation(count) for _ in range(math.ceil(share))]
    return np.concatenate(rounds)[: max(round(share * count), 1)]


def epoch_rows(
    recipe: BilingualRecipe, material: Material, roles: RolePrompts, beliefs: NDArray[np.float32], number: int
) -> list[Row]:
    """An epoch's rows, the same whenever they are made again from the same beliefs.

    Args:
        recipe: says how.
        material: of all epochs.
        roles: ask G and D.
        beliefs: from which the answers that D judges are drawn, shape (examples, most labels).
        number: of the epoch, from 0.
    """
    rng = np.random.default_rng((recipe.seed, number))
    windows = Windows(recipe.length, recipe.carried)

    def branch(example: Example) -> Negotiation:
        place = material.numbers[id(example)]
        alone = rng.random() >= recipe.negotiated
        asked = first_answer(example) if alone else negotiation(roles, example, beliefs[place], rng)
        return without_echo(asked, int(material.echoed[place])) if number < recipe.plain_epochs else asked

    trees: list[Tree] = []
    for use, conversations in material.corpora:
        for index in drawn(use.share, len(conversations), rng):
            trees += windows.trees(conversations[index], branch)
    return pack(trees, recipe.length, rng)
