"""The whole refresh with nothing stood in for: Kafka, Redis, a miniature model, the gate, a registry on disk."""

import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
import redis
import yaml
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from prompts.profile import ModelProfile
from prompts.settings import PromptSettings, ServedBuilders
from schemas.connections import RedisSettings
from schemas.event import EmotionEvent
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from tests.conftest import TopicsFactory
from tests.trainer import refresh_child
from tests.trainer.label_rounds import conversations, miniature, no_surprise, teach
from tests.trainer.platform import SAID, Platform, make_label
from tests.waiting import wait_for
from trainer.checkpoint import FILE
from trainer.errors import LockTakenError
from trainer.exit_codes import ExitCode
from trainer.faultpoints import POINTS
from trainer.feedback.spans import current_spans
from trainer.lock import Lease, lock_name
from trainer.lora.recipe import Recipe
from trainer.model_folder import write_model
from trainer.outcome import Outcome
from trainer.registry.errors import RegistryUnavailableError
from trainer.registry.store import Registry
from trainer.releases import Releases
from trainer.run_folder import Run, all_runs
from trainer.stages import DataSummary
from trainer.train_base import builder_for

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

MODEL = "tiny"
MEANT = dict(zip(SAID, ("joy", "sadness", "surprise", "neutral"), strict=True))
#: Seven of ten conversations are trained on, so that there are some 12 steps an epoch.
MESSAGES = 520
CHECKPOINT_STEPS = 5


class World:
    """One deployment: its topics, its folders, and the variables that tell a trainer of them."""

    def __init__(self, platform: Platform, folder: Path, model: Path, redis_url: str) -> None:
        self.platform = platform
        self.redis_url = redis_url
        self._events: list[EmotionEvent] = []
        self.registry = Registry(str(folder / "registry"))
        self.releases = Releases(platform.connection, platform.names.releases, self.registry)
        fields = Recipe.load("sentixrl").model_dump(mode="json")
        fields |= {
            "rank": 8,
            "epochs": 8,
            "patience": None,
            "learning_rate": 1e-2,
            "checkpoint_steps": CHECKPOINT_STEPS,
            "interpolation": [0.9, 1.0],
        }
        (folder / "quick.yaml").write_text(yaml.safe_dump(fields))
        self.variables = {
            "MODEL": str(model),
            "KAFKA_BOOTSTRAP_SERVERS": platform.connection.kafka_bootstrap_servers,
            "TOPIC_PREFIX": platform.names.topic_prefix,
            "REDIS_URL": redis_url,
            "TRAINER_FOLDER": str(folder / "trainer"),
            "TRAINER_REGISTRY": str(folder / "registry"),
            "TRAINER_RECIPE": str(folder / "quick.yaml"),
            # A model of a few thousand weights answers too fast to be timed.
            "TRAINER_GATE_TIME_RISE": "20",
            # Nor does it always come to an agreement with itself: one message in a hundred may stay without.
            "TRAINER_GATE_INVALID_RISE": "0.03",
        }

    def people_label(self, count: int, first: int = 0) -> None:
        """So many messages, answered by the model that is live and corrected by two people."""
        done = {event.source for event in self._events}
        # Not older than Kafka keeps events: whether it has looked yet would be luck.
        sent = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        self.platform.publish(count, sent, conversations=130, first=first)
        events = self.platform.answer_all(lambda _: "anger", after=tuple(done))
        texts = {(record.partition(), record.offset()): message.text for record, message in self.platform.messages()}
        self.platform.correct(
            [
                make_label(event, _meant(texts[event.source.partition, event.source.offset]), by=by)
                for event in events
                for by in ("ann", "bob")
            ]
        )
        self._events += events

    def topics_forget(self) -> None:
        """What retention does to messages and events, but not to labels."""
        admin = AdminClient(self.platform.connection.librdkafka())
        names = self.platform.names
        places = [TopicPartition(topic, number, -1) for topic in (names.messages, names.events) for number in range(2)]
        for future in admin.delete_records(places).values():
            future.result(20)

    @property
    def runs(self) -> Path:
        """The folders of all runs."""
        return Path(self.variables["TRAINER_FOLDER"]) / MODEL / "runs"

    def summary(self, outcome: Outcome) -> DataSummary:
        """What a run read."""
        return DataSummary.read(self.runs / str(outcome.version) / "data")

    def run_of(self, outcome: Outcome) -> Run:
        """What a run was made from."""
        (found,) = [one.run for one in all_runs(self.runs) if one.run.version == outcome.version]
        return found


