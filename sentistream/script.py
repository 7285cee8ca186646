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

from sentistream.publisher import Outbound
from trainer.corpora import Conversation, read

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
