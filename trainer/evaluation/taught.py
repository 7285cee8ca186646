"""What baselines learn from: training files, without the conversations that are asked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from prompts.profile import ModelProfile
from trainer.corpora import Conversation, format_name, read
from trainer.errors import CorpusError, UnknownFormatError
from trainer.evaluation.material import Material, material_of
from trainer.examples import ExampleBuilder


@dataclass(frozen=True, slots=True)
class TrainingFile:
    """A labelled file to learn from."""

    format: str
    path: Path

    @classmethod
    def parse(cls, text: str, usual: str) -> Self:
        """Parse ``PATH``, of the usual format, or ``FORMAT:PATH``."""
        before, colon, path = text.partition(":")
        try:
            return cls(format_name(before), Path(path)) if colon else cls(usual, Path(text))
        except UnknownFormatError:
            return cls(usual, Path(text))


def taught(
    files: Sequence[TrainingFile],
    material: Material,
    asked: Iterable[Conversation],
    builder: ExampleBuilder,
    profile: ModelProfile,
) -> list[tuple[str, str, str]]:
    """Language, text and label of each training message.

    Args:
        files: where held-out parts were cut from them, these are left out.
        material: what is asked.
        asked: the conversations that it was made of.
        builder: of the model's examples.
        profile: of the model.

    Raises:
        CorpusError: a file does not parse, or teaches nothing about what is asked.
    """
    held_out = {_key(one) for one in asked}
    found: list[tuple[str, str, str]] = []
    for one in files:
        name = format_name(one.format)
        kept = [talk for talk in read(name, one.path) if _key(talk) not in held_out]
        found += material_of(one.path, name, kept, builder, profile).labelled
        if foreign := sorted({label for _, _, label in found} - set(material.names)):
            raise CorpusError(
                one.path,
                1,
                f"its labels {', '.join(foreign)} are none of those that are asked for ({', '.join(material.names)}): "
                "give a training file of the same corpus",
            )
    return found


def _key(conversation: Conversation) -> tuple[str, ...]:
    return (conversation.id, *(turn.text for turn in conversation.turns))