def _meant(text: str) -> str:
    return next(label for said, label in MEANT.items() if text.startswith(said))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, tokenizer_json: str, profile: ModelProfile) -> Path:
    """A miniature that takes surprise for neutral: what people have to tell it."""
    fitting = profile.model_copy(update={"token_budget": 100, "context_length": 128})
    builder = builder_for(fitting, tokenizer_json)
    network = miniature(tokenizer_json)
    known = conversations("base", 100, 4, noise=0.0, relabel=no_surprise)
    teach(network, builder, list(builder.examples(known)), rate=3e-3, epochs=10)
    folder = tmp_path_factory.mktemp("model") / MODEL
    write_model(folder, network.config, network.state_dict(), fitting, tokenizer_json)
    return folder


@pytest.fixture
def world(
    kafka: EmbeddedKafka, redis_server: EmbeddedRedis, topics: TopicsFactory, tmp_path: Path, model: Path
) -> World:
    builder = ServedBuilders(PromptSettings(model=str(model))).of()
    return World(Platform.of(kafka.connection, topics(2), builder), tmp_path, model, redis_server.url)


@pytest.fixture(scope="module")
def forks() -> multiprocessing.context.ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(refresh_child.PRELOADED)
    return context


def check_what_others_see(world: World) -> None:
    """Every published version is whole, and what is live is one of them."""
    live = world.releases.live(MODEL)
    for stored in world.registry.versions(MODEL):
        checksum = world.registry.checksum(MODEL, stored.version)
        if live is not None and live.version == stored.version:
            assert live.sha256 == checksum
    assert live is None or live.version in {one.version for one in world.registry.versions(MODEL)}


def test_people_label_and_a_better_adapter_goes_live_and_again(world: World) -> None:
    world.people_label(MESSAGES)
    spans = current_spans(world.platform.connection, world.platform.names)
    first = refresh_child.run(world.variables)
    assert first.status == "released", first.reason
    assert first.agreement == 1.0
    assert first.labelled == MESSAGES
    live = world.releases.live(MODEL)
    assert live is not None
    assert live.version == first.version
    metadata = world.registry.find(MODEL, str(first.version)).metadata
    names = world.platform.names
    assert {one.topic for one in metadata.data} == {names.labels, names.events, names.messages}
    assert metadata.data == world.run_of(first).spans == spans
    assert metadata.interpolation is not None
    assert [one.share for one in metadata.interpolation.tried] == [0.9, 1.0]
    assert metadata.metrics["interpolation"] == metadata.interpolation.share
    assert refresh_child.run(world.variables).status == "nothing_new"
    world.topics_forget()
    world.people_label(60, first=MESSAGES)
    second = refresh_child.run(world.variables)
    # Whether it is better still or not, it was compared with the first.
    assert second.parent == first.version
    assert second.labelled == MESSAGES + 60
    assert world.summary(second).kept == MESSAGES
    check_what_others_see(world)


def test_a_registry_that_fails_midway_changes_nothing_and_the_next_run_does_not_train_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.people_label(MESSAGES)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def trains(*_: object) -> None:
        raise AssertionError("it was trained already")

    with monkeypatch.context() as broken:
        broken.setattr("trainer.registry.publishing.sync", full)
        with pytest.raises(RegistryUnavailableError, match="No space left"):
            refresh_child.run(world.variables)
    assert world.releases.live(MODEL) is None
    assert world.registry.versions(MODEL) == ()
    check_what_others_see(world)
    monkeypatch.setattr("trainer.refresh_steps.do", trains)
    outcome = refresh_child.run(world.variables)
    assert (outcome.status, outcome.resumed) == ("released", True), outcome.reason
    live = world.releases.live(MODEL)
    assert live is not None
    assert live.version == outcome.version
    check_what_others_see(world)


