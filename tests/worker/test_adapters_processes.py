"""Swaps on the real Kafka, seen from outside: by the events, and by whoever kills a worker in the middle of one."""

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from prompts.tokenizer import PromptTokenizer
from schemas.adapter import AdapterMetadata
from schemas.codec import decode
from schemas.connections import KafkaSettings
from schemas.event import EmotionEvent
from schemas.request import SanmRequest
from tests.waiting import wait_for
from tests.worker.adapter_child import POINTS
from tests.worker.adapter_folder import NOW
from tests.worker.kafka_rig import DEADLINE_S, Rig, child, running
from tests.worker.model_folder import make_folder, parts_of, request_of
from trainer.registry import Registry
from trainer.releases import Releases
from worker.engines.scripted import Script, ScriptedEngine
from worker.model_side import ModelSide

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]
#: How soon a rollback is in force everywhere, as promised.
ROLLBACK_S = 10.0


class Deployment:
    """Topics, a registry with three versions, and requests that go on and on."""

    def __init__(self, rig: Rig, folder: Path) -> None:
        self.rig = rig
        self.folder = folder
        (folder / "model").mkdir()
        self.model = make_folder(folder / "model")
        self.registry = Registry(str(folder / "registry"))
        connection = KafkaSettings(kafka_bootstrap_servers=rig.connection.kafka_bootstrap_servers)
        self.releases = Releases(connection, rig.names.releases, self.registry)
        self._tokenizer = PromptTokenizer(self.model).sha256
        self.published = [0] * rig.partitions
        self._last: dict[int, str | None] = {}
        weights = folder / "weights"
        weights.mkdir()
        for version in ("v1", "v2", "v3"):
            (weights / "adapter_config.json").write_text(f'{{"r": 8, "for": "{version}"}}')
            described = AdapterMetadata(
                model="little", version=version, base_sha256="0" * 64, temperature=1, threshold=0.5, made_at=NOW
            )
            self.registry.publish(weights, described)

    def publish(self, count: int = 1) -> None:
        """So many requests to each partition."""
        for partition, first in enumerate(self.published):
            self.rig.publish(self._request(partition, first + at) for at in range(count))
            self.published[partition] += count

    def _request(self, partition: int, offset: int) -> SanmRequest:
        request = request_of(parts_of("good news"), offset, tokenizer=self._tokenizer)
        source = request.source.model_copy(update={"partition": partition})
        return request.model_copy(update={"source": source})

    @contextmanager
    def flowing(self, rate: float = 20.0) -> Iterator[None]:
        """Requests to every partition, and a reader of what comes of them, for the length of a block."""
        done = threading.Event()

        def flow() -> None:
            while not done.wait(1 / rate):
                self.publish()

        threads = [threading.Thread(target=flow), threading.Thread(target=self._follow, args=(done,))]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            done.set()
            for thread in threads:
                thread.join()

    def latest(self) -> list[str | None]:
        """The version in each partition's last event."""
        return [self._last.get(partition) for partition in range(self.rig.partitions)]

    def answers_with(self, version: str | None) -> bool:
        """In every partition."""
        return self.latest() == [version] * self.rig.partitions

    def _follow(self, done: threading.Event) -> None:
        consumer = Consumer(
            {
                **self.rig.connection.librdkafka(),
                "group.id": "follower",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
            }
        )
        consumer.assign([TopicPartition(self.rig.names.events, one, 0) for one in range(self.rig.partitions)])
        while not done.is_set():
            for message in consumer.consume(100, timeout=0.1):
                if message.error() is None:
                    self._last[message.partition()] = decode(EmotionEvent, message.value()).adapter
        consumer.close()

    def all_answered_once(self) -> list[EmotionEvent]:
        """Every request has exactly one event, in order."""
        seen = self.rig.events(at_least=sum(self.published))
        assert [seen.offsets(partition) for partition in range(self.rig.partitions)] == [
            list(range(count)) for count in self.published
        ]
        assert self.rig.dead_letters().messages == []
        return seen.events

    def worker(self, name: str, **options: Any) -> "subprocess.Popen[bytes]":
        settings = self.rig.settings(
            worker_id=name, model=str(self.model), engine="scripted", adapters_cache=self.folder / f"cache-{name}"
        )
        return child(settings, self.folder / "worker.log", module="tests.worker.adapter_child", **options)


