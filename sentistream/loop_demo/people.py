"""The people who label: each reads the message for himself, and errs now and then."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import numpy as np

from schemas.event import EmotionEvent
from schemas.feedback import EmotionLabel

#: What EmoContext's labels come to; an error is another one of these.
LABELS = ("anger", "joy", "neutral", "sadness")


class People:
    """Several annotators.

    Args:
        count: how many label each message.
        error: share of their labels that are wrong.
        seed: of the errors.
    """

    def __init__(self, count: int, error: float, seed: int) -> None:
        self._names = [f"person-{number + 1}" for number in range(count)]
        self._error = error
        self._rng = np.random.default_rng(seed)

    def label(self, events: Iterable[tuple[EmotionEvent, str]]) -> Iterator[EmotionLabel]:
        """What each of them says of events whose true labels are given."""
        for event, truth in events:
            for name in self._names:
                yield EmotionLabel(
                    event_id=event.event_id,
                    message_id=event.message_id,
                    conversation_id=event.conversation_id,
                    source=event.source,
                    taxonomy=event.taxonomy,
                    label=self._says(truth),
                    labelled_by=name,
                    labelled_at=datetime.now(UTC),
                    model_label=event.label,
                    adapter=event.adapter,
                )

    def _says(self, truth: str) -> str:
        if self._rng.random() >= self._error:
            return truth
        return str(self._rng.choice([one for one in LABELS if one != truth]))
