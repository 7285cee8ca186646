"""What a recipe holds out, as files that ``sentistream evaluate`` reads."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import orjson

from trainer.corpora import Conversation


def write_development(folder: Path, development: Mapping[str, Sequence[Conversation]]) -> None:
    """One file of our JSON Lines for each corpus, named by its format."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, conversations in development.items():
        lines = (line for one in conversations for line in _lines(one))
        (folder / f"{name}.jsonl").write_bytes(b"".join(lines))


def _lines(conversation: Conversation) -> Iterator[bytes]:
    for turn in conversation.turns:
        found = {
            "conversation_id": conversation.id,
            "speaker": turn.speaker,
            "text": turn.text,
            "language": conversation.language,
            "taxonomy": conversation.taxonomy,
            "scene": turn.scene,
            "label": turn.label,
            "group": conversation.group,
        }
        yield orjson.dumps(found, option=orjson.OPT_APPEND_NEWLINE)