@pytest.fixture
def deploy(rig: Callable[..., Rig], tmp_path: Path) -> Callable[[int], Deployment]:
    return lambda partitions: Deployment(rig(partitions), tmp_path)


@contextmanager
def workers(*processes: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Processes that do not outlive the block; a clean stop where they still run."""
    try:
        yield
        for process in processes:
            process.terminate()
        for process in processes:
            assert process.wait(DEADLINE_S) == 0
    finally:
        for process in processes:
            process.kill()
            process.wait()


def runs(events: list[EmotionEvent]) -> list[str | None]:
    """The versions one after the other, as one partition's events name them."""
    found: list[str | None] = []
    for event in events:
        if not found or found[-1] != event.adapter:
            found.append(event.adapter)
    return found


def test_a_rollback_reaches_every_worker_in_time(deploy: Callable[[int], Deployment]) -> None:
    one = deploy(2)
    one.releases.release("little", "v1")
    with workers(one.worker("a"), one.worker("b")), one.flowing():
        wait_for(lambda: one.latest() == ["v1", "v1"], "both workers to answer with v1")
        one.releases.release("little", "v2")
        wait_for(lambda: one.latest() == ["v2", "v2"], "both workers to answer with v2")
        one.releases.roll_back("little", "a test")
        wait_for(lambda: one.latest() == ["v1", "v1"], "both workers to be back at v1", ROLLBACK_S)
        one.releases.roll_back("little", "a test")
        wait_for(lambda: one.latest() == [None, None], "both workers to be back at the base model", ROLLBACK_S)
    by_partition = [
        [event for event in one.all_answered_once() if event.source.partition == partition] for partition in range(2)
    ]
    assert [runs(events) for events in by_partition] == [["v1", "v2", "v1", None]] * 2


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_that_is_killed_inside_a_swap_comes_back_with_the_released_version(
    deploy: Callable[[int], Deployment], point: str
) -> None:
    one = deploy(1)
    one.releases.release("little", "v1")
    first = one.worker("a", kill_at=point, version="v2", delay_s=0.01)
    with workers(), one.flowing():
        wait_for(lambda: one.latest() == ["v1"], "answers with v1")
        one.releases.release("little", "v2")
        assert first.wait(DEADLINE_S) == -signal.SIGKILL
    before = len(one.rig.events(settle_s=1).events)
    with workers(one.worker("a")):
        one.publish()
        events = one.all_answered_once()
    assert runs(events) == ["v1", "v2"]
    # The next start knows what is live before its first answer.
    assert {event.adapter for event in events[before:]} == {"v2"}
    left = [path.name for path in (one.folder / "cache-a").iterdir() if not path.name.startswith("fetching-")]
    assert len(left) == 2


class WatchedEngine(ScriptedEngine):
    """Remembers which version was asked, prompt by prompt."""

    def __init__(self) -> None:
        super().__init__("little", Script(delay_s=0.05, jitter=True))
        self.failed = 0

    async def choose(self, *asked: Any, **options: Any) -> Any:
        try:
            return await super().choose(*asked, **options)
        except Exception:
            self.failed += 1
            raise


def test_swaps_under_load_fail_no_request_and_every_event_names_the_version_that_answered(
    deploy: Callable[[int], Deployment],
) -> None:
    one = deploy(1)
    settings = one.rig.settings(model=str(one.model), adapters_cache=one.folder / "cache", sanm_policy="paper")
    engine = WatchedEngine()
    order = ["v1", "v2", "v3", "v1", None, "v2"]
    with running(settings, ModelSide(settings, engine)):
        with one.flowing(60):
            for version in order:
                if version is None:
                    one.releases.roll_back("little", "a test", to="base")
                else:
                    one.releases.release("little", version)
                wait_for(partial(one.answers_with, version), f"answers with {version}")
        events = one.all_answered_once()
    assert engine.failed == 0
    assert runs(events)[-len(order) :] == order
    # The scripted answers are a hash of prompt and version: each event's are those of the version that it names.
    answers: dict[str | None, set[str]] = {}
    for event in events:
        first = event.rounds[0].generator
        answers.setdefault(event.adapter, set()).add(f"{first.label} {sorted(first.scores.items())}")
    assert {version: len(found) for version, found in answers.items()} == dict.fromkeys(answers, 1)
    assert len({next(iter(found)) for found in answers.values()}) == 4
