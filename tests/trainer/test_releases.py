"""Decisions on the real Kafka: what workers follow, and what the registry remembers."""

import errno
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]
from structlog.testing import capture_logs

from schemas.adapter import AdapterMetadata
from schemas.connections import KafkaSettings
from schemas.release import AdapterRelease
from sentistream.embedded import EmbeddedKafka
from tests.conftest import TopicsFactory
from trainer.registry import Registry
from trainer.registry.errors import DamagedAdapterError, RegistryUnavailableError, ReleaseError, UnknownVersionError
from trainer.releases import Releases

pytestmark = pytest.mark.kafka
MODEL = "little"


class Shop:
    """A registry with three versions, and the topic."""

    def __init__(self, kafka: EmbeddedKafka, topic: str, folder: Path) -> None:
        self.registry = Registry(str(folder / "registry"))
        self.releases = Releases(KafkaSettings(kafka_bootstrap_servers=kafka.bootstrap_servers), topic, self.registry)
        weights = folder / "weights"
        weights.mkdir()
        for version in ("v1", "v2", "v3"):
            (weights / "adapter_config.json").write_text(f'{{"r": 8, "for": "{version}"}}')
            metadata = AdapterMetadata(
                model=MODEL,
                version=version,
                base_sha256="a" * 64,
                metrics={"macro_f1": 0.5},
                temperature=1,
                threshold=0,
                made_at=datetime(2026, 11, 21, tzinfo=UTC),
            )
            self.registry.publish(weights, metadata)

    @property
    def live(self) -> str | None:
        decision = self.releases.live(MODEL)
        return decision.version if decision else None

    @property
    def history(self) -> list[tuple[str, str | None]]:
        return [(one.status, one.version) for one in self.releases.history(MODEL)]


@pytest.fixture
def shop(kafka: EmbeddedKafka, topics: TopicsFactory, tmp_path: Path) -> Shop:
    return Shop(kafka, topics().releases, tmp_path)


def test_a_release_says_all_that_a_worker_needs(shop: Shop) -> None:
    assert shop.releases.live(MODEL) is None
    decision = shop.releases.release(MODEL, "v1", reason="the gate let it pass")
    assert shop.releases.live(MODEL) == decision
    assert decision.sha256 == shop.registry.checksum(MODEL, "v1")
    assert decision.uri == shop.registry.find(MODEL, "v1").uri
    assert (decision.base_sha256, decision.metrics, decision.previous) == ("a" * 64, {"macro_f1": 0.5}, None)
    assert (decision.status, decision.reason) == ("released", "the gate let it pass")


def test_rollbacks_go_back_step_by_step_and_end_at_the_base_model(shop: Shop) -> None:
    for version in ("v1", "v2", "v3"):
        shop.releases.release(MODEL, version)
    gone = [shop.releases.roll_back(MODEL, "corrections").version for _ in range(3)]
    assert gone == ["v2", "v1", None]
    assert shop.live is None
    with pytest.raises(ReleaseError, match="nothing to roll back"):
        shop.releases.roll_back(MODEL, "again")
    assert shop.history == [
        ("released", "v1"), ("released", "v2"), ("released", "v3"),
        ("rolled_back", "v2"), ("rolled_back", "v1"), ("rolled_back", None),
    ]  # fmt: skip
    assert shop.releases.live(MODEL) == shop.releases.history(MODEL)[-1]


def test_a_rollback_to_a_named_version_and_to_the_base(shop: Shop) -> None:
    for version in ("v1", "v2", "v3"):
        shop.releases.release(MODEL, version)
    assert shop.releases.roll_back(MODEL, "r", to="v1").version == "v1"
    with pytest.raises(ReleaseError, match="live already"):
        shop.releases.roll_back(MODEL, "r", to="v1")
    assert shop.releases.roll_back(MODEL, "r", to="base").version is None
    # A version that was taken back by hand is forward from the base too.
    assert shop.releases.roll_back(MODEL, "r", to="v3").version == "v3"


def test_the_live_version_again_is_no_new_decision(shop: Shop) -> None:
    first = shop.releases.release(MODEL, "v1")
    assert shop.releases.release(MODEL, "v1", reason="twice") == first
    assert shop.history == [("released", "v1")]


