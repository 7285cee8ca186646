"""What an epoch is made of: all of the main corpus, and a slice of each further one."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from trainer.corpora import read
from trainer.corpora.conversation import Conversation
from trainer.errors import UnknownFormatError
from trainer.examples import Example, ExampleBuilder

#: An utterance of so many words that stands in both is taken as a sign of the same scene.
_TELLING_WORDS: Final = 7


@dataclass(frozen=True, slots=True)
class FurtherCorpus:
    """A corpus file, and the share of its messages that is used."""

    format: str
    share: float
    path: Path

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``FORMAT:SHARE:PATH``."""
        match text.split(":", 2):
            case [corpus_format, share, path] if re.fullmatch(r"[01](\.\d+)?", share):
                return cls(corpus_format, float(share), Path(path))
        raise UnknownFormatError(f"{text!r} is no further corpus: write FORMAT:SHARE:PATH, as emorynlp:0.5:train.csv")


def _telling(conversation: Conversation) -> set[str]:
    words = (re.sub(r"[^a-z ]", "", turn.text.lower()).split() for turn in conversation.turns)
    return {" ".join(one) for one in words if len(one) >= _TELLING_WORDS}


def without_overlap(conversations: Iterable[Conversation], held_back: Iterable[Conversation]) -> list[Conversation]:
    """Those that share no long utterance with the held back ones: corpora of the same TV show do overlap."""
    known = set().union(*(_telling(one) for one in held_back))
    return [one for one in conversations if not known & _telling(one)]


class Mixture:
    """Examples of all corpora, and which of them an epoch sees.

    Attributes:
        examples: the main corpus first.
        taxonomies: theirs, the main corpus's first.
    """

    def __init__(self, main: list[Example], further: list[list[Example]], epochs: int, seed: int) -> None:
        """Deal the further examples out over the epochs, at random but by seed."""
        self.examples = [*main, *(example for corpus in further for example in corpus)]
        self.taxonomies = tuple(dict.fromkeys(example.question.parts.taxonomy for example in self.examples))
        rest = np.random.default_rng(seed).permutation(np.arange(len(main), len(self.examples)))
        self._epochs = [np.concatenate([np.arange(len(main)), part]) for part in np.array_split(rest, epochs)]

    def epoch(self, number: int) -> NDArray[np.int64]:
        """Indices into ``examples``; epochs count from 0."""
        chosen: NDArray[np.int64] = self._epochs[number]
        return chosen


def load_further(
    corpus: FurtherCorpus,
    builder: ExampleBuilder,
    held_back: list[Conversation],
    unify: Callable[[Conversation], Conversation] = lambda one: one,
) -> list[Example]:
    """All examples of a corpus, without conversations that the held back ones know.

    Args:
        corpus: the file.
        builder: of the model's examples.
        held_back: conversations that must not be trained on.
        unify: gives a conversation labels that the model knows.
    """
    return list(builder.examples(map(unify, without_overlap(read(corpus.format, corpus.path), held_back))))


def drawn(examples: list[Example], share: float, seed: int) -> list[Example]:
    """A share of the examples, drawn message by message, in their order."""
    count = round(share * len(examples))
    chosen = np.random.default_rng(seed).permutation(len(examples))[:count]
    return [examples[index] for index in sorted(chosen)]
