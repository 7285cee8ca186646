"""Kafka, Redis and the topics: embedded, or whichever the environment names."""

import fcntl
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from schemas.connections import KafkaSettings, RedisSettings
from schemas.topics import Profile, TopicNames, topics
from sentistream.embedded.kafka import EmbeddedKafka
from sentistream.embedded.redis import EmbeddedRedis
from sentistream.errors import FolderInUseError
from sentistream.topics import create_topics


class EmbeddedStack:
    """Servers and topics for the length of a `with` block.

    A server whose address is given in the settings (``KAFKA_BOOTSTRAP_SERVERS``, ``REDIS_URL``) is used, not started.

    Args:
        folder: the data of what is started; a later start finds it again.
        names: what the topics are called.
        partitions: of each of the main topics, when they are made.
        kafka: the connection; read from the environment if not given.
        redis: likewise.
        optimised: a broker of ours runs for hours (see `EmbeddedKafka`).
        profile: topic settings; by default `embedded` for a broker of ours, `production` for another.

    Attributes:
        kafka: how to reach Kafka, once started.
        redis: how to reach Redis, once started.
    """

    def __init__(
        self,
        folder: Path,
        *,
        names: TopicNames | None = None,
        partitions: int = 6,
        kafka: KafkaSettings | None = None,
        redis: RedisSettings | None = None,
        optimised: bool = False,
        profile: Profile | None = None,
    ) -> None:
        self.folder = folder
        self.names = names or TopicNames()
        self.kafka = kafka or KafkaSettings()
        self.redis = redis or RedisSettings()
        self._partitions = partitions
        given = "kafka_bootstrap_servers" in self.kafka.model_fields_set
        self._profile: Profile = profile or ("production" if given else "embedded")
        self._kafka = None if given else EmbeddedKafka(folder, optimised=optimised)
        self._redis = None if "redis_url" in self.redis.model_fields_set else EmbeddedRedis(folder)
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        """Start what has to be started, both at once, and make the topics.

        Raises:
            FolderInUseError: another stack runs there.
            StartError: a server did not come up; the other one is stopped again.
        """
        servers = [server for server in (self._kafka, self._redis) if server is not None]
        if servers:
            self._take_folder()
        try:
            _all_at_once([server.start for server in servers])
            self._note_addresses()
            create_topics(self.kafka, topics(self.names, self._profile, self._partitions))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop what was started."""
        self.close()

    def environment(self) -> dict[str, str]:
        """What a child process of ours needs to find the servers and the topics."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka.kafka_bootstrap_servers,
            "REDIS_URL": self.redis.redis_url,
            "TOPIC_PREFIX": self.names.topic_prefix,
        }

    def close(self) -> None:
        """Stop what was started; harmless when nothing was."""
        _all_at_once([server.stop for server in (self._kafka, self._redis) if server is not None])
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def kill(self) -> None:
        """End what was started at once; the data survives it."""
        for server in (self._kafka, self._redis):
            if server is not None:
                server.kill()

    def _note_addresses(self) -> None:
        if self._kafka is not None:
            self.kafka = self.kafka.model_copy(update={"kafka_bootstrap_servers": self._kafka.bootstrap_servers})
        if self._redis is not None:
            self.redis = self.redis.model_copy(update={"redis_url": self._redis.url})

    def _take_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = (self.folder / "stack.lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            lock.close()
            raise FolderInUseError(
                f"process {owner} runs a stack in {self.folder}: stop it, or give another folder with --data"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock


def _all_at_once(actions: list[Callable[[], object]]) -> None:
    """Run all, wait for all, then raise the first error."""
    if not actions:
        return
    with ThreadPoolExecutor(len(actions)) as pool:
        running = [pool.submit(action) for action in actions]
    for one in running:
        one.result()
