"""Topics that are deleted and made anew, and what became of the messages of the new one."""

from collections.abc import Sequence

from confluent_kafka.admin import AdminClient

from prompts.parts import PartsBuilder
from schemas.chat import ChatMessage
from schemas.codec import decode
from schemas.connections import KafkaSettings
from schemas.event import EmotionEvent
from schemas.topics import topics as all_topics
from sentistream.topics import create_topics
from streams.replay import expected_hashes
from streams.topic_facts import topic_facts
from tests.faults.pipeline import DEADLINE_S, Pipeline
from tests.streams.stream_rig import Published, StreamRig, make_messages, published
from tests.waiting import wait_for


def make_anew(rig: StreamRig, partitions: int, *names: str) -> None:
    """As an operator would: delete, wait until they are gone, make them."""
    admin = AdminClient({"bootstrap.servers": rig.bootstrap, "log_level": 0})
    for future in admin.delete_topics(list(names), operation_timeout=20).values():
        future.result(30)
    wait_for(lambda: not set(names) & set(admin.list_topics(timeout=5).topics), f"{names} are gone")
    connection = KafkaSettings(kafka_bootstrap_servers=rig.bootstrap)
    create_topics(connection, all_topics(rig.names, "embedded", partitions))


def chat(count: int, partitions: int, *, seed: int) -> list[Published]:
    """Of a few conversations: those of the topic of before have windows that would not fit the new one's."""
    return published(make_messages(count, conversations=8, seed=seed), partitions)


def wait_for_answers(pipeline: Pipeline, builder: PartsBuilder, count: int) -> None:
    """Until each message of the topic as it is now has its event; nothing doubled, and prompts as from it alone."""
    rig = pipeline.rig
    found: list[EmotionEvent] = []

    def done() -> bool:
        found[:] = events_of_now(rig, pipeline.partitions)
        return len({(one.source.partition, one.source.offset) for one in found}) >= count

    wait_for(done, f"{count} messages of the new topic are answered; see\n{pipeline.logs()}", DEADLINE_S)
    topic_id = _topic_id(rig)
    for partition, rows in rig.read(rig.names.messages, pipeline.partitions).items():
        events = [one for one in found if one.source.partition == partition]
        assert [one.source.offset for one in events] == [row[0] for row in rows], f"partition {partition}"
        _check_identities(events, [row[2] for row in rows])
        expected = expected_hashes(topic_id, partition, [(row[0], row[2]) for row in rows], builder)
        assert [one.prompt_hash for one in events] == [digest for _, digest in expected], f"partition {partition}"
        assert not any(one.degraded for one in events)


def events_of_now(rig: StreamRig, partitions: int) -> list[EmotionEvent]:
    """Those about messages of the topic that is there now, in the order of their partitions."""
    topic_id = _topic_id(rig)
    every = [
        decode(EmotionEvent, value)
        for rows in rig.read(rig.names.events, partitions).values()
        for _, _, value, _ in rows
    ]
    return [one for one in every if one.source.topic_id == topic_id]


def _check_identities(events: Sequence[EmotionEvent], values: Sequence[bytes | None]) -> None:
    assert [one.message_id for one in events] == [decode(ChatMessage, value).message_id for value in values]


def _topic_id(rig: StreamRig) -> str:
    return topic_facts(KafkaSettings(kafka_bootstrap_servers=rig.bootstrap), rig.names).topic_id
