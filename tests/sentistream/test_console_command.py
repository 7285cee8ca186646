"""`sentistream console` as a process on the real Kafka: its link, a label on its way round, its end."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from confluent_kafka import Producer

from schemas.codec import decode, encode
from schemas.connections import KafkaSettings
from schemas.event import EmotionEvent
from schemas.feedback import EmotionLabel
from schemas.topics import TopicNames
from sentistream.cli import main
from sentistream.embedded import EmbeddedKafka
from sentistream.topic_reader import read_topic
from tests.conftest import TopicsFactory
from tests.console.store.making import make_event
from tests.waiting import wait_for

WRITES = {"X-Requested-With": "sentistream"}
READ = ("me", "events", "events/stream", "health", "adapters", "dead-letters", "alerts")


class RunningConsole:
    """The command as a child, and its output."""

    def __init__(self, folder: Path, kafka: EmbeddedKafka, names: TopicNames, **settings: str) -> None:
        self.log = folder / "console.log"
        self.environment = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "TOPIC_PREFIX": names.topic_prefix,
            "STORE_DATABASE": str(folder / "events.db"),
            "STORE_METRICS_PORT": "0",
            "TRAINER_REGISTRY": str(folder / "adapters"),
            "CONSOLE_PORT": "0",
            "PYTHONUNBUFFERED": "1",
            **settings,
        }
        with self.log.open("wb") as file:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "sentistream", "console"], env=self.environment, stdout=file, stderr=file
            )
        wait_for(lambda: self._link() is not None or self.child.poll() is not None, "the link")
        link = self._link()
        assert link is not None, self.log.read_text()
        self.link = link
        self.address = link.partition("/open")[0].rstrip("/")

    def stop(self) -> int:
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(30)

    def _link(self) -> str | None:
        found = re.search(r"The console is at (http://\S+)\n", self.log.read_text())
        return found[1] if found else None


@pytest.fixture
def names(topics: TopicsFactory) -> TopicNames:
    return topics()


@pytest.fixture
def console(tmp_path: Path, kafka: EmbeddedKafka, names: TopicNames) -> Iterator[RunningConsole]:
    made = RunningConsole(tmp_path, kafka, names)
    yield made
    if made.child.poll() is None:
        made.child.kill()
        made.child.wait()


def test_a_correction_goes_round_and_the_console_ends_cleanly(
    console: RunningConsole, kafka: EmbeddedKafka, names: TopicNames
) -> None:
    connection = KafkaSettings(kafka_bootstrap_servers=kafka.bootstrap_servers)
    event = make_event(7, sent_at=datetime.now(UTC))
    publish(kafka, names, event)
    with httpx.Client(base_url=console.address, follow_redirects=True, timeout=20) as browser:
        assert browser.get(console.link).status_code == 200
        assert httpx.get(console.link).status_code == 401
        assert browser.get("/api/v1/me").json()["role"] == "operator"
        wait_for(lambda: bool(events(browser)), "the event")
        given = browser.post("/api/v1/labels", json={"event_id": event.event_id, "label": "anger"}, headers=WRITES)
        assert given.status_code == 201, given.text
        record = [decode(EmotionLabel, one.value) for one in read_topic(connection, names.labels)][-1]
        assert (record.event_id, record.label, record.model_label) == (event.event_id, "anger", "joy")
        assert record.source == event.source
        wait_for(lambda: events(browser)[0]["label"] == "anger", "the correction")
        shown = events(browser)[0]
        assert (shown["my_label"], shown["corrected"], shown["model_label"]) == ("anger", True, "joy")
        assert browser.delete(f"/api/v1/labels/{event.event_id}", headers=WRITES).status_code == 200
        wait_for(lambda: events(browser)[0]["label"] == "joy", "the model's label again")

        health = browser.get("/api/v1/health").json()
        assert health["kafka"] == "ok"
        assert {one["service"]: one["state"] for one in health["groups"]} == {
            "streams": "down", "worker": "down", "store": "ok",
        }  # fmt: skip
        assert browser.get("/api/v1/dead-letters").json()["letters"] == []
        assert browser.get("/api/v1/adapters").json()["trouble"] is None
        refused = browser.post("/api/v1/adapters/rollback", json={}, headers=WRITES)
        assert refused.status_code == 409, refused.text
        assert "nothing to roll back" in refused.json()["detail"]

        # An open stream does not hold up the end.
        with browser.stream("GET", "/api/v1/events/stream") as stream:
            next(stream.iter_lines())
            assert console.stop() == 0


def test_the_console_is_part_of_up(tmp_path: Path) -> None:
    log = tmp_path / "up.log"
    rules = tmp_path / "my-rules.yaml"
    rules.write_text("rules: [{name: cross, kind: turns, label: anger, turns: 1}]")
    with log.open("wb") as file:
        up = subprocess.Popen(
            [sys.executable, "-m", "sentistream", "up", "--data", str(tmp_path / "data")],
            env={**os.environ, "ALERT_RULES": str(rules)},
            stdout=file,
            stderr=file,
        )
    try:
        wait_for(lambda: "/open?token=" in log.read_text() or up.poll() is not None, "the link")
        link = re.search(r"The console: (http://\S+)", log.read_text())
        assert link is not None, log.read_text()
        with httpx.Client(follow_redirects=True, timeout=20) as browser:
            assert browser.get(link[1]).status_code == 200
            health = browser.get(link[1].partition("/open")[0] + "/api/v1/health").json()
            known = browser.get(link[1].partition("/open")[0] + "/api/v1/alerts/rules").json()
            assert known["file"] == rules.name, "and not those that it brings"
        assert health["kafka"] == "ok"
        up.send_signal(signal.SIGTERM)
        assert up.wait(60) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(link[1])
    finally:
        up.kill()
        up.wait()


def test_other_addresses_need_a_token_which_can_be_made_meanwhile(
    tmp_path: Path, kafka: EmbeddedKafka, names: TopicNames, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = RunningConsole(tmp_path, kafka, names, CONSOLE_HOST="0.0.0.0", LOG_FORMAT="json")  # noqa: S104 - as in a container
    try:
        assert "token=" not in console.log.read_text(), "a link would sign in whoever reads the log"
        (line,) = [one for one in console.log.read_text().splitlines() if "console_without_tokens" in one]
        said = json.loads(line)
        assert said["level"] == "warning"
        assert "sentistream console token create NAME --role operator" in said["to_do"]
        with httpx.Client(base_url=console.address, timeout=20) as stranger:
            assert stranger.get("/").status_code == 200, "the page, which asks for a token"
            for path in (f"/api/v1/{name}" for name in READ):
                assert stranger.get(path).status_code == 401, path
                assert stranger.get(path, headers={"Authorization": "Bearer st_guessed"}).status_code == 401, path
            monkeypatch.setenv("STORE_DATABASE", console.environment["STORE_DATABASE"])
            made = CliRunner().invoke(main, ["console", "token", "create", "first", "--role", "operator"])
            bearer = {"Authorization": f"Bearer {made.output.strip()}"}
            assert stranger.get("/api/v1/me", headers=bearer).json()["role"] == "operator"
        assert console.stop() == 0
    finally:
        console.child.kill()
        console.child.wait()


def test_tokens_are_made_listed_and_revoked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_DATABASE", str(tmp_path / "events.db"))

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(main, ["console", "token", *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    secret = run("create", "mei", "--role", "reviewer", "--tenant", "acme", "--days", "30").strip()
    assert len(secret) > 40
    listed = run("list")
    assert "mei" in listed
    assert "acme" in listed
    assert secret not in listed
    assert secret.encode() not in (tmp_path / "events.db").read_bytes()
    run("revoke", "mei")
    assert "revoked" in run("list")
    twice = CliRunner().invoke(main, ["console", "token", "revoke", "mei"])
    assert twice.exit_code == 1


def events(browser: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = browser.get("/api/v1/events").json()["events"]
    return found


def publish(kafka: EmbeddedKafka, names: TopicNames, event: EmotionEvent) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    producer.produce(names.events, encode(event), event.conversation_id.encode())
    assert producer.flush(20) == 0
