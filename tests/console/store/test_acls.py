"""The store works with the rights in deploy/acls/store.sh, and without one of them says which is missing."""

import secrets
from pathlib import Path

import pytest
from confluent_kafka import Producer
from structlog.testing import capture_logs

from console.settings import StoreSettings
from console.store.database import sqlite_url
from schemas.codec import encode
from schemas.topics import TopicNames, topics
from sentistream.embedded import EmbeddedKafka
from sentistream.topics import create_topics
from tests.console.store.making import make_event, make_label
from tests.console.store.store_rig import Rig, running
from tests.deploy.acl_rig import commands, doctor_on_rights, each_line, right, user_with
from tests.waiting import wait_for

pytestmark = pytest.mark.kafka

LINES = each_line("store")


@pytest.mark.parametrize("without", [pytest.param(None, id="nothing"), *LINES])
def test_the_file_has_the_rights_that_it_takes(
    secure_kafka: EmbeddedKafka, tmp_path: Path, without: int | None
) -> None:
    names = TopicNames(topic_prefix=f"acl-{secrets.token_hex(4)}.")
    create_topics(secure_kafka.connection, topics(names, "embedded", 1))
    event = make_event(0)
    producer = Producer(secure_kafka.connection.librdkafka())
    producer.produce(names.events, encode(event), "room", 0)
    producer.produce(names.labels, encode(make_label(event, "anger")), "room", 0)
    assert producer.flush(30) == 0
    user = f"{names.topic_prefix}store"
    given = commands("store", {"TOPIC_PREFIX": names.topic_prefix, "STORE_USER": user, "STORE_GROUP": user})
    login = user_with(secure_kafka, user, [one for number, one in enumerate(given) if number != without])
    settings = StoreSettings.model_validate(
        login.model_dump(exclude_unset=True)
        | {
            "topic_prefix": names.topic_prefix,
            "store_group": user,
            "store_database": tmp_path / "events.db",
            "store_retention_days": 0,
        }
    )
    rig = Rig("", names, sqlite_url(tmp_path / "events.db"), tmp_path / "store.log")
    with capture_logs() as logs, running(settings) as service:
        if without is None:
            wait_for(lambda: service.state == "following" and rig.stored() == 1, "the event is stored")
        else:
            wait_for(lambda: service.state == "waiting for Kafka", "it says what it waits for")
            named = right(given[without])
            wait_for(lambda: any(named in str(one.values()) for one in logs), f"{named} is named")
    (doctor,) = doctor_on_rights(login, names.topic_prefix, "store")
    if without is None:
        assert [one for one in logs if one["log_level"] != "info"] == []
    assert ("may do all that store does in Kafka" if without is None else right(given[without])) in doctor.found
