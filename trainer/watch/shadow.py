"""A candidate in the shadow of the live adapter, in the trainer's own process.

The worker's path is not touched: `chat.messages` and `emotion.events` are read by a consumer outside every group, the
windows are rebuilt here, and the candidate's answers go to a report. What it costs the platform is the reading.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import structlog
from confluent_kafka import TopicPartition

from prompts.parts import PartsBuilder
from schemas.connections import KafkaSettings
from schemas.event import EmotionEvent
from schemas.feedback import EmotionLabel
from schemas.topics import TopicNames
from trainer.feedback.consumer import open_consumer
from trainer.feedback.spans import TopicShape, topic_shape
from trainer.watch import metrics
from trainer.watch.answers import Answerer
from trainer.watch.pairing import Pairing
from trainer.watch.partitions import bounds, offsets_at, poll
from trainer.watch.past_events import first_confidence
from trainer.watch.records import read
from trainer.watch.replay import SLACK_S, PromptReplay, exact_look_back_s
from trainer.watch.shadow_report import (
    Compared,
    ShadowReport,
    against_people,
    label_pairs,
    mean,
    mix,
    wilson,
    write_answers,
)

log = structlog.get_logger()

_BATCH: Final = 64
_POLL_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class ShadowOptions:
    """How much is compared.

    Attributes:
        messages: stop after so many.
        seconds: stop after this long.
        share: of the live messages, by a hash of their ids.
        look_back_messages: most messages of a partition that are read to fill the windows before it begins.
    """

    messages: int
    seconds: float
    share: float = 1.0
    look_back_messages: int = 20_000


def shadow(
    connection: KafkaSettings,
    names: TopicNames,
    builder_of: Callable[[str | None], PartsBuilder],
    candidate: Answerer,
    options: ShadowOptions,
    out: Path | None = None,
    stop: Callable[[], None] = lambda: None,
) -> ShadowReport:
    """Compare a candidate with what is live, from now on.

    Args:
        connection: to Kafka.
        names: of the topics.
        builder_of: by taxonomy, the usual one for None; with the stream's history and session gap.
        candidate: is asked by the policy that is live.
        options: when it is enough.
        out: folder for `shadow.json`, `shadow.md` and `shadow.jsonl`.
        stop: is called again and again; raises what shall end it.

    Raises:
        TrainerError: a topic cannot be read.
    """
    run = _Shadow(connection, names, builder_of, candidate, options)
    try:
        report = run.compare(stop)
    finally:
        run.close()
    if out is not None:
        report.write(out)
        write_answers(out, run.compared)
    log.info(
        "shadow_finished", candidate=candidate.version, compared=report.compared, agreement=report.agreement,
        left_out=report.left_out,
    )  # fmt: skip
    return report


class _Shadow:
    """One comparison.

    Attributes:
        compared: the messages that both answered, so far.
    """

    def __init__(
        self,
        connection: KafkaSettings,
        names: TopicNames,
        builder_of: Callable[[str | None], PartsBuilder],
        candidate: Answerer,
        options: ShadowOptions,
    ) -> None:
        builder = builder_of(None)
        self._names = names
        self._candidate = candidate
        self._options = options
        self._consumer = open_consumer(connection)
        self._began_at = datetime.now(UTC)
        self._began = time.monotonic()
        shapes = [topic_shape(connection, topic) for topic in (names.events, names.labels, names.messages)]
        # Events first: the event of every message from now on is among them.
        ends = {shape.topic: [end for _, end in bounds(self._consumer, shape)] for shape in shapes}
        messages = shapes[-1]
        self._pairing = Pairing(options.share, builder_of, builder.profile.name, dict(enumerate(ends[names.messages])))
        self._replay = PromptReplay(builder, messages.topic_id)
        starts = ends | {names.messages: self._window_starts(messages, ends[names.messages], builder)}
        self._consumer.assign(
            [TopicPartition(topic, number, one) for topic, many in starts.items() for number, one in enumerate(many)]
        )
        self.compared: list[Compared] = []
        self._said: dict[str, dict[str, str]] = {}

    def compare(self, stop: Callable[[], None]) -> ShadowReport:
        """Until it is enough."""
        while len(self.compared) < self._options.messages:
            stop()
            if time.monotonic() - self._began > self._options.seconds:
                break
            for record in poll(self._consumer, 500, _POLL_S):
                self._take(record)
            self._ask()
        return self._report()

    def close(self) -> None:
        """Give the connection back."""
        self._consumer.close()

    def _window_starts(self, shape: TopicShape, ends: list[int], builder: PartsBuilder) -> list[int]:
        since = self._began_at.timestamp() - exact_look_back_s(builder) - SLACK_S
        back = offsets_at(self._consumer, shape, int(since * 1000))
        most = self._options.look_back_messages
        return [max(start, end - most) for start, end in zip(back, ends, strict=True)]

    def _take(self, record: Any) -> None:
        topic = record.topic()
        if topic == self._names.messages:
            if (found := self._replay.add(record)) is not None:
                self._pairing.add_message(*found)
        elif topic == self._names.events:
            if (event := read(EmotionEvent, record)) is not None:
                self._pairing.add_event(event)
        elif (label := read(EmotionLabel, record)) is not None:
            people = self._said.setdefault(label.event_id, {})
            if label.label is None:
                people.pop(label.labelled_by, None)
            else:
                people[label.labelled_by] = label.label

    def _ask(self) -> None:
        taken = self._pairing.take(min(_BATCH, self._options.messages - len(self.compared)))
        if not taken:
            return
        answers = self._candidate.answer([parts for parts, _ in taken])
        for (_, event), answered in zip(taken, answers, strict=True):
            self.compared.append(
                Compared(
                    event_id=event.event_id,
                    live=event.label,
                    candidate=answered.label,
                    live_confidence=first_confidence(event),
                    candidate_confidence=answered.confidence,
                    live_version=event.adapter,
                )
            )
        metrics.SHADOWED.inc(len(taken))

    def _report(self) -> ShadowReport:
        compared = self.compared
        count = len(compared)
        live: dict[str, int] = {}
        for one in compared:
            live[one.live_version or "base"] = live.get(one.live_version or "base", 0) + 1
        same = wilson(sum(one.live == one.candidate for one in compared), count)
        return ShadowReport(
            candidate=self._candidate.version,
            live=live,
            began_at=self._began_at,
            seconds=round(time.monotonic() - self._began, 1),
            share=self._options.share,
            seen=self._pairing.seen,
            compared=count,
            left_out=asdict(self._pairing.finish()),
            agreement=same[0] if same else None,
            agreement_low=same[1] if same else None,
            agreement_high=same[2] if same else None,
            live_mix=mix([one.live for one in compared]),
            candidate_mix=mix([one.candidate for one in compared]),
            live_outliers=sum(one.live is None for one in compared) / max(count, 1),
            candidate_outliers=sum(one.candidate is None for one in compared) / max(count, 1),
            live_confidence=mean([one.live_confidence for one in compared]),
            candidate_confidence=mean([one.candidate_confidence for one in compared]),
            pairs=label_pairs(compared),
            people=against_people(compared, self._said),
        )
