"""Releases on the real Kafka: what is live is known before the first message, and what comes later is followed."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka import Producer

from schemas.codec import encode
from schemas.connections import KafkaSettings
from schemas.release import AdapterRelease
from schemas.topics import TopicNames
from sentistream.embedded import EmbeddedKafka
from tests.conftest import TopicsFactory
from tests.waiting import wait_for
from worker.errors import MisconfiguredError
from worker.release_reader import ReleaseReader

pytestmark = pytest.mark.kafka
NOW = datetime(2026, 3, 2, tzinfo=UTC)


class Releases:
    """One topic of releases."""

    def __init__(self, kafka: EmbeddedKafka, names: TopicNames) -> None:
        self.settings = KafkaSettings(kafka_bootstrap_servers=kafka.bootstrap_servers)
        self.names = names
        self.applied: list[str | None] = []
        self.trouble: Exception | None = None
        self._servers = kafka.bootstrap_servers

    def publish(self, *records: tuple[str, bytes | None], **config: Any) -> None:
        """Write records, in a transaction where `config` says so."""
        producer = Producer({"bootstrap.servers": self._servers, **config})
        if config:
            producer.init_transactions(30)
            producer.begin_transaction()
        for key, value in records:
            producer.produce(self.names.releases, value, key.encode())
        assert producer.flush(30) == 0
        if config:
            producer.commit_transaction(30)

    def apply(self, release: AdapterRelease) -> "Future[Any]":
        done: Future[Any] = Future()
        self.applied.append(release.version)
        if self.trouble is None:
            done.set_result(None)
        else:
            done.set_exception(self.trouble)
        return done

    @contextmanager
    def followed(self, model: str = "ours") -> Iterator[ReleaseReader]:
        """A reader that has read to the end, for the length of the block."""
        reader = ReleaseReader(self.settings, self.names.releases, model, self.apply)
        reader.start()
        try:
            yield reader
        finally:
            reader.stop()


def release(version: str | None, model: str = "ours") -> tuple[str, bytes]:
    status: Any = "released" if version else "rolled_back"
    return model, encode(AdapterRelease(model=model, version=version, status=status, decided_at=NOW))


@pytest.fixture
def releases(kafka: EmbeddedKafka, topics: TopicsFactory) -> Releases:
    return Releases(kafka, topics())


def test_an_empty_topic_says_that_there_is_none_and_is_followed(releases: Releases) -> None:
    with releases.followed():
        assert releases.applied == []
        releases.publish(release("v1"))
        wait_for(lambda: releases.applied == ["v1"], "the release")


def test_only_the_latest_is_applied_at_the_start_then_each_in_turn(releases: Releases) -> None:
    releases.publish(release("v1"), release("v2"), release("v3"))
    with releases.followed():
        assert releases.applied == ["v3"]
        releases.publish(release("v4"), release(None), release("v2"))
        wait_for(lambda: len(releases.applied) == 4, "three more")
    assert releases.applied == ["v3", "v4", None, "v2"]


def test_other_models_releases_tombstones_and_nonsense_are_passed_over(releases: Releases) -> None:
    newer = release("v9")[1].replace(b'"1.0"', b'"2.0"')
    strange: list[tuple[str, bytes | None]] = [
        release("x1", "theirs"),
        ("ours", None),
        ("ours", b"\xff"),
        ("ours", b"{}"),
        ("ours", newer),
    ]
    releases.publish(*strange)
    with releases.followed():
        assert releases.applied == []
        releases.publish(*strange, release("v1"), *strange, release("v2"))
        wait_for(lambda: releases.applied == ["v1", "v2"], "ours")


def test_the_end_is_known_behind_a_transactions_marker_too(releases: Releases) -> None:
    releases.publish(release("v1"), **{"transactional.id": f"{releases.names.topic_prefix}trainer"})
    with releases.followed():
        assert releases.applied == ["v1"]


def test_every_worker_reads_all_of_it_again(releases: Releases) -> None:
    releases.publish(release("v1"))
    for _ in range(2):
        with releases.followed():
            pass
    with releases.followed(), releases.followed():
        pass
    assert releases.applied == ["v1"] * 4


def test_a_release_that_cannot_be_applied_does_not_end_the_following(releases: Releases) -> None:
    with releases.followed():
        releases.trouble = RuntimeError("unforeseen")
        releases.publish(release("v1"))
        wait_for(lambda: releases.applied == ["v1"], "the first")
        releases.trouble = None
        releases.publish(release("v2"))
        wait_for(lambda: releases.applied == ["v1", "v2"], "the second")


def test_a_missing_topic_is_named(releases: Releases) -> None:
    reader = ReleaseReader(releases.settings, "nowhere.adapter.releases", "ours", releases.apply)
    with pytest.raises(MisconfiguredError, match=r"nowhere\.adapter\.releases"):
        reader.start()
    reader.stop()


def test_after_the_stop_no_thread_is_left(releases: Releases) -> None:
    with releases.followed():
        assert any(thread.name == "releases" for thread in threading.enumerate())
    assert not any(thread.name == "releases" for thread in threading.enumerate())
