"""DailyDialog (Li et al., 2017): JSON Lines, a dialogue a line, or the original text files; two people take turns."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, Field, ValidationError

from trainer.corpora.conversation import Conversation, LabelledTurn
from trainer.corpora.tables import label_in, lines
from trainer.corpora.text import repair
from trainer.errors import CorpusError

#: As the original files number them.
LABELS: Final = ("no_emotion", "anger", "disgust", "fear", "happiness", "sadness", "surprise")
_SPEAKERS: Final = ("A", "B")
_END: Final = "__eou__"


class _Utterance(BaseModel):
    text: str
    emotion: str


class _Dialogue(BaseModel):
    dialogue: Annotated[list[_Utterance], Field(min_length=1)]
    fold: str | None = None


def read_dailydialog(path: Path) -> Iterator[Conversation]:
    """One conversation a line, named by its line number.

    The labels of the original ``dialogues_test.txt`` are read from ``dialogues_emotion_test.txt`` beside it.
    """
    for number, line in lines(path):
        if not line.lstrip().startswith("{") and path.name.startswith("dialogues_"):
            yield from _original(path)
            return
        try:
            found = _Dialogue.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the line"
            raise CorpusError(path, number, f"no dialogue: {where}: {first['msg']}") from error
        yield _conversation(path, number, [(one.text, one.emotion) for one in found.dialogue], found.fold)


def _original(path: Path) -> Iterator[Conversation]:
    beside = path.with_name(path.name.replace("dialogues_", "dialogues_emotion_", 1).replace("emotion_text", "emotion"))
    for (number, line), (_, numbers) in zip(lines(path), lines(beside), strict=True):
        texts = [one.strip() for one in line.split(_END) if one.strip()]
        try:
            labels = [LABELS[int(one)] for one in numbers.split()]
        except (ValueError, IndexError) as error:
            raise CorpusError(beside, number, f"numbers from 0 to {len(LABELS) - 1}, not {numbers!r}") from error
        if len(texts) != len(labels):
            raise CorpusError(path, number, f"{len(texts)} utterances, and {len(labels)} labels in {beside.name}")
        yield _conversation(path, number, list(zip(texts, labels, strict=True)), None)


def _conversation(path: Path, number: int, said: list[tuple[str, str]], fold: str | None) -> Conversation:
    turns = tuple(
        LabelledTurn(_SPEAKERS[index % 2], repair(text), label_in("dailydialog", emotion, path, number))
        for index, (text, emotion) in enumerate(said)
    )
    return Conversation(str(number), "en", "dailydialog", turns, split=fold)
