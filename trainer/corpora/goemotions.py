"""GoEmotions: single comments, tab-separated, with the numbers of their labels (Demszky et al., 2020)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from trainer.corpora.conversation import Conversation, LabelledTurn
from trainer.corpora.tables import lines
from trainer.corpora.text import repair
from trainer.errors import CorpusError

#: As the publisher's ``labels.txt`` numbers them in Ekman's grouping.
LABELS: Final = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
#: And as ``emotions.txt`` numbers the 28 of the original files, each by its Ekman group (``ekman_mapping.json``).
FINE: Final = (
    *("joy", "joy", "anger", "anger", "joy", "joy", "surprise", "surprise", "joy", "sadness", "anger", "disgust"),
    *("sadness", "joy", "fear", "joy", "sadness", "joy", "joy", "fear", "joy", "joy", "surprise", "joy", "sadness"),
    *("sadness", "surprise", "neutral"),
)
_FIELDS: Final = 3
_SPEAKER: Final = "user"


def read_goemotions(path: Path) -> Iterator[Conversation]:
    """One conversation of one turn a line; a comment with several labels counts as unlabelled.

    A file with a number above Ekman's is one of the original ones, and its labels are grouped.
    """
    rows = [_row(path, number, line) for number, line in lines(path)]
    names = LABELS if all(one < len(LABELS) for _, _, labels, _ in rows for one in labels) else FINE
    for number, text, labels, name in rows:
        if not all(0 <= one < len(names) for one in labels):
            raise CorpusError(path, number, f"label numbers from 0 to {len(LABELS) - 1}, or to {len(FINE) - 1}")
        found = {names[one] for one in labels}
        turn = LabelledTurn(_SPEAKER, text, found.pop() if len(found) == 1 else None)
        yield Conversation(name, "en", "goemotions-ekman", (turn,))


def _row(path: Path, number: int, line: str) -> tuple[int, str, list[int], str]:
    fields = line.split("\t")
    if len(fields) != _FIELDS:
        raise CorpusError(path, number, f"{len(fields)} fields between tabs, not {_FIELDS}")
    text, numbers, name = fields
    try:
        return number, repair(text), [int(one) for one in numbers.split(",")], name
    except ValueError as error:
        raise CorpusError(path, number, f"label numbers from 0 to {len(LABELS) - 1}, not {numbers!r}") from error
