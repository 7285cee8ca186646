"""Dead letters, and sending them back."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from console.api.models.base import Cursor, Order, Reply
from schemas.dead_letter import DeadLetterReason

Place = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,6}:[0-9]{1,18}$")]


class ReasonCount(Reply):
    """Dead letters of one reason."""

    reason: DeadLetterReason
    count: int
    last_at: datetime


class DeadLetterRow(Reply):
    """A record that got no event.

    Attributes:
        place: its name, PARTITION:OFFSET in its own topic.
        detail: what was wrong, without the text.
        event_id: of the chat message; null where it is not known.
        replayed: it went back before.
    """

    place: str
    reason: DeadLetterReason
    detail: str
    failed_at: datetime
    topic: str
    partition: int
    offset: int
    event_id: str | None
    bytes: int
    replayed: bool


class DeadLetterPage(Reply):
    """Dead letters, the newest first."""

    letters: tuple[DeadLetterRow, ...]
    counts: tuple[ReasonCount, ...]
    next_cursor: Cursor


class ReplayOrder(Order):
    """Which dead letters to send back: those named, or all of a reason.

    Attributes:
        again: those too that were replayed before.
        dry_run: only say what would be done.
    """

    places: Annotated[tuple[Place, ...], Field(max_length=1000)] = ()
    reason: DeadLetterReason | None = None
    again: bool = False
    dry_run: bool = False

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if not self.places and self.reason is None:
            raise ValueError("say which: places, a reason, or both")
        return self


class ReplayAttempt(Reply):
    """What became of one."""

    place: str
    outcome: Literal["replay", "already_replayed", "not_readable", "gone"]
    detail: str


class Replayed(Reply):
    """What became of all."""

    dry_run: bool
    attempts: tuple[ReplayAttempt, ...]
    counts: dict[str, int]
