"""How a window's entries stand in Redis: small JSON arrays that name their source offset, so that no two are equal."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import orjson

from prompts.parts import MeasuredTurn

#: Characters of the tokenizer's checksum that an entry keeps: its token count is only good for that tokenizer.
CHECKSUM_CHARACTERS: Final = 8

#: A named tuple's own constructor takes its fields one by one, six times as slow.
_turn: Final[Callable[[list[Any]], MeasuredTurn]] = partial(tuple.__new__, MeasuredTurn)


@dataclass(frozen=True, slots=True)
class StoredWindow:
    """What Redis returned for a group.

    Attributes:
        turns: oldest first.
        recount: indexes of turns whose tokens another tokenizer counted.
        trimmed: older turns than these were deleted.
    """

    turns: list[MeasuredTurn]
    recount: tuple[int, ...]
    trimmed: bool


def encode_entry(offset: int, turn: MeasuredTurn, checksum: str) -> bytes:
    """One turn as it is stored."""
    return orjson.dumps((offset, checksum, (turn.speaker, turn.text, turn.sent_at, turn.tokens)))


def decode_window(value: bytes, checksum: str) -> StoredWindow:
    """The reply of the script for one group: a mark, then entries, newest first."""
    trimmed, *entries = orjson.loads(value)
    entries.reverse()
    mixed = {entry[1] for entry in entries} - {checksum}
    return StoredWindow(
        [_turn(entry[2]) for entry in entries],
        tuple(index for index, entry in enumerate(entries) if entry[1] != checksum) if mixed else (),
        bool(trimmed),
    )
