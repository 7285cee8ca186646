"""`sentistream worker` as a process: the scripted engine, over TLS with a password, from start to SIGTERM."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from prompts.profile import SHIPPED_MODEL, find_model
from prompts.tokenizer import PromptTokenizer
from schemas.connections import KafkaSettings
from schemas.topics import TopicNames, topics
from sentistream.embedded import EmbeddedKafka
from sentistream.topics import create_topics
from tests.worker.kafka_rig import DEADLINE_S, Rig, make_request
from worker.errors import ExitCode

pytestmark = pytest.mark.kafka

MODEL = SHIPPED_MODEL


@contextmanager
def _worker(connection: KafkaSettings, log: Path, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command, with its settings in the environment, where no process list shows a password."""
    password = connection.kafka_sasl_password
    fields = connection.model_dump(mode="json", exclude_none=True) | {
        "kafka_sasl_password": password.get_secret_value() if password else "",
        "engine": "scripted",
        "model": MODEL,
        "metrics_port": "0",
    }
    environment = {name.upper(): str(value) for name, value in (fields | settings).items()}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "sentistream", "worker"],
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_it_labels_over_tls_with_a_password_until_sigterm(secure_kafka: EmbeddedKafka, tmp_path: Path) -> None:
    names = TopicNames(topic_prefix="worker-process.")
    create_topics(secure_kafka.connection, topics(names, "embedded", 2))
    rig = Rig(secure_kafka.connection, names, 2)
    tokenizer = PromptTokenizer(find_model(MODEL)).sha256
    rig.publish(make_request(partition, offset, tokenizer=tokenizer) for offset in range(20) for partition in range(2))
    log = tmp_path / "worker.log"
    with _worker(secure_kafka.connection, log, topic_prefix=names.topic_prefix) as process:
        seen = rig.events(at_least=40)
        process.terminate()
        assert process.wait(DEADLINE_S) == ExitCode.STOPPED, log.read_text()
    assert [seen.offsets(partition) for partition in range(2)] == [list(range(20))] * 2
    assert {event.model for event in seen.events} == {MODEL}
    assert "not-a-secret" not in log.read_text()


def test_missing_topics_are_named_with_the_way_to_get_them(kafka: EmbeddedKafka, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with _worker(kafka.connection, log, topic_prefix="nowhere.") as process:
        assert process.wait(DEADLINE_S) == ExitCode.MISCONFIGURED
    assert "sentistream topics create" in log.read_text()
