"""The live adapter: there, offline, damaged."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.release import AdapterRelease
from sentistream.doctor.adapter_check import check_adapter
from sentistream.doctor.deployment import Deployment, DoctorSettings
from sentistream.doctor.finding import Finding, Status
from sentistream.embedded import EmbeddedKafka
from streams.settings import StreamsSettings
from tests.conftest import TopicsFactory
from trainer.registry.topic import ReleaseTopic
from worker.settings import WorkerSettings

pytestmark = [pytest.mark.kafka, pytest.mark.soak]


def test_an_adapter_that_cannot_be_fetched_is_named(
    kafka: EmbeddedKafka, topics: TopicsFactory, tmp_path: Path
) -> None:
    names = topics(1)
    worker = WorkerSettings(
        **kafka.connection.model_dump(), topic_prefix=names.topic_prefix, model="nowhere", worker_id="one"
    )
    deployment = Deployment(DoctorSettings(), StreamsSettings(), worker, ("worker",))
    topic = ReleaseTopic(kafka.connection, names.releases)

    def told(**changed: object) -> Finding:
        given = {
            "model": "nowhere",
            "version": "v1",
            "status": "released",
            "uri": str(tmp_path / "gone"),
            "sha256": "0" * 64,
            "decided_at": datetime.now(UTC),
        }
        topic.publish(AdapterRelease.model_validate(given | changed))
        (found,) = check_adapter(deployment)
        return found

    (none,) = check_adapter(deployment)
    assert none.status is Status.OK
    gone = told()
    assert gone.status is Status.FAIL
    assert "v1" in gone.found
    (folder := tmp_path / "other").mkdir()
    (folder / "adapter_config.json").write_text("{}")
    damaged = told(uri=str(folder))
    assert damaged.status is Status.FAIL
    assert "rollback" in damaged.to_do
    offline = told(uri="http://127.0.0.1:1/adapters/v1")
    assert offline.status is Status.FAIL
