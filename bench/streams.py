"""Messages per second of one stream process with 12-turn windows, beside a plain faust agent and a plain loop.

`python -m bench streams` starts a Kafka and a Redis of its own. The rows run one after another, in turns, each on a
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

from bench.figures import Figure, print_table, say
from schemas.chat import ChatMessage
from schemas.codec import encode
from schemas.connections import KafkaSettings
from schemas.topics import TopicNames, topics
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from sentistream.topics import create_topics

MESSAGES = {"naive": 6_000, "ours": 60_000, "plain": 12_000}
NAMES = {
    "naive": "a plain faust agent, one Redis trip and one send awaited a message",
    "ours": "sentistream streams",
    "plain": "plain loop of confluent-kafka and redis",
}
TURNS = 3
CONVERSATIONS = 500
PARTITIONS = 3
TEXT = "so you are telling me that he never called back after all this time and still wants the ring"


def measure() -> list[Figure]:
    """Take turns; medians."""
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
    return [_figure(row, rates[row], statistics.median(costs[row]), base) for row in ("ours", "plain")]


def _figure(row: str, rates: list[float], cost: float, base: float) -> Figure:
    middle = statistics.median(rates)
    target = ">= 6.0 and 5,000/s" if row == "ours" else ""
    return Figure(
        row="streams",
        what=NAMES[row],
        value=middle,
        unit="messages/s",
        baseline=base,
        ratio=middle / base,
        target=target,
        met=middle >= 6 * base and middle >= 5_000 if target else None,
        note=f"{min(rates):.0f} - {max(rates):.0f}, {cost:.0f} us of CPU a message; baseline: {NAMES['naive']}",
    )


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
            say(f"  {row:6} {float(rate):8.0f} messages/s")
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
    print_table(measure())
