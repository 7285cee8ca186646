"""Row `console_store`: events a second into the event store, from Kafka and by its writer alone as the store grows."""

import os
import secrets
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from confluent_kafka import Producer
from sqlalchemy import func, select

from bench.console_load import BATCH, events, load
from bench.figures import Figure, say, working
from console.settings import StoreSettings
from console.store.database import Database, sqlite_url
from console.store.service import StoreService
from console.store.tables import Event
from schemas.codec import encode
from schemas.topics import TopicNames
from sentistream.embedded import EmbeddedStack

ROW: Final = "console_store"
STORED: Final = int(os.environ.get("BENCH_STORE_EVENTS", "200000"))
FROM_KAFKA: Final = 30_000
_TARGET: Final = 1_500.0
_DEADLINE_S: Final = 300.0


def measure() -> list[Figure]:
    """Both on SQLite."""
    with tempfile.TemporaryDirectory(prefix="sentistream-bench-") as name:
        folder = Path(name)
        rate = _from_kafka(folder)
        with working(f"{STORED:,} events by the writer alone"):
            database = Database(sqlite_url(folder / "grown.db"))
            loaded = load(database, STORED)
            database.close()
    few = max(len(loaded.transactions) // 10, 1)
    first, last = (BATCH * few / sum(some) for some in (loaded.transactions[:few], loaded.transactions[-few:]))
    longest = max(loaded.transactions)
    say(f"  first tenth {first:.0f}, last tenth {last:.0f} events a second")
    target = f"{_TARGET:,.0f}/s"
    return [
        Figure(ROW, f"{FROM_KAFKA:,} events from Kafka", rate, "events/s", target=target, met=rate >= _TARGET),
        Figure(
            ROW,
            f"writer alone, {STORED:,} stored",
            last,
            "events/s",
            baseline=first,
            ratio=last / first,
            target=target,
            met=last >= _TARGET,
            note=f"baseline: the first tenth; batches of {BATCH}, the longest transaction {longest:.2f} s",
        ),
    ]


def _from_kafka(folder: Path) -> float:
    names = TopicNames(topic_prefix=f"bench-{secrets.token_hex(4)}.")
    with EmbeddedStack(folder / "stack", names=names, partitions=3) as stack:
        producer = Producer({"bootstrap.servers": stack.kafka.kafka_bootstrap_servers})
        for one in events(FROM_KAFKA, 3):
            producer.produce(names.events, encode(one), one.conversation_id)
            producer.poll(0)
        producer.flush(60)
        database = Database(sqlite_url(folder / "events.db"))
        settings = StoreSettings(
            kafka_bootstrap_servers=stack.kafka.kafka_bootstrap_servers,
            topic_prefix=names.topic_prefix,
            store_database=folder / "events.db",
        )
        service = StoreService(settings)
        thread = threading.Thread(target=service.run)
        with working(f"{FROM_KAFKA:,} events from Kafka"):
            thread.start()
            rate = _rate(service, database)
        service.stop()
        thread.join()
        database.close()
    return rate


def _rate(service: StoreService, database: Database) -> float:
    """From the first transaction to the last."""
    deadline = time.monotonic() + _DEADLINE_S
    began, first, stored = 0.0, 0, 0
    while stored < FROM_KAFKA:
        if time.monotonic() > deadline:
            raise SystemExit(f"{stored} of {FROM_KAFKA} events after {_DEADLINE_S:.0f} s: {service.state}")
        time.sleep(0.05)
        stored = _count(database) if service.state == "following" else 0
        if stored and not began:
            began, first = time.monotonic(), stored
    return (stored - first) / (time.monotonic() - began)


def _count(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.execute(select(func.coalesce(func.max(Event.id), 0))).scalar_one())
