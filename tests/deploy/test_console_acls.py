"""The console works with exactly the rights in deploy/acls/console.sh; without any of them it names it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import Producer

from console.api.settings import ApiSettings
from console.settings import StoreSettings
from console.store.topic_facts import TopicsAdmin
from schemas.adapter import AdapterMetadata
from schemas.chat import ChatMessage
from schemas.codec import encode
from schemas.connections import KafkaSettings
from schemas.topics import TopicNames, topics
from sentistream.console_process import Console, ConsoleParts
from sentistream.doctor.finding import Status
from sentistream.embedded import EmbeddedKafka
from sentistream.publisher import Place
from sentistream.topic_reader import read_topic
from sentistream.topics import create_topics
from tests.console.store.making import make_event, make_label
from tests.deploy.acl_rig import commands, doctor_on_rights, each_line, new_name, right, user_with
from tests.sentistream.synthetic import make_letter
from tests.waiting import wait_for
from trainer.registry.store import Registry

pytestmark = pytest.mark.kafka

MODEL, VERSION = "little", "20261121T031500Z-3f2a"
WRITES = {"X-Requested-With": "sentistream"}
HERE = datetime(2026, 11, 21, 3, 15, tzinfo=UTC)
#: `sentistream console` and the services that it looks after.
SERVICES = ("CONSOLE", "STORE", "STREAMS", "WORKER")
LINES = each_line("console")


@dataclass
class Deployment:
    """Topics of our own with a record each, and a registry with a version."""

    kafka: EmbeddedKafka
    folder: Path
    names: TopicNames = field(default_factory=lambda: TopicNames(topic_prefix=f"{new_name('acl')}."))

    def __post_init__(self) -> None:
        create_topics(self.kafka.connection, topics(self.names, "embedded", 1))
        admin = TopicsAdmin(self.kafka.connection)
        self.topic_id = admin.facts([self.names.messages])[self.names.messages].topic_id
        self.event = make_event(0, sent_at=datetime.now(UTC))
        message = ChatMessage(message_id="m", conversation_id="c", speaker="ana", text="hello", sent_at=HERE)
        # One letter has its message in it, the other's stands in chat.messages.
        inside = make_letter(Place(0, 0), "invalid", topic=self.names.messages, topic_id=self.topic_id)
        outside = make_letter(Place(0, 1), "invalid", topic=self.names.requests, topic_id=self.topic_id)
        producer = Producer(self.kafka.connection.librdkafka())
        for topic, value, headers in (
            (self.names.events, encode(self.event), []),
            (self.names.labels, encode(make_label(self.event, "sadness")), []),
            (self.names.messages, b"not json", []),
            (self.names.messages, encode(message), []),
            (self.names.requests, b"a request", []),
            (self.names.dead_letters, encode(message), inside.to_headers()),
            (self.names.dead_letters, b"a request", outside.to_headers()),
        ):
            producer.produce(topic, value, b"c", 0, headers=list(headers))
        assert producer.flush(20) == 0
        weights = self.folder / "weights"
        weights.mkdir()
        (weights / "adapter_model.safetensors").write_bytes(b"weights")
        (weights / "adapter_config.json").write_text('{"r": 8}')
        described: dict[str, Any] = {"model": MODEL, "version": VERSION, "base_sha256": "0" * 64, "made_at": HERE}
        Registry(str(self.folder / "adapters")).publish(
            weights, AdapterMetadata(**described, temperature=1.0, threshold=0.5)
        )

    def commands(self) -> list[str]:
        """Those of the console's file, for names of our own."""
        environment = {"TOPIC_PREFIX": self.names.topic_prefix}
        for one in SERVICES:
            environment[f"{one}_USER"] = environment[f"{one}_GROUP"] = f"{self.names.topic_prefix}{one.lower()}"
        return commands("console", environment)

    def login(self, without: int | None = None) -> KafkaSettings:
        """A user with the file's rights, but for one."""
        given = [one for number, one in enumerate(self.commands()) if number != without]
        return user_with(self.kafka, f"{self.names.topic_prefix}console", given)

    @contextmanager
    def console(self, login: KafkaSettings) -> Iterator[httpx.Client]:
        """An operator's client of a console in this process, with the event store in it."""
        own = {
            "topic_prefix": self.names.topic_prefix,
            "store_database": self.folder / "events.db",
            "store_group": f"{self.names.topic_prefix}store",
            "store_metrics_port": 0,
        }
        store = StoreSettings.model_validate(login.model_dump(exclude_unset=True) | own)
        console = Console(
            ConsoleParts(
                api=ApiSettings(console_port=0),
                store=store,
                kafka=store,
                names=self.names,
                registry=str(self.folder / "adapters"),
                model=MODEL,
                groups={one: f"{self.names.topic_prefix}{one}" for one in ("streams", "worker")},
            )
        )
        asked = threading.Event()
        running = threading.Thread(target=console.run, args=(asked,))
        link = console.link()
        running.start()
        try:
            with httpx.Client(base_url=console.address, headers=WRITES, follow_redirects=True, timeout=60) as client:
                wait_for(lambda: _opens(client, link), "the console is open")
                yield client
        finally:
            asked.set()
            running.join(30)
            assert not running.is_alive()


