"""A store on the real Kafka: traffic in transactions, a child process to kill, and what must hold at the end."""

import multiprocessing
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from sqlalchemy import func, select
from sqlalchemy.engine import URL

from console.settings import StoreSettings
from console.store.database import Database
from console.store.service import StoreService
from console.store.tables import AdapterCount, Bucket, Conversation, CurrentLabel, Event, EventDetail, LabelRecord
from schemas.codec import encode
from schemas.event import EmotionEvent
from schemas.feedback import EmotionLabel
from schemas.topics import TopicNames
from tests.console.store.making import make_event, make_label, rows_of
from tests.console.store.store_child import run
from tests.waiting import wait_for

#: Forked from a process that has imported all they need: two seconds less for each.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.console.store.store_child"])
_CONVERSATIONS = 7
#: Every so-manieth event is labelled by a person, before or after it is stored.
_LABELLED = 5


@dataclass(frozen=True, slots=True)
class Rig:
    """Attributes: of Kafka; the topics; where the events are kept."""

    bootstrap: str
    names: TopicNames
    url: URL
    log: Path

    def settings(self, **more: object) -> StoreSettings:
        """As a store is started here."""
        return StoreSettings.model_validate(self._given() | more)

    def start(self, point: str = "", nth: int = 0, *, careless: bool = False, **more: object) -> ForkServerProcess:
        """A store process with this environment, which may kill itself at a point."""
        given = (self._given() | more, self.log, dict(os.environ))
        child = _PROCESSES.Process(target=run, args=(*given, point, nth, careless))
        child.start()
        return child

    @contextmanager
    def running(self, **more: Any) -> Iterator[None]:
        """A store process that is ended by SIGTERM."""
        child = self.start(**more)
        try:
            yield
        finally:
            child.terminate()
            assert ended(child) == 0, self.log.read_text()

    def begun(self) -> int:
        """How many times a process began to read."""
        return self.log.read_text().count("following ") if self.log.exists() else 0

    def stored(self) -> int:
        """How many events there are."""
        database = Database(self.url)
        try:
            with database.reading() as connection:
                return connection.execute(select(func.count()).select_from(Event)).scalar_one()
        finally:
            database.close()

    def _given(self) -> dict[str, object]:
        return {
            "kafka_bootstrap_servers": self.bootstrap,
            "topic_prefix": self.names.topic_prefix,
            "store_database_url": self.url.render_as_string(hide_password=False),
            "store_batch": 20,
            "store_linger_ms": 5,
            "store_lease_seconds": 3,
            "store_retention_days": 0,
            "store_metrics_port": 0,
        }


@contextmanager
def running(settings: StoreSettings) -> Iterator[StoreService]:
    """A store in this process."""
    service = StoreService(settings)
    thread = threading.Thread(target=service.run)
    thread.start()
    try:
        yield service
    finally:
        service.stop()
        thread.join(30)
        assert not thread.is_alive()


class Traffic:
    """Publishes events in transactions, a fifth of which are aborted, and people's labels."""

    def __init__(self, rig: Rig, partitions: int) -> None:
        self._rig = rig
        self._partitions = partitions
        self._offset = 0
        base = {"bootstrap.servers": rig.bootstrap, "linger.ms": 1}
        self._events = Producer({**base, "transactional.id": f"{rig.names.topic_prefix}traffic"})
        self._events.init_transactions(30)
        self._labels = Producer(base)
        self.events: list[EmotionEvent] = []
        self.labels: list[EmotionLabel] = []

    def send(self, count: int, *, at_once: int = 10) -> None:
        """So many more events, and labels of some of them."""
        for _ in range(count // at_once):
            made = [self._next() for _ in range(at_once)]
            if self._offset // at_once % 5 == 0:
                self._transaction(made, commit=False)
            self._transaction(made, commit=True)
            self.events += made
            for one in made[::_LABELLED]:
                self._label(make_label(one, "anger"))
        self._labels.flush(30)

    def _next(self) -> EmotionEvent:
        number = self._offset
        self._offset += 1
        label = ("joy", "neutral", None, "sadness")[number % 4]
        room = f"room-{number % _CONVERSATIONS}"
        return make_event(number, conversation_id=room, label=label, scores={label: 1.0} if label else {})

    def _transaction(self, made: Sequence[EmotionEvent], *, commit: bool) -> None:
        self._events.begin_transaction()
        for one in made:
            partition = one.source.offset % _CONVERSATIONS % self._partitions
            self._events.produce(self._rig.names.events, encode(one), one.conversation_id, partition)
        self._events.flush(30)
        if commit:
            self._events.commit_transaction(30)
        else:
            self._events.abort_transaction(30)

    def _label(self, label: EmotionLabel) -> None:
        self._labels.produce(self._rig.names.labels, encode(label), label.conversation_id)
        self.labels.append(label)


def ended(child: ForkServerProcess, seconds: float = 60.0) -> int | None:
    """Its exit code, negative for a signal; None if it runs still."""
    child.join(seconds)
    return child.exitcode


def damage(rig: Rig, traffic: Traffic) -> dict[str, int]:
    """What is lost or doubled in the store; empty where all is as it must be."""
    database = Database(rig.url)
    try:
        stored = Counter(row["event_id"] for row in rows_of(database, Event))
        wanted = {one.event_id for one in traffic.events}
        turns = sum(row["turns"] for row in rows_of(database, Conversation))
        buckets = [row for row in rows_of(database, Bucket) if row["width_s"] == 60]
        labelled = {row["event_id"] for row in rows_of(database, Event) if row["current_label"] == "anger"}
        found = {
            "lost": len(wanted - stored.keys()),
            "invented": len(stored.keys() - wanted),
            "doubled": sum(count - 1 for count in stored.values()),
            "details_off": len(rows_of(database, EventDetail)) - len(stored),
            "counted_off": sum(row["events"] for row in buckets) - len(wanted),
            "turns_off": turns - len(wanted),
            "by_adapter_off": sum(row["events"] for row in rows_of(database, AdapterCount)) - len(wanted),
            "labels_off": len(rows_of(database, LabelRecord)) - len(traffic.labels),
            "last_words_off": len(rows_of(database, CurrentLabel)) - len(traffic.labels),
            "corrections_off": len(labelled ^ {one.event_id for one in traffic.labels}),
        }
    finally:
        database.close()
    return {name: value for name, value in found.items() if value}


def wait_until_stored(rig: Rig, traffic: Traffic, seconds: float = 60.0) -> None:
    """All events and labels that were sent are there."""
    wanted = len(traffic.events)
    try:
        wait_for(lambda: rig.stored() >= wanted and not damage(rig, traffic), "all rows are in the store", seconds)
    except AssertionError as error:
        raise AssertionError(f"{error}; {damage(rig, traffic)}") from error


def wait_until_still(rig: Rig, seconds: float = 30.0) -> None:
    """The number of events has not changed for a second."""
    state = [-1, time.monotonic()]

    def is_still() -> bool:
        now = rig.stored()
        if now != state[0]:
            state[:] = [now, time.monotonic()]
        return time.monotonic() - state[1] > 1.0

    wait_for(is_still, "the store has come to rest", seconds)
