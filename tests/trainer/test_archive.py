"""What was once labelled is there still when the topics forgot it, unless people took it back or it was to go."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from prompts.windows import key_of
from schemas.chat import Source
from schemas.connections import RedisSettings
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from tests.conftest import TopicsFactory
from tests.trainer.feedback_rig import Platform
from trainer.errors import LockTakenError
from trainer.feedback.archive import Archive, archive_folder
from trainer.feedback.labelled import Collected
from trainer.feedback.split import part_of
from trainer.feedback.store import read_collected, write_collected
from trainer.forget import forget
from trainer.lock import Lease, lock_name

FAR = 10_000.0
"""More days than lie between the rig's labels and now."""


@pytest.fixture
def platform(kafka: EmbeddedKafka, topics: TopicsFactory) -> Platform:
    return Platform(kafka.connection, topics())


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(archive_folder(tmp_path, "tiny", ""), FAR)


def refresh(platform: Platform, archive: Archive) -> dict[Source, str]:
    """As a refresh does; what is labelled now."""
    collected = platform.collect(archive=archive)
    archive.add(collected.labelled, collected.withdrawn)
    counts = collected.counts
    assert counts.annotated == len(collected.labelled) + counts.ties + counts.missing_messages + counts.forgotten
    return {one.source: one.label for one in collected.labelled}


def names_of(collected: Collected) -> list[tuple[Source, str, bool]]:
    return [(one.source, one.label, one.new) for one in collected.labelled]


@pytest.mark.kafka
def test_labels_outlive_the_topics_with_the_prompt_that_was_asked(platform: Platform, archive: Archive) -> None:
    sources = platform.conversation("c", 6)
    for source in sources[2:]:
        platform.label(source, "joy")
    first = platform.collect(archive=archive)
    assert (len(first.labelled), first.counts.kept) == (4, 0)
    archive.add(first.labelled)
    seen = platform.spans()

    platform.delete(platform.names.messages, 5)
    platform.delete(platform.names.events, 4)
    assert len(platform.collect().labelled) == 0, "without it they would be gone"
    platform.label(sources[3], "anger", at=9)
    later = platform.collect(archive=archive, seen=seen)
    assert names_of(later) == [
        (sources[2], "joy", False),
        (sources[3], "anger", True),
        (sources[4], "joy", False),
        (sources[5], "joy", False),
    ]
    assert [one.parts for one in later.labelled] == [one.parts for one in first.labelled]
    assert [part_of(one.conversation) for one in later.labelled] == [
        part_of(one.conversation) for one in first.labelled
    ]
    assert (later.counts.kept, later.counts.missing_messages, later.counts.hash_mismatches) == (4, 0, 0)

    platform.delete(platform.names.labels, 5)
    archive.add(later.labelled, later.withdrawn)
    last = platform.collect(archive=archive)
    assert names_of(last) == [(one, "anger" if one == sources[3] else "joy", False) for one in sources[2:]]
    assert last.counts.annotated == last.counts.labelled == last.counts.kept == 4


@pytest.mark.kafka
def test_what_people_take_back_later_is_not_learnt_again(platform: Platform, archive: Archive) -> None:
    one, two, three = platform.conversation("c", 3)
    for source in (one, two, three):
        platform.label(source, "joy")
    assert len(refresh(platform, archive)) == 3
    platform.delete(platform.names.messages, 3)
    platform.label(one, None, at=9)
    platform.label(two, "fear", by="ben", at=9)
    assert refresh(platform, archive) == {three: "joy"}, "one was taken back, one is a tie"
    platform.label(two, "fear", by="cem", at=10)
    assert refresh(platform, archive) == {two: "fear", three: "joy"}
    platform.delete(platform.names.labels, 6)
    assert refresh(platform, archive) == {two: "fear", three: "joy"}


