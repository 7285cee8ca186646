"""A past span of `chat.messages`, answered again by another adapter, into a topic of its own.

One partition after the other: the windows are rebuilt from before the span, each message's event is looked up in the
same partition of `emotion.events`, and batches are written in transactions. What the topic already holds is not asked
again, and a second run at the same time fences the first: a `read_committed` reader sees each relabel id once, however
often a run is stopped and repeated.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from prompts.parts import PartsBuilder, prompt_hash
from schemas.adapter import OffsetSpan
from schemas.codec import encode
from schemas.connections import KafkaSettings
from schemas.event import EmotionEvent
from schemas.relabel import Labelling, Relabel
from schemas.topics import TopicNames
from trainer.feedback.consumer import open_consumer
from trainer.feedback.spans import TopicShape, topic_shape
from trainer.watch.answers import Answered, Answerer
from trainer.watch.asked import Asked, Asking
from trainer.watch.errors import SpanError, WatchError
from trainer.watch.partitions import bounds, committed_records, offsets_at
from trainer.watch.past_events import PastEvents, first_confidence
from trainer.watch.records import read
from trainer.watch.replay import SLACK_S, PromptReplay, exact_look_back_s
from trainer.watch.transactions import TransactionalWriter

log = structlog.get_logger()

_BATCH: Final = 256
#: How the table of changes calls what has no label.
NO_EVENT: Final = "(no event)"

#: Gets the number of offsets that are done since the last call, and of all.
Advance = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class RelabelOptions:
    """What is answered again, and where the answers go.

    Attributes:
        start: the first time, by Kafka's time stamps.
        end: messages of this time and later are left out.
        topic: of the answers.
        look_back_s: how far before `start` windows are rebuilt from; None: as far as a prompt can reach, and an hour.
    """

    start: datetime
    end: datetime
    topic: str
    look_back_s: float | None = None


@dataclass(slots=True)
class RelabelSummary:
    """What a run did.

    Attributes:
        spans: offsets of `chat.messages` that were answered.
        written: relabels written now.
        already: messages whose relabel was there.
        unreadable: records that are no message.
        no_event: messages without an event.
        other_prompt: of those written, the ones whose prompt is not their event's.
        changes: of those written, how many went from one label to another; outliers by their status.
    """

    spans: list[OffsetSpan] = field(default_factory=list)
    written: int = 0
    already: int = 0
    unreadable: int = 0
    no_event: int = 0
    other_prompt: int = 0
    changes: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def changed(self) -> int:
        """Messages with an event whose answer is another one now."""
        return sum(count for (old, new), count in self.changes.items() if old not in (new, NO_EVENT))


class Relabeller:
    """One run.

    Args:
        connection: to Kafka.
        names: of the topics.
        builder_of: by taxonomy, the usual one for None; with the stream's history. A message is asked in its event's.
        answerer: the adapter.
        options: span and topic.
        advance: is told how far it is.
    """

    def __init__(
        self,
        connection: KafkaSettings,
        names: TopicNames,
        builder_of: Callable[[str | None], PartsBuilder],
        answerer: Answerer,
        options: RelabelOptions,
        advance: Advance = lambda _done, _all: None,
    ) -> None:
        if options.start >= options.end:
            raise SpanError(f"the span ends ({options.end.isoformat()}) before it begins: swap --from and --to")
        self._connection = connection
        self._names = names
        self._builder = builder = builder_of(None)
        self._asking = Asking(builder_of, answerer)
        self._answerer = answerer
        self._options = options
        self._advance = advance
        self._summary = RelabelSummary()
        look_back = exact_look_back_s(builder) + SLACK_S if options.look_back_s is None else options.look_back_s
        self._from_ms = int(options.start.timestamp() * 1000)
        self._to_ms = int(options.end.timestamp() * 1000)
        self._back_ms = self._from_ms - int(look_back * 1000)

    def run(self) -> RelabelSummary:
        """Answer the whole span.

        Raises:
            WatchError: a topic cannot be read or written, or the span holds nothing.
        """
        messages = topic_shape(self._connection, self._names.messages)
        events = topic_shape(self._connection, self._names.events)
        target = topic_shape(self._connection, self._options.topic)
        if not messages.partitions == events.partitions == target.partitions:
            counts = ", ".join(f"{one.topic} {one.partitions}" for one in (messages, events, target))
            raise WatchError(f"these topics need equal partition counts: {counts}. Name another topic with --topic.")
        reader = open_consumer(self._connection)
        try:
            # Fences, and ends the transaction of, a run that was killed, before it is looked at what is written.
            with TransactionalWriter(self._connection, target.topic) as writer:
                spans = self._spans(reader, messages)
                events_from = offsets_at(reader, events, min(self._back_ms, self._from_ms - int(SLACK_S * 1000)))
                ends = [end for _, end in bounds(reader, events)]
                for span, back in spans:
                    done = self._done(reader, target, span)
                    cursor = PastEvents(
                        committed_records(
                            self._connection,
                            events.topic,
                            span.partition,
                            events_from[span.partition],
                            ends[span.partition],
                        ),
                        messages.topic_id,
                    )
                    records = committed_records(self._connection, messages.topic, span.partition, back, span.end)
                    self._partition(records, span, messages, cursor, done, writer)
        finally:
            reader.close()
        return self._summary

    def _spans(self, reader: Any, messages: TopicShape) -> list[tuple[OffsetSpan, int]]:
        """Offsets that are answered, and where reading begins, of each partition that holds any."""
        back, start, end = (offsets_at(reader, messages, one) for one in (self._back_ms, self._from_ms, self._to_ms))
        found = [
            (OffsetSpan(topic=messages.topic, partition=number, start=start[number], end=end[number]), back[number])
            for number in range(messages.partitions)
            if start[number] < end[number]
        ]
        if not found:
            raise SpanError(
                f"{messages.topic} holds nothing from {self._options.start.isoformat()} to "
                f"{self._options.end.isoformat()}: look at its retention, and give times with their zone"
            )
        self._summary.spans = [span for span, _ in found]
        return found

    def _done(self, reader: Any, target: TopicShape, span: OffsetSpan) -> set[str]:
        """Relabel ids that the topic already holds for messages of the span."""
        first, end = bounds(reader, target)[span.partition]
        found = set()
        for record in committed_records(self._connection, target.topic, span.partition, first, end):
            one = read(Relabel, record)
            if one is None:
                continue
            if one.new.adapter == self._answerer.version and span.start <= one.source.offset < span.end:
                found.add(one.relabel_id)
        return found

    def _partition(
        self,
        records: Iterator[Any],
        span: OffsetSpan,
        messages: TopicShape,
        events: PastEvents,
        done: set[str],
        writer: TransactionalWriter,
    ) -> None:
        replay = PromptReplay(self._builder, messages.topic_id)
        total = sum(one.end - one.start for one in self._summary.spans)
        reached = span.start
        batch: list[Asked] = []
        for record in records:
            found = replay.add(record)
            if record.offset() < span.start:
                continue
            if found is None:
                self._summary.unreadable += 1
            elif (asked := self._asking.about(record.key(), *found, events.of(found[0]))).relabel_id in done:
                self._summary.already += 1
            else:
                batch.append(asked)
            if len(batch) == _BATCH:
                self._write(batch, writer)
                batch = []
                self._advance(record.offset() + 1 - reached, total)
                reached = record.offset() + 1
        self._write(batch, writer)
        self._advance(span.end - reached, total)

    def _write(self, batch: list[Asked], writer: TransactionalWriter) -> None:
        if not batch:
            return
        answers = self._answerer.answer([one.parts for one in batch])
        relabels = [(self._relabel(one, answered), one.key) for one, answered in zip(batch, answers, strict=True)]
        writer.write((one.source.partition, key, encode(one)) for one, key in relabels)
        for one, _ in relabels:
            self._count(one)

    def _relabel(self, one: Asked, answered: Answered) -> Relabel:
        source, message, parts, event = one.source, one.message, one.parts, one.event
        asked = prompt_hash(parts)
        return Relabel(
            relabel_id=one.relabel_id,
            event_id=source.event_id,
            message_id=message.message_id,
            conversation_id=message.conversation_id,
            tenant=message.tenant,
            source=source,
            taxonomy=parts.taxonomy,
            model=self._builder.profile.name,
            policy=self._answerer.serving.policy,
            rounds=self._answerer.serving.rounds,
            old=None if event is None else _old(event),
            new=Labelling(
                status=answered.status,
                label=answered.label,
                first_label=answered.first_label,
                confidence=answered.confidence,
                scores=answered.scores,
                adapter=self._answerer.version,
            ),
            prompt_hash=asked,
            same_prompt=None if event is None else asked == event.prompt_hash,
            relabelled_at=datetime.now(UTC),
        )

    def _count(self, one: Relabel) -> None:
        self._summary.written += 1
        self._summary.no_event += one.old is None
        self._summary.other_prompt += one.same_prompt is False
        old = NO_EVENT if one.old is None else one.old.label or one.old.status
        self._summary.changes[old, one.new.label or one.new.status] += 1


def _old(event: EmotionEvent) -> Labelling:
    return Labelling(
        status=event.status,
        label=event.label,
        first_label=event.first_label,
        confidence=first_confidence(event),
        adapter=event.adapter,
    )
