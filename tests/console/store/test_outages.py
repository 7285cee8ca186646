"""The database or the records are away for a while; what can be stored is, and what cannot is told."""

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from console.store.database import Database
from console.store.metrics import LOST_RECORDS
from console.store.tables import Event
from schemas.codec import encode
from schemas.topics import topics as all_topics
from sentistream.topics import create_topics
from tests.console.postgres import OwnPostgres, missing_postgres
from tests.console.store.conftest import RigFactory
from tests.console.store.making import make_event, rows_of
from tests.console.store.store_rig import Rig, Traffic, running, wait_until_stored
from tests.waiting import wait_for

pytestmark = pytest.mark.kafka


def test_a_locked_database_is_waited_for(make_rig: RigFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.store.database._BUSY_S", 0.2)
    rig = make_rig()
    traffic = Traffic(rig, 3)
    other = Database(rig.url)
    with running(rig.settings()) as service:
        wait_for(lambda: service.state == "following", "it follows")
        with other.writing():
            traffic.send(40)
            wait_for(lambda: service.state == "waiting for the database", "it says what it waits for")
        wait_until_stored(rig, traffic)
    other.close()


@pytest.mark.soak
def test_a_postgresql_that_crashes_is_waited_for(make_rig: RigFactory) -> None:
    if reason := missing_postgres():
        pytest.skip(reason)
    with OwnPostgres() as server:
        rig = make_rig(url=server.new_database())
        traffic = Traffic(rig, 3)
        with running(rig.settings()) as service:
            traffic.send(40)
            wait_until_stored(rig, traffic)
            server.stop()
            traffic.send(40)
            wait_for(lambda: service.state == "waiting for the database", "it says what it waits for")
            server.start_again()
            wait_until_stored(rig, traffic)


def test_records_that_kafka_deleted_are_counted_and_the_rest_is_stored(make_rig: RigFactory) -> None:
    rig = make_rig(1)
    _send(rig, range(5))
    with running(rig.settings()):
        wait_for(lambda: rig.stored() == 5, "the first are stored")
    _send(rig, range(5, 10))
    _delete_before(rig, 8)
    before = LOST_RECORDS._value.get()
    with running(rig.settings()):
        wait_for(lambda: rig.stored() == 7, "those that are left are stored")
    assert LOST_RECORDS._value.get() - before == 3


def test_a_topic_made_anew_is_read_from_its_beginning(make_rig: RigFactory) -> None:
    rig = make_rig(1)
    _send(rig, range(5))
    with running(rig.settings()):
        wait_for(lambda: rig.stored() == 5, "the first are stored")
    _make_anew(rig)
    # Two that are known and two that are not.
    _send(rig, range(3, 7))
    with running(rig.settings()):
        wait_for(lambda: rig.stored() == 7, "the new ones are stored")
    database = Database(rig.url)
    assert sorted(row["message_id"] for row in rows_of(database, Event)) == [f"m{number}" for number in range(7)]
    database.close()


def _send(rig: Rig, numbers: range) -> None:
    producer = Producer({"bootstrap.servers": rig.bootstrap})
    for number in numbers:
        producer.produce(rig.names.events, encode(make_event(number)), "room", 0)
    assert producer.flush(30) == 0


def _delete_before(rig: Rig, offset: int) -> None:
    place = TopicPartition(rig.names.events, 0, offset)
    admin = AdminClient({"bootstrap.servers": rig.bootstrap})
    admin.delete_records([place])[place].result(30)


def _make_anew(rig: Rig) -> None:
    admin = AdminClient({"bootstrap.servers": rig.bootstrap})
    admin.delete_topics([rig.names.events])[rig.names.events].result(30)
    wait_for(lambda: rig.names.events not in admin.list_topics(timeout=10).topics, "the topic is gone")
    create_topics(rig.settings(), all_topics(rig.names, "embedded", 1))