@pytest.mark.kafka
def test_a_forgotten_conversation_is_gone_and_stays_away(
    platform: Platform, redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    archive = Archive(archive_folder(tmp_path, "tiny", platform.names.topic_prefix), FAR)
    gone, stays = platform.conversation("gone", 2), platform.conversation("stays", 2)
    for source in (*gone, *stays):
        platform.label(source, "joy")
    assert len(refresh(platform, archive)) == 4
    for run, outcome in (("20260101T000000Z-aaaa", True), ("20260102T000000Z-bbbb", False)):
        _run_folder(tmp_path, run, platform.collect(), finished=outcome)
    redis = RedisSettings(redis_url=redis_server.url)
    arguments = (tmp_path, "tiny", key_of("default", "gone"), redis, platform.names.topic_prefix)
    with (
        Lease(redis, lock_name(platform.names.topic_prefix, "tiny"), 30),
        pytest.raises(LockTakenError),
    ):
        forget(*arguments)
    found = forget(*arguments)
    assert (found.archived, found.in_runs) == (2, 4)
    left = "".join(path.read_text() for path in tmp_path.rglob("*.jsonl"))
    assert '"stays"' in left
    assert '"gone"' not in left
    assert [path.name for path in (tmp_path / "tiny" / "runs").iterdir()] == ["20260101T000000Z-aaaa"], "starts clean"
    assert refresh(platform, archive) == dict.fromkeys(stays, "joy"), "though the topics still hold it"


def _run_folder(folder: Path, version: str, collected: Collected, *, finished: bool) -> None:
    path = folder / "tiny" / "runs" / version
    (path / "data").mkdir(parents=True)
    run = {
        "model": "tiny",
        "version": version,
        "base_sha256": "0" * 64,
        "parent": None,
        "recipe_sha256": "0" * 64,
        "spans": [one.model_dump() for one in collected.spans],
        "started_at": "2026-01-01T00:00:00Z",
    }
    (path / "run.json").write_text(json.dumps(run))
    if finished:
        (path / "outcome.json").write_text(json.dumps({"status": "refused", "reason": "no", "model": "tiny"}))
    written = write_collected(collected, path / "data")
    assert read_collected(path / "data") == written


@pytest.mark.kafka
def test_rows_are_appended_once_survive_a_cut_and_are_checked(
    platform: Platform, archive: Archive, tmp_path: Path
) -> None:
    sources = platform.conversation("c", 3)
    for source in sources:
        platform.label(source, "joy")
    collected = platform.collect()
    assert archive.add(collected.labelled) == 3
    assert archive.add(collected.labelled) == 0
    (path,) = tmp_path.rglob("*.jsonl")
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    assert archive.read().keys() == {*sources[:2]}
    assert archive.add(collected.labelled) == 1
    assert archive.read().keys() == {*sources}
    path.write_bytes(whole.replace(b'"text":"' + _text(platform, sources[1]), b'"text":"other words'))
    assert sources[1] not in archive.read()


def _text(platform: Platform, source: Source) -> bytes:
    return platform.sent[source].text.encode()


@pytest.mark.kafka
def test_rows_go_with_their_retention(platform: Platform, tmp_path: Path) -> None:
    old, fresh = platform.conversation("old", 1), platform.conversation("fresh", 1)
    now = datetime.now(UTC)
    platform.label(old[0], "joy")
    platform.label(fresh[0], "joy", labelled_at=now)
    archive = Archive(tmp_path, 30)
    archive.add(platform.collect().labelled)
    assert archive.read(now).keys() == {fresh[0]}
    archive.drop_old(now)
    assert len(list(tmp_path.rglob("*.jsonl"))) == 1
    archive.drop_old(now + timedelta(days=31))
    assert not list(tmp_path.rglob("*.jsonl"))


def test_ids_are_never_paths(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "kept", 1)
    assert archive.forget(key_of("..", "../../evil/\x00")) == 0
    assert archive.is_forgotten(key_of("..", "../../evil/\x00"))
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
