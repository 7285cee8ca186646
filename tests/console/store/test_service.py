"""The store on the real Kafka, in its usual and its less usual days."""

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from prometheus_client import REGISTRY

from console.store.database import Database
from console.store.tables import Event
from schemas.codec import encode
from tests.console.store.conftest import RigFactory
from tests.console.store.making import make_event, rows_of
from tests.console.store.store_rig import Rig, Traffic, damage, running, wait_until_stored
from tests.waiting import wait_for

pytestmark = pytest.mark.kafka


def _value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def _send(rig: Rig, value: bytes | None, partition: int = 0) -> None:
    producer = Producer({"bootstrap.servers": rig.bootstrap})
    producer.produce(rig.names.events, value, "room", partition)
    producer.flush(30)


def test_what_is_on_the_topics_comes_into_the_store(make_rig: RigFactory) -> None:
    rig = make_rig()
    traffic = Traffic(rig, 3)
    traffic.send(100)
    with running(rig.settings()) as service:
        wait_until_stored(rig, traffic)
        wait_for(lambda: _value("sentistream_store_lag_seconds") == 0, "the lag is gone")
        assert service.state == "following"
        traffic.send(50)
        wait_until_stored(rig, traffic)
        wait_for(lambda: _lag_by_kafka(rig) <= 3, "Kafka's own tools see no lag but the transactions' markers")


def test_a_bad_record_is_counted_and_passed_over(make_rig: RigFactory) -> None:
    rig = make_rig(1)
    before = {one: _value("sentistream_store_skipped_total", reason=one) for one in ("not_json", "invalid", "empty")}
    for value in (b"not json", b"{}", None, encode(make_event(0))):
        _send(rig, value)
    with running(rig.settings()):
        wait_for(lambda: rig.stored() == 1, "the good one is stored")
    for reason, count in before.items():
        assert _value("sentistream_store_skipped_total", reason=reason) == count + 1


def test_a_record_of_a_newer_version_is_left_for_an_upgrade(make_rig: RigFactory) -> None:
    rig = make_rig(2)
    newer = encode(make_event(0)).replace(b'"schema_version":"1.0"', b'"schema_version":"2.0"')
    _send(rig, newer, 0)
    _send(rig, encode(make_event(1)), 0)
    _send(rig, encode(make_event(2)), 1)
    with running(rig.settings()):
        wait_for(lambda: rig.stored() == 1, "the other partition is stored")
    database = Database(rig.url)
    assert [row["message_id"] for row in rows_of(database, Event)] == ["m2"]
    database.close()


def test_one_writes_and_another_stands_by(make_rig: RigFactory) -> None:
    rig = make_rig()
    traffic = Traffic(rig, 3)
    with running(rig.settings(store_lease_seconds=1)) as first:
        wait_for(lambda: first.state == "following", "the first writes")
        with running(rig.settings(store_lease_seconds=1)) as second:
            wait_for(lambda: second.state == "standing by", "the second stands by")
            traffic.send(50)
            wait_until_stored(rig, traffic)
            first.stop()
            wait_for(lambda: second.state == "following", "the second takes over")
            traffic.send(50)
            wait_until_stored(rig, traffic)
    assert not damage(rig, traffic)


def _lag_by_kafka(rig: Rig) -> int:
    consumer = Consumer({"bootstrap.servers": rig.bootstrap, "group.id": rig.settings().store_group})
    places = [TopicPartition(rig.names.events, number) for number in range(3)]
    try:
        committed = {one.partition: one.offset for one in consumer.committed(places, 20)}
        return sum(consumer.get_watermark_offsets(one, 20)[1] - committed[one.partition] for one in places)
    finally:
        consumer.close()
