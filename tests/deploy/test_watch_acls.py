"""`sentistream trainer watch` as it is deployed: with the trainer's rights alone, healthy, and ended by SIGTERM."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from schemas.topics import TopicNames, topics
from sentistream.embedded import EmbeddedKafka
from sentistream.embedded.ports import kept_ports
from sentistream.probe import is_healthy
from sentistream.topics import create_topics
from tests.deploy.acl_rig import commands, new_name, user_with
from tests.streams.secured_rig import environment_of
from tests.trainer.feedback_rig import MODEL, Platform
from tests.waiting import wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(200)]


def test_the_watch_works_with_exactly_the_trainers_rights(secure_kafka: EmbeddedKafka, tmp_path: Path) -> None:
    names = TopicNames(topic_prefix=f"{new_name('acl')}.")
    create_topics(secure_kafka.connection, topics(names, "embedded", 1))
    user = f"{names.topic_prefix}trainer"
    rights = commands("trainer", {"TOPIC_PREFIX": names.topic_prefix, "TRAINER_USER": user})
    login = user_with(secure_kafka, user, rights)
    platform = Platform(secure_kafka.connection, names, model=MODEL)
    first, second = platform.conversation(turns=2)
    platform.label(first, "joy")
    (port,) = kept_ports(tmp_path / "ports.json", 1)
    settings = {
        **environment_of(login),
        "TOPIC_PREFIX": names.topic_prefix,
        "MODEL": MODEL,
        "TRAINER_REGISTRY": str(tmp_path / "registry"),
        "TRAINER_WATCH_PORT": str(port),
        "TRAINER_WATCH_SECONDS": "0.5",
        "LOG_FORMAT": "json",
    }

    def read(kind: str) -> float:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        found = [one for one in lines if one.startswith(f'sentistream_trainer_watched_total{{kind="{kind}"}}')]
        return float(found[0].split()[1]) if found else 0.0

    log = tmp_path / "watch.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "sentistream", "trainer", "watch"],
            env={**os.environ, **settings},
            stdout=output,
            stderr=output,
        )
    try:
        wait_for(lambda: process.poll() is not None or is_healthy(port), "health", 120)
        assert process.poll() is None, log.read_text()
        wait_for(lambda: (read("event"), read("label")) == (2, 1), "what was said before", 60)
        platform.label(second, "anger")
        wait_for(lambda: read("label") == 2, "what is said now", 60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()
    said = log.read_text()
    assert "AUTHORIZATION" not in said.upper(), said
    assert "watch_interrupted" not in said, said
