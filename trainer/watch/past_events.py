"""Events that were written, beside the messages that they are of."""

from collections.abc import Iterator
from typing import Any

from schemas.chat import Source
from schemas.event import EmotionEvent
from trainer.watch.records import read


class PastEvents:
    """The events of one partition, which stand there in the order of their messages, and are asked for in it."""

    def __init__(self, records: Iterator[Any], topic_id: str) -> None:
        self._records = records
        self._topic_id = topic_id
        self._held: dict[int, EmotionEvent] = {}
        self._reached = -1

    def of(self, source: Source) -> EmotionEvent | None:
        """The event of one message; None where there is none."""
        while self._reached < source.offset and (record := next(self._records, None)) is not None:
            event = read(EmotionEvent, record)
            if event is None:
                continue
            if event.source.topic_id == self._topic_id and event.source.offset >= source.offset:
                self._reached = event.source.offset
                self._held[self._reached] = event
        return self._held.pop(source.offset, None)


def first_confidence(event: EmotionEvent) -> float | None:
    """The probability of the generator's first answer: what an answer of the trainer's can be compared with."""
    if not event.rounds or event.first_label is None:
        return None
    return event.rounds[0].generator.scores.get(event.first_label)
