"""Many prompts in one sequence: a conversation as the trunk, and after each turn a branch that asks for its label.

A prompt is the trunk up to its turn, and the branch. No branch sees another, and the trunk sees none, so that each
token has the very state that it has in its own prompt: one pass teaches all labels of a conversation for little more
than the tokens of the last one's prompt.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from trainer.bilingual.conversations import Utterance
from trainer.examples import Example
from trainer.rounds import Sequence as Negotiation

#: Gives what follows a turn, from its question on: at least what asks for the first decision.
Branch = Callable[[Example], Negotiation]


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a label is decided: the place in the tree, the example, and whether it is G's first answer."""

    place: int
    example: Example
    first: bool


@dataclass(slots=True)
class Tree:
    """Tokens of a piece of a conversation and of its branches.

    Attributes:
        ids: token ids, the trunk first.
        positions: each token's place in its own prompt.
        branch: 0 in the trunk, else the branch's number.
        sees: how many tokens of the trunk each token of a branch sees; in the trunk, its own place and those before.
        decisions: in the branches.
        prefix: how many tokens of the trunk come before its first turn.
    """

    ids: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    branch: list[int] = field(default_factory=list)
    sees: list[int] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    prefix: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def alone(self) -> bool:
        """Whether it has one branch."""
        return self.branch[-1] == 1


@dataclass(frozen=True, slots=True)
class Windows:
    """How conversations are cut into trees.

    Attributes:
        length: most tokens of a tree.
        carried: turns of a tree that the next one of the same conversation begins with, without their labels.
    """

    length: int
    carried: int

    def trees(self, utterances: Sequence[Utterance], branch: Branch) -> list[Tree]:
        """A conversation's trees; a turn that fits into none is left out."""
        result: list[Tree] = []
        start = labelled = 0
        while labelled < len(utterances):
            prefix = utterances[labelled].prefix
            trunk, ends, branches = [*prefix], list[int](), list[tuple[int, Example, Negotiation]]()
            size = len(prefix)
            place = start
            while place < len(utterances):
                one = utterances[place]
                asked = branch(one.example) if place >= labelled and one.example is not None else None
                size += len(one.ids) + (len(asked.ids) if asked else 0)
                if size > self.length or (place >= labelled and one.prefix != prefix):
                    break
                trunk += one.ids
                ends.append(len(trunk))
                if asked is not None and one.example is not None:
                    branches.append((len(trunk), one.example, asked))
                place += 1
            if branches:
                result.append(_tree(trunk, branches, len(prefix)))
            if place <= labelled:
                # Not one new turn found room: with less history, or not at all.
                labelled, start = (labelled + 1, labelled + 1) if start == labelled else (labelled, labelled)
                continue
            labelled, start = place, max(place - self.carried, 0)
        return result


def _tree(trunk: list[int], branches: list[tuple[int, Example, Negotiation]], prefix: int) -> Tree:
    tree = _trunk(trunk, prefix)
    for number, (end, example, asked) in enumerate(branches, start=1):
        begin = len(tree)
        _grow(tree, asked.ids, number, end)
        tree.decisions += [
            Decision(begin + place, example, first=not index) for index, place in enumerate(asked.decisions)
        ]
    return tree


def _trunk(ids: Sequence[int], prefix: int) -> Tree:
    length = len(ids)
    return Tree([*ids], [*range(length)], [0] * length, [*range(1, length + 1)], prefix=prefix)


def _grow(tree: Tree, ids: Sequence[int], number: int, sees: int) -> None:
    """A branch that goes on where it sees the trunk end."""
    tree.ids += ids
    tree.positions += range(sees, sees + len(ids))
    tree.branch += [number] * len(ids)
    tree.sees += [sees] * len(ids)


def grafted(shared: Tree | None, one: Tree) -> Tree:
    """A tree of one branch as a further branch on a trunk that is no more than their common prefix.

    A post, or a short conversation with one label, is a branch of the labels that stand before it: they are read once.

    Args:
        shared: grows; None: a new one is made.
        one: stays as it is.
    """
    tree = _trunk(one.ids[: one.prefix], one.prefix) if shared is None else shared
    moved = len(tree) - one.prefix
    _grow(tree, one.ids[one.prefix :], tree.branch[-1] + 1, one.prefix)
    tree.decisions += [replace(decision, place=decision.place + moved) for decision in one.decisions]
    return tree
