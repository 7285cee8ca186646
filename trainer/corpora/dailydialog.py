"""DailyDialog: JSON Lines, a dialogue a line; two people speak by turns (Li et al., 2017)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, Field, ValidationError

from trainer.corpora.conversation import Conversation, LabelledTurn
from trainer.corpora.tables import label_in, lines
from trainer.corpora.text import repair
from trainer.errors import CorpusError

_SPEAKERS: Final = ("A", "B")


class _Utterance(BaseModel):
    text: str
    emotion: str


class _Dialogue(BaseModel):
    dialogue: Annotated[list[_Utterance], Field(min_length=1)]


def read_dailydialog(path: Path) -> Iterator[Conversation]:
    """One conversation a line, named by its line number."""
    for number, line in lines(path):
        try:
            found = _Dialogue.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the line"
            raise CorpusError(path, number, f"no dialogue: {where}: {first['msg']}") from error
        turns = tuple(
            LabelledTurn(_SPEAKERS[index % 2], repair(one.text), label_in("dailydialog", one.emotion, path, number))
            for index, one in enumerate(found.dialogue)
        )
        yield Conversation(str(number), "en", "dailydialog", turns)
