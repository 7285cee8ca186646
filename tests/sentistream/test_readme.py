"""What the README shows is what runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

from schemas.chat import ChatMessage
from schemas.codec import decode
from schemas.topics import TopicNames
from sentistream.commands.settings import settings_table
from sentistream.embedded import EmbeddedKafka
from tests.conftest import TopicsFactory

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_settings_are_those_of_the_code() -> None:
    table = README.split("<!-- sentistream settings -->\n")[1].split("\n<!-- end of settings -->")[0]
    assert table == settings_table(), "put the output of `sentistream settings` there"


def test_every_file_that_is_named_is_there() -> None:
    named = re.findall(r"\]\(([^)#:]+)\)", README)
    assert named
    assert [one for one in named if not (ROOT / one).exists()] == []


def _snippet(number: int, kafka: EmbeddedKafka, names: TopicNames) -> str:
    code: str = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[number]
    for topic in ("chat.messages", "emotion.events"):
        code = code.replace(topic, names.topic_prefix + topic)
    return code.replace("localhost:9092", kafka.bootstrap_servers)


@pytest.mark.kafka
def test_the_publisher_publishes_what_the_stream_takes(kafka: EmbeddedKafka, topics: TopicsFactory) -> None:
    names = topics()
    subprocess.run([sys.executable, "-c", _snippet(0, kafka, names)], check=True, timeout=60)
    consumer = Consumer(
        {"bootstrap.servers": kafka.bootstrap_servers, "group.id": "readme", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([names.messages])
    record = consumer.poll(60)
    consumer.close()
    assert record is not None
    assert record.error() is None
    assert record.key() == b"room-7"
    assert decode(ChatMessage, record.value()).text == "I got the job!"


@pytest.mark.kafka
def test_the_consumer_shows_an_event(kafka: EmbeddedKafka, topics: TopicsFactory) -> None:
    names = topics()
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    event = b'{"conversation_id":"room-7","speaker":"ana","status":"labelled","label":"joy","confidence":0.9}'
    producer.produce(names.events, event)
    assert producer.flush(30) == 0
    reader = subprocess.Popen(
        [sys.executable, "-u", "-c", _snippet(1, kafka, names)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert reader.stdout is not None
        assert reader.stdout.readline().split() == ["room-7", "ana", "labelled", "joy", "0.9"]
    finally:
        reader.kill()
        reader.wait(30)
