"""What one message costs each part: CPU, Redis commands and memory, bytes in Kafka. `python -m bench parts`.

The whole pipeline with the scripted engine, 48 partitions, a backlog of messages with full windows. docs/scaling.md
reckons from these.
"""

import os
import secrets
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import orjson
import redis
from confluent_kafka import Producer

from bench.cpu import cpu_seconds
from bench.figures import Figure, print_table, working
from bench.pipeline_rig import Encoded, chatter
from bench.scale import metrics_of
from schemas.topics import TopicNames
from sentistream.embedded import EmbeddedStack
from sentistream.publisher import PARTITIONER
from sentistream.services import Services, environment_of

PARTITIONS = 48
MESSAGES = int(os.environ.get("BENCH_PARTS_MESSAGES", "30000"))
CONVERSATIONS = MESSAGES // 20
#: So many are there before anything is counted: windows are full, caches warm.
_FIRST = MESSAGES // 2
_DEADLINE_S = 120.0


@dataclass(frozen=True, slots=True)
class State:
    """What has been used so far."""

    at: float
    cpu: dict[str, float]
    redis: dict[str, float]
    kafka: dict[str, int]
    transactions: float


def measure() -> list[Figure]:
    """Half of the messages to warm up, the other half counted."""
    names = TopicNames(topic_prefix=f"bench-{secrets.token_hex(4)}.")
    with tempfile.TemporaryDirectory(prefix="sentistream-bench-") as name:
        folder = Path(name)
        with EmbeddedStack(folder, names=names, partitions=PARTITIONS) as stack:
            environment = {
                **environment_of(stack.kafka, stack.redis),
                **stack.environment(),
                "WORKER_ID": "bench",
                "ENGINE": "scripted",
                "SANM_POLICY": "one-pass",
                "HISTORY_TURNS": "12",
                "COMMIT_LINGER_MS": "100",
                "LOG_LEVEL": "WARNING",
            }
            client = redis.Redis.from_url(stack.redis.redis_url)
            empty = _memory(client)
            with Services(folder, environment) as services, working("parts"):
                for one in ("streams", "worker"):
                    services.wait_until_ready(one, _DEADLINE_S, lambda: False)
                port = _worker_port(folder)
                messages = chatter(MESSAGES, 1, CONVERSATIONS)
                _publish(names, stack.kafka.kafka_bootstrap_servers, messages[:_FIRST])
                _wait(port, _FIRST, services)
                before = _state(client, folder, names, port)
                _publish(names, stack.kafka.kafka_bootstrap_servers, messages[_FIRST:])
                _wait(port, MESSAGES, services)
                after = _state(client, folder, names, port)
                used = _memory(client) - empty
            client.close()
    return _figures(before, after, used)


def _figures(before: State, after: State, used: float) -> list[Figure]:
    count = MESSAGES - _FIRST
    seconds = after.at - before.at
    found = [
        Figure("parts", f"CPU of {part}", 1e6 * (after.cpu[part] - before.cpu[part]) / count, "us/message")
        for part in ("stream", "Redis", "Kafka", "worker")
    ]
    found += [
        Figure("parts", f"Redis: {what}", (after.redis[what] - before.redis[what]) / count, "a message")
        for what in ("commands", "bytes in", "bytes out")
    ]
    found += [
        Figure(
            "parts",
            f"{topic.partition('.')[2]} on disk",
            (after.kafka[topic] - before.kafka[topic]) / count,
            "bytes/message",
        )
        for topic in before.kafka
    ]
    found += [
        Figure("parts", "Redis' memory", used / CONVERSATIONS, "bytes/conversation", note="20 messages in each"),
        Figure("parts", "rate of all together", count / seconds, "messages/s", note="for orientation: 2 cores"),
        Figure("parts", "transactions", (after.transactions - before.transactions) / seconds, "a second"),
    ]
    return found


def _publish(names: TopicNames, bootstrap: str, messages: list[Encoded]) -> None:
    producer = Producer(
        {"bootstrap.servers": bootstrap, "partitioner": PARTITIONER, "enable.idempotence": True, "linger.ms": 5}
    )
    for one in messages:
        producer.produce(names.messages, one.value, one.key)
        producer.poll(0)
    producer.flush()


def _wait(port: int, count: int, services: Services) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while metrics_of(port).get("sentistream_worker_events_total", 0) < count:
        services.check()
        if time.monotonic() > deadline:
            raise SystemExit(f"{count} events did not come within {_DEADLINE_S:.0f} s")
        time.sleep(0.25)


def _state(client: redis.Redis, folder: Path, names: TopicNames, port: int) -> State:
    stats = client.info("stats")
    return State(
        at=time.monotonic(),
        cpu=cpu_seconds(),
        redis={
            "commands": stats["total_commands_processed"],
            "bytes in": stats["total_net_input_bytes"],
            "bytes out": stats["total_net_output_bytes"],
        },
        kafka={
            topic: sum(file.stat().st_size for file in folder.rglob("*.log") if file.parent.name.startswith(topic))
            for topic in (names.messages, names.requests, names.events)
        },
        transactions=metrics_of(port)["sentistream_worker_transactions_total"],
    )


def _worker_port(folder: Path) -> int:
    """The services keep theirs in their folder: the stream's, then the worker's."""
    return int(orjson.loads((folder / "services.ports.json").read_bytes())[1])


def _memory(client: redis.Redis) -> float:
    return float(client.info("memory")["used_memory"])


if __name__ == "__main__":
    print_table(measure())
