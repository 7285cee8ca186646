"""From a recipe's conversations to the rows of each epoch."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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


def first_answer(example: Example) -> Negotiation:
    """What follows a turn where G alone is asked."""
    asked = example.question.opening
    return Negotiation(asked, (len(asked) - 1,))


def label_shares(examples: Sequence[Example]) -> NDArray[np.float64]:
    """How often each label of their taxonomy is the true one, each counted once more than it is; shape (labels,)."""
    labels = len(examples[0].label_ids)
    count: NDArray[np.int64] = np.bincount([one.target for one in examples], minlength=labels) + 1
    shares: NDArray[np.float64] = count / count.sum()
    return shares


def label_offsets(taught: Sequence[tuple[CorpusUse, Example]], prior: Mapping[str, float]) -> NDArray[np.float32]:
    """What is added to each example's scores in the loss, and to no score that is asked for.

    A model so taught answers as if labels had the shares that their taxonomy is asked with, whatever shares a corpus
    has: those of the corpora whose own taxonomy it is, to the power of 1 less the recipe's (Menon et al., 2021).

    Args:
        taught: examples, with the use of the corpus that each is of.
        prior: by taxonomy; 1: all labels are asked alike, 0: as they are; below 0: common ones are commoner still.

    Returns:
        Shape (examples, most labels), 0 behind a taxonomy's own.
    """
    groups: dict[tuple[str, str], list[Example]] = {}
    own: dict[str, list[Example]] = {}
    keys = [(_share_group(use, example), example.question.parts.taxonomy) for use, example in taught]
    for key, (use, example) in zip(keys, taught, strict=True):
        groups.setdefault(key, []).append(example)
        if use.asked_alike:
            own.setdefault(key[1], []).append(example)
    asked = {name: label_shares(found) for name, found in own.items()}
    offsets = {}
    for key, found in groups.items():
        here = label_shares(found)
        usual = asked.get(key[1], here)
        offsets[key] = np.log(here if key[0] else usual) - (1 - prior.get(key[1], 0.0)) * np.log(usual)
    result = np.zeros((len(keys), max(map(len, offsets.values()))), np.float32)
    for place, key in enumerate(keys):
        result[place, : len(offsets[key])] = offsets[key]
    return result


def _share_group(use: CorpusUse, example: Example) -> str:
    """Whose label shares an example's are; empty: those that its taxonomy is asked with."""
    if use.shares_by is not None:
        found = re.search(use.shares_by, example.conversation)
        return f"{use.file} {found.group() if found else ''}"
    return "" if use.asked_alike else use.file


@dataclass(frozen=True, slots=True)
class Material:
    """All that is trained on.

    Attributes:
        corpora: of each file, its use and its conversations in segments.
        examples: all labels.
        numbers: the place of an example in them, by ``id``.
        echoed: of each, how many tokens say its message once more, shape (examples,).
        weights: of each in the loss, shape (examples,).
        offsets: added to each one's scores in the loss, shape (examples, most labels).
        development: trees with the first question alone, by corpus format.
    """

    corpora: list[tuple[CorpusUse, list[list[Utterance]]]]
    examples: list[Example]
    numbers: dict[int, int]
    echoed: NDArray[np.int64]
    weights: NDArray[np.float32]
    offsets: NDArray[np.float32]
    development: dict[str, list[Tree]]

    def first_beliefs(self) -> NDArray[np.float32]:
        """Before anything was learnt, shape (examples, most labels)."""
        return frequencies(self.examples)


def load_material(recipe: BilingualRecipe, sources: Sources, segmenter: Segmenter) -> Material:
    """Cut everything into segments."""
    corpora = [(use, list(segmenter.cut(conversations))) for use, conversations in sources.train]
    taught = [
        (use, turn.example, turn.echoed)
        for use, found in corpora
        for turns in found
        for turn in turns
        if turn.example is not None
    ]
    examples = [example for _, example, _ in taught]
    windows = Windows(recipe.length, recipe.carried)
    return Material(
        corpora,
        examples,
        {id(one): place for place, one in enumerate(examples)},
        np.array([echoed for _, _, echoed in taught]),
        np.array([use.weight for use, _, _ in taught], np.float32),
        label_offsets([(use, example) for use, example, _ in taught], recipe.prior),
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
