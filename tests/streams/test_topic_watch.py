"""The stream notices that its topics are others than at its start, and takes no commit of a topic that is gone."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from streams import topic_watch
from streams.errors import TopicsError
from streams.intake import FAILED, Intake
from streams.named_commits import name_commits
from streams.settings import StreamsSettings
from streams.topic_facts import TopicFacts
from streams.topic_watch import TopicWatch

_AT_START = TopicFacts("new", 3, None)


def _unequal() -> TopicsError:
    return TopicsError("these topics need equal partition counts")


def _unanswered() -> TopicsError:
    error = TopicsError("Kafka does not answer")
    error.__cause__ = TimeoutError()
    return error


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        (_AT_START, False),
        (TopicFacts("new", 3, 60.0), False),
        (TopicFacts("newer", 3, None), True),
        (TopicFacts("new", 4, None), True),
        (_unequal(), True),
        (_unanswered(), False),
    ],
    ids=["the same", "another retention", "made anew", "partitions added", "unequal counts", "no answer"],
)
def test_topics_that_changed_end_the_stream_by_name(
    now: TopicFacts | TopicsError, *, ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def facts(*_: object) -> TopicFacts:
        if isinstance(now, TopicsError):
            raise now
        return now

    monkeypatch.setattr(topic_watch, "topic_facts", facts)
    monkeypatch.setattr(topic_watch, "_EVERY_S", 0.01)
    statuses: list[int] = []

    async def look_often() -> None:
        twice = asyncio.Event()

        def end(status: int) -> None:
            statuses.append(status)
            if len(statuses) > 1:
                twice.set()

        watch = TopicWatch(StreamsSettings(), _AT_START, Intake("m", 1, accepts_loss=False, end=end))
        watching = asyncio.create_task(watch.watch())
        await watch.look()
        if ends:
            await asyncio.wait_for(twice.wait(), 30)
        watching.cancel()

    with structlog.testing.capture_logs() as logs:
        asyncio.run(look_often())
    assert set(statuses) == ({FAILED} if ends else set())
    failed = [one for one in logs if one["event"] == "streams_failed"]
    assert {one["kind"] for one in failed} == ({"TopicsError"} if ends else set())
    assert any(one["event"] == "topics_not_checked" for one in logs) is isinstance(now, TopicsError)


class _Consumer:
    """What is used of aiokafka's; keeps what was committed."""

    def __init__(self, kept: dict[TopicPartition, OffsetAndMetadata]) -> None:
        self.kept = kept
        self._coordinator = SimpleNamespace(fetch_committed_offsets=self._fetch)

    async def commit(self, offsets: dict[TopicPartition, OffsetAndMetadata]) -> None:
        self.kept |= offsets

    async def committed(self, place: TopicPartition) -> int | None:
        raise NotImplementedError(place)

    async def _fetch(self, places: list[TopicPartition]) -> dict[TopicPartition, OffsetAndMetadata]:
        return {place: self.kept[place] for place in places if place in self.kept}


def test_an_offset_holds_for_the_topic_that_it_was_committed_under() -> None:
    own, gone, tool, none, unknown = places = [TopicPartition("m", number) for number in range(5)]
    consumer: Any = _Consumer(
        {
            gone: OffsetAndMetadata(100, "old"),
            tool: OffsetAndMetadata(40, ""),
            none: OffsetAndMetadata(-1, ""),
        }
    )
    name_commits(consumer, "new")

    async def find() -> list[int | None]:
        await consumer.commit({own: OffsetAndMetadata(7, "")})
        return [await consumer.committed(place) for place in places]

    with structlog.testing.capture_logs() as logs:
        assert asyncio.run(find()) == [7, None, 40, None, None], (own, gone, tool, none, unknown)
    assert consumer.kept[own] == OffsetAndMetadata(7, "new")
    (told,) = logs
    assert (told["event"], told["partition"], told["was"], told["not_taken"]) == ("topic_made_anew", 1, "old", 100)
