"""Alert rules in a store process on the real Kafka: what comes true is told, whatever is killed in between."""

import signal
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from console.store.database import Database
from console.store.watch_tables import AlertOccurrence, WebhookDelivery
from schemas.codec import encode
from tests.console.alerts.receiver import SECRET, Receiver
from tests.console.alerts.stream import events_of
from tests.console.store.conftest import RigFactory
from tests.console.store.making import rows_of
from tests.console.store.store_rig import Rig, ended
from tests.waiting import wait_for

pytestmark = pytest.mark.kafka

RULES = """
webhooks:
  team: {{url: "{url}", secret_env: RECEIVERS_SECRET}}
rules:
- {{name: angry, kind: turns, label: anger, confidence: 0.8, turns: 3, webhooks: [team]}}
"""


def _send(rig: Rig, lines: list[str]) -> None:
    producer = Producer({"bootstrap.servers": rig.bootstrap})
    for one in events_of(lines):
        producer.produce(rig.names.events, encode(one), one.conversation_id, 0)
    assert producer.flush(30) == 0


def test_a_store_that_is_killed_after_the_occurrence_tells_it_once_by_its_key(
    make_rig: RigFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECEIVERS_SECRET", SECRET)
    rig = make_rig(1)
    _send(rig, ["ann anger 0.9"] * 5)
    rules = tmp_path / "rules.yaml"
    # Messages of the tests are of another year.
    settings: dict[str, Any] = {"alert_rules": str(rules), "alert_max_age_minutes": 1e9}
    with Receiver(answers=[503]) as receiver:
        rules.write_text(RULES.format(url=receiver.url))
        child = rig.start("committed", 1, **settings)
        assert ended(child) == -signal.SIGKILL, rig.log.read_text()
        database = Database(rig.url)
        (occurrence,) = rows_of(database, AlertOccurrence)
        assert receiver.told == []
        with rig.running(**settings):
            wait_for(lambda: bool(receiver.known), "the webhook took it")
            wait_for(lambda: rows_of(database, WebhookDelivery)[0]["state"] == "sent", "the store knows")
    assert receiver.known == {occurrence["occurrence_key"]}
    assert [one.answered for one in receiver.told] == [503, 200]
    assert all(one.genuine for one in receiver.told)
    assert len(rows_of(database, AlertOccurrence)) == 1
    database.close()
