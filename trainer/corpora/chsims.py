"""CH-SIMS: ``label.csv`` or ``meta.csv``, sentiment of Chinese film clips, all splits in it (Yu et al., 2020)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from trainer.corpora.conversation import Conversation, LabelledTurn
from trainer.corpora.tables import csv_rows, label_in
from trainer.errors import CorpusError

_COLUMNS: Final = ("video_id", "clip_id", "text", "label")
_SPEAKER: Final = "?"


def read_chsims(path: Path) -> Iterator[Conversation]:
    """One conversation of one turn a clip, which follow each other only loosely; a video's are resampled as one.

    The sentiment is the sign of the score of all modalities; ``annotation`` says the same in words, where it is there.
    """
    for number, row in csv_rows(path, _COLUMNS, optional=("annotation", "mode")):
        turn = LabelledTurn(_SPEAKER, row["text"], _sentiment(row, path, number))
        name = f"{row['video_id']}_{row['clip_id']}"
        split = row["mode"].lower() or None
        yield Conversation(name, "zh", "sentiment", (turn,), group=row["video_id"], split=split)


def _sentiment(row: dict[str, str], path: Path, number: int) -> str:
    if row["annotation"]:
        return label_in("sentiment", row["annotation"].lower(), path, number)
    try:
        score = float(row["label"])
    except ValueError as error:
        raise CorpusError(path, number, f"the label is no number: {row['label']!r}") from error
    return "positive" if score > 0 else "negative" if score < 0 else "neutral"
