"""Whoever publishes, makes topics, replays a file, or tries or answers again, needs exactly what deploy/acls gives."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from click.testing import CliRunner
from confluent_kafka import Consumer, Producer

from schemas.chat import ChatMessage
from schemas.codec import encode
from schemas.connections import KafkaSettings
from schemas.topics import TopicNames, topics
from sentistream.cli import main
from sentistream.embedded import EmbeddedKafka
from sentistream.errors import PublishError
from sentistream.forgetting.topics import messages_topic
from sentistream.publisher import Outbound, Place, Publisher
from sentistream.topics import create_topics
from tests.deploy.acl_rig import commands, each_line_of, new_name, right, user_with
from tests.sentistream.synthetic import make_event, make_letter
from tests.streams.secured_rig import environment_of
from tests.waiting import wait_for

pytestmark = pytest.mark.kafka

HERE = datetime(2026, 11, 21, 3, 15, tzinfo=UTC)


class RefusedError(Exception):
    """A command did not do its work; the text is what it said."""


@dataclass
class Deployment:
    """Names of one test on the broker that asks for rights."""

    kafka: EmbeddedKafka
    folder: Path
    names: TopicNames = field(default_factory=lambda: TopicNames(topic_prefix=f"{new_name('acl')}."))

    def commands(self, file: str) -> list[str]:
        """Those of a file, for names of our own."""
        prefix = self.names.topic_prefix
        groups = {f"{one}_GROUP": f"{prefix}{one.lower()}" for one in ("STREAMS", "WORKER")}
        return commands(file, {"TOPIC_PREFIX": prefix, f"{file.upper()}_USER": f"{prefix}{file}", **groups})

    def login(self, file: str, without: int | None = None) -> KafkaSettings:
        """A user with the file's rights, but for one."""
        given = [one for number, one in enumerate(self.commands(file)) if number != without]
        return user_with(self.kafka, f"{self.names.topic_prefix}{file}", given)

    def make_topics(self) -> None:
        create_topics(self.kafka.connection, topics(self.names, "embedded", 1))

    def run(self, login: KafkaSettings, *arguments: str) -> str:
        """What a command prints; RefusedError with it where it fails."""
        environment = {**environment_of(login), "TOPIC_PREFIX": self.names.topic_prefix, "TOPIC_PROFILE": "embedded"}
        done = CliRunner().invoke(main, arguments, env=environment)
        if done.exit_code:
            assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
            raise RefusedError(done.output)
        return done.output

    def write(self, topic: str, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        producer = Producer(self.kafka.connection.librdkafka())
        producer.produce(topic, value, b"c", 0, headers=list(headers))
        assert producer.flush(20) == 0

    @contextmanager
    def services(self) -> Iterator[None]:
        """A stream and a worker in their groups: of two messages one has an event, and one a dead letter."""
        admin, names = self.kafka.connection, self.names
        topic_id = messages_topic(admin, names).topic_id
        ending, held = threading.Event(), {"streams": threading.Event(), "worker": threading.Event()}

        def member(name: str, topic: str) -> None:
            settings = {"group.id": f"{names.topic_prefix}{name}", "auto.offset.reset": "earliest", "log_level": 0}
            consumer = Consumer({**admin.librdkafka(), **settings})
            consumer.subscribe([topic], on_assign=lambda *_: held[name].set())
            while not ending.is_set():
                record: Any = consumer.poll(0.05)
                if record is None or record.error() is not None:
                    continue
                place = Place(record.partition(), record.offset())
                if place.offset % 2:
                    self.write(names.dead_letters, b"", make_letter(place, topic_id=topic_id).to_headers())
                else:
                    self.write(names.events, encode(make_event(place, topic_id=topic_id)))
            consumer.close()

        members = [
            threading.Thread(target=member, args=given)
            for given in (("streams", names.messages), ("worker", names.requests))
        ]
        for one in members:
            one.start()
        try:
            wait_for(lambda: all(one.is_set() for one in held.values()), "both are in their groups")
            yield
        finally:
            ending.set()
            for one in members:
                one.join(30)


def platform(deployment: Deployment, login: KafkaSettings) -> None:
    """A chat platform: one that publishes as it should."""
    deployment.make_topics()
    publisher = Publisher(login, deployment.names.messages)
    try:
        publisher.publish(Outbound(b"c", b"{}"))
        publisher.flush()
    except PublishError as error:
        raise RefusedError(str(error)) from error


def topics_made(deployment: Deployment, login: KafkaSettings) -> None:
    """Made, found on a second run, and described."""
    wanted = [one.name for one in topics(deployment.names, "embedded", 6)]
    made = deployment.run(login, "topics", "create")
    assert all(f"created {one}" in made for one in wanted)
    assert "all topics exist" in deployment.run(login, "topics", "create")
    described = deployment.run(login, "topics", "describe")
    assert all(one in described for one in wanted)
    assert "!" not in described


def dlq(deployment: Deployment, login: KafkaSettings) -> None:
    """Two letters read, and both replayed: one holds its message, the other's stands in ``chat.messages``."""
    deployment.make_topics()
    names = deployment.names
    topic_id = messages_topic(deployment.kafka.connection, names).topic_id
    message = ChatMessage(message_id="m", conversation_id="c", speaker="ana", text="hello", sent_at=HERE)
    inside = make_letter(Place(0, 0), "invalid", topic=names.messages, topic_id=topic_id)
    outside = make_letter(Place(0, 1), "invalid", topic=names.requests, topic_id=topic_id)
    deployment.write(names.messages, b"not json")
    deployment.write(names.messages, encode(message))
    deployment.write(names.dead_letters, encode(message), inside.to_headers())
    deployment.write(names.dead_letters, b"a request", outside.to_headers())
    assert "2 replayed, 0 not" in deployment.run(login, "dlq", "replay", "--all")


def replay(deployment: Deployment, login: KafkaSettings) -> None:
    """Two messages published, an event and a dead letter seen."""
    deployment.make_topics()
    prefix = deployment.names.topic_prefix
    file = deployment.folder / "chats.jsonl"
    rows = [{"conversation_id": "c", "speaker": "ana", "text": text} for text in ("hello", "so")]
    file.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    groups = ("--streams-group", f"{prefix}streams", "--worker-group", f"{prefix}worker")
    with deployment.services():
        told = deployment.run(login, "replay", str(file), "--attach", *groups, "--stall-s", "20")
    found = dict(line.split()[:2] for line in told.splitlines() if len(line.split()) == 2)
    assert (found["events"], found["dead_letters"], found["missing"]) == ("1", "1", "0")


def relabel(deployment: Deployment, login: KafkaSettings) -> None:
    """A message answered again, once; the model is not asked about its language, so that none is loaded."""
    deployment.make_topics()
    names = deployment.names
    topic_id = messages_topic(deployment.kafka.connection, names).topic_id
    said = {"conversation_id": "c", "speaker": "ana", "text": "hello", "sent_at": HERE, "language": "xx"}
    deployment.write(names.messages, encode(ChatMessage(message_id="m", **said)))
    deployment.write(names.events, encode(make_event(Place(0, 0), topic_id=topic_id)))
    now = datetime.now(UTC)
    span = ("--from", (now - timedelta(hours=1)).isoformat(), "--to", (now + timedelta(hours=1)).isoformat())
    with patch("trainer.lora.loading.load_for_answers"):
        for written, already in ((1, 0), (0, 1)):
            told = orjson.loads(deployment.run(login, "relabel", *span, "--adapter", "base", "--json").splitlines()[-1])
            assert (told["written"], told["already"], told["no_event"]) == (written, already, 0)


FILES: dict[str, Callable[[Deployment, KafkaSettings], None]] = {
    "platform": platform,
    "topics": topics_made,
    "dlq": dlq,
    "replay": replay,
    "relabel": relabel,
}
LINES = each_line_of(FILES)


@pytest.fixture
def deployment(secure_kafka: EmbeddedKafka, tmp_path: Path) -> Deployment:
    return Deployment(secure_kafka, tmp_path)


@pytest.mark.parametrize("file", FILES)
def test_the_file_has_all_rights_that_it_takes(deployment: Deployment, file: str) -> None:
    FILES[file](deployment, deployment.login(file))


@pytest.mark.soak
@pytest.mark.parametrize(("file", "without"), LINES)
def test_without_any_one_right_it_is_refused_and_the_right_named(
    deployment: Deployment, file: str, without: int
) -> None:
    with pytest.raises(RefusedError) as refused:
        FILES[file](deployment, deployment.login(file, without))
    lacking = right(deployment.commands(file)[without])
    # Kafka takes Describe from Read and Write, and a command that looks at a topic first says that it lacks this.
    assert any(one in str(refused.value) for one in (lacking, f"Describe {lacking.partition(' ')[2]}")), refused.value


@pytest.mark.soak
def test_dead_letters_are_listed_with_the_lines_that_the_file_names(deployment: Deployment) -> None:
    deployment.make_topics()
    first, *_, last = deployment.commands("dlq")
    login = user_with(deployment.kafka, f"{deployment.names.topic_prefix}dlq", [first, last])
    assert "0 dead letters" in deployment.run(login, "dlq", "list")
