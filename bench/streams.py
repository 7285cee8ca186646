"""Messages per second of one stream process with 12-turn windows, beside a plain faust agent and a plain loop.

`python -m bench.streams` starts a Kafka and a Redis of its own. The rows run one after another, in turns, each on a
consumer group and windows of its own over the same messages; medians over the turns.
"""

import os
import random
import secrets
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import redis
from confluent_kafka import Producer

from schemas.chat import ChatMessage
from schemas.codec import encode
from schemas.connections import KafkaSettings
from schemas.topics import TopicNames, topics
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from sentistream.topics import create_topics

MESSAGES = {"naive": 6_000, "ours": 60_000, "plain": 12_000}
NAMES = {
    "naive": "plain faust agent, one Redis trip and one send awaited a message",
    "ours": "sentistream streams",
    "plain": "plain loop of confluent-kafka and redis, one Redis trip a message",
}
TURNS = 3
CONVERSATIONS = 500
PARTITIONS = 3
TEXT = "so you are telling me that he never called back after all this time and still wants the ring"


def main() -> None:
    """Run and print the table."""
    rates: dict[str, list[float]] = {name: [] for name in MESSAGES}
    costs: dict[str, list[float]] = {name: [] for name in MESSAGES}
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedKafka(Path(folder) / "kafka") as kafka,
        EmbeddedRedis(Path(folder) / "redis") as server,
    ):
        for _ in range(TURNS):
            for row, count in MESSAGES.items():
                rate, cost = _run(row, count, kafka.bootstrap_servers, server.url)
                rates[row].append(rate)
                costs[row].append(cost)
    base = statistics.median(rates["naive"])
    print(f"\n{'stream, one process, 12-turn windows':68} {'messages/s':>22} {'x naive':>8} {'CPU us':>7}")
    for row in MESSAGES:
        found = rates[row]
        middle = statistics.median(found)
        spread = f"{middle:.0f} [{min(found):.0f}-{max(found):.0f}]"
        print(f"{NAMES[row]:68} {spread:>22} {middle / base:8.1f} {statistics.median(costs[row]):7.0f}")


def _run(row: str, count: int, bootstrap: str, redis_url: str) -> tuple[float, float]:
    names = TopicNames(topic_prefix=f"bench-{secrets.token_hex(4)}.")
    create_topics(KafkaSettings(kafka_bootstrap_servers=bootstrap), topics(names, "embedded", PARTITIONS))
    _publish(names, count, bootstrap)
    redis.Redis.from_url(redis_url).flushdb()
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "REDIS_URL": redis_url,
        "TOPIC_PREFIX": names.topic_prefix,
        "STREAMS_GROUP": names.topic_prefix,
        "STREAMS_PORT": "0",
        "HISTORY_TURNS": "12",
    }
    command = [sys.executable, "-m", "bench.stream_rows", row, str(count)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("RESULT"):
            _, rate, cost = line.split()
            print(f"{row:6} {float(rate):8.0f} messages/s", flush=True)
            return float(rate), float(cost)
    raise SystemExit(f"{row} gave no result:\n{done.stderr[-3000:]}")


def _publish(names: TopicNames, count: int, bootstrap: str) -> None:
    draw = random.Random(1)
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20})
    sent_at = datetime(2024, 5, 1, tzinfo=UTC)
    for index in range(count):
        conversation = draw.randrange(CONVERSATIONS)
        sent_at += timedelta(milliseconds=50)
        message = ChatMessage(
            message_id=f"m{index}",
            conversation_id=f"c{conversation}",
            speaker=draw.choice(("ann", "bob")),
            text=" ".join(draw.choices(TEXT.split(), k=draw.randint(3, 20))),
            sent_at=sent_at,
        )
        partition = conversation % PARTITIONS
        producer.produce(names.messages, encode(message), message.conversation_id.encode(), partition)
        producer.poll(0)
    producer.flush()


if __name__ == "__main__":
    main()
