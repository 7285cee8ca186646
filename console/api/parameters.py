"""Parameters of the paths: checked here, so that no query meets what it does not expect."""

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from console.api.models.base import MAX_PAGE
from console.queries.cursors import Position
from console.queries.filters import EventFilter
from console.queries.times import to_ms
from schemas.event import Status
from schemas.taxonomy import Sentiment

_YEARS: Final = (1970, 9998)
_MOST_VALUES: Final = 20

#: A name that somebody chose. No control characters: databases do not take all of them.
Text = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]
CursorText = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9_=-]+$")]


def _in_utc(time: datetime) -> datetime:
    # Near the ends of the calendar another zone's time is none of ours.
    if not _YEARS[0] < time.year < _YEARS[1]:
        raise ValueError(f"a time between {_YEARS[0] + 1} and {_YEARS[1] - 1}")
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


#: With an offset, or taken for UTC.
Time = Annotated[AwareDatetime | datetime, AfterValidator(_in_utc)]


class Parameters(BaseModel):
    """Query parameters. One that is not known is refused: a filter that is spelt wrong would show too much."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Page(Parameters):
    """Which page."""

    cursor: CursorText | None = None
    limit: int = Field(default=50, ge=1, le=MAX_PAGE)

    @property
    def after(self) -> Position | None:
        """Where it begins."""
        return None if self.cursor is None else Position.decode(self.cursor)


class Narrowing(Parameters):
    """Which events, of those there will be."""

    label: Annotated[list[Text], Field(max_length=_MOST_VALUES)] = Field(
        default=[], description="The label that holds now; may stand several times, as the next four."
    )
    sentiment: Annotated[list[Sentiment], Field(max_length=_MOST_VALUES)] = []
    language: Annotated[list[Text], Field(max_length=_MOST_VALUES)] = []
    tenant: Annotated[list[Text], Field(max_length=_MOST_VALUES)] = []
    status: Annotated[list[Status], Field(max_length=_MOST_VALUES)] = []
    conversation_id: Text | None = None
    adapter: Text | None = Field(default=None, description="The version that labelled them; `base` is the base model.")
    corrected: bool | None = Field(default=None, description="Whether a person gave another label.")
    min_confidence: float | None = Field(default=None, ge=0, le=1)
    max_confidence: float | None = Field(default=None, ge=0, le=1)

    def filter(self, since_ms: int | None = None, until_ms: int | None = None) -> EventFilter:
        """As the queries take it."""
        return EventFilter(
            labels=frozenset(self.label),
            sentiments=frozenset(self.sentiment),
            languages=frozenset(self.language),
            tenants=frozenset(self.tenant),
            statuses=frozenset(self.status),
            conversation_id=self.conversation_id,
            adapter=self.adapter,
            corrected=self.corrected,
            min_confidence=self.min_confidence,
            max_confidence=self.max_confidence,
            since_ms=since_ms,
            until_ms=until_ms,
        )


class EventQuery(Narrowing, Page):
    """Of a list of events."""

    since: Time | None = Field(default=None, description="Sent then or later.")
    until: Time | None = Field(default=None, description="Sent before.")

    def event_filter(self) -> EventFilter:
        """With its times."""
        return self.filter(ms_or_none(self.since), ms_or_none(self.until))


class StreamQuery(Narrowing):
    """Of a live stream."""

    backlog: int = Field(default=0, ge=0, le=MAX_PAGE, description="So many of the latest events come first.")
    every: bool = Field(default=False, description="Send every event, also where there are more than a page can show.")
    last_event_id: Annotated[str, StringConstraints(max_length=40)] | None = Field(
        default=None, description="As the header Last-Event-ID, for clients that cannot set it."
    )


def ms_or_none(time: datetime | None) -> int | None:
    """For the store."""
    return None if time is None else to_ms(time)


Paged = Annotated[Page, Query()]
