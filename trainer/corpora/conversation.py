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
    """Turns in order. ``id`` is unique within its file; ``taxonomy`` is None where nothing is labelled."""

    id: str
    language: str
    taxonomy: str | None
    turns: tuple[LabelledTurn, ...]


#: Reads one file, conversation by conversation. Raises CorpusError for a line that does not parse.
Reader = Callable[[Path], Iterator[Conversation]]