def test_what_is_damaged_or_missing_is_not_released(shop: Shop) -> None:
    shop.releases.release(MODEL, "v1")
    (Path(shop.registry.find(MODEL, "v2").uri) / "adapter_config.json").write_text("{}")
    with pytest.raises(DamagedAdapterError):
        shop.releases.release(MODEL, "v2")
    with pytest.raises(UnknownVersionError):
        shop.releases.release(MODEL, "v9")
    assert shop.live == "v1"
    assert shop.history == [("released", "v1")]


def test_a_death_between_kafka_and_the_history_is_made_good_by_the_next_decision(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.releases.release(MODEL, "v1")
    with monkeypatch.context() as patched:
        note = shop.registry.note

        def dies(decision: AdapterRelease) -> None:
            if decision.version == "v2":
                raise KeyboardInterrupt
            note(decision)

        patched.setattr(shop.registry, "note", dies)
        with pytest.raises(KeyboardInterrupt):
            shop.releases.release(MODEL, "v2")
    assert shop.live == "v2", "Kafka has it"
    assert shop.history[-1] == ("released", "v2"), "known from the topic"
    shop.releases.release(MODEL, "v3")
    assert [one.version for one in shop.registry.history(MODEL)] == ["v1", "v2", "v3"]
    assert [shop.releases.roll_back(MODEL, "r").version for _ in range(3)] == ["v2", "v1", None]


def test_what_kafka_has_is_done_even_where_the_registry_is_read_only(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr(LocalFileSystem, "pipe_file", refuse)
        with capture_logs() as said:
            assert shop.releases.release(MODEL, "v1").version == "v1"
        assert shop.live == "v1"
        (warning,) = [one for one in said if one["event"] == "decision_not_noted"]
        assert (warning["log_level"], warning["version"]) == ("warning", "v1")
        assert "TRAINER_REGISTRY" in warning["to_do"]
        # The history has one decision less than the topic at most, so the next is refused before anything happens.
        with pytest.raises(RegistryUnavailableError, match="Nothing was changed"):
            shop.releases.release(MODEL, "v2")
        assert shop.live == "v1"
    shop.releases.release(MODEL, "v2")
    assert [one.version for one in shop.registry.history(MODEL)] == ["v1", "v2"]


def test_a_decision_that_another_overtakes_is_refused(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a release reads its files, which may take minutes, somebody rolls back what it stood on."""
    for version in ("v1", "v2"):
        shop.releases.release(MODEL, version)
    checksum = shop.registry.checksum

    def meanwhile(model: str, version: str) -> str:
        if version == "v3":
            shop.releases.roll_back(MODEL, "by hand")
        return checksum(model, version)

    monkeypatch.setattr(shop.registry, "checksum", meanwhile)
    with pytest.raises(ReleaseError, match="v1 went live meanwhile"):
        shop.releases.release(MODEL, "v3")
    assert shop.live == "v1"
    assert shop.history == [("released", "v1"), ("released", "v2"), ("rolled_back", "v1")]
    # It was no fault of the version's.
    monkeypatch.undo()
    assert shop.releases.release(MODEL, "v3").previous == "v1"


def test_only_the_decision_that_was_judged_is_taken_back(shop: Shop) -> None:
    shop.releases.release(MODEL, "v1")
    judged = shop.releases.release(MODEL, "v2")
    shop.releases.release(MODEL, "v3")
    with pytest.raises(ReleaseError, match="v3 went live meanwhile"):
        shop.releases.roll_back(MODEL, "people correct v2 more often", to="v1", judged=judged)
    assert shop.live == "v3"
    shop.releases.roll_back(MODEL, "by hand", to="v2")
    # The same version again is another decision.
    with pytest.raises(ReleaseError, match="v2 went live meanwhile"):
        shop.releases.roll_back(MODEL, "people correct v2 more often", to="v1", judged=judged)
    live = shop.releases.live(MODEL)
    assert shop.releases.roll_back(MODEL, "r", to="v1", judged=live).version == "v1"


def test_models_do_not_touch_each_other(shop: Shop) -> None:
    shop.releases.release(MODEL, "v1")
    assert shop.releases.live("another") is None
    assert shop.releases.history("another") == ()


def test_a_missing_topic_and_a_kafka_that_is_out_are_named(shop: Shop, kafka: EmbeddedKafka) -> None:
    connection = KafkaSettings(kafka_bootstrap_servers=kafka.bootstrap_servers)
    with pytest.raises(ReleaseError, match="topics create"):
        Releases(connection, "nowhere.adapter.releases", shop.registry).live(MODEL)
