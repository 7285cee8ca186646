"""What a refresh trains on: new labels, older ones again, and corpora, mixed at random or equally by emotion."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog

from schemas.label_map import load_label_map
from trainer.examples import Example
from trainer.feedback.labelled import LabelledMessage
from trainer.feedback.settings import Mixing

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MixRule:
    """How training data are mixed.

    Attributes:
        mixing: see SentiXRL, section 4.3. ``equal`` draws as many examples in all as there are, the same number for
            each category: of a large one some, of a small one all, again and again.
        replay_share: share of the older labels that is trained on again.
        seed: of every draw.
    """

    mixing: Mixing = "random"
    replay_share: float = 1.0
    seed: int = 17


@dataclass(frozen=True, slots=True)
class Mixed:
    """Examples in the order of training, and where they come from.

    Attributes:
        new: messages with labels that the last refresh had not seen.
        replayed: messages with older labels.
        corpora: messages of each corpus.
        by_category: examples of each category, as they are trained on.
    """

    examples: tuple[Example, ...]
    new: int
    replayed: int
    corpora: tuple[int, ...]
    by_category: dict[str, int]


def mix(
    train: Sequence[LabelledMessage],
    corpora: Sequence[Sequence[Example]],
    rule: MixRule,
    to_example: Callable[[LabelledMessage], Example],
    category: Callable[[Example], str],
) -> Mixed:
    """Put the examples of one refresh together; the same for the same data and seed.

    Args:
        train: the training part of the labelled messages.
        corpora: examples of each.
        rule: how.
        to_example: makes one of a message.
        category: what counts as one emotion, see `Categories`.
    """
    new = [one for one in train if one.new]
    older = replayed([one for one in train if not one.new], rule.replay_share, rule.seed)
    pool = [*map(to_example, (*new, *older)), *(example for corpus in corpora for example in corpus)]
    draw = np.random.default_rng(rule.seed)
    names = [category(one) for one in pool]
    order = _equal(names, draw) if rule.mixing == "equal" else draw.permutation(len(pool))
    chosen = [int(index) for index in order]
    counts = dict.fromkeys(sorted(set(names)), 0)
    for index in chosen:
        counts[names[index]] += 1
    sizes = tuple(len(corpus) for corpus in corpora)
    log.info("data_mixed", new=len(new), replayed=len(older), corpora=sizes, mixing=rule.mixing, by_category=counts)
    return Mixed(tuple(pool[index] for index in chosen), len(new), len(older), sizes, counts)


def replayed(older: Sequence[LabelledMessage], share: float, seed: int) -> list[LabelledMessage]:
    """A share of the older labels; which ones depends on each message alone, so that more labels move few of them."""
    ranked = sorted(older, key=lambda one: hashlib.sha256(f"{seed}\0{one.source.event_id}".encode()).digest())
    kept = {one.source for one in ranked[: round(share * len(ranked))]}
    return [one for one in older if one.source in kept]


class Categories:
    """Emotions over taxonomies: labels that map to the same label of the usual taxonomy are one category.

    Args:
        usual: name of that taxonomy.
        folder: with taxonomies and maps of the platform's own.
    """

    def __init__(self, usual: str, folder: Path | None = None) -> None:
        self._usual = usual
        self._folder = folder
        self._names: dict[tuple[str, str], str] = {}

    def __call__(self, example: Example) -> str:
        """The label in the usual taxonomy; with its own taxonomy's name before it where it has no counterpart."""
        parts = example.question.parts
        key = (parts.taxonomy, parts.labels[example.target].name)
        if key not in self._names:
            labels = load_label_map(key[0], self._usual, self._folder)
            self._names[key] = (labels[key[1]] if labels else None) or ":".join(key)
        return self._names[key]


def _equal(names: Sequence[str], draw: np.random.Generator) -> np.ndarray:
    """Indices, the same number of each name; each example of a name as often as any other, or once more."""
    by_name: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        by_name.setdefault(name, []).append(index)
    if not by_name:
        return np.empty(0, np.int64)
    each = max(len(names) // len(by_name), 1)
    chosen = []
    for name in sorted(by_name):
        found = by_name[name]
        rounds = [draw.permutation(found) for _ in range(-(-each // len(found)))]
        chosen.append(np.concatenate(rounds)[:each])
    return draw.permutation(np.concatenate(chosen))
