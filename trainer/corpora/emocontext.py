"""EmoContext (SemEval-2019 task 3): three turns of two people a line, tab-separated; the third turn is labelled."""

from collections.abc import Iterator
from pathlib import Path

from trainer.corpora.conversation import Conversation, LabelledTurn
from trainer.corpora.tables import label_in, lines
from trainer.corpora.text import repair
from trainer.errors import CorpusError

_HEADER = ["id", "turn1", "turn2", "turn3", "label"]


def read_emocontext(path: Path) -> Iterator[Conversation]:
    """One conversation a line, between the speakers A and B."""
    for number, line in lines(path):
        fields = [repair(field) for field in line.split("\t")]
        if number == 1 and fields == _HEADER:
            continue
        if len(fields) != len(_HEADER):
            raise CorpusError(path, number, f"{len(fields)} fields between tabs, not {len(_HEADER)}")
        name, first, second, third, label = fields
        label = label_in("emocontext", label, path, number)
        turns = (LabelledTurn("A", first), LabelledTurn("B", second), LabelledTurn("A", third, label))
        yield Conversation(name, "en", "emocontext", turns)
