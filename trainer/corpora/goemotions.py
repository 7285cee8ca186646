"""GoEmotions: single comments, tab-separated, with the numbers of their labels in Ekman's grouping."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from trainer.corpora.conversation import Conversation, LabelledTurn
from trainer.corpora.tables import lines
from trainer.corpora.text import repair
from trainer.errors import CorpusError

#: As the publisher's ``labels.txt`` numbers them.
LABELS: Final = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
_FIELDS = 3
_SPEAKER = "user"


def read_goemotions(path: Path) -> Iterator[Conversation]:
    """One conversation of one turn a line; a comment with several labels counts as unlabelled."""
    for number, line in lines(path):
        fields = line.split("\t")
        if len(fields) != _FIELDS:
            raise CorpusError(path, number, f"{len(fields)} fields between tabs, not {_FIELDS}")
        text, numbers, name = fields
        try:
            labels = [LABELS[int(one)] for one in numbers.split(",")]
        except (ValueError, IndexError) as error:
            raise CorpusError(path, number, f"label numbers from 0 to {len(LABELS) - 1}, not {numbers!r}") from error
        turn = LabelledTurn(_SPEAKER, repair(text), labels[0] if len(labels) == 1 else None)
        yield Conversation(name, "en", "goemotions-ekman", (turn,))
