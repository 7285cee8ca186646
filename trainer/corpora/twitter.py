"""Twitter-2015 and Twitter-2017: sentiment towards a target in a post, tab-separated (Yu and Jiang, 2019)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from trainer.corpora.conversation import Conversation, LabelledTurn
from trainer.corpora.tables import lines
from trainer.corpora.text import repair
from trainer.errors import CorpusError

#: As the publishers number them.
LABELS: Final = ("negative", "neutral", "positive")
_TARGET: Final = "$T$"
_FIELDS: Final = 5
_SPEAKER: Final = "user"


def read_twitter(path: Path) -> Iterator[Conversation]:
    """One conversation of one turn a line; the scene names the target, and a picture's lines are resampled as one."""
    for number, line in lines(path):
        fields = line.split("\t")
        if number == 1 and fields[0].strip().lower() == "index":
            continue
        if len(fields) != _FIELDS:
            raise CorpusError(path, number, f"{len(fields)} fields between tabs, not {_FIELDS}")
        index, label, picture, text, target = (repair(field) for field in fields)
        if label not in {"0", "1", "2"}:
            raise CorpusError(path, number, f"label 0, 1 or 2, not {label!r}")
        if _TARGET not in text:
            raise CorpusError(path, number, f"no {_TARGET} in the text, which marks the target")
        turn = LabelledTurn(_SPEAKER, text.replace(_TARGET, target), LABELS[int(label)], scene=f"about {target}")
        yield Conversation(f"{picture}#{index}", "en", "sentiment", (turn,), group=picture)
