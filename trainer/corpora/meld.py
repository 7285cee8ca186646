"""MELD: ``*_sent_emo.csv``, utterances of *Friends* with emotion and sentiment (Poria et al., 2019)."""

from collections.abc import Iterator
from pathlib import Path

from trainer.corpora.conversation import Conversation, LabelledTurn
from trainer.corpora.tables import csv_rows, grouped, label_in


def read_meld(path: Path) -> Iterator[Conversation]:
    """Conversations by ``Dialogue_ID``."""
    return grouped(_turns(path), "en", "meld")


def _turns(path: Path) -> Iterator[tuple[str, LabelledTurn]]:
    for number, row in csv_rows(path, ("Utterance", "Speaker", "Emotion", "Dialogue_ID")):
        label = label_in("meld", row["Emotion"].lower(), path, number)
        yield row["Dialogue_ID"], LabelledTurn(row["Speaker"], row["Utterance"], label)
