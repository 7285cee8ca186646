"""Events per second of one worker process on the scripted engine, beside itself without transactions and watermark.

`python -m bench worker` starts a Kafka of its own. The rows run in turns, each over requests of its own, each in a
process of its own; medians over the turns, and the ratio.
"""

import os
import secrets
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from confluent_kafka import Producer

from bench.figures import Figure, print_table, say
from prompts.profile import SHIPPED_MODEL, find_model
from prompts.tokenizer import PromptTokenizer
from schemas.chat import ChatMessage, Source, Turn
from schemas.codec import encode
from schemas.connections import KafkaSettings
from schemas.prompt import PromptParts
from schemas.request import SanmRequest
from schemas.taxonomy import load_taxonomy
from schemas.topics import TopicNames, topics
from sentistream.embedded import EmbeddedKafka
from sentistream.topics import create_topics

REQUESTS = 20_000
TURNS = 3
PARTITIONS = 3
ROWS = {"worker": "sentistream worker, scripted engine", "plain": "the same without transactions and watermark"}
TEXT = "so you are telling me that he never called back after all this time and still wants the ring"


def measure() -> list[Figure]:
    """Take turns; medians."""
    rates: dict[str, list[float]] = {row: [] for row in ROWS}
    costs: dict[str, list[float]] = {row: [] for row in ROWS}
    with tempfile.TemporaryDirectory() as folder, EmbeddedKafka(Path(folder) / "kafka") as kafka:
        model = find_model(SHIPPED_MODEL)
        for _ in range(TURNS):
            for row in ROWS:
                rate, cost = _run(row, kafka.bootstrap_servers, model)
                rates[row].append(rate)
                costs[row].append(cost)
    found, base = statistics.median(rates["worker"]), statistics.median(rates["plain"])
    # Turn by turn: the machine's other load hits both of a turn.
    ratios = [one / plain for one, plain in zip(rates["worker"], rates["plain"], strict=True)]
    ratio = statistics.median(ratios)
    cost, plain_cost = (statistics.median(costs[row]) for row in ROWS)
    note = (
        f"{min(rates['worker']):.0f} - {max(rates['worker']):.0f}, ratios {min(ratios):.2f} - {max(ratios):.2f}, "
        f"{cost:.0f} us of CPU an event beside {plain_cost:.0f}; baseline: {ROWS['plain']}"
    )
    met = ratio >= 0.9 and found >= 1_500
    return [Figure("worker", ROWS["worker"], found, "events/s", base, ratio, ">= 0.90 and 1,500/s", met, note)]


def _run(row: str, bootstrap: str, model: Path) -> tuple[float, float]:
    names = TopicNames(topic_prefix=f"bench-{secrets.token_hex(4)}.")
    create_topics(KafkaSettings(kafka_bootstrap_servers=bootstrap), topics(names, "embedded", PARTITIONS))
    publish_requests(names, bootstrap, PromptTokenizer(model).sha256, REQUESTS, PARTITIONS)
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "TOPIC_PREFIX": names.topic_prefix,
        "WORKER_GROUP": names.topic_prefix,
        "WORKER_ID": row,
        "METRICS_PORT": "0",
        "ENGINE": "scripted",
        "SANM_POLICY": "one-pass",
        "MODEL": str(model),
    }
    command = [sys.executable, "-m", "bench.worker_rows", row, str(REQUESTS)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("RESULT"):
            _, rate, cost = line.split()
            say(f"  {row:6} {float(rate):8.0f} events/s")
            return float(rate), float(cost)
    raise SystemExit(f"{row} gave no result:\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}")


def publish_requests(names: TopicNames, bootstrap: str, tokenizer: str, count: int, partitions: int) -> None:
    """So many requests as the stream writes them, evenly over the partitions."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "enable.idempotence": True})
    labels = load_taxonomy("meld").labels
    then = datetime(2024, 5, 1, tzinfo=UTC)
    history = tuple(Turn(speaker="ab"[turn % 2], text=TEXT[: 20 + 5 * turn]) for turn in range(12))
    for index in range(count):
        partition, offset = index % partitions, index // partitions
        text = f"{TEXT} {index}"
        request = SanmRequest(
            source=Source(topic_id="bench", partition=partition, offset=offset),
            after=offset - 1,
            received_at=then,
            message=ChatMessage(
                message_id=f"m{index}",
                conversation_id=f"c{index % 500}",
                speaker="a",
                text=text,
                sent_at=then,
            ),
            prompt=PromptParts(
                template="completion",
                language="en",
                parts=("H",),
                history=history,
                message=Turn(speaker="a", text=text),
                taxonomy="meld",
                labels=labels,
            ),
            prompt_hash="0" * 64,
            tokenizer=tokenizer,
            requested_at=then,
        )
        producer.produce(names.requests, encode(request), request.message.conversation_id.encode(), partition)
        producer.poll(0)
    producer.flush()


if __name__ == "__main__":
    print_table(measure())
