"""``emotion.labels`` as it stands: each person's last word on each message."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from schemas.chat import Source
from schemas.codec import decode
from schemas.errors import SchemaError
from schemas.feedback import EmotionLabel
from trainer.feedback.people import Machines


@dataclass(frozen=True, slots=True)
class GivenLabel:
    """A label and where it stands."""

    label: EmotionLabel
    partition: int
    offset: int


class Labels:
    """What people say, by message.

    Args:
        topic_id: Kafka's id of ``chat.messages``.
        known: messages that are known all the same, though of an earlier topic of that name.

    Attributes:
        counts: of what was left out, by the names in `trainer.feedback.labelled.Counts`.
    """

    def __init__(self, topic_id: str, known: Collection[Source] = ()) -> None:
        self._topic_id = topic_id
        self._known = known
        self._by_source: dict[Source, list[GivenLabel]] = {}
        self.counts: Counter[str] = Counter()

    def add(self, records: Iterable[Any]) -> None:
        """Take records of the topic; one that is no label is counted and left out."""
        for record in records:
            self.counts["label_records"] += 1
            try:
                label = decode(EmotionLabel, record.value())
            except SchemaError:
                self.counts["malformed_labels"] += 1
                continue
            if label.event_id != label.source.event_id:
                self.counts["inconsistent_labels"] += 1
            elif label.source.topic_id != self._topic_id and label.source not in self._known:
                self.counts["other_topic"] += 1
            else:
                given = GivenLabel(label, record.partition(), record.offset())
                self._by_source.setdefault(label.source, []).append(given)

    @property
    def sources(self) -> set[Source]:
        """Messages that a label speaks of, whether it stands or not."""
        return set(self._by_source)

    @property
    def conversations(self) -> set[str]:
        """Ids of their conversations, as the labels have them."""
        return {given.label.conversation_id for found in self._by_source.values() for given in found}

    def standing(self, machines: Machines) -> dict[Source, tuple[GivenLabel, ...]]:
        """By message, the last word of each person who has not taken it back; in a fixed order.

        Later is what was given later; at the same time, what stands later in the topic.
        """
        found = {}
        for source in sorted(self._by_source, key=_place):
            last: dict[str, GivenLabel] = {}
            for given in sorted(self._by_source[source], key=_when):
                if machines.has(given.label.labelled_by):
                    self.counts["not_by_people"] += 1
                    continue
                self.counts["replaced"] += given.label.labelled_by in last
                last[given.label.labelled_by] = given
            self.counts["withdrawn"] += sum(given.label.label is None for given in last.values())
            if standing := tuple(given for given in last.values() if given.label.label is not None):
                found[source] = standing
        return found

    def has_new(self, source: Source, first: dict[int, int]) -> bool:
        """A label of this message, or one taken back, stands at or after ``first`` of its partition."""
        return any(given.offset >= first.get(given.partition, 0) for given in self._by_source[source])


def _place(source: Source) -> tuple[int, int, str]:
    return source.partition, source.offset, source.topic_id


def _when(given: GivenLabel) -> tuple[float, int, int]:
    return given.label.labelled_at.timestamp(), given.partition, given.offset
