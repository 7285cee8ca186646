"""One worker on topics of its own, while tenant a floods it and b and c send too; what came of it."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import orjson
from confluent_kafka import Consumer, Producer, TopicPartition

from bench.places import Held, mean_places
from prompts.profile import SHIPPED_MODEL, find_model
from prompts.tokenizer import PromptTokenizer
from schemas.chat import ChatMessage, Source, Turn
from schemas.codec import encode
from schemas.connections import KafkaSettings
from schemas.prompt import PromptParts
from schemas.request import SanmRequest
from schemas.taxonomy import load_taxonomy
from schemas.topics import TopicNames, topics
from sentistream.topics import create_topics

PARTITIONS = 6
PLACES = 64
DELAY_S = 0.4
CAPACITY = PLACES / DELAY_S
FLOOD = 10 * CAPACITY
#: Of b and of c, as long as they want little.
LOW = 5.0
SECONDS = 6.0
PATIENCE_S = 6.0
TICK_S = 0.01
_START_S = 60.0
TENANTS = ("a", "b", "c")
_THEN = datetime(2024, 5, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run.

    Attributes:
        flood: the partitions that tenant a sends to.
        settings: of the worker.
        others: messages a second of b and of c.
        seconds: for which messages are sent.
    """

    what: str
    flood: Sequence[int]
    settings: dict[str, str] = field(default_factory=dict)
    others: float = LOW
    seconds: float = SECONDS

    @property
    def wanted(self) -> dict[str, float]:
        """By tenant, the places that would be held if each message had one at once."""
        rates = {"a": FLOOD if self.flood else 0.0, "b": self.others, "c": self.others}
        return {tenant: rate * DELAY_S for tenant, rate in rates.items()}


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one run.

    Attributes:
        waits: seconds from sent to read of every message of b and c.
        places: by tenant, held on average while messages were sent.
    """

    waits: list[float]
    places: dict[str, float]


class FloodRun:
    """One worker on topics of its own."""

    def __init__(self, bootstrap: str, scenario: Scenario, log: Path) -> None:
        self._bootstrap = bootstrap
        self._scenario = scenario
        self._log = log
        self._names = TopicNames(topic_prefix=f"bench-{secrets.token_hex(4)}.")
        create_topics(KafkaSettings(kafka_bootstrap_servers=bootstrap), topics(self._names, "embedded", PARTITIONS))
        client = {"bootstrap.servers": bootstrap}
        self._producer = Producer({**client, "linger.ms": 5, "enable.idempotence": True})
        self._reader = Consumer(
            {**client, "group.id": "bench", "isolation.level": "read_committed", "fetch.wait.max.ms": 20}
        )
        self._reader.assign([TopicPartition(self._names.events, one, 0) for one in range(PARTITIONS)])
        self._next = [0] * PARTITIONS
        self._sent: dict[tuple[int, int], float] = {}
        self._waits: list[float] = []
        self._held: list[Held] = []
        self._came = 0
        tokenizer = PromptTokenizer(find_model(SHIPPED_MODEL)).sha256
        self._requests = {tenant: _request(tenant, tokenizer) for tenant in "abcw"}

    def measure(self) -> Found:
        """Start a worker, send, and wait for what was sent."""
        with self._worker():
            deadline = time.monotonic() + _START_S
            while self._came < PARTITIONS and time.monotonic() < deadline:
                # Again and again: what waits for the start may be too old by then.
                for partition in range(PARTITIONS):
                    self._send("w", partition)
                self._read_until(lambda: self._came >= PARTITIONS, 1.0)
            if self._came < PARTITIONS:
                raise SystemExit(f"the worker did not start:\n{self._log.read_text()[-3000:]}")
            self._waits.clear()
            began = time.time()
            self._traffic()
            ended = time.time()
            # Places are known from events, which may come as late as those before them in their partition.
            self._read_until(lambda: False, PATIENCE_S)
            now = time.monotonic()
        places = dict.fromkeys(TENANTS, 0.0) | mean_places(self._held, began, ended)
        return Found(self._waits + [now - sent for sent in self._sent.values()], places)

    def _traffic(self) -> None:
        began = time.monotonic()
        low, flood = 0, 0
        while (passed := time.monotonic() - began) < self._scenario.seconds:
            while low < passed * self._scenario.others:
                self._send("b", PARTITIONS - 2)
                self._send("c", PARTITIONS - 1)
                low += 1
            while self._scenario.flood and flood < passed * FLOOD:
                self._send("a", self._scenario.flood[flood % len(self._scenario.flood)])
                flood += 1
            self._producer.poll(0)
            self._read(TICK_S)

    def _send(self, tenant: str, partition: int) -> None:
        offset = self._next[partition]
        self._next[partition] += 1
        source = Source(topic_id="bench", partition=partition, offset=offset)
        request = self._requests[tenant].model_copy(update={"source": source, "after": offset - 1})
        if tenant in "bc":
            self._sent[partition, offset] = time.monotonic()
        self._producer.produce(self._names.requests, encode(request), tenant.encode(), partition)

    def _read_until(self, done: Callable[[], bool], seconds: float) -> None:
        self._producer.flush()
        deadline = time.monotonic() + seconds
        while not done() and time.monotonic() < deadline:
            self._read(0.1)

    def _read(self, seconds: float) -> None:
        for message in self._reader.consume(500, timeout=seconds):
            if message.error() is None:
                self._came += 1
                event = orjson.loads(message.value())
                source, decided = event["source"], datetime.fromisoformat(event["times"]["decided_at"])
                self._held.append(Held(event["tenant"], decided.timestamp(), event["usage"]["model_seconds"]))
                if (sent := self._sent.pop((source["partition"], source["offset"]), None)) is not None:
                    self._waits.append(time.monotonic() - sent)

    @contextmanager
    def _worker(self) -> Iterator[None]:
        environment = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": self._bootstrap,
            "TOPIC_PREFIX": self._names.topic_prefix,
            "WORKER_GROUP": self._names.topic_prefix,
            "WORKER_ID": "bench",
            "METRICS_PORT": "0",
            "ENGINE": "scripted",
            "SCRIPTED_DELAY_SECONDS": str(DELAY_S),
            "SCRIPTED_JITTER": "false",
            "SANM_POLICY": "one-pass",
            "MAX_IN_FLIGHT": str(PLACES),
            "DEAD_LETTER_SHARE": "1",
            "STOP_SECONDS": "1",
            **self._scenario.settings,
        }
        with self._log.open("wb") as log:
            command = [sys.executable, "-m", "worker"]
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            try:
                yield
            finally:
                process.terminate()
                process.wait(30)
                self._reader.close()


def _request(tenant: str, tokenizer: str) -> SanmRequest:
    text = "he never called back"
    return SanmRequest(
        source=Source(topic_id="bench", partition=0, offset=0),
        after=-1,
        received_at=_THEN,
        message=ChatMessage(
            message_id="m", conversation_id=f"c-{tenant}", speaker="ann", text=text, sent_at=_THEN, tenant=tenant
        ),
        prompt=PromptParts(
            template="completion",
            language="en",
            parts=("H",),
            history=(Turn(speaker="bob", text=text),),
            message=Turn(speaker="ann", text=text),
            taxonomy="meld",
            labels=load_taxonomy("meld").labels,
        ),
        prompt_hash="0" * 64,
        tokenizer=tokenizer,
        requested_at=_THEN,
    )
