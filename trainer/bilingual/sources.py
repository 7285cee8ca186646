"""The corpora of a recipe: what trains, and what is held out for development."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from schemas.label_map import load_label_map
from trainer.bilingual.recipe import BilingualRecipe, CorpusUse
from trainer.corpora import Conversation, read
from trainer.errors import MisconfiguredError
from trainer.mixture import without_overlap

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Sources:
    """Conversations as they are read.

    Attributes:
        train: with the use that each is for.
        development: by corpus format.
    """

    train: list[tuple[CorpusUse, list[Conversation]]] = field(default_factory=list)
    development: dict[str, list[Conversation]] = field(default_factory=dict)

    def texts(self) -> Iterator[str]:
        """What the training conversations say, and who says it; a file that is used twice says it once."""
        for conversations in {use.file: conversations for use, conversations in reversed(self.train)}.values():
            for conversation in conversations:
                for turn in conversation.turns:
                    yield from (turn.speaker, turn.text, turn.scene or "")


def held_out(use: CorpusUse, conversation: Conversation) -> bool:
    """Whether a conversation is for development, the same in every run."""
    if use.held_out is not None:
        return re.search(use.held_out, conversation.id) is not None
    group = f"{use.file}\x1f{conversation.group or conversation.id}"
    number = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big")
    return number < use.held_out_share * 2**64


def load_sources(recipe: BilingualRecipe, folder: Path) -> Sources:
    """Read all files, and leave out of training what shares a long utterance with another corpus's development set.

    A corpus's own splits are its publisher's choice, and stay as they are.

    Raises:
        CorpusError: a line does not parse.
        MisconfiguredError: a file is missing.
    """
    sources = Sources()
    for use in recipe.corpora:
        if not (path := folder / use.file).is_file():
            raise MisconfiguredError(f"{path} is missing: bring your own copy, or take it out of the recipe")
        found = list(read(use.format, path))
        sources.train.append((use, [_mapped(one, use.taxonomy) for one in found if not held_out(use, one)]))
        if use.taxonomy is None:
            sources.development.setdefault(use.format, []).extend(one for one in found if held_out(use, one))
    for place, (use, conversations) in enumerate(sources.train):
        others = [one for name, held in sources.development.items() if name != use.format for one in held]
        kept = without_overlap(conversations, others)
        log.info("corpus_read", file=use.file, train=len(kept), overlapping=len(conversations) - len(kept))
        sources.train[place] = (use, kept)
    return Sources(
        [one for one in sources.train if one[1]], {name: held for name, held in sources.development.items() if held}
    )


def _mapped(conversation: Conversation, taxonomy: str | None) -> Conversation:
    """The same in another taxonomy's labels, those without a counterpart left out."""
    if taxonomy is None or conversation.taxonomy is None:
        return conversation
    labels = load_label_map(conversation.taxonomy, taxonomy)
    if labels is None:
        raise MisconfiguredError(f"the recipe asks for {conversation.taxonomy} in {taxonomy}: nothing maps them")
    turns = tuple(replace(turn, label=labels[turn.label] if turn.label else None) for turn in conversation.turns)
    return replace(conversation, taxonomy=taxonomy, turns=turns)
