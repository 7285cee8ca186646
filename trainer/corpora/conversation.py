"""What every corpus reader yields."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LabelledTurn:
    """One utterance; ``label`` is a name of the conversation's taxonomy, None where the corpus gives none."""

    speaker: str
    text: str
    label: str | None = None
    scene: str | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns in order.

    Attributes:
        id: unique within its file.
        taxonomy: None where nothing is labelled.
        group: conversations of the same one are resampled together; None for the conversation alone.
        split: such as ``test``, where one file holds several.
    """

    id: str
    language: str
    taxonomy: str | None
    turns: tuple[LabelledTurn, ...]
    group: str | None = None
    split: str | None = None


#: Reads one file, conversation by conversation. Raises CorpusError for a line that does not parse.
Reader = Callable[[Path], Iterator[Conversation]]
