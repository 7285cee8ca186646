"""SMP2020-EWECT: single posts of Weibo, one JSON array a file (``usual_*`` and ``virus_*``)."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from trainer.corpora.conversation import Conversation, LabelledTurn
from trainer.corpora.tables import label_in
from trainer.corpora.text import repair
from trainer.errors import CorpusError

_SPEAKER = "user"


class _Post(BaseModel):
    id: int | str
    content: str
    label: str | None = None


_POSTS: TypeAdapter[list[_Post]] = TypeAdapter(list[_Post])


def read_smp2020(path: Path) -> Iterator[Conversation]:
    """One conversation of one turn a post; its place in the array stands for the line in errors."""
    try:
        posts = _POSTS.validate_json(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        number = first["loc"][0] if first["loc"] and isinstance(first["loc"][0], int) else 0
        where = ".".join(str(part) for part in first["loc"][1:]) or "the file"
        raise CorpusError(path, number + 1, f"no post: {where}: {first['msg']}") from error
    for number, post in enumerate(posts, start=1):
        label = None if post.label is None else label_in("smp2020", post.label.strip().lower(), path, number)
        yield Conversation(str(post.id), "zh", "smp2020", (LabelledTurn(_SPEAKER, repair(post.content), label),))
