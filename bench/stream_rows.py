"""The ways to make requests that `bench.streams` compares; each runs in a process of its own.

All share the parsing, the Lua script, the prompt builder and the request's JSON; they differ in what they await.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable

import faust
import redis
from confluent_kafka import Consumer, Producer

from sentistream.logs import LogSettings, configure_logging
from streams.batch import BatchBuilder, Outgoing
from streams.faultpoints import FaultPoint
from streams.intake import end_process
from streams.metrics import BATCH_MESSAGES
from streams.records import Record
from streams.redis_client import redis_client
from streams.service import parts_builder, run
from streams.settings import StreamsSettings
from streams.topic_facts import topic_facts
from streams.window import Found, PartitionWork, WindowRule, WindowStore


class Meter:
    """Prints messages per second and CPU per message, from the first acknowledgement to the last."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = self._first = 0
        self._since = self._cpu = 0.0

    def add(self, count: int) -> None:
        """So many more are acknowledged; ends the process at the last."""
        self._done += count
        if not self._since:
            self._since, self._cpu, self._first = time.perf_counter(), time.process_time(), self._done
        if self._done >= self._total:
            seconds, cpu = time.perf_counter() - self._since, time.process_time() - self._cpu
            counted = self._done - self._first
            print(f"RESULT {counted / seconds:.1f} {cpu / counted * 1e6:.1f}")
            end_process(0)


class _Counted:
    """Counts what the product acknowledges, at the points where tests break it."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._before = 0.0

    async def reached(self, point: FaultPoint) -> None:
        if point == "after_ack":
            now = sum(
                sample.value for one in BATCH_MESSAGES.collect() for sample in one.samples if "_sum" in sample.name
            )
            self._meter.add(int(now - self._before))
            self._before = now


def ours(settings: StreamsSettings, meter: Meter) -> None:
    """The product."""
    run(settings, _Counted(meter))


def naive(settings: StreamsSettings, meter: Meter) -> None:
    """A plain faust agent: one Redis round trip and one send awaited per message, faust's own settings and clients."""
    batches, store = _parts(settings)
    app = faust.App(
        settings.streams_group,
        broker=f"kafka://{settings.kafka_bootstrap_servers}",
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        datadir=tempfile.mkdtemp(prefix="sentistream-bench-"),
    )
    source = app.topic(settings.messages, key_serializer="raw", value_serializer="raw")
    target = app.topic(settings.requests, key_serializer="raw", value_serializer="raw")

    async def handle(stream: faust.StreamT) -> None:
        async for event in stream.events():
            message = event.message
            record = _record(message.partition, message.offset, message.key, message.value)
            (share,) = batches.shares([record], lambda _: 0)
            (found,) = await store.exchange([share.work])
            assert isinstance(found, Found)  # noqa: S101 - the windows are new
            for one in batches.requests(share, found, "2024-01-01T00:00:00+00:00"):
                await target.send(key=one.key, value=one.value, partition=one.partition)
            meter.add(1)

    app.agent(source)(handle)

    async def serve() -> None:
        await app.start()
        await asyncio.Event().wait()

    asyncio.run(serve())


def plain(settings: StreamsSettings, meter: Meter) -> None:
    """A loop of confluent-kafka and redis: one round trip per message, a flush and a commit per 500."""
    batches, store = _parts(settings)
    client = redis.Redis.from_url(settings.redis_url)
    consumer = Consumer(
        {
            **settings.librdkafka(),
            "group.id": settings.streams_group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([settings.messages])
    producer = Producer({**settings.librdkafka(), "enable.idempotence": True, "linger.ms": 5})
    evaluate = _evaluator(client, store)
    waiting = 0
    while True:
        message = consumer.poll(1.0)
        if message is None:
            continue
        partition, offset = message.partition(), message.offset()
        assert partition is not None  # noqa: S101
        assert offset is not None  # noqa: S101
        (share,) = batches.shares([_record(partition, offset, message.key(), message.value())], lambda _: 0)
        for one in batches.requests(share, evaluate(share.work), "2024-01-01T00:00:00+00:00"):
            _produce(producer, settings.requests, one)
        waiting += 1
        if waiting == 500 or offset % 5000 == 4999:
            producer.flush()
            consumer.commit(message, asynchronous=False)
            meter.add(waiting)
            waiting = 0


def _produce(producer: Producer, topic: str, one: Outgoing) -> None:
    producer.produce(topic, value=one.value, key=one.key, partition=one.partition)
    producer.poll(0)


def _evaluator(client: redis.Redis, store: WindowStore) -> Callable[[PartitionWork], Found]:
    from streams import window

    script = client.register_script(window._SCRIPT)  # noqa: SLF001 - the same script, by a plain client

    def evaluate(work: PartitionWork) -> Found:
        count, values = store._arguments(work)  # noqa: SLF001
        _, _, *windows = script(keys=[str(key) for key in values[:count]], args=values[count:])
        return Found(windows, None)

    return evaluate


def _parts(settings: StreamsSettings) -> tuple[BatchBuilder, WindowStore]:
    builder = parts_builder(settings)
    facts = topic_facts(settings, settings)
    store = WindowStore(
        redis_client(settings, 5.0), WindowRule(builder.rule.turns, builder.rule.turns + 24, 691_200), 60.0
    )
    return BatchBuilder(builder, f"{facts.topic_id}-{settings.streams_group}"), store


def _record(partition: int, offset: int, key: bytes | None, value: bytes | None) -> Record:
    return Record(partition, offset, -1, 0.0, key, value)


ROWS: dict[str, Callable[[StreamsSettings, Meter], None]] = {"naive": naive, "ours": ours, "plain": plain}

if __name__ == "__main__":
    configure_logging(LogSettings(log_level="WARNING"))
    ROWS[sys.argv[1]](StreamsSettings(), Meter(int(sys.argv[2])))
