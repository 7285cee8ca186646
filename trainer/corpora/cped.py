"""CPED: ``*_split.csv``, Chinese TV dialogue with speaker traits, scene and thirteen emotions (Chen et al., 2022)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from trainer.corpora.conversation import Conversation, LabelledTurn
from trainer.corpora.tables import csv_rows, grouped, label_in

_COLUMNS = ("Dialogue_ID", "Speaker", "Scene", "Emotion", "Utterance")
#: Scenes that describe nothing.
_NO_SCENE: Final = {"", "unknown", "other-venue"}


def read_cped(path: Path) -> Iterator[Conversation]:
    """Conversations by ``Dialogue_ID``."""
    return grouped(_turns(path), "zh", "cped")


def _turns(path: Path) -> Iterator[tuple[str, LabelledTurn]]:
    for number, row in csv_rows(path, _COLUMNS):
        label = label_in("cped", row["Emotion"], path, number)
        scene = None if row["Scene"] in _NO_SCENE else row["Scene"]
        yield row["Dialogue_ID"], LabelledTurn(row["Speaker"], row["Utterance"], label, scene)
