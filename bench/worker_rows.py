"""One row of `bench.worker`, in a process of its own: `python -m bench.worker_rows ROW EVENTS`."""

import os
import resource
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from confluent_kafka import Producer, TopicPartition

from schemas.chat import Source
from worker.clients import make_producer
from worker.faultpoints import NoFaults
from worker.model_side import ModelSide
from worker.records import Record
from worker.service import Seams, WorkerService
from worker.settings import WorkerSettings
from worker.transactions import Committer, TransactionalCommitter
from worker.watermark import Verdict, Watermark


class PlainCommitter:
    """At least once, as most consumers are: records without a transaction, offsets committed now and then."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.consumer: Any = None
        self._settings = settings
        self._producer: Producer | None = None
        self._committed_at = time.monotonic()
        self._due: list[TopicPartition] = []

    def start(self) -> None:
        """Make the producer."""
        self._producer = Producer(
            {**self._settings.librdkafka(), "linger.ms": 1, "compression.type": "lz4", "acks": "all"}
        )

    def commit(self, records: Sequence[Record], offsets: list[TopicPartition], group: Any) -> None:
        """Produce; once a second wait for it, and let the offsets be committed."""
        del group
        if (producer := self._producer) is None:
            raise RuntimeError("start comes first")
        for record in records:
            producer.produce(record.topic, record.value, record.key, record.partition, headers=record.headers)
        producer.poll(0)
        if time.monotonic() - self._committed_at > 1.0:
            producer.flush()
            self._committed_at = time.monotonic()
            self._due = offsets

    def accept(self, _: Watermark, __: Source, ___: int) -> Verdict:
        """Take every record, and commit what is due: confluent-kafka lets one thread at a time into a consumer.

        This is called on the consumer's thread; a commit on another one waits for a poll without records, for minutes.
        """
        if due := self._due:
            self._due = []
            self.consumer.commit(offsets=due, asynchronous=True)
        return Verdict.ACCEPTED


class Counting:
    """Counts what a committer made, and stops the service when it is all there."""

    def __init__(self, inner: Committer, wanted: int) -> None:
        self.done = threading.Event()
        self.first: tuple[int, float, float] | None = None
        self.last = (0, 0.0, 0.0)
        self._inner = inner
        self._wanted = wanted
        self._count = 0

    def start(self) -> None:
        """Start the one that works."""
        self._inner.start()

    def commit(self, records: Sequence[Record], offsets: list[TopicPartition], group: Any) -> None:
        """Let it commit, and count."""
        self._inner.commit(records, offsets, group)
        self._count += len(records)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        self.last = (self._count, time.monotonic(), usage.ru_utime + usage.ru_stime)
        # The first tenth warms caches and connections.
        if self.first is None and self._count >= self._wanted // 10:
            self.first = self.last
        if self._count >= self._wanted:
            self.done.set()


def _stop_when(done: threading.Event, service: WorkerService) -> None:
    done.wait(240)
    service.stop()


def main() -> None:
    """Run one row and print its rate and CPU microseconds an event."""
    row, wanted = sys.argv[1], int(sys.argv[2])
    settings = WorkerSettings()
    labelling = ModelSide(settings)
    if row == "plain":
        plain = PlainCommitter(settings)
        counting = Counting(plain, wanted)
        service = WorkerService(settings, labelling, Seams(judge=plain.accept, committer=counting))
        plain.consumer = service.consumer
    else:
        inner = TransactionalCommitter(lambda: make_producer(settings), NoFaults(), settings.kafka_deadline_seconds)
        counting = Counting(inner, wanted)
        service = WorkerService(settings, labelling, Seams(committer=counting))
    threading.Thread(target=_stop_when, args=(counting.done, service), daemon=True).start()
    service.run()
    if counting.first is None:
        raise SystemExit(f"only {counting.last[0]} events came")
    count = counting.last[0] - counting.first[0]
    rate = count / (counting.last[1] - counting.first[1])
    cost = 1e6 * (counting.last[2] - counting.first[2]) / count
    print(f"RESULT {rate} {cost}", flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
