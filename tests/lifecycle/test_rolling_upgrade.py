"""Stream and worker are upgraded one after the other: requests one version apart wait or are read, none is lost."""

import json

import pytest
from prometheus_client import REGISTRY

from schemas.codec import decode_request, encode
from schemas.errors import UnknownSchemaVersionError
from schemas.request import Rejected, SanmRequest
from sentistream.embedded import EmbeddedKafka
from tests.conftest import TopicsFactory
from tests.waiting import wait_for
from tests.worker.kafka_rig import Rig, make_request, running
from worker import intake

pytestmark = pytest.mark.kafka


@pytest.fixture
def rig(kafka: EmbeddedKafka, topics: TopicsFactory) -> Rig:
    return Rig(kafka.connection, topics(2), 2)


def _of_next_major(partition: int, offset: int) -> bytes:
    """As a stream two steps on would write it: the speaker has another name in it."""
    fields = json.loads(encode(make_request(partition, offset)))
    fields["schema_version"] = "2.0"
    fields["message"]["author"] = fields["message"].pop("speaker")
    return json.dumps(fields).encode()


def _upgraded(value: bytes | None) -> SanmRequest | Rejected:
    """Reads both majors, as the worker of the next version must."""
    try:
        return decode_request(value)
    except UnknownSchemaVersionError:
        fields = json.loads(value or b"")
        fields["schema_version"] = "1.0"
        fields["message"]["speaker"] = fields["message"].pop("author")
        return decode_request(json.dumps(fields).encode())


def test_a_worker_one_version_behind_waits_and_goes_on_once_it_is_upgraded(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.publish(make_request(partition, offset) for offset in range(3) for partition in range(2))
    # The first stream was upgraded, the second one not yet.
    for offset in range(3, 6):
        rig.publish_bytes(0, _of_next_major(0, offset))
    rig.publish(make_request(1, offset) for offset in range(3, 6))
    with running(rig.settings()):
        rig.events(at_least=9)
        wait_for(lambda: REGISTRY.get_sample_value("sentistream_worker_parked_partitions") == 1, "one partition waits")
        assert rig.committed()[0].offset == 3
    monkeypatch.setattr(intake, "decode_request", _upgraded)
    with running(rig.settings()):
        seen = rig.events(at_least=12, settle_s=0.5)
    assert [seen.offsets(partition) for partition in range(2)] == [[*range(6)]] * 2
    assert {event.speaker for event in seen.events} == {"ann"}
    assert rig.dead_letters().messages == []


def test_a_newer_minor_version_with_fields_unknown_here_is_read(rig: Rig) -> None:
    fields = json.loads(encode(make_request(0, 0)))
    fields |= {"schema_version": "1.7", "urgency": {"level": 3}}
    fields["prompt"]["mood_board"] = ["x"]
    fields["message"]["reactions"] = []
    rig.publish_bytes(0, json.dumps(fields).encode())
    with running(rig.settings()):
        assert rig.events(at_least=1).offsets(0) == [0]
    assert rig.dead_letters().messages == []
