"""Corpora as a variant's prompts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import structlog

from prompts.parts import HistoryRule, PartsBuilder
from prompts.profile import ModelProfile
from prompts.tokenizer import PromptTokenizer
from schemas.label_map import load_label_map
from schemas.taxonomy import load_taxonomy
from trainer.ablation.retrieval import Neighbours, with_neighbours, with_older
from trainer.ablation.tables import Variant
from trainer.corpora import Conversation, read
from trainer.errors import MisconfiguredError, UnknownFormatError
from trainer.evaluation.material import check_language, taxonomy_for
from trainer.examples import Example, ExampleBuilder
from trainer.feedback.mix import Categories, MixRule, mix

log = structlog.get_logger()

_SESSION_GAP: Final = 3600.0
#: Turns that retrieval looks back on; the token budget cuts them again.
_LOOK_BACK: Final = 40
_SEED: Final = 17


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """A labelled file."""

    format: str
    path: Path

    @classmethod
    def parse(cls, text: str) -> "CorpusFile":
        """Parse ``FORMAT:PATH``; UnknownFormatError where it is not."""
        corpus_format, found, path = text.partition(":")
        if not found:
            raise UnknownFormatError(f"{text!r} is no corpus: write FORMAT:PATH, as meld:dev_sent_emo.csv")
        return cls(corpus_format, Path(path))


class Prompting:
    """Makes a variant's examples for one model."""

    def __init__(self, folder: Path, variant: Variant, *, unified: bool, scenes: bool = False) -> None:
        """Prompts as the variant has them.

        Args:
            folder: of the model.
            variant: the cell's.
            unified: say all labels in the model's usual ones; what nothing maps to them is left out.
            scenes: leave out files without a scene description.
        """
        self.profile = ModelProfile.read(folder)
        self._variant = variant
        self._unified = unified
        self._scenes = scenes
        tokenizer = PromptTokenizer(folder)
        turns = self.profile.history_turns if variant.turns is None else variant.turns
        rule = HistoryRule(_LOOK_BACK if variant.older else turns, _SESSION_GAP)
        self._last = turns
        builders: dict[str, PartsBuilder] = {}

        def parts_of(taxonomy: str) -> PartsBuilder:
            if taxonomy not in builders:
                parts = variant.parts or self.profile.parts
                builders[taxonomy] = PartsBuilder(self.profile, tokenizer, load_taxonomy(taxonomy), rule, parts)
            return builders[taxonomy]

        self.builder = ExampleBuilder(self.profile, tokenizer, parts_of)

    def asked(self, files: Sequence[CorpusFile], most: int, known: Sequence[Example]) -> list[Example]:
        """Development messages, at most so many of each file, by whole conversations.

        Raises:
            CorpusError: a file does not parse.
            MisconfiguredError: the model knows neither a file's language nor its labels.
        """
        found = [one for file in files for one in self._some(self._read(file), most)]
        return self._completed(found, known)

    def taught(self, files: Sequence[CorpusFile], most: int) -> list[Example]:
        """Training messages, at most so many in all, mixed as the variant says."""
        pools = [self._read(file) for file in files]
        usual = self.profile.taxonomies[0]
        rule = MixRule(mixing=self._variant.mixing, seed=_SEED)
        mixed = list(mix([], pools, rule, _no_message, Categories(usual)).examples)[:most]
        return self._completed(mixed, [example for pool in pools for example in pool])

    def _read(self, file: CorpusFile) -> list[Example]:
        conversations = list(read(file.format, file.path))
        labelled = [one for one in conversations if one.taxonomy and self._variant.language in {None, one.language}]
        usual = self.profile.taxonomies[0]
        if self._unified:
            labelled = [one for one in labelled if load_label_map(one.taxonomy or "", usual) is not None]
        if self._scenes and not any(turn.scene for one in labelled for turn in one.turns):
            labelled = []
        if not labelled:
            log.info("file_left_out", file=file.path.name, language=self._variant.language, unified=self._unified)
            return []
        check_language(labelled, self.profile)
        return [_of_file(one, file) for one in self.builder.examples(map(self._as_asked, labelled))]

    def _as_asked(self, conversation: Conversation) -> Conversation:
        own = conversation.taxonomy or ""
        usual = self.profile.taxonomies[0]
        target = usual if self._unified else taxonomy_for(own, self.profile)
        turns = conversation.turns
        if target != own:
            labels = load_label_map(own, target)
            if labels is None:
                raise MisconfiguredError(f"nothing maps the labels of {own} to {target}: see schemas/label_maps")
            turns = tuple(replace(turn, label=labels[turn.label] if turn.label else None) for turn in turns)
        if not self._variant.scene:
            turns = tuple(replace(turn, scene=None) for turn in turns)
        return replace(conversation, taxonomy=target, turns=turns)

    def _completed(self, examples: list[Example], known: Sequence[Example]) -> list[Example]:
        roles, variant = self.builder.roles, self._variant
        if variant.older:
            examples = [with_older(one, self._last, variant.older, roles) for one in examples]
        if variant.neighbours and known and examples:
            near = Neighbours(known).of(examples, variant.neighbours)
            examples = [with_neighbours(one, turns, roles) for one, turns in zip(examples, near, strict=True)]
        return examples

    @staticmethod
    def _some(examples: list[Example], most: int) -> list[Example]:
        """Whole conversations, drawn by seed, until there are enough messages."""
        names = sorted({one.conversation for one in examples})
        order = [names[one] for one in np.random.default_rng(_SEED).permutation(len(names))]
        sizes = dict.fromkeys(names, 0)
        for one in examples:
            sizes[one.conversation] += 1
        total = np.cumsum([sizes[name] for name in order])
        kept = set(order[: int(np.searchsorted(total, most)) + 1])
        return [one for one in examples if one.conversation in kept]


def _of_file(example: Example, file: CorpusFile) -> Example:
    """Corpora count their conversations alike: dialogue 1 of one is not that of another."""
    return replace(example, conversation=f"{file.format}:{file.path.name}:{example.conversation}")


def _no_message(_: object) -> Example:
    raise AssertionError