def test_too_few_labels_are_a_reason_and_no_failure(world: World) -> None:
    world.people_label(60)
    found = refresh_child.run(world.variables)
    assert found.status == "nothing_new"
    assert "TRAINER_GATE_MIN_MESSAGES" in found.reason
    assert world.releases.live(MODEL) is None


def test_killed_at_every_point_the_run_goes_on_to_its_end(
    world: World, forks: multiprocessing.context.ForkServerContext
) -> None:
    world.people_label(MESSAGES)
    lock = lock_name(world.platform.names.topic_prefix, MODEL)
    client = redis.Redis.from_url(world.redis_url)
    for point in POINTS:
        nth = CHECKPOINT_STEPS + 3 if point == "training_step" else 1
        child = forks.Process(target=refresh_child.main, args=(world.variables, point, nth))
        child.start()
        child.join(200)
        assert child.exitcode == -signal.SIGKILL, f"{point}: {child.exitcode}"
        check_what_others_see(world)
        with pytest.raises(LockTakenError):
            refresh_child.run(world.variables)
        # As when its lease has run out; tests/trainer/test_lock.py waits for that.
        client.delete(lock)
    published = world.registry.versions(MODEL)
    outcome = refresh_child.run(world.variables)
    assert (outcome.status, outcome.resumed) == ("released", True)
    assert [one.version for one in published] == [outcome.version]
    live = world.releases.live(MODEL)
    assert live is not None
    assert live.version == outcome.version
    assert len(world.releases.history(MODEL)) == 1


def test_two_at_once_do_not_happen(world: World) -> None:
    lease = Lease(RedisSettings(redis_url=world.redis_url), lock_name(world.platform.names.topic_prefix, MODEL), 30)
    with lease, pytest.raises(LockTakenError, match="another refresh"):
        refresh_child.run(world.variables)


@contextmanager
def command(world: World, log: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """`sentistream trainer run` on two processes; what it prints is the result, and the log goes to a file."""
    own = {"TRAINER_PROCESSES": "2", "OMP_NUM_THREADS": "1"}
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "sentistream", "trainer", "run", "--json"],
            env={**os.environ, **world.variables, **own},
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def training_processes(world: World) -> list[int]:
    """Of this deployment, wherever they hang in the tree."""
    folder = world.variables["TRAINER_FOLDER"]
    running = psutil.process_iter(["cmdline"])
    return [one.pid for one in running if any(word.startswith(folder) for word in one.info["cmdline"] or ())]


@pytest.mark.soak
def test_the_command_trains_on_two_processes_stops_and_goes_on(world: World, tmp_path: Path) -> None:
    world.people_label(MESSAGES)
    folder = Path(world.variables["TRAINER_FOLDER"])
    with command(world, log := tmp_path / "stopped") as process:
        wait_for(lambda: process.poll() is not None or any(folder.rglob(FILE)), "a checkpoint", 200)
        assert process.poll() is None, log.read_text()
        assert len(training_processes(world)) >= 2
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
        assert (process.returncode, said) == (ExitCode.STOPPED, b""), log.read_text()
    assert "Traceback" not in log.read_text(), "a stop is no fault"
    assert not training_processes(world)
    check_what_others_see(world)
    with command(world, log := tmp_path / "finished") as process:
        said, _ = process.communicate(timeout=300)
        assert process.returncode == ExitCode.DONE, log.read_text()
    (line,) = said.splitlines()
    outcome = Outcome.model_validate_json(line)
    assert (outcome.status, outcome.resumed) == ("released", True), outcome.reason
    assert not training_processes(world)
    live = world.releases.live(MODEL)
    assert live is not None
    assert live.version == outcome.version
    check_what_others_see(world)
    started = [json.loads(text) for text in log.read_text().splitlines() if "training_processes_started" in text]
    assert [one["processes"] for one in started] == [2]
    assert refresh_child.run(world.variables).status == "nothing_new"
