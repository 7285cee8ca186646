"""What the model had said: the events of labelled messages, and the names of everything that ever answered."""

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable
from typing import Any, Final

from schemas.chat import Source
from schemas.codec import decode
from schemas.errors import SchemaError
from schemas.event import EmotionEvent, Policy

#: Of each partition: enough to tell what is live, few enough to forget what was.
_RECENT: Final = 200


class Events:
    """Events by message.

    Attributes:
        by_source: of the wanted messages.
        answerers: models and adapter versions of all events.
        malformed: records that are no event.
    """

    def __init__(self) -> None:
        self.by_source: dict[Source, EmotionEvent] = {}
        self.answerers: set[str] = set()
        self.malformed = 0
        self._recent: defaultdict[int, deque[Policy]] = defaultdict(lambda: deque(maxlen=_RECENT))
        self._places: dict[Source, tuple[int, int]] = {}

    @property
    def policy(self) -> Policy | None:
        """That most of the partitions' last events were answered by; None without any event."""
        counts = Counter(policy for recent in self._recent.values() for policy in recent)
        return counts.most_common(1)[0][0] if counts else None

    def add(self, records: Iterable[Any], wanted: Collection[Source]) -> None:
        """Take records of ``emotion.events``; keep those of ``wanted`` messages."""
        for record in records:
            try:
                event = decode(EmotionEvent, record.value())
            except SchemaError:
                self.malformed += 1
                continue
            self.answerers.update(name for name in (event.model, event.adapter) if name)
            self._recent[record.partition()].append(event.policy)
            if event.source in wanted and event.event_id == event.source.event_id:
                self._keep(event, (record.partition(), record.offset()))

    def _keep(self, event: EmotionEvent, place: tuple[int, int]) -> None:
        # A message has one event. Should anything else have written a second one, the first stands, in any reading.
        if event.source not in self._places or place < self._places[event.source]:
            self.by_source[event.source] = event
            self._places[event.source] = place
