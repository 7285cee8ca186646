"""Collected data in a run's folder: what a resumed run goes on with. People's messages are in it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import Field

from schemas.adapter import OffsetSpan
from schemas.base import Frozen
from trainer.feedback.labelled import Collected, Counts, LabelledMessage
from trainer.feedback.split import Split, split

_FACTS: Final = "collected.json"
_PARTS: Final = ("train", "development", "held_out")


class _Facts(Frozen):
    spans: tuple[OffsetSpan, ...]
    agreement: float | None = None
    counts: Counts = Field(default_factory=Counts)


@dataclass(frozen=True, slots=True)
class Stored:
    """What `write_collected` wrote."""

    spans: tuple[OffsetSpan, ...]
    agreement: float | None
    counts: Counts
    split: Split


def write_collected(collected: Collected, folder: Path) -> Stored:
    """Split the data and write them: one JSON Lines file for each part, and the facts about all of them."""
    parts = split(collected.labelled)
    _write(folder / "train.jsonl", parts.train)
    _write(folder / "development.jsonl", parts.development)
    _write(folder / "held_out.jsonl", parts.held_out)
    facts = _Facts(spans=collected.spans, agreement=collected.agreement, counts=collected.counts)
    (folder / _FACTS).write_text(facts.model_dump_json(indent=2), encoding="utf-8")
    return Stored(facts.spans, facts.agreement, facts.counts, parts)


def read_collected(folder: Path) -> Stored:
    """Read what was written."""
    facts = _Facts.model_validate_json((folder / _FACTS).read_bytes())
    parts = Split(*(_read(folder / f"{name}.jsonl") for name in _PARTS))
    return Stored(facts.spans, facts.agreement, facts.counts, parts)


def remove_conversation(folder: Path, conversation: str) -> int:
    """Take a conversation's messages out of what was written; returns how many there were."""
    removed = 0
    for name in _PARTS:
        path = folder / f"{name}.jsonl"
        found = _read(path) if path.exists() else ()
        if left := len(found) - len(stay := [one for one in found if one.conversation != conversation]):
            removed += left
            partial = path.with_suffix(".partial")
            _write(partial, stay)
            partial.replace(path)
    return removed


def _write(path: Path, labelled: Iterable[LabelledMessage]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(one.model_dump_json(exclude_none=True) + "\n" for one in labelled)


def _read(path: Path) -> tuple[LabelledMessage, ...]:
    with path.open("rb") as file:
        return tuple(LabelledMessage.model_validate_json(line) for line in file)
