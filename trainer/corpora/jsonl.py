"""Our own JSON Lines: a chat message a line, with a label where it is known.

The fields are ``chat.messages``' own: ``conversation_id``, ``speaker``, ``text`` and, optionally, ``language`` and
``scene``; further ``label`` and the ``taxonomy`` that it is of, and the ``group`` of conversations that belong
together (posts about one picture, say). Others are ignored. A conversation whose first line names no language has the
one of its script, as the stream tells it.
"""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ValidationError

from prompts.text import language_of
from trainer.corpora.conversation import Conversation, LabelledTurn
from trainer.corpora.tables import label_in, lines
from trainer.errors import CorpusError

DEFAULT_TAXONOMY = "meld"


class _Line(BaseModel):
    conversation_id: str
    speaker: str
    text: str
    language: str | None = None
    scene: str | None = None
    label: str | None = None
    taxonomy: str = DEFAULT_TAXONOMY
    group: str | None = None


def read_jsonl(path: Path) -> Iterator[Conversation]:
    """Conversations in the order of their first lines; the lines of several may be mixed.

    Raises:
        CorpusError: a line is no message, its label is unknown, or a conversation has two taxonomies.
    """
    turns: dict[str, list[LabelledTurn]] = {}
    first: dict[str, _Line] = {}
    for number, text in lines(path):
        line = _parse(path, number, text)
        begun = first.setdefault(line.conversation_id, line)
        if begun.taxonomy != line.taxonomy:
            detail = f"conversation {line.conversation_id!r} has labels of {begun.taxonomy} and of {line.taxonomy}"
            raise CorpusError(path, number, detail)
        label = None if line.label is None else label_in(line.taxonomy, line.label, path, number)
        turns.setdefault(line.conversation_id, []).append(LabelledTurn(line.speaker, line.text, label, line.scene))
    for name, found in turns.items():
        begun = first[name]
        taxonomy = begun.taxonomy if any(turn.label is not None for turn in found) else None
        language = begun.language or language_of(" ".join(turn.text for turn in found), None)
        yield Conversation(name, language, taxonomy, tuple(found), group=begun.group)


def _parse(path: Path, number: int, text: str) -> _Line:
    try:
        return _Line.model_validate_json(text)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in found["loc"]) or "the line"
        raise CorpusError(path, number, f"no message: {where}: {found['msg']}") from error
