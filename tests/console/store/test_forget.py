"""A conversation goes from the store, Redis and the trainer, does not come back, and Kafka's time is told."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from console.store.database import Database, sqlite_url
from console.store.forget import forget
from console.store.migrate import migrate
from console.store.tables import AdapterCount, Bucket, Conversation, CurrentLabel, Event, EventDetail, LabelRecord
from prompts.windows import key_of
from schemas.connections import KafkaSettings, RedisSettings
from sentistream.cli import main
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from sentistream.forgetting.topics import messages_topic
from streams.redis_client import redis_client
from streams.window import Found, Group, PartitionWork, WindowRule, WindowStore
from tests.conftest import TopicsFactory
from tests.console.store.making import Filler, make_event, make_label, rows_of

_SECRET = "a secret that must not stay"


def test_its_rows_go_and_counts_stay(database: Database) -> None:
    filler = Filler(database)
    mine = [make_event(number, conversation_id="private", text=f"{_SECRET} {number}") for number in range(3)]
    filler.write(
        *mine, make_event(10, conversation_id="other"), make_event(11, conversation_id="private", tenant="globex")
    )
    filler.write(make_label(mine[0], "anger"))
    found = forget(database, "acme", "private")
    assert (found.events, found.labels) == (3, 1)
    left = {(row["tenant"], row["conversation_id"]) for row in rows_of(database, Event)}
    assert left == {("acme", "other"), ("globex", "private")}
    assert len(rows_of(database, EventDetail)) == len(rows_of(database, Conversation)) == 2
    assert rows_of(database, LabelRecord) == rows_of(database, CurrentLabel) == []
    assert sum(row["events"] for row in rows_of(database, Bucket) if row["width_s"] == 60) == 5
    assert sum(row["events"] for row in rows_of(database, AdapterCount)) == 5


def test_it_does_not_come_back(database: Database) -> None:
    filler = Filler(database)
    filler.write(make_event(0))
    forget(database, "acme", "room")
    filler.write(make_event(0), make_event(1))
    assert rows_of(database, Event) == rows_of(database, Conversation) == []
    assert forget(database, "acme", "room").events == 0


def test_nothing_of_it_stays_in_the_files(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "events.db"))
    migrate(database)
    filler = Filler(database)
    filler.write(*[make_event(number, text=f"{_SECRET} {number} " * 40) for number in range(50)])
    assert any(_SECRET.encode() in one.read_bytes() for one in tmp_path.iterdir())
    forget(database, "acme", "room")
    assert not [one.name for one in tmp_path.iterdir() if _SECRET.encode() in one.read_bytes()]
    database.close()


@pytest.mark.kafka
def test_the_command_forgets_everywhere_and_says_what_kafka_holds(
    kafka: EmbeddedKafka, redis_server: EmbeddedRedis, topics: TopicsFactory, tmp_path: Path
) -> None:
    names = topics(2)
    database = Database(sqlite_url(tmp_path / "events.db"))
    migrate(database)
    now = datetime.now(UTC)
    Filler(database).write(
        make_event(0, conversation_id="private", sent_at=now), make_event(1, conversation_id="other")
    )
    connection = KafkaSettings(kafka_bootstrap_servers=kafka.bootstrap_servers)
    topic_id = messages_topic(connection, names).topic_id
    keys = [key_of("acme", one) for one in ("private", "other")]
    assert asyncio.run(_turns(redis_server, topic_id, keys, add=True)) == [False, False]
    assert asyncio.run(_turns(redis_server, topic_id, keys, add=False)) == [True, True]
    (tmp_path / "trainer").mkdir()

    given = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "REDIS_URL": redis_server.url,
        "TOPIC_PREFIX": names.topic_prefix,
        "STORE_DATABASE": str(tmp_path / "events.db"),
        "TRAINER_FOLDER": str(tmp_path / "trainer"),
    }
    asked = CliRunner().invoke(main, ["forget", "private", "--tenant", "acme"], env=given, input="n\n")
    assert asked.exit_code == 1
    assert len(rows_of(database, Event)) == 2
    done = CliRunner().invoke(main, ["forget", "private", "--tenant", "acme", "--yes", "--json"], env=given)
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["store"]["counts"] == {"events": 1, "labels": 0, "alerts": 0}
    assert report["redis"]["counts"] == {"windows": 1}
    assert report["trainer"]["counts"] == {"archived messages": 0, "messages in runs": 0}
    until = {one["topic"].removeprefix(names.topic_prefix): one["until"] for one in report["kafka"]}
    assert datetime.fromisoformat(until["chat.messages"]) > now + timedelta(days=7)
    assert datetime.fromisoformat(until["emotion.events"]) > now + timedelta(days=30)
    assert asyncio.run(_turns(redis_server, topic_id, keys, add=False)) == [False, True]
    assert [row["conversation_id"] for row in rows_of(database, Event)] == ["other"]
    again = CliRunner().invoke(main, ["forget", "private", "--tenant", "acme", "--yes"], env=given)
    assert again.exit_code == 0
    assert "removed: 0 events" in again.stdout
    database.close()


def test_what_is_out_of_reach_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentistream.forgetting.topics._TIMEOUT_S", 1.0)
    nowhere = {
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "STORE_DATABASE": str(tmp_path / "none.db"),
        "TRAINER_FOLDER": str(tmp_path / "none"),
    }
    done = CliRunner().invoke(main, ["forget", "private", "--yes"], env=nowhere)
    assert done.exit_code == 69
    assert "no event store at" in done.stdout
    assert "NOT DONE" in done.stdout
    assert "NOT KNOWN" in done.stdout
    assert not (tmp_path / "none.db").exists()


async def _turns(server: EmbeddedRedis, topic_id: str, keys: list[str], *, add: bool) -> list[bool]:
    """Whether the stream finds a turn in each window; each in a partition of its own."""
    client = redis_client(RedisSettings(redis_url=server.url), 5.0)
    store = WindowStore(client, WindowRule(turns=3, keep=5, ttl_s=3600), 10.0)
    below = 0 if add else 9
    work = [
        PartitionWork(
            topic_id, number, -1, below, 0, [Group(key, below, [(0, b'"a turn"')] if add else [])], check=False
        )
        for number, key in enumerate(keys)
    ]
    found = await store.exchange(work)
    await store.close()
    assert all(isinstance(one, Found) for one in found)
    return [b"a turn" in window for one in found if isinstance(one, Found) for window in one.windows]
