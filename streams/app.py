"""The faust app: takes batches, and acknowledges one only when all of its requests are confirmed."""

import asyncio
import logging
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faust
from faust.types import TP

from schemas.topics import MAX_RECORD_BYTES
from streams.faultpoints import FaultPoints
from streams.intake import Intake
from streams.kafka_security import faust_credentials
from streams.metrics import LAG_SECONDS
from streams.processor import Processor
from streams.records import Record
from streams.sender import MAX_BATCH_BYTES
from streams.settings import StreamsSettings
from streams.take import batches
from streams.topic_watch import TopicWatch
from streams.transport import use_transport


class StreamsApp(faust.App):
    """Attributes: what its consumer reports to, what it asks about the topics, and how often it may ask Kafka."""

    logger = logging.getLogger("faust.app")
    intake: Intake
    topics_watch: TopicWatch
    fetch_pause_s: float


class ConsumerPositions:
    """The app's consumer, as the processor asks it."""

    def __init__(self, app: StreamsApp) -> None:
        self._app = app

    def committed(self, partition: int) -> int | None:
        """The partition's committed offset."""
        offset: int | None = self._app.consumer.committed(partition)
        return offset

    async def log_start(self, partition: int) -> int:
        """The first offset that Kafka still has."""
        place = TP(self._app.intake.topic, partition)
        offsets = await self._app.consumer.earliest_offsets(place)
        return int(offsets[place])


def build_app(settings: StreamsSettings, intake: Intake, topics: TopicWatch) -> StreamsApp:
    """The app without its agent."""
    app = StreamsApp(
        settings.streams_group,
        broker=f"kafka://{settings.kafka_bootstrap_servers.split(',')[0]}",
        broker_credentials=faust_credentials(settings),
        broker_session_timeout=settings.kafka_session_timeout_ms / 1000,
        broker_heartbeat_interval=min(3.0, settings.kafka_session_timeout_ms / 4000),
        broker_request_timeout=max(90.0, settings.kafka_session_timeout_ms / 1000 + 1),
        broker_commit_interval=settings.commit_interval_s,
        broker_max_poll_interval=settings.progress_deadline_s + 60,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=settings.streams_instance,
        consumer_max_fetch_size=MAX_RECORD_BYTES,
        producer_max_request_size=MAX_RECORD_BYTES,
        producer_max_batch_size=MAX_BATCH_BYTES,
        producer_request_timeout=settings.send_deadline_s,
        # Smaller, and faust sleeps a second whenever all partitions are over four fifths of it.
        stream_buffer_maxsize=65_536,
        stream_wait_empty=True,
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        datadir=Path(tempfile.mkdtemp(prefix="sentistream-streams-")),
    )
    app.intake = intake
    app.topics_watch = topics
    app.fetch_pause_s = settings.batch_wait_ms / 1000
    use_transport(app, settings.kafka_bootstrap_servers)
    return app


def add_agent(app: StreamsApp, settings: StreamsSettings, processor: Processor, faults: FaultPoints) -> None:
    """Let the app process its messages. Every error ends the process: faust would skip the message and go on."""
    topic = app.topic(settings.messages, key_serializer="raw", value_serializer="raw")
    positions = ConsumerPositions(app)

    async def handle(stream: Any) -> None:
        async for events in batches(stream, settings.batch_size, lambda: app.intake.waiting):
            messages = [event.message for event in events]
            records = [_record(message) for message in messages]
            await processor.process(records, positions)
            await faults.reached("before_ack")
            for event in events:
                event.ack()
            app.intake.remove(messages)
            _note_lag(records)
            await faults.reached("after_ack")

    async def guarded(stream: Any) -> None:
        try:
            await handle(stream)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - said why, then ended
            app.intake.fail(error)

    app.agent(topic, name="windows")(guarded)


def _record(message: Any) -> Record:
    return Record(
        message.partition,
        message.offset,
        message.after,
        message.timestamp,
        message.key,
        message.value,
        tuple(message.headers or ()),
    )


def _note_lag(records: Sequence[Record]) -> None:
    now = time.time()
    newest = {record.partition: record.timestamp for record in records}
    for partition, timestamp in newest.items():
        LAG_SECONDS.labels(partition).set(max(now - timestamp, 0.0))
