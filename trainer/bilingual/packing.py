"""Trees of any size in rows of one length: every step has the same shape, and little of it is padding."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.bilingual.trees import Decision, Tree, grafted

#: So many trees, drawn at random, share rows.
_TOGETHER: Final = 1024
_NOBODY: Final = -1

Row = list[Tree]


def pack(trees: Sequence[Tree], length: int, rng: np.random.Generator) -> list[Row]:
    """Rows of trees, in random order, each of at most ``length`` tokens; those of one branch share prefixes."""
    order = rng.permutation(len(trees))
    rows: list[Row] = []
    for start in range(0, len(order), _TOGETHER):
        rows += _first_fit([trees[index] for index in order[start : start + _TOGETHER]], length)
    return [rows[index] for index in rng.permutation(len(rows))]


def _first_fit(trees: Sequence[Tree], length: int) -> list[Row]:
    """The longest first, each into the first row that has its prefix and room, or else the first that has room."""
    rows: list[_Row] = []
    for tree in sorted(trees, key=len, reverse=True):
        prefix = tuple(tree.ids[: tree.prefix]) if tree.alone else None
        sharing = (row for row in rows if prefix in row.shared and len(tree) - tree.prefix <= row.free)
        roomy = (row for row in rows if len(tree) <= row.free)
        row = next(sharing, None) or next(roomy, None)
        if row is None:
            row = _Row(length)
            rows.append(row)
        row.add(tree, prefix)
    return [[*row.whole, *row.shared.values()] for row in rows]


class _Row:
    """One that is being filled."""

    def __init__(self, length: int) -> None:
        self.free = length
        self.whole: list[Tree] = []
        self.shared: dict[tuple[int, ...] | None, Tree] = {}

    def add(self, tree: Tree, prefix: tuple[int, ...] | None) -> None:
        if prefix is None:
            self.whole.append(tree)
            self.free -= len(tree)
        else:
            before = self.shared.get(prefix)
            self.free -= len(tree) - (tree.prefix if before else 0)
            self.shared[prefix] = grafted(before, tree)


@dataclass(frozen=True, slots=True)
class Packed:
    """One step's tensors; D is the number of decisions.

    Attributes:
        ids: shape (rows, length).
        positions: likewise.
        mask: what is added to attention scores, shape (rows, 1, length, length).
        decisions: D of them, by rows.
        row: shape (D,), the row of each decision.
        place: shape (D,), its place in the row.
    """

    ids: Tensor
    positions: Tensor
    mask: Tensor
    decisions: list[Decision]
    row: Tensor
    place: Tensor


def collate(rows: Sequence[Row], length: int, padding: int) -> Packed:
    """Tensors of these rows."""
    ids = np.full((len(rows), length), padding)
    positions = np.zeros_like(ids)
    tree, branch, begins, sees = (np.full_like(ids, _NOBODY) for _ in range(4))
    decisions: list[Decision] = []
    where: list[tuple[int, int]] = []
    for number, row in enumerate(rows):
        begin = 0
        for index, one in enumerate(row):
            here = (number, slice(begin, begin + len(one)))
            ids[here], positions[here], branch[here] = one.ids, one.positions, one.branch
            tree[here], begins[here], sees[here] = index, begin, np.array(one.sees)
            decisions += one.decisions
            where += [(number, begin + decision.place) for decision in one.decisions]
            begin += len(one)
    mask = torch.from_numpy(_allowed(tree, branch, begins, sees))
    added = torch.zeros(mask.shape, dtype=torch.bfloat16).masked_fill_(~mask, torch.finfo(torch.bfloat16).min)
    return Packed(
        torch.from_numpy(ids),
        torch.from_numpy(positions),
        added[:, None],
        decisions,
        torch.tensor([row for row, _ in where]),
        torch.tensor([place for _, place in where]),
    )


def _allowed(
    tree: NDArray[np.int64], branch: NDArray[np.int64], begins: NDArray[np.int64], sees: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which place sees which, shape (rows, length, length)."""
    place = np.arange(tree.shape[1])
    same = tree[:, :, None] == tree[:, None, :]
    earlier = place[:, None] >= place[None, :]
    trunk = (branch[:, None, :] == 0) & (place < (begins + sees)[:, :, None])
    own = branch[:, :, None] == branch[:, None, :]
    allowed: NDArray[np.bool_] = same & earlier & (trunk | own)
    return allowed
