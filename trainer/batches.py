"""Batches of sequences of like length, padded on the right."""

from collections.abc import Sequence as List
from dataclasses import dataclass, fields
from typing import Final, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.rounds import Sequence

#: Lengths are shuffled by so much before batches are cut, so that batches differ between epochs.
_JITTER: Final = 4.0
#: Rows are as long as a multiple of this. On a CPU oneDNN keeps what it made for every shape that it met: over 90 steps
#: of random lengths a process grew by 0.68 GiB, with rounded ones by 0.21, and not at all in the last 30.
_LENGTHS: Final = 16


class Labelled(Protocol):
    """What a batch needs of an example: the tokens of its labels, and which of them is true."""

    @property
    def label_ids(self) -> tuple[int, ...]:
        """The token of each."""

    @property
    def target(self) -> int:
        """Its index."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Tensors of one step; D is the number of decisions in the whole batch, T that of text positions.

    Attributes:
        ids: shape (rows, longest, rounded up). Causal attention never looks right, so that padding needs no mask.
        row: shape (D,), the row of each decision.
        position: shape (D,), its position.
        first: shape (D,), whether it is G's first one.
        labels: shape (D, most labels), token ids of the label set, padded by repeating the first.
        known: shape (D, most labels), False at that padding.
        target: shape (D,), index of the true label.
        text_row: shape (T,), the row of each position whose next token is text.
        text_position: shape (T,).
        text_target: shape (T,), that token's id.
    """

    ids: Tensor
    row: Tensor
    position: Tensor
    first: Tensor
    labels: Tensor
    known: Tensor
    target: Tensor
    text_row: Tensor
    text_position: Tensor
    text_target: Tensor

    def to(self, device: torch.device) -> Self:
        """The same on another device."""
        return type(self)(**{one.name: getattr(self, one.name).to(device) for one in fields(self)})


def by_length(lengths: NDArray[np.int64], size: int, rng: np.random.Generator | None = None) -> list[NDArray[np.int64]]:
    """Indices in batches of like length; in random order, with some change of company, where ``rng`` is given."""
    keys = lengths if rng is None else lengths + rng.uniform(0, _JITTER, len(lengths))
    order = np.argsort(keys, kind="stable")
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    if rng is not None:
        rng.shuffle(batches)
    return batches


def collate(sequences: List[Sequence], examples: List[Labelled], padding: int, lengths: int = _LENGTHS) -> Batch:
    """One batch from sequences and the examples that they were made of, padded to a multiple of ``lengths``."""
    longest = -(-max(len(one.ids) for one in sequences) // lengths) * lengths
    most = max(len(one.label_ids) for one in examples)
    pairs = [(row, place) for row, one in enumerate(sequences) for place in range(len(one.decisions))]
    text = [(row, place) for row, one in enumerate(sequences) for place in one.text]
    sets = [one.label_ids + one.label_ids[:1] * (most - len(one.label_ids)) for one in examples]
    known = [[True] * len(one.label_ids) + [False] * (most - len(one.label_ids)) for one in examples]
    return Batch(
        ids=torch.tensor([(*one.ids, *[padding] * (longest - len(one.ids))) for one in sequences]),
        row=torch.tensor([row for row, _ in pairs]),
        position=torch.tensor([sequences[row].decisions[place] for row, place in pairs]),
        first=torch.tensor([place == 0 for _, place in pairs]),
        labels=torch.tensor([sets[row] for row, _ in pairs]),
        known=torch.tensor([known[row] for row, _ in pairs]),
        target=torch.tensor([examples[row].target for row, _ in pairs]),
        text_row=torch.tensor([row for row, _ in text], dtype=torch.int64),
        text_position=torch.tensor([place for _, place in text], dtype=torch.int64),
        text_target=torch.tensor([sequences[row].ids[place + 1] for row, place in text], dtype=torch.int64),
    )
