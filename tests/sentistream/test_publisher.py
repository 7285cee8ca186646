"""Publishing as a platform on Java would, and watching as a dashboard would."""

import random
import time
from collections.abc import Callable
from functools import partial

import aiokafka.codec
import pytest
from confluent_kafka import Producer

from schemas.codec import encode
from schemas.connections import KafkaSettings
from schemas.topics import TopicNames
from sentistream.embedded import EmbeddedKafka
from sentistream.errors import PublishError
from sentistream.publisher import Outbound, Place, Publisher
from sentistream.topic_reader import read_topic
from sentistream.watcher import Observation, Watcher
from tests.sentistream.synthetic import TOPIC_ID, make_event, make_letter
from tests.waiting import wait_for

pytestmark = pytest.mark.kafka

#: Hashes from the tests of Kafka's own Java client (UtilsTest.testMurmur2).
MURMUR2 = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
}
TopicsFactory = Callable[..., TopicNames]


@pytest.fixture
def connection(kafka: EmbeddedKafka) -> KafkaSettings:
    return KafkaSettings(kafka_bootstrap_servers=kafka.bootstrap_servers)


def test_a_key_goes_where_javas_clients_put_it(connection: KafkaSettings, topics: TopicsFactory) -> None:
    publisher = Publisher(connection, topics(partitions=7).messages)
    found: dict[bytes, Place] = {}
    for key in MURMUR2:
        publisher.publish(Outbound(key, b"value"), partial(found.__setitem__, key))
    publisher.flush()
    assert {key: place.partition for key, place in found.items()} == {
        key: (value & 0x7FFFFFFF) % 7 for key, value in MURMUR2.items()
    }


@pytest.mark.parametrize("name", ["gzip", "snappy", "lz4", "zstd"])
def test_the_stream_can_read_whatever_compression_a_platform_uses(name: str) -> None:
    """Most codecs of aiokafka are in a package of their own; without it one such record ends the stream."""
    assert getattr(aiokafka.codec, f"has_{name}")()


def test_a_record_that_kafka_refuses_is_an_error(connection: KafkaSettings, topics: TopicsFactory) -> None:
    publisher = Publisher(connection, topics().messages)
    # chat.messages takes 1 MiB; what does not compress is sent as it is.
    publisher.publish(Outbound(b"key", random.Random(1).randbytes(2 << 20)))
    with pytest.raises(PublishError, match=r"chat\.messages"):
        publisher.flush()


def test_the_watcher_sees_what_was_committed_since_it_began(connection: KafkaSettings, topics: TopicsFactory) -> None:
    names = topics(partitions=2)
    before, aborted, seen, foreign, dead = (Place(0, offset) for offset in range(5))
    transactional = Producer({**connection.librdkafka(), "transactional.id": names.topic_prefix})
    transactional.init_transactions(30)

    def write(place: Place, *, commit: bool = True, topic_id: str = TOPIC_ID) -> None:
        transactional.begin_transaction()
        transactional.produce(names.events, encode(make_event(place, topic_id=topic_id)), partition=0)
        if commit:
            transactional.commit_transaction(30)
        else:
            transactional.flush(30)
            transactional.abort_transaction(30)

    write(before)
    # A commit comes back before its marker is where readers look.
    wait_for(lambda: len(list(read_topic(connection, names.events))) == 1, "the event before is readable")
    with Watcher(connection, names, TOPIC_ID) as watcher:
        write(aborted, commit=False)
        write(foreign, topic_id="another topic of this name")
        letters = Publisher(connection, names.dead_letters)
        letters.publish(Outbound(None, b"?", tuple(make_letter(dead).to_headers())))
        letters.publish(Outbound(None, b"not a dead letter"))
        letters.flush()
        write(seen)
        observations: list[Observation] = []

        def both_are_there() -> bool:
            observations.extend(watcher.poll(0.1))
            return len(observations) >= 2

        wait_for(both_are_there, "an event and a dead letter")
        observations.extend(watcher.poll(0.5))
    assert {one.place for one in observations} == {seen, dead}
    assert all(one.at <= time.monotonic() for one in observations)
