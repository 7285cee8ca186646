"""What people say: review, labels, agreement."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from console.api.models.base import Cursor, Order, Reply, Share
from console.api.models.events import EventRow, GivenLabel

EventId = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]


class ContextTurn(Reply):
    """An earlier turn of the conversation."""

    speaker: str
    text: str | None
    label: str | None


class ReviewItem(EventRow):
    """A message that a person should look at.

    Attributes:
        why: no consensus; the model is not sure; or the negotiation changed its mind.
        uncertainty: 1 minus the confidence; 1 for an outlier.
        candidates: the labels that were on the table, the likeliest first (outliers).
        scores: probability by label.
        context: the turns before it, the oldest first.
    """

    why: Literal["outlier", "uncertain", "flipped"]
    uncertainty: Share
    candidates: tuple[str, ...]
    scores: dict[str, float]
    context: tuple[ContextTurn, ...]


class ReviewQueue(Reply):
    """What nobody has labelled yet, or only others (`labelled=others`): outliers first, then the least certain.

    Attributes:
        remaining: how many wait, the counting ends at 1,000.
    """

    items: tuple[ReviewItem, ...]
    remaining: int
    next_cursor: Cursor


class NewLabel(Order):
    """A label for one message; whose it is, the token says.

    Attributes:
        label: of the event's taxonomy.
    """

    event_id: EventId
    label: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class LabelWritten(Reply):
    """A label that Kafka has; the store shows it within a second.

    Attributes:
        partition: of `emotion.labels`.
        offset: of the record there.
    """

    label: GivenLabel
    partition: int
    offset: int


class LabelPage(Reply):
    """Labels, the newest first, those that were taken back included."""

    labels: tuple[GivenLabel, ...]
    next_cursor: Cursor


class Reviewer(Reply):
    """One person's work.

    Attributes:
        agreed_with_model: share of the labels that are the model's too; null without labels.
    """

    name: str
    labels: int
    last_at: datetime | None
    agreed_with_model: Share | None


class Pair(Reply):
    """Two people on the messages that both labelled.

    Attributes:
        kappa: Cohen's; null where both gave only one label throughout.
    """

    first: str
    second: str
    messages: int
    agreement: Share
    kappa: Annotated[float, Field(ge=-1, le=1)] | None


class Agreement(Reply):
    """How far people agree.

    Attributes:
        messages: with labels of two people or more.
        alpha: Krippendorff's, nominal; 1 is perfect, 0 is chance; null where there is too little to tell.
    """

    reviewers: tuple[Reviewer, ...]
    pairs: tuple[Pair, ...]
    messages: int
    alpha: float | None