@pytest.fixture
def deployment(secure_kafka: EmbeddedKafka, tmp_path: Path) -> Deployment:
    return Deployment(secure_kafka, tmp_path)


def _opens(client: httpx.Client, link: str) -> bool:
    try:
        return client.get(link).is_success
    except httpx.ConnectError:
        return False


def use(deployment: Deployment, client: httpx.Client) -> tuple[dict[str, int], str]:
    """All that the console does in Kafka: the status of each, and what was said of what it could not do."""
    said: list[str] = []
    statuses: dict[str, int] = {}

    def ask(name: str, method: str, path: str, **body: Any) -> Any:
        answer = client.request(method, f"/api/v1/{path}", json=body if method == "POST" else None)
        statuses[name] = answer.status_code
        if not answer.is_success:
            assert answer.headers["content-type"] == "application/problem+json", answer.text
            said.append(answer.json()["detail"])
        return answer.json()

    # A busy machine takes longer to ask Kafka than a page waits for it.
    wait_for(lambda: client.get("/api/v1/health").json()["kafka"] == "ok", "Kafka's state is known")
    health = ask("health", "GET", "health")
    said += [one["text"] for one in health["groups"] if one["state"] == "unknown"]
    if not any(one["service"] == "store" and one["state"] == "unknown" for one in health["groups"]):
        wait_for(lambda: bool(client.get("/api/v1/events").json()["events"]), "the event is stored", 20)
        ask("label", "POST", "labels", event_id=deployment.event.event_id, label="anger")
    ask("release", "POST", f"adapters/{VERSION}/release")
    said += [one for one in [ask("adapters", "GET", "adapters")["trouble"]] if one]
    ask("rollback", "POST", "adapters/rollback", to="base")
    ask("letters", "GET", "dead-letters")
    ask("replay", "POST", "dead-letters/replay", places=["0:0", "0:1"])
    return statuses, "\n".join(said)


def test_the_console_works_with_exactly_its_rights(deployment: Deployment) -> None:
    names, kafka = deployment.names, deployment.kafka.connection
    login = deployment.login()
    with deployment.console(login) as client:
        statuses, said = use(deployment, client)
        assert said == ""
        assert statuses == dict.fromkeys(statuses, 200) | {"label": 201}
        wait_for(lambda: client.get("/api/v1/labels").json()["labels"][0]["label"] == "anger", "the label is back")
        shown = client.get("/api/v1/dead-letters").json()["letters"]
        assert [one["replayed"] for one in shown] == [True, True]
    wanted = {names.messages: 4, names.releases: 2, names.labels: 2}
    assert {name: sum(1 for _ in read_topic(kafka, name)) for name in wanted} == wanted
    (found,) = doctor_on_rights(login, names.topic_prefix, "console")
    assert found.status is Status.OK, found


@pytest.mark.soak
@pytest.mark.parametrize("without", LINES)
def test_without_any_one_right_the_console_goes_on_and_names_it(deployment: Deployment, without: int) -> None:
    lacking = right(deployment.commands()[without])
    login = deployment.login(without)
    with deployment.console(login) as client:
        statuses, said = use(deployment, client)
    # The store's lag asks for less than the store: Describe.
    told = lacking.replace("Read", "Describe") if lacking.endswith("store") else lacking
    assert told in said, said
    (found,) = doctor_on_rights(login, deployment.names.topic_prefix, "console")
    assert lacking in found.found
    assert set(statuses.values()) <= {200, 201, 409, 503}, statuses
