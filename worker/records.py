"""What the worker writes: records for Kafka, and with each request the outcome that is counted once it is committed."""

from dataclasses import dataclass
from typing import Literal

from schemas.dead_letter import DeadLetterReason
from schemas.event import EmotionEvent

Headers = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Record:
    """One record to be produced.

    Attributes:
        partition: None lets the partitioner choose by the key.
    """

    topic: str
    partition: int | None
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request.

    Attributes:
        record: None where nothing is written: a duplicate, or a request that came again later.
    """

    kind: Literal["event", "dead_letter", "dropped"]
    record: Record | None = None
    event: EmotionEvent | None = None
    reason: DeadLetterReason | None = None


DROPPED = Outcome("dropped")
