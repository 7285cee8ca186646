"""Turns and labelled messages that bear on a message, by TF-IDF: what a prompt may hold beyond the last turns."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from prompts.roles import RolePrompts
from schemas.chat import Turn
from trainer.examples import Example

_BY_CHARACTER: Final = frozenset({"zh", "ja"})
#: Room that stays for the negotiation.
_LATER_TOKENS: Final = 32


class Neighbours:
    """Labelled messages that can be found again by their words, among those of the same language and labels."""

    def __init__(self, known: Sequence[Example]) -> None:
        """Index the training messages."""
        kinds: dict[tuple[str, str], list[Example]] = {}
        for one in known:
            kinds.setdefault(_kind(one), []).append(one)
        self._known = kinds
        self._indices = {kind: _vectorizer(kind[0]) for kind in kinds}
        self._matrices = {kind: self._indices[kind].fit_transform(map(_text, rows)) for kind, rows in kinds.items()}

    def of(self, examples: Sequence[Example], count: int) -> list[tuple[Turn, ...]]:
        """For each message the nearest ones, the nearest last, each shown as said by its label; never itself."""
        return [self._near(one, count) if _kind(one) in self._known else () for one in examples]

    def _near(self, example: Example, count: int) -> tuple[Turn, ...]:
        kind = _kind(example)
        known = self._known[kind]
        asked = self._indices[kind].transform([_text(example)])
        near = np.asarray((self._matrices[kind] @ asked.T).todense()).ravel()
        chosen = [int(one) for one in np.argsort(-near, kind="stable")[: 4 * count + 4] if near[one] > 0]
        others = [one for one in chosen if not self._same(known[one], example)][:count]
        return tuple(_shown(known[one]) for one in reversed(others))

    @staticmethod
    def _same(known: Example, asked: Example) -> bool:
        """The message itself, and what else was said around it, gives its label away."""
        return known.conversation == asked.conversation


def with_neighbours(example: Example, near: tuple[Turn, ...], roles: RolePrompts) -> Example:
    """The example with labelled messages before its history, as many as there is room for."""
    parts = example.question.parts
    for drop in range(len(near) + 1):
        history = (*near[drop:], *parts.history)
        question = roles.open(parts.model_copy(update={"history": history}))
        if len(question.opening) <= roles.profile.context_length - _LATER_TOKENS:
            return replace(example, question=question)
    return example


def with_older(example: Example, last: int, older: int, roles: RolePrompts) -> Example:
    """The example with its last turns, and of the turns before them those nearest to the message, in their order."""
    parts = example.question.parts
    before, recent = parts.history[: -last or None], parts.history[-last:] if last else ()
    if len(parts.history) <= last:
        before, recent = (), parts.history
    chosen = _nearest(parts.message.text, [turn.text for turn in before], older, parts.language)
    history = (*(before[one] for one in chosen), *recent)
    return replace(example, question=roles.open(parts.model_copy(update={"history": history})))


def _nearest(message: str, texts: Sequence[str], count: int, language: str) -> list[int]:
    if not texts or not count:
        return []
    try:
        matrix = _vectorizer(language).fit_transform([*texts, message])
    except ValueError:  # nothing but stop words and signs
        return []
    near = np.asarray((matrix[:-1] @ matrix[-1].T).todense()).ravel()
    ranked = np.argsort(-near, kind="stable")[:count]
    return sorted(int(one) for one in ranked if near[one] > 0)


def _kind(example: Example) -> tuple[str, str]:
    return example.question.parts.language, example.question.parts.taxonomy


def _text(example: Example) -> str:
    return example.question.parts.message.text


def _shown(example: Example) -> Turn:
    return Turn(speaker=example.question.parts.labels[example.target].word, text=_text(example))


def _vectorizer(language: str) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    if language in _BY_CHARACTER:
        return TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True)
    return TfidfVectorizer(sublinear_tf=True, stop_words="english")
