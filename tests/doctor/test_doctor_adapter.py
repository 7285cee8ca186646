"""The live adapter: none, good, made for another base, gone, damaged, offline."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pytest

from prompts.profile import SHIPPED_MODEL, find_model
from schemas.adapter import weights_sha256
from schemas.release import AdapterRelease
from sentistream.doctor import adapter_check
from sentistream.doctor.adapter_check import check_adapter
from sentistream.doctor.deployment import Deployment, DoctorSettings
from sentistream.doctor.finding import Finding, Status
from sentistream.embedded import EmbeddedKafka
from streams.settings import StreamsSettings
from tests.conftest import TopicsFactory
from tests.worker.adapter_folder import make_adapter_folder, release_of
from trainer.registry.topic import ReleaseTopic
from worker.settings import WorkerSettings


class Releases:
    """The topic, as far as the doctor reads it."""

    def __init__(self, live: AdapterRelease | None) -> None:
        self.live = live

    def __call__(self, *_: object) -> Self:
        return self

    def latest(self, model: str) -> AdapterRelease | None:
        return self.live if self.live is not None and self.live.model == model else None


def told_of(live: AdapterRelease | None, monkeypatch: pytest.MonkeyPatch) -> Finding:
    """What the doctor says on a machine that has the model, of what is live."""
    monkeypatch.setattr(adapter_check, "ReleaseTopic", Releases(live))
    worker = WorkerSettings(model=SHIPPED_MODEL, worker_id="one")
    (found,) = check_adapter(Deployment(DoctorSettings(), StreamsSettings(), worker, ("worker",)))
    return found


def test_no_adapter_is_nothing_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    found = told_of(None, monkeypatch)
    assert found.status is Status.OK
    assert "serves without one" in found.found


def test_a_good_adapter_is_fetched_and_found_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = weights_sha256(find_model(SHIPPED_MODEL))
    folder = make_adapter_folder(tmp_path / "good", "v1", model=SHIPPED_MODEL, base_sha256=base)
    found = told_of(release_of(folder, "v1", model=SHIPPED_MODEL), monkeypatch)
    assert found.status is Status.OK, found
    assert f"v1 at {folder}: fetched, checksum right, made for this base" in found.found


@pytest.mark.parametrize("said_by", ["the release", "the folder"])
def test_an_adapter_made_for_another_base_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said_by: str
) -> None:
    folder = make_adapter_folder(tmp_path / "other", "v1", model=SHIPPED_MODEL, base_sha256="1" * 64)
    given = {"base_sha256": "1" * 64} if said_by == "the release" else {}
    found = told_of(release_of(folder, "v1", model=SHIPPED_MODEL, **given), monkeypatch)
    assert found.status is Status.FAIL
    assert "v1 would be refused (foreign)" in found.found
    assert "names a base model with checksum 1111" in found.found
    assert "rollback" in found.to_do


def test_a_damaged_adapter_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_adapter_folder(tmp_path / "damaged", "v1", model=SHIPPED_MODEL)
    live = release_of(folder, "v1", model=SHIPPED_MODEL)
    (folder / "adapter_config.json").write_text("{}")
    found = told_of(live, monkeypatch)
    assert found.status is Status.FAIL
    assert "v1 would be refused (corrupt)" in found.found
    assert "has checksum" in found.found


@pytest.mark.kafka
@pytest.mark.soak
def test_an_adapter_that_cannot_be_fetched_is_named(
    kafka: EmbeddedKafka, topics: TopicsFactory, tmp_path: Path
) -> None:
    deployment, topic = _in_kafka(kafka, topics, "nowhere")

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


@pytest.mark.kafka
@pytest.mark.soak
def test_a_good_adapter_and_one_for_another_base_are_told_apart_in_kafka(
    kafka: EmbeddedKafka, topics: TopicsFactory, tmp_path: Path
) -> None:
    deployment, topic = _in_kafka(kafka, topics, SHIPPED_MODEL)
    for version, base, status in (
        ("v1", weights_sha256(find_model(SHIPPED_MODEL)), Status.OK),
        ("v2", "1" * 64, Status.FAIL),
    ):
        folder = make_adapter_folder(tmp_path / version, version, model=SHIPPED_MODEL, base_sha256=base)
        topic.publish(release_of(folder, version, model=SHIPPED_MODEL))
        (found,) = check_adapter(deployment)
        assert found.status is status, found
        assert version in found.found


def _in_kafka(kafka: EmbeddedKafka, topics: TopicsFactory, model: str) -> tuple[Deployment, ReleaseTopic]:
    """A worker of this model, and where its releases stand."""
    names = topics(1)
    given = {**kafka.connection.model_dump(), "topic_prefix": names.topic_prefix, "model": model}
    worker = WorkerSettings(**given, worker_id="one")
    deployment = Deployment(DoctorSettings(), StreamsSettings(), worker, ("worker",))
    return deployment, ReleaseTopic(kafka.connection, names.releases)
