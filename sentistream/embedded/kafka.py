"""Apache Kafka in KRaft mode, one node, as a child process."""

import base64
import os
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas.connections import KafkaSettings
from sentistream.embedded.kafka_jars import kafka_jars
from sentistream.embedded.ports import is_listening
from sentistream.embedded.server import EmbeddedServer
from sentistream.errors import MissingPrerequisiteError, StartError

#: One node holds every replica; few internal partitions and small buffers make it start fast and stay small.
_PROPERTIES: Final = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "CLIENTS",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,CLIENTS:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "num.recovery.threads.per.data.dir": "2",
    "log.cleaner.dedupe.buffer.size": str(8 * 1024 * 1024),
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    # Tests find a killed client within seconds.
    "group.min.session.timeout.ms": "1000",
    # A folder may lie idle for long; without its offsets the worker would refuse to start.
    "offsets.retention.minutes": str(365 * 24 * 60),
    # The largest record any topic of ours allows; topics set their own.
    "message.max.bytes": str(4 * 1024 * 1024),
}

_LOG4J: Final = """status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %-5p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
"""

_GET_JAVA: Final = "apt-get install openjdk-17-jre-headless (Debian), brew install openjdk@17 (macOS)"


class EmbeddedKafka(EmbeddedServer):
    """One broker, its own controller, on the loopback interface; the data is in the folder.

    Args:
        folder: kept between runs.
        properties: broker settings added to, or put in the place of, those here.
        client: how clients log in, where `properties` ask for more than a plain connection.
        java_options: more of the Java machine's.
        heap_mb: Java heap.
        optimised: for a broker of hours: Java compiles slowly and well, as it does where nobody says otherwise.
        start_timeout_s: how long a start may take before it counts as failed.
    """

    name: ClassVar[str] = "kafka"
    port_count: ClassVar[int] = 2

    def __init__(
        self,
        folder: Path,
        *,
        properties: Mapping[str, str] | None = None,
        client: KafkaSettings | None = None,
        java_options: Sequence[str] = (),
        heap_mb: int = 384,
        optimised: bool = False,
        start_timeout_s: float = 120.0,
    ) -> None:
        super().__init__(folder, start_timeout_s)
        self._extra = dict(properties or {})
        self._client = client or KafkaSettings()
        self._java_options = tuple(java_options)
        self._heap_mb = heap_mb
        self._optimised = optimised

    @property
    def bootstrap_servers(self) -> str:
        """Address for clients."""
        return f"127.0.0.1:{self.ports[0]}"

    @property
    def connection(self) -> KafkaSettings:
        """All that clients need."""
        return self._client.model_copy(update={"kafka_bootstrap_servers": self.bootstrap_servers})

    def _prepare(self) -> list[str]:
        log4j = self.folder / "log4j2.properties"
        log4j.write_text(_LOG4J)
        settings = self.folder / "server.properties"
        settings.write_text("".join(f"{name}={value}\n" for name, value in self._properties().items()))
        java = [
            _java(),
            f"-Xmx{self._heap_mb}m",
            "-XX:+UseSerialGC",
            # The optimising compiler would take a core for minutes, which a broker of an hour never gets back.
            *([] if self._optimised else ["-XX:TieredStopAtLevel=1"]),
            "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile={log4j}",
            *self._java_options,
            "-cp",
            f"{kafka_jars()}{os.sep}*",
        ]
        if not (self._data / "meta.properties").exists():
            # It ends before the optimising compiler would pay.
            quick = [java[0], "-XX:TieredStopAtLevel=1", *java[1:]]
            cluster = f"--cluster-id={_cluster_id()}"
            self._format([*quick, "kafka.tools.StorageTool", "format", "-c", str(settings), cluster])
        return [*java, "kafka.Kafka", str(settings)]

    def _is_ready(self) -> bool:
        if not is_listening(self.ports[0]):
            return False
        admin = AdminClient({**self.connection.librdkafka(), "log_level": 0})
        try:
            return bool(admin.list_topics(timeout=1).brokers)
        except KafkaException:
            return False

    @property
    def _data(self) -> Path:
        return self.folder / "kafka"

    def _properties(self) -> dict[str, str]:
        broker, controller = self.ports[:2]
        return {
            **_PROPERTIES,
            "listeners": f"CLIENTS://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"CLIENTS://127.0.0.1:{broker}",
            # A static quorum: the controller's port may change between starts.
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "log.dirs": str(self._data),
            **self._extra,
        }

    def _format(self, command: list[str]) -> None:
        done = subprocess.run(command, capture_output=True, text=True, timeout=self._start_timeout_s, check=False)
        if done.returncode:
            if "UnsupportedClassVersionError" in done.stderr:
                raise MissingPrerequisiteError(f"Java 17 or later is missing ({command[0]} is older): {_GET_JAVA}")
            said = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise StartError(f"kafka could not lay out its data folder {self._data}. It said:\n{said}")


def _cluster_id() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()


def _java() -> str:
    """The Java of ``JAVA_HOME``, else the one on the path."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which(f"{home}/bin/java") if home else shutil.which("java")
    if java is None:
        raise MissingPrerequisiteError(
            f"Java 17 or later is missing{f' in JAVA_HOME ({home})' if home else ''}: {_GET_JAVA}"
        )
    return java
