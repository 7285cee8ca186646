"""A deployment of real processes: Kafka, Redis, the stream, a worker on vLLM, the trainer's commands, and people."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from prompts.profile import SHIPPED_MODEL, ModelProfile, find_model
from prompts.settings import PromptSettings, ServedBuilders
from schemas.codec import decode, encode
from schemas.connections import KafkaSettings
from schemas.event import EmotionEvent
from schemas.topics import TopicNames
from sentistream.publisher import Outbound, Publisher
from sentistream.services import Services
from sentistream.topic_reader import read_topic
from tests.trainer.platform import make_label
from tests.waiting import wait_for
from trainer.registry.store import Registry
from trainer.releases import Releases

MODEL = SHIPPED_MODEL
#: A platform's own slang: what people mean by it, the model has to be told.
SLANG = {"blip": "anger", "zork": "joy", "mump": "sadness", "tarp": "neutral"}
_FILLERS = ("that was {} again", "so {} then", "{} , you know", "well it is {}", "i would call it {}", "today : {}")


class Deployment:
    """All of it for the length of a ``with`` block.

    Args:
        connection: to Kafka.
        redis_url: of Redis.
        names: of topics that nobody else uses.
        folder: for logs, registry, caches and reports.
    """

    def __init__(self, connection: KafkaSettings, redis_url: str, names: TopicNames, folder: Path) -> None:
        self.connection, self.names, self.folder = connection, names, folder
        self.base = find_model(MODEL)
        self.registry = Registry(str(folder / "registry"))
        self.releases = Releases(connection, names.releases, self.registry)
        self.variables = {
            "MODEL": MODEL,
            "KAFKA_BOOTSTRAP_SERVERS": connection.kafka_bootstrap_servers,
            "KAFKA_SESSION_TIMEOUT_MS": "6000",
            "REDIS_URL": redis_url,
            "TOPIC_PREFIX": names.topic_prefix,
            "STREAMS_GROUP": f"{names.topic_prefix}streams",
            "WORKER_GROUP": f"{names.topic_prefix}workers",
            "STREAMS_INSTANCE": "stream-1",
            "WORKER_ID": "worker-1",
            "ENGINE": "vllm",
            "ADAPTERS_CACHE": str(folder / "cache"),
            "TRAINER_REGISTRY": str(folder / "registry"),
            "TRAINER_FOLDER": str(folder / "trainer"),
            "OMP_NUM_THREADS": "1",
        }
        self._labels = Publisher(connection, names.labels)
        self._services = Services(folder, self.variables)
        self._exit = ExitStack()
        self._said = 0

    def __enter__(self) -> Self:
        with self._exit:
            self._exit.enter_context(self._services)
            for name in ("streams", "worker"):
                self._services.wait_until_ready(name, 240, lambda: False)
            self._exit = self._exit.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    @property
    def builders(self) -> ServedBuilders:
        return ServedBuilders(PromptSettings(model=MODEL))

    @property
    def profile(self) -> ModelProfile:
        return ModelProfile.read(self.base)

    def worker_log(self) -> str:
        return (self.folder / "worker.log").read_text(errors="replace")

    def run(self, *command: str, **variables: str) -> str:
        """A command of the product's, to its end; what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "sentistream", *command],
            env={**os.environ, **self.variables, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr[-3000:]}"
        return done.stdout

    @contextmanager
    def running(self, *command: str, log: str, **variables: str) -> Iterator["subprocess.Popen[bytes]"]:
        """A command of the product's that goes on meanwhile; SIGTERM ends it."""
        with (self.folder / log).open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "sentistream", *command],
                env={**os.environ, **self.variables, **variables},
                stdout=output,
                stderr=output,
            )
            try:
                yield process
            finally:
                process.terminate()
                process.wait(60)

    def chats(self, count: int) -> Path:
        """A file of so many messages, each a conversation of its own."""
        path = self.folder / f"chats-{self._said}.jsonl"
        words = list(SLANG)
        with path.open("w") as file:
            for number in range(self._said, self._said + count):
                text = _FILLERS[number // len(words) % len(_FILLERS)].format(words[number % len(words)])
                line = {"conversation_id": f"c{number}", "speaker": "ana", "text": text, "language": "en"}
                file.write(json.dumps(line) + "\n")
        self._said += count
        return path

    def replay(self, count: int) -> list[EmotionEvent]:
        """`sentistream replay` of so many messages; their events."""
        before = {event.event_id for event in self.events()}
        self.run("replay", str(self.chats(count)), "--attach")
        return [event for event in self.events() if event.event_id not in before]

    @contextmanager
    def flowing(self, rate: float = 10) -> Iterator[None]:
        """`sentistream replay` meanwhile."""
        path = self.chats(2000)
        with self.running("replay", str(path), "--attach", "--rate", str(rate), log=f"{path.stem}.log"):
            yield

    def events(self) -> list[EmotionEvent]:
        """All so far."""
        return [decode(EmotionEvent, one.value or b"") for one in read_topic(self.connection, self.names.events)]

    def people_say(self, events: Iterable[EmotionEvent], word: Callable[[EmotionEvent], str], *people: str) -> None:
        """Each of them labels each event."""
        for event in events:
            for name in people or ("ann",):
                label = make_label(event, word(event), by=name)
                self._labels.publish(Outbound(event.conversation_id.encode(), encode(label)))
        self._labels.flush()

    def wait_for_version(self, version: str | None) -> EmotionEvent:
        """The first event by a version, while messages flow."""
        known = {event.event_id for event in self.events()}
        found: list[EmotionEvent] = []

        def seen() -> bool:
            self._services.check()
            found.extend(one for one in self.events() if one.event_id not in known and one.adapter == version)
            return bool(found)

        wait_for(seen, f"an event by {version}; see {self.folder}/worker.log", 60)
        return found[0]


def meant(event: EmotionEvent) -> str:
    """What people mean by a message."""
    return next(label for word, label in SLANG.items() if word in (event.text or ""))


def never(event: EmotionEvent) -> str:
    """What nobody said: a correction of any answer."""
    return "surprise" if event.label != "surprise" else "fear"


def scores(events: Sequence[EmotionEvent]) -> dict[str, Any]:
    """How often a label was meant, and by which versions it was given."""
    return {
        "right": sum(one.label == meant(one) for one in events) / len(events),
        "versions": {one.adapter for one in events},
    }
