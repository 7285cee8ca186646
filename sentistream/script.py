"""Conversations as a list of lines to be published: the bundled sample, or any corpus file."""

import base64
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Final

import orjson

from prompts.errors import PromptError
from prompts.profile import ModelProfile, find_model
from schemas.taxonomy import load_taxonomy
from sentistream.errors import SentistreamError
from sentistream.publisher import Outbound
from trainer.corpora import Conversation, read
from trainer.errors import TrainerError

#: Conversations of the sample that go on at the same time.
_AT_ONCE: Final = 6
_BAD_EVERY: Final = 30


@dataclass(frozen=True, slots=True)
class Line:
    """A message to be published, or bytes that are none.

    Attributes:
        conversation: its name in the file.
        label: what people said, if anybody did.
        raw: published as it is instead of a message; then ``text`` says what it is.
        is_message: False for such bytes.
    """

    conversation: str
    speaker: str
    text: str
    language: str | None = None
    scene: str | None = None
    label: str | None = None
    raw: bytes | None = None
    is_message: bool = True

    def outbound(self, run: str, number: int) -> Outbound:
        """The record: ids begin with the run's, so that no earlier run's window is met."""
        conversation = f"{run}.{self.conversation}"
        if not self.is_message:
            return Outbound(conversation.encode(), self.raw)
        message = {
            "schema_version": "1.0",
            "message_id": f"{run}.{number}",
            "conversation_id": conversation,
            "speaker": self.speaker,
            "text": self.text,
            "sent_at": datetime.now(UTC),
            "language": self.language,
            "scene": self.scene,
        }
        value = orjson.dumps({name: field for name, field in message.items() if field is not None})
        return Outbound(conversation.encode(), value)


@dataclass(frozen=True, slots=True)
class Corpus:
    """A file, and how its labels stand to those of a run.

    Attributes:
        taxonomy: that the file's labels are of; None where it has none.
        run_taxonomy: that the run uses.
    """

    lines: tuple[Line, ...]
    taxonomy: str | None
    run_taxonomy: str

    @property
    def scored_labels(self) -> tuple[str, ...]:
        """Labels of two taxonomies that have the same name need not mean the same: only a taxonomy's own compare."""
        if self.taxonomy is None or self.taxonomy != self.run_taxonomy:
            return ()
        return tuple(label.name for label in load_taxonomy(self.taxonomy).labels)


def read_corpus(path: Path, corpus_format: str, model: str, taxonomy: str | None) -> Corpus:
    """Read a file for a run of a model.

    Args:
        path: of the file.
        corpus_format: its format.
        model: name or folder; says which taxonomies it knows.
        taxonomy: that the run shall use; None takes the file's if the model knows it, else the model's usual one.

    Raises:
        SentistreamError: the file does not hold what its format promises, or the model does not know the taxonomy.
    """
    try:
        conversations = list(read(corpus_format, path))
        known = ModelProfile.read(find_model(model)).taxonomies
    except (TrainerError, PromptError, OSError) as error:
        raise SentistreamError(str(error)) from error
    labelled = {one.taxonomy for one in conversations if one.taxonomy is not None}
    if len(labelled) > 1:
        raise SentistreamError(f"{path}: labels of several taxonomies ({', '.join(sorted(labelled))}): split the file")
    own = next(iter(labelled), None)
    if taxonomy is not None and taxonomy not in known:
        raise SentistreamError(f"model {model} was not trained for taxonomy {taxonomy!r}: choose of {', '.join(known)}")
    return Corpus(tuple(lines_of(conversations)), own, taxonomy or (own if own in known else known[0]))


def lines_of(conversations: Iterable[Conversation]) -> Iterator[Line]:
    """All turns in the file's order."""
    for conversation in conversations:
        for turn in conversation.turns:
            yield Line(conversation.id, turn.speaker, turn.text, conversation.language, turn.scene, turn.label)


def sample(seed: int = 0) -> list[Line]:
    """The bundled conversations, several at the same time as in life, and between them records that are no messages."""
    folder = files("sentistream") / "samples"
    paths = [Path(str(folder / f"conversations.{language}.jsonl")) for language in ("en", "zh")]
    conversations = [list(lines_of([one])) for path in paths for one in read("jsonl", path)]
    talk = interleaved(conversations, seed)
    for number, line in enumerate((folder / "bad_records.jsonl").read_text(encoding="utf-8").splitlines(), start=1):
        talk.insert(number * (_BAD_EVERY + 1) - 1, _bad_record(line))
    return talk


def interleaved(conversations: Sequence[Sequence[Line]], seed: int) -> list[Line]:
    """One list, each conversation in order, a few going on at the same time; the same one for the same seed."""
    draw = random.Random(seed)
    waiting = list(conversations)
    draw.shuffle(waiting)
    running: list[list[Line]] = []
    talk: list[Line] = []
    while waiting or running:
        while waiting and len(running) < _AT_ONCE:
            running.append(list(waiting.pop()))
        chosen = draw.choice(running)
        talk.append(chosen.pop(0))
        if not chosen:
            running.remove(chosen)
    return talk


def _bad_record(line: str) -> Line:
    found = orjson.loads(line)
    raw = base64.b64decode(found["value"]) if "value" in found else None
    return Line("bad-records", "?", found["what"], raw=raw, is_message=False)
