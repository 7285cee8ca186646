"""A labelled file as questions to one model, in labels that the model knows."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from prompts.profile import ModelProfile
from schemas.label_map import load_label_map
from schemas.taxonomy import Taxonomy, load_taxonomy
from trainer.corpora import Conversation, read
from trainer.errors import CorpusError, MisconfiguredError
from trainer.examples import Example, ExampleBuilder
from trainer.gate.sets import LabelSet, targets
from trainer.metrics import Indices

#: Any model's emotions come to one of these three.
SENTIMENT = "sentiment"


@dataclass(frozen=True, slots=True)
class Material:
    """What is asked, and what is true.

    Attributes:
        corpus_format: the reader's name.
        corpus: the file's own taxonomy.
        asked: the taxonomy that the model is asked in.
        examples: one for each labelled message.
        names: the labels that are compared, in one order.
        truth: indices of them, shape (examples,).
        left_out: labelled messages whose label has no counterpart in ``asked``.
    """

    corpus_format: str
    corpus: str
    asked: str
    examples: list[Example]
    names: list[str]
    truth: Indices
    left_out: int

    @property
    def by_sentiment(self) -> bool:
        """Whether emotions are asked for and their sentiments compared."""
        return self.corpus == SENTIMENT != self.asked

    @property
    def labelled(self) -> list[tuple[str, str, str]]:
        """Language, text and true label of each message."""
        parts = (one.question.parts for one in self.examples)
        return [
            (one.language, one.message.text, self.names[label]) for one, label in zip(parts, self.truth, strict=True)
        ]

    def beginning(self, messages: int) -> Self:
        """The same with so many messages at most."""
        return replace(self, examples=self.examples[:messages], truth=self.truth[:messages])

    @property
    def conversations(self) -> list[str]:
        """Of each example; the unit of resampling."""
        return [one.conversation for one in self.examples]


def conversations_of(path: Path, corpus_format: str, split: str | None = None) -> list[Conversation]:
    """All conversations of a file, or those of one split.

    Raises:
        CorpusError: the file does not parse, or has no such split.
    """
    conversations = list(read(corpus_format, path))
    if split is not None:
        known = sorted({one.split for one in conversations if one.split})
        conversations = [one for one in conversations if one.split == split]
        if not conversations:
            raise CorpusError(path, 1, f"no conversation of split {split!r}; found {', '.join(known) or 'no splits'}")
    return conversations


def material_of(
    path: Path, name: str, conversations: Iterable[Conversation], builder: ExampleBuilder, profile: ModelProfile
) -> Material:
    """Some conversations of a file as questions to one model.

    Args:
        path: the file.
        name: of its format.
        conversations: in it.
        builder: of the model's examples.
        profile: of the model.

    Raises:
        CorpusError: nothing has a label, or there are labels that cannot be asked together.
        MisconfiguredError: the model knows neither the language nor the labels.
    """
    labelled = [one for one in conversations if any(turn.label for turn in one.turns) and one.taxonomy]
    if not labelled:
        raise CorpusError(path, 1, "no message of this file has a label: there is nothing to compare with")
    taxonomies = dict.fromkeys(one.taxonomy for one in labelled if one.taxonomy)
    corpus = next(iter(taxonomies))
    asked = {one: taxonomy_for(one, profile) for one in taxonomies}
    check_language(labelled, profile)
    if asked.get(SENTIMENT, SENTIMENT) != SENTIMENT and len(asked) > 1:
        others = ", ".join(sorted(asked.keys() - {SENTIMENT}))
        raise CorpusError(
            path,
            1,
            f"it has labels of {SENTIMENT} beside those of {others}, and model {profile.name} knows no sentiments of "
            "their own: put them into files of their own",
        )
    if corpus == SENTIMENT != asked[corpus]:
        return _by_sentiment(name, labelled, asked[corpus], builder)
    mapped = [one if (to := asked[one.taxonomy or ""]) == one.taxonomy else _mapped(one, to) for one in labelled]
    examples = list(builder.examples(mapped))
    if not examples:
        raise CorpusError(path, 1, f"no label of this file has a counterpart in {asked[corpus]}")
    before = sum(turn.label is not None and bool(turn.text.strip()) for one in labelled for turn in one.turns)
    labels = LabelSet(examples)
    truth = labels.of(targets(examples))
    return Material(name, corpus, asked[corpus], examples, labels.names, truth, before - len(examples))


def taxonomy_for(corpus: str, profile: ModelProfile) -> str:
    """The corpus's own taxonomy where the model knows it, else one that its labels can be said in.

    Raises:
        MisconfiguredError: there is none.
    """
    if corpus in profile.taxonomies:
        return corpus
    for known in profile.taxonomies:
        if corpus == SENTIMENT or load_label_map(corpus, known) is not None:
            return known
    known_ones = ", ".join(profile.taxonomies)
    raise MisconfiguredError(
        f"model {profile.name} does not know the labels of taxonomy {corpus}, and nothing maps them to those that it "
        f"does know ({known_ones}): choose another model, or add a map to schemas/label_maps"
    )


def check_language(conversations: Iterable[Conversation], profile: ModelProfile) -> None:
    """MisconfiguredError where the model was not made for the language of a conversation."""
    strange = sorted({one.language for one in conversations} - set(profile.languages))
    if strange:
        raise MisconfiguredError(
            f"the file is in {', '.join(strange)}, and model {profile.name} knows {', '.join(profile.languages)} only: "
            "choose another model"
        )


def taxonomy_of(example: Example) -> Taxonomy:
    """The label set that an example is asked in."""
    parts = example.question.parts
    return Taxonomy.model_construct(name=parts.taxonomy, title="", labels=parts.labels)


def _mapped(conversation: Conversation, target: str) -> Conversation:
    labels = load_label_map(conversation.taxonomy or "", target)
    if labels is None:  # taxonomy_for has seen one
        raise MisconfiguredError(f"nothing maps {conversation.taxonomy} to {target}")
    turns = tuple(replace(turn, label=labels[turn.label] if turn.label else None) for turn in conversation.turns)
    return replace(conversation, taxonomy=target, turns=turns)


def _by_sentiment(name: str, labelled: list[Conversation], asked: str, builder: ExampleBuilder) -> Material:
    """Ask for emotions; the truth stays a sentiment, and the answers' sentiments are compared with it."""
    stand_in = load_taxonomy(asked).labels[0].name
    turned = [
        replace(
            one,
            taxonomy=asked,
            turns=tuple(replace(turn, label=stand_in if turn.label else None) for turn in one.turns),
        )
        for one in labelled
    ]
    names = [label.name for label in load_taxonomy(SENTIMENT).labels]
    said = [turn.label for one in labelled for turn in one.turns if turn.label and turn.text.strip()]
    truth = np.array([names.index(label) for label in said], dtype=np.int64)
    return Material(name, SENTIMENT, asked, list(builder.examples(turned)), names, truth, 0)
