"""Follows events and labels: rolls a worse release back by itself, and says when the traffic leaves its past range.

All state is made from the topics, so that a restart changes nothing but the time it takes to read them again: what
people said since some days before the live release is read first, then the last days' events, then both are followed.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

import structlog
from confluent_kafka import TopicPartition

from schemas.connections import KafkaSettings
from schemas.event import EmotionEvent
from schemas.feedback import EmotionLabel
from schemas.release import AdapterRelease
from schemas.topics import TopicNames
from trainer.errors import TrainerError
from trainer.feedback.consumer import open_consumer
from trainer.feedback.spans import TopicShape, topic_shape
from trainer.watch import metrics
from trainer.watch.drift_watch import DriftWatch
from trainer.watch.partitions import bounds, committed_records, offsets_at, poll
from trainer.watch.records import read
from trainer.watch.sequential import SequentialResult, sequential_test
from trainer.watch.settings import WatchSettings
from trainer.watch.verdicts import Verdicts, beside

log = structlog.get_logger()

_AT_ONCE: Final = 2000
_POLL_S: Final = 0.5
_DAY_S: Final = 86_400.0


class ReleaseDecisions(Protocol):
    """What the watch needs of `trainer.releases.Releases`."""

    def live(self, model: str) -> AdapterRelease | None:
        """The decision that workers follow."""

    def roll_back(
        self, model: str, reason: str, *, to: str | None = None, judged: AdapterRelease | None = None
    ) -> AdapterRelease:
        """Make another version live, if ``judged`` still is; ``base`` is the model without an adapter."""


class Watch:
    """One model's watch.

    Args:
        connection: to Kafka.
        names: of the topics.
        model: the base model's name.
        releases: reads and makes decisions.
        settings: error rate, margin, windows.
        refresh: starts a refresh, for a reason; is only called where `drift_refresh` is set.
        is_person: whether a label is a person's, by `labelled_by`.

    Attributes:
        turned_at: when it last read or looked, by the monotonic clock; None before it started.
    """

    def __init__(
        self,
        connection: KafkaSettings,
        names: TopicNames,
        model: str,
        releases: ReleaseDecisions,
        settings: WatchSettings,
        *,
        refresh: Callable[[str], None] = lambda _: None,
        is_person: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._connection = connection
        self._names = names
        self._model = model
        self._releases = releases
        self._settings = settings
        self._is_person = is_person
        self._verdicts = Verdicts()
        self._drift = DriftWatch(settings, refresh)
        self._consumer = open_consumer(connection)
        self._tested: str | None = None
        self.turned_at: float | None = None

    def run(self, stop: Callable[[], bool]) -> None:
        """Until `stop` says so. Outages of Kafka or the registry are told and waited for.

        Raises:
            TrainerError: the topics could not be read at the start.
        """
        try:
            self._read_past(stop)
            looked = 0.0
            while not stop():
                self.turned_at = time.monotonic()
                try:
                    for record in poll(self._consumer, _AT_ONCE, min(_POLL_S, self._settings.watch_seconds)):
                        self._take(record)
                    if time.monotonic() - looked >= self._settings.watch_seconds:
                        looked = time.monotonic()
                        self.look()
                except TrainerError as error:
                    log.warning("watch_interrupted", reason=str(error))
        finally:
            self._consumer.close()

    def look(self) -> SequentialResult | None:
        """Test the live release once, roll it back if it is worse, and read the drift; None where nothing is tested.

        Raises:
            TrainerError: Kafka or the registry do not answer.
        """
        self._drift.look()
        live = self._releases.live(self._model)
        if live is None or live.status != "released":
            self._forget()
            return None
        result = self._test(live)
        metrics.PAIRS.set(result.pairs)
        metrics.EVIDENCE.set(result.evidence)
        self._forget(live.version or "base")
        if result.pairs:
            metrics.CORRECTED.labels(live.version or "base").set(result.new_rate)
        if result.rejected and result.pairs >= self._settings.watch_least_pairs:
            self._roll_back(live, result)
        return result

    def _test(self, live: AdapterRelease) -> SequentialResult:
        new, old = beside(self._verdicts.all, live.version, live.previous, live.decided_at)
        return sequential_test(new, old, alpha=self._settings.watch_alpha, margin=self._settings.watch_margin)

    def _roll_back(self, live: AdapterRelease, result: SequentialResult) -> None:
        back_to = live.previous or "base"
        reason = (
            f"people corrected {live.version or 'base'} more often than {back_to}: {result.new_rate:.1%} against "
            f"{result.old_rate:.1%} of {result.pairs} verdicts each; worse by at least {result.at_least:.1%} "
            f"(sequential test, error rate {self._settings.watch_alpha:g}, margin {self._settings.watch_margin:g}, "
            f"rejected after {result.rejected_at} pairs)"
        )
        if not self._settings.watch_rollback:
            log.error("release_is_worse", version=live.version, reason=reason, rolled_back=False)
            return
        # Another that came since was not judged: it goes on, and is tested by itself.
        self._releases.roll_back(self._model, reason, to=back_to, judged=live)
        metrics.ROLLBACKS.inc()
        log.error("release_rolled_back", version=live.version, to=back_to, reason=reason)

    def _forget(self, version: str | None = None) -> None:
        """A version that is not tested any more has no gauge."""
        if self._tested not in (None, version):
            metrics.CORRECTED.clear()
            metrics.PAIRS.set(0)
            metrics.EVIDENCE.set(1)
        self._tested = version

    def _read_past(self, stop: Callable[[], bool]) -> None:
        now, released = time.time(), self._released_at()
        # The test compares with what was said before the release, however long ago that is by now. An event that is
        # older than the last days is taken at its label's word.
        since = {self._names.labels: min(now, released or now), self._names.events: now}
        places = []
        past: dict[str, list[Any]] = {}
        for topic in (self._names.labels, self._names.events):
            shape = topic_shape(self._connection, topic)
            starts = offsets_at(self._consumer, shape, int((since[topic] - self._settings.watch_days * _DAY_S) * 1000))
            ends = [end for _, end in bounds(self._consumer, shape)]
            places += [TopicPartition(topic, number, end) for number, end in enumerate(ends)]
            records = self._past(shape, starts, ends, stop)
            if topic == self._names.labels:
                # All of them at once: few, and their order over the partitions is that of their times.
                past[topic] = sorted(records, key=lambda one: (one.timestamp()[1], one.partition(), one.offset()))
                labels = (read(EmotionLabel, one) for one in past[topic])
                self._verdicts.expect(one.event_id for one in labels if one is not None)
            else:
                for record in records:
                    self._take(record)
        for record in past[self._names.labels]:
            self._take(record)
        self._drift.caught_up()
        self._consumer.assign(places)
        log.info("watching", model=self._model, verdicts=len(self._verdicts.all), windows=self._drift.windows)

    def _released_at(self) -> float | None:
        live = self._releases.live(self._model)
        return live.decided_at.timestamp() if live is not None and live.status == "released" else None

    def _past(self, shape: TopicShape, starts: list[int], ends: list[int], stop: Callable[[], bool]) -> Iterator[Any]:
        for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
            for record in committed_records(self._connection, shape.topic, number, start, end):
                if stop():
                    return
                # Days of events may take longer than a loop may hang.
                self.turned_at = time.monotonic()
                yield record

    def _take(self, record: Any) -> None:
        at = record.timestamp()[1] / 1000
        if record.topic() == self._names.events:
            event = read(EmotionEvent, record)
            if event is None or event.model != self._model or event.replay:
                return
            metrics.WATCHED.labels("event").inc()
            self._verdicts.add_event(event)
            self._drift.add_event(event, at)
            return
        label = read(EmotionLabel, record)
        if label is None or not self._is_person(label.labelled_by):
            return
        metrics.WATCHED.labels("label").inc()
        if (verdict := self._verdicts.add_label(label, at)) is not None:
            self._drift.add_verdict(verdict)
