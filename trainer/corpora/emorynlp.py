"""EmoryNLP: ``emorynlp_*_final.csv``, scenes of *Friends* (Zahiri and Choi, 2018)."""

import ast
from collections.abc import Iterator
from pathlib import Path

from trainer.corpora.conversation import Conversation, LabelledTurn
from trainer.corpora.tables import csv_rows, grouped, label_in
from trainer.errors import CorpusError

_COLUMNS = ("Utterance", "Speaker", "Emotion", "Scene_ID", "Season", "Episode")


def read_emorynlp(path: Path) -> Iterator[Conversation]:
    """Conversations by season, episode and scene."""
    return grouped(_turns(path), "en", "emorynlp")


def _turns(path: Path) -> Iterator[tuple[str, LabelledTurn]]:
    for number, row in csv_rows(path, _COLUMNS):
        label = label_in("emorynlp", row["Emotion"].capitalize(), path, number)
        turn = LabelledTurn(_speaker(row["Speaker"], path, number), row["Utterance"], label)
        yield f"s{row['Season']}e{row['Episode']}c{row['Scene_ID']}", turn


def _speaker(written: str, path: Path, number: int) -> str:
    """Speakers are written as a Python list, several where people speak at once."""
    try:
        names = ast.literal_eval(written)
    except (SyntaxError, ValueError) as error:
        raise CorpusError(path, number, f"the speaker is no list: {written!r}") from error
    if not isinstance(names, list) or not names:
        raise CorpusError(path, number, f"the speaker is no list: {written!r}")
    return ", ".join(str(name) for name in names)
