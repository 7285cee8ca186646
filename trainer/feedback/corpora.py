"""Configured corpora as examples: in their own labels where the model knows them, else in those that it does know."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import structlog

from prompts.settings import ServedBuilders
from schemas.errors import SchemaError
from schemas.label_map import load_label_map
from trainer.corpora import Conversation, LabelledTurn
from trainer.digest import digest
from trainer.errors import CorpusError, UnknownFormatError
from trainer.examples import Example, ExampleBuilder
from trainer.feedback.errors import MixtureError
from trainer.feedback.labelled import LabelledMessage
from trainer.feedback.split import part_of
from trainer.mixture import FurtherCorpus, drawn, load_further

log = structlog.get_logger()

_SALT: Final = "sentistream corpora 1"
#: Development messages of a corpus: each epoch, and each share of the way, has to answer all of them.
_MOST: Final = 500


@dataclass(frozen=True, slots=True)
class Corpora:
    """Examples of the configured corpora.

    Attributes:
        train: of each.
        development: of a tenth of all conversations, whatever the share, some messages, by the corpus's format and
            file. An adapter serves them as well as the platform, so that its best epoch, and how far it goes, are to
            suit both.
    """

    train: list[list[Example]]
    development: dict[str, list[Example]]


def load_corpora(
    texts: Iterable[str], builders: ServedBuilders, held_back: Iterable[LabelledMessage], seed: int
) -> Corpora:
    """The examples of each ``FORMAT:SHARE:PATH``; the same every time.

    Args:
        texts: which.
        builders: with the stream's settings, so that corpora show what messages show.
        held_back: messages whose words must not be trained on: conversations that share a long utterance with one of
            them are left out, for a platform may well have replayed a corpus.
        seed: of the share's draw.

    Raises:
        MixtureError: a file cannot be read, or its labels have no counterpart in what the model knows.
    """
    builder = ExampleBuilder(builders.profile, builders.tokenizer, builders.of)
    known = [_conversation(one) for one in held_back]
    train: list[list[Example]] = []
    development: dict[str, list[Example]] = {}
    for text in texts:
        try:
            corpus = FurtherCorpus.parse(text)
            whole = load_further(corpus, builder, known, lambda one: unified(one, builders))
        except (CorpusError, UnknownFormatError, SchemaError, OSError) as error:
            raise MixtureError(f"TRAINER_CORPORA: {error}") from error
        train.append([one for one in drawn(whole, corpus.share, seed) if not _develops(one)])
        name = f"{corpus.format} ({corpus.path.name})"
        development.setdefault(name, []).extend(_development(whole))
        log.info("corpus_read", corpus=text, train=len(train[-1]), development=len(development[name]))
    return Corpora(train, development)


def unified(conversation: Conversation, builders: ServedBuilders) -> Conversation:
    """The conversation with labels that the model's profile knows; a turn whose label has no counterpart has none.

    Raises:
        MixtureError: there is no map from the corpus's taxonomy to the usual one.
    """
    taxonomy = conversation.taxonomy
    if taxonomy is None or taxonomy in builders.profile.taxonomies:
        return conversation
    labels = load_label_map(taxonomy, builders.usual, builders.taxonomies)
    if labels is None:
        raise MixtureError(
            f"TRAINER_CORPORA: model {builders.profile.name} does not know taxonomy {taxonomy}, and nothing maps it to "
            f"{builders.usual}: put {taxonomy}-to-{builders.usual}.yaml into the folder TAXONOMIES"
        )
    turns = tuple(replace(turn, label=labels[turn.label] if turn.label else None) for turn in conversation.turns)
    return replace(conversation, taxonomy=builders.usual, turns=turns)


def _development(examples: Iterable[Example]) -> list[Example]:
    """Always the same ones of the same corpus."""
    aside = [one for one in examples if _develops(one)]
    return sorted(aside, key=lambda one: digest(_SALT, one.conversation))[:_MOST]


def _develops(example: Example) -> bool:
    return part_of(example.conversation) == "development"


def _conversation(labelled: LabelledMessage) -> Conversation:
    turns = (*labelled.parts.history, labelled.parts.message)
    shown = tuple(LabelledTurn(turn.speaker, turn.text) for turn in turns)
    return Conversation(labelled.conversation, labelled.parts.language, None, shown)
